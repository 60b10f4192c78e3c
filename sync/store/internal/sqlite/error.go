package sqlite

import (
	"errors"
	"fmt"
	"syscall"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// Code is one of SQLite's primary result codes.
type Code int32

// The codes that callers tell apart.
const (
	Busy        Code = lib.SQLITE_BUSY
	ReadOnlyDB  Code = lib.SQLITE_READONLY
	Interrupted Code = lib.SQLITE_INTERRUPT
	IO          Code = lib.SQLITE_IOERR
	Corrupt     Code = lib.SQLITE_CORRUPT
	Full        Code = lib.SQLITE_FULL
	CannotOpen  Code = lib.SQLITE_CANTOPEN
	Permission  Code = lib.SQLITE_PERM
	NotADB      Code = lib.SQLITE_NOTADB
	Constraint  Code = lib.SQLITE_CONSTRAINT
)

// Error is a refusal of SQLite.
type Error struct {
	Extended int32         // the extended result code
	Errno    syscall.Errno // what the system said, 0 if it was not asked
	Message  string        // SQLite's words; they name tables, never values
}

func (e *Error) Error() string {
	if e.Errno != 0 {
		return fmt.Sprintf("sqlite: %s (code %d, %s)", e.Message, e.Extended, e.Errno)
	}
	return fmt.Sprintf("sqlite: %s (code %d)", e.Message, e.Extended)
}

// Code is the primary code.
func (e *Error) Code() Code { return Code(e.Extended & 0xff) }

// Is reports whether err is an [Error] of code.
func Is(err error, code Code) bool {
	var e *Error
	return errors.As(err, &e) && e.Code() == code
}

// fail describes the failure rc that the connection reported last.
func (c *Conn) fail(rc int32) error {
	e := &Error{Extended: rc}
	if c.db == 0 {
		e.Message = libc.GoString(lib.Xsqlite3_errstr(c.tls, rc))
		return e
	}
	e.Message = libc.GoString(lib.Xsqlite3_errmsg(c.tls, c.db))
	if x := lib.Xsqlite3_extended_errcode(c.tls, c.db); x&0xff == rc&0xff {
		e.Extended = x
	}
	switch e.Code() {
	case IO, Full, CannotOpen, ReadOnlyDB:
		// Only these have asked the system; for others SQLite keeps what an
		// earlier failure left.
		e.Errno = syscall.Errno(lib.Xsqlite3_system_errno(c.tls, c.db))
	}
	return e
}
