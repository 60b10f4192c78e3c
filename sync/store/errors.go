package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"modernc.org/sqlite"
)

// CorruptError says that the file is damaged: SQLite refused a page of it, an
// integrity check failed, or it is no SQLite file at all. The file is left as
// it is.
type CorruptError struct {
	Path   string
	Detail string // SQLite's words or the first findings of the check
	Err    error
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("database %s is damaged: %s", e.Path, e.Detail)
}

// Unwrap gives the cause.
func (e *CorruptError) Unwrap() error { return e.Err }

// ForeignError says that the file is a sound SQLite database of another
// program. It is left as it is.
type ForeignError struct {
	Path          string
	ApplicationID int64 // what that program wrote into the header; often 0
}

func (e *ForeignError) Error() string {
	return fmt.Sprintf("%s is a database of another program", e.Path)
}

// NewerError says that a later version of the program has written the file in
// a form that this one does not know. It is left as it is.
type NewerError struct {
	Path          string
	Schema, Known int
}

func (e *NewerError) Error() string {
	return fmt.Sprintf("database %s has schema %d, this program knows up to %d", e.Path, e.Schema, e.Known)
}

// FullError says that the disk has no room left. What was stored
// before is intact; the change at hand is not stored.
type FullError struct {
	Path string
	Err  error
}

func (e *FullError) Error() string { return fmt.Sprintf("no room left to write %s", e.Path) }

// Unwrap gives the cause.
func (e *FullError) Unwrap() error { return e.Err }

// IOError says that the system failed to read or write: a disk that fails, or a
// quota or limit on the size of files that is used up (SQLite calls only ENOSPC a
// full disk, and the driver does not tell the system's reason). What was stored
// before is intact.
type IOError struct {
	Path string
	Err  error
}

func (e *IOError) Error() string { return fmt.Sprintf("database %s cannot be read or written", e.Path) }

// Unwrap gives the cause.
func (e *IOError) Unwrap() error { return e.Err }

// ReadOnlyError says that the file, its folder or its file system cannot be
// written, or that the store was opened with [Options.ReadOnly].
type ReadOnlyError struct {
	Path string
	Err  error
}

func (e *ReadOnlyError) Error() string { return fmt.Sprintf("database %s cannot be written", e.Path) }

// Unwrap gives the cause.
func (e *ReadOnlyError) Unwrap() error { return e.Err }

// BusyError says that another process held the write lock for longer than
// [Options.BusyTimeout].
type BusyError struct {
	Path string
	Err  error
}

func (e *BusyError) Error() string {
	return fmt.Sprintf("database %s is being written by another process", e.Path)
}

// Unwrap gives the cause.
func (e *BusyError) Unwrap() error { return e.Err }

// MissingError says that there is no file to open for reading. It matches
// fs.ErrNotExist.
type MissingError struct {
	Path string
	Err  error
}

func (e *MissingError) Error() string { return fmt.Sprintf("there is no database at %s", e.Path) }

// Unwrap gives fs.ErrNotExist's cause.
func (e *MissingError) Unwrap() error { return e.Err }

// OlderError says that a database was to be opened for reading and is of an
// older schema. Opening it for writing brings it up to date.
type OlderError struct {
	Path           string
	Schema, Needed int
}

func (e *OlderError) Error() string {
	return fmt.Sprintf("database %s has schema %d, this program reads schema %d", e.Path, e.Schema, e.Needed)
}

// SQLite's primary result codes that are told apart
// (https://sqlite.org/rescode.html).
const (
	sqliteGeneric    = 1 // what it does not accept: syntax, no such table
	sqlitePermission = 3
	sqliteBusy       = 5
	sqliteReadOnly   = 8
	sqliteInterrupt  = 9
	sqliteIO         = 10
	sqliteCorrupt    = 11
	sqliteFull       = 13
	sqliteCannotOpen = 14
	sqliteAuth       = 23
	sqliteNotADB     = 26
)

// code is the primary result code of an error of SQLite's, 0 of any other.
func code(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}

// words are SQLite's own of an error of its. The driver has the name of the
// result before them and its number behind: "SQL logic error: no such table: x (1)".
func words(err error) string {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	msg := strings.TrimSuffix(e.Error(), fmt.Sprintf(" (%d)", e.Code()))
	if _, after, ok := strings.Cut(msg, ": "); ok {
		return after
	}
	return msg
}

// fail turns what SQLite said into one of the package's errors.
func (s *Store) fail(ctx context.Context, err error) error {
	switch c := code(err); {
	case err == nil:
		return nil
	case ctx.Err() != nil && (c == sqliteInterrupt || errors.Is(err, sql.ErrTxDone)):
		return ctx.Err()
	case c == sqliteCorrupt || c == sqliteNotADB:
		return &CorruptError{Path: s.path, Detail: words(err), Err: err}
	case c == sqliteBusy:
		return &BusyError{Path: s.path, Err: err}
	case c == sqliteFull:
		return &FullError{Path: s.path, Err: err}
	case c == sqliteIO:
		return &IOError{Path: s.path, Err: err}
	case c == sqliteReadOnly || c == sqlitePermission:
		return &ReadOnlyError{Path: s.path, Err: err}
	case c != 0:
		return fmt.Errorf("database %s: %w", s.path, err)
	}
	return err
}

// failSystem does the same with an error of the system's.
func (s *Store) failSystem(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		return &FullError{Path: s.path, Err: err}
	case errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS):
		return &ReadOnlyError{Path: s.path, Err: err}
	}
	return err
}
