package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"healthsync/sync/health"
	"healthsync/sync/store/internal/sqlite"
)

// BackupOptions say how to make a copy.
type BackupOptions struct {
	// Force replaces a file of that name, when the copy is whole.
	Force bool
	// Progress, where it is set, is told how many pages are done, of how many.
	Progress func(done, all int)
}

// BackupInfo is what a copy has.
type BackupInfo struct {
	Samples int64 `json:"samples"`
	Deleted int64 `json:"deleted"`
	Bytes   int64 `json:"bytes"`
	// Miscounted are types of which the database, and so the copy, has not as
	// many rows as it counts: another program changed them. The copy is as whole
	// as the database.
	Miscounted []health.Type `json:"miscounted,omitempty"`
}

// Backup writes a copy of the database as of one moment to path, by SQLite's
// online backup; changes may be applied meanwhile. The copy is one file of mode
// 0600, without a log beside it. It appears under its name when it is whole and
// was checked (SQLite's quick check; rows that are not as many as are counted
// are told of). Where there is a file of that name, without Force, the error matches
// fs.ErrExist; the database itself is never replaced.
func (s *Store) Backup(ctx context.Context, path string, o BackupOptions) (BackupInfo, error) {
	if err := s.mayWrite(path, o.Force); err != nil {
		return BackupInfo{}, err
	}
	// Written aside and put in place when whole: a copy that was cut short
	// never looks like one.
	target := &Store{path: path}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.part") // mode 0600
	if err != nil {
		return BackupInfo{}, target.fail(ctx, "write", err)
	}
	part := f.Name()
	defer os.Remove(part)
	defer os.Remove(part + "-journal")
	if err := f.Close(); err != nil {
		return BackupInfo{}, target.fail(ctx, "write", err)
	}
	info, err := s.copyTo(ctx, part, o.Progress)
	if err != nil {
		return BackupInfo{}, err
	}
	if o.Force {
		return info, target.fail(ctx, "write", os.Rename(part, path))
	}
	// A link never replaces; some file systems (exFAT, SMB) know none.
	err = os.Link(part, path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		err = os.Rename(part, path)
	}
	return info, target.fail(ctx, "write", err)
}

// mayWrite refuses what a copy must not replace.
func (s *Store) mayWrite(path string, force bool) error {
	// A log beside it belongs to a database that is in use, and would be taken
	// for the copy's.
	for _, name := range []string{path, path + "-wal", path + "-journal"} {
		there, err := os.Stat(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		own, err := os.Stat(s.path)
		if !force || name != path || !there.Mode().IsRegular() || err != nil || os.SameFile(there, own) {
			return &fs.PathError{Op: "backup", Path: name, Err: fs.ErrExist}
		}
	}
	return nil
}

func (s *Store) copyTo(ctx context.Context, part string, progress func(done, all int)) (info BackupInfo, err error) {
	target := &Store{path: part}
	dst, err := sqlite.Open(part, sqlite.ReadWrite)
	if err != nil {
		return info, target.fail(ctx, "write", err)
	}
	defer func() { _ = dst.Close() }() // what it wrote is committed by then
	err = s.readers.with(ctx, func(c *conn) error { return c.Backup(ctx, dst, progress) })
	if sqlite.Is(err, sqlite.Corrupt) || sqlite.Is(err, sqlite.NotADB) {
		return info, s.fail(ctx, "read", err)
	}
	if err != nil {
		return info, target.fail(ctx, "write", err)
	}
	// The copy says of itself that it is in WAL mode, as its source; a file
	// that is moved about is better whole in itself.
	if err := dst.Exec("PRAGMA journal_mode=DELETE"); err != nil {
		return info, target.fail(ctx, "write", err)
	}
	stop := dst.Watch(ctx)
	defer stop()
	if info, err = s.checkCopy(dst); err != nil {
		return info, s.fail(ctx, "check the copy of", err)
	}
	size, err := os.Stat(part)
	if err == nil {
		info.Bytes = size.Size()
	}
	return info, err
}

// checkCopy looks whether a copy is whole. What is wrong with it was wrong with
// the database.
func (s *Store) checkCopy(c *sqlite.Conn) (info BackupInfo, err error) {
	w := newConn(c)
	defer func() {
		for _, q := range w.stmts {
			q.Finalize()
		}
	}()
	if err := s.integrity(w, "quick_check"); err != nil {
		return info, err
	}
	if info.Samples, err = c.Int("SELECT count(*) FROM sample"); err != nil {
		return info, err
	}
	if info.Deleted, err = c.Int("SELECT count(*) FROM deleted_sample"); err != nil {
		return info, err
	}
	info.Miscounted, err = miscounted(w)
	return info, err
}
