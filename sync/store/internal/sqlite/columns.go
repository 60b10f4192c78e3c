package sqlite

import (
	"errors"
	"strings"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// Generic is SQLite's code for what it does not accept: syntax, no such table.
const Generic Code = lib.SQLITE_ERROR

// ErrTail says that a text holds more than one statement.
var ErrTail = errors.New("more than one statement")

// PrepareOnly compiles a text that must be one statement and nothing more.
func (c *Conn) PrepareOnly(sql string) (*Stmt, error) {
	text, err := libc.CString(sql)
	if err != nil {
		return nil, err
	}
	defer libc.Xfree(c.tls, text)
	out := alloc(c.tls, 2*ptrSize)
	defer libc.Xfree(c.tls, out)
	tail := out + uintptr(ptrSize)
	if rc := lib.Xsqlite3_prepare_v3(c.tls, c.db, text, -1, 0, out, tail); rc != lib.SQLITE_OK {
		return nil, c.fail(rc)
	}
	s := &Stmt{c: c, s: *(*uintptr)(at(out)), blob: alloc(c.tls, 16)}
	rest := sql[*(*uintptr)(at(tail))-text:]
	if strings.Trim(rest, "; \t\r\n") != "" {
		s.Finalize()
		return nil, ErrTail
	}
	return s, nil
}

// Columns gives the names of the result's columns; none for a statement that
// has no result.
func (s *Stmt) Columns() []string {
	names := make([]string, lib.Xsqlite3_column_count(s.c.tls, s.s))
	for i := range names {
		names[i] = libc.GoString(lib.Xsqlite3_column_name(s.c.tls, s.s, int32(i)))
	}
	return names
}

// Value gives a column as nil, int64, float64, string or []byte, by the type
// that the row has there.
func (s *Stmt) Value(column int) any {
	switch lib.Xsqlite3_column_type(s.c.tls, s.s, int32(column)) {
	case lib.SQLITE_INTEGER:
		return s.Int(column)
	case lib.SQLITE_FLOAT:
		return s.Float(column)
	case lib.SQLITE_TEXT:
		return s.Text(column)
	case lib.SQLITE_BLOB:
		p := lib.Xsqlite3_column_blob(s.c.tls, s.s, int32(column))
		return append([]byte{}, bytesAt(p, int(lib.Xsqlite3_column_bytes(s.c.tls, s.s, int32(column))))...)
	}
	return nil
}
