package sqlite

import (
	"math"

	"modernc.org/libc"
	"modernc.org/libc/sys/types"
	lib "modernc.org/sqlite/lib"
)

// Stmt is a prepared statement. Parameters count from 1, columns from 0, as
// in SQLite. A failed bind shows at the next Step.
type Stmt struct {
	c    *Conn
	s    uintptr
	blob uintptr // 16 bytes for UUID
	err  error   // of a bind
}

// Prepare compiles one statement.
func (c *Conn) Prepare(sql string) (*Stmt, error) {
	text, err := libc.CString(sql)
	if err != nil {
		return nil, err
	}
	defer libc.Xfree(c.tls, text)
	out := alloc(c.tls, ptrSize)
	defer libc.Xfree(c.tls, out)
	if rc := lib.Xsqlite3_prepare_v3(c.tls, c.db, text, -1, lib.SQLITE_PREPARE_PERSISTENT, out, 0); rc != lib.SQLITE_OK {
		return nil, c.fail(rc)
	}
	return &Stmt{c: c, s: *(*uintptr)(at(out)), blob: alloc(c.tls, 16)}, nil
}

// Finalize frees the statement.
func (s *Stmt) Finalize() {
	if s == nil || s.s == 0 {
		return
	}
	lib.Xsqlite3_finalize(s.c.tls, s.s)
	libc.Xfree(s.c.tls, s.blob)
	s.s, s.blob = 0, 0
}

// ReadOnly reports that the statement cannot change the file, its journal mode
// included (sqlite3_stmt_readonly).
func (s *Stmt) ReadOnly() bool { return lib.Xsqlite3_stmt_readonly(s.c.tls, s.s) != 0 }

// Step runs to the next row; false means that there is none. Then, and after
// an error, the statement is reset and may be stepped again.
func (s *Stmt) Step() (bool, error) {
	if err := s.err; err != nil {
		s.err = nil
		return false, err
	}
	switch rc := lib.Xsqlite3_step(s.c.tls, s.s); rc {
	case lib.SQLITE_ROW:
		return true, nil
	case lib.SQLITE_DONE:
		lib.Xsqlite3_reset(s.c.tls, s.s)
		return false, nil
	default:
		err := s.c.fail(rc)
		lib.Xsqlite3_reset(s.c.tls, s.s)
		return false, err
	}
}

// Run steps once, for a statement without rows, and resets.
func (s *Stmt) Run() error {
	row, err := s.Step()
	if row {
		s.Reset()
	}
	return err
}

// Reset ends a statement before its last row. Bindings stay.
func (s *Stmt) Reset() { lib.Xsqlite3_reset(s.c.tls, s.s) }

func (s *Stmt) bound(rc int32) {
	if rc != lib.SQLITE_OK && s.err == nil {
		s.err = s.c.fail(rc)
	}
}

// BindInt binds a whole number.
func (s *Stmt) BindInt(param int, v int64) {
	s.bound(lib.Xsqlite3_bind_int64(s.c.tls, s.s, int32(param), v))
}

// BindFloat binds a floating-point number.
func (s *Stmt) BindFloat(param int, v float64) {
	s.bound(lib.Xsqlite3_bind_double(s.c.tls, s.s, int32(param), v))
}

// BindNull binds NULL.
func (s *Stmt) BindNull(param int) { s.bound(lib.Xsqlite3_bind_null(s.c.tls, s.s, int32(param))) }

// BindText binds a copy of v.
func (s *Stmt) BindText(param int, v string) {
	if len(v) > math.MaxInt32-1 {
		s.bound(lib.SQLITE_TOOBIG)
		return
	}
	p := alloc(s.c.tls, types.Size_t(len(v)+1))
	copy(bytesAt(p, len(v)), v)
	s.bound(lib.Xsqlite3_bind_text(s.c.tls, s.s, int32(param), p, int32(len(v)), lib.SQLITE_TRANSIENT))
	libc.Xfree(s.c.tls, p)
}

// BindUUID binds a copy of the 16 bytes. Only one parameter of a statement
// may be bound so.
func (s *Stmt) BindUUID(param int, v *[16]byte) {
	*(*[16]byte)(at(s.blob)) = *v
	s.bound(lib.Xsqlite3_bind_blob(s.c.tls, s.s, int32(param), s.blob, 16, 0))
}

// BindNoBytes binds the empty blob, which sorts before every other.
func (s *Stmt) BindNoBytes(param int) {
	s.bound(lib.Xsqlite3_bind_blob(s.c.tls, s.s, int32(param), s.blob, 0, 0))
}

// IsNull reports a NULL in the row at hand.
func (s *Stmt) IsNull(column int) bool {
	return lib.Xsqlite3_column_type(s.c.tls, s.s, int32(column)) == lib.SQLITE_NULL
}

// Int gives a column as a whole number, 0 for NULL.
func (s *Stmt) Int(column int) int64 {
	return lib.Xsqlite3_column_int64(s.c.tls, s.s, int32(column))
}

// Float gives a column as a floating-point number, 0 for NULL.
func (s *Stmt) Float(column int) float64 {
	return lib.Xsqlite3_column_double(s.c.tls, s.s, int32(column))
}

// Text gives a copy of a column as text, "" for NULL.
func (s *Stmt) Text(column int) string {
	p := lib.Xsqlite3_column_text(s.c.tls, s.s, int32(column))
	return string(bytesAt(p, int(lib.Xsqlite3_column_bytes(s.c.tls, s.s, int32(column)))))
}

// UUID copies a column of 16 bytes; false for one of another size.
func (s *Stmt) UUID(column int, v *[16]byte) bool {
	p := lib.Xsqlite3_column_blob(s.c.tls, s.s, int32(column))
	if lib.Xsqlite3_column_bytes(s.c.tls, s.s, int32(column)) != 16 {
		return false
	}
	*v = *(*[16]byte)(at(p))
	return true
}
