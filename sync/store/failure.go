package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"healthsync/sync/store/internal/sqlite"
)

// fail turns what SQLite or the system said into one of the package's errors.
func (s *Store) fail(ctx context.Context, what string, err error) error {
	if err == nil {
		return nil
	}
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return s.systemFailure(what, err)
	}
	switch e.Code() {
	case sqlite.Corrupt, sqlite.NotADB:
		return &CorruptError{Path: s.path, Detail: e.Message, Err: err}
	case sqlite.Busy:
		return &BusyError{Path: s.path, Err: err}
	case sqlite.Full:
		return &FullError{Path: s.path, Err: err}
	case sqlite.ReadOnlyDB, sqlite.Permission:
		return &ReadOnlyError{Path: s.path, Err: err}
	case sqlite.Interrupted:
		if ctx.Err() != nil {
			return ctx.Err()
		}
	case sqlite.IO, sqlite.CannotOpen:
		if typed := s.byErrno(e.Errno, err); typed != nil {
			return typed
		}
	}
	return fmt.Errorf("%s database %s: %w", what, s.path, err)
}

// systemFailure types an error of the system's that did not come by SQLite.
func (s *Store) systemFailure(what string, err error) error {
	var typed interface{ stored() }
	if errors.As(err, &typed) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		if typed := s.byErrno(errno, err); typed != nil {
			return typed
		}
	}
	if errors.Is(err, fs.ErrPermission) {
		return &ReadOnlyError{Path: s.path, Err: err}
	}
	return fmt.Errorf("%s database %s: %w", what, s.path, err)
}

// byErrno knows the reasons of the system. SQLite calls only ENOSPC a full
// disk (seekAndWrite in os_unix.c); a quota and a limit on the size of files
// come to the same for the user.
func (s *Store) byErrno(errno syscall.Errno, err error) error {
	switch errno {
	case syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG:
		return &FullError{Path: s.path, Err: err}
	case syscall.EACCES, syscall.EPERM, syscall.EROFS:
		return &ReadOnlyError{Path: s.path, Err: err}
	}
	return nil
}

// stored marks this package's own errors, which need no further words.
func (*CorruptError) stored()  {}
func (*ForeignError) stored()  {}
func (*NewerError) stored()    {}
func (*FullError) stored()     {}
func (*ReadOnlyError) stored() {}
func (*BusyError) stored()     {}
func (*MissingError) stored()  {}
func (*OlderError) stored()    {}
func (*AlteredError) stored()  {}
