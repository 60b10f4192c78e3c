package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// BackupInfo is what a copy has.
type BackupInfo struct {
	Samples int64 `json:"samples"`
	Deleted int64 `json:"deleted"`
	Bytes   int64 `json:"bytes"`
}

// Backup writes a copy of the database as of one moment to path, by SQLite's
// VACUUM INTO; changes may be applied meanwhile. The copy is one file of mode
// 0600, without a log beside it. It appears under its name when it is whole and
// was checked (SQLite's quick check). Where there is a file of that name the
// error matches fs.ErrExist; with force it is replaced. The database itself is
// never replaced.
func (s *Store) Backup(ctx context.Context, path string, force bool) (BackupInfo, error) {
	if err := s.mayWrite(path, force); err != nil {
		return BackupInfo{}, err
	}
	// Written aside and put in place when whole: a copy that was cut short
	// never looks like one.
	target := &Store{path: path}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.part") // mode 0600
	if err != nil {
		return BackupInfo{}, target.failSystem(err)
	}
	part := f.Name()
	defer os.Remove(part)
	if err := f.Close(); err != nil {
		return BackupInfo{}, target.failSystem(err)
	}
	info, err := s.copyTo(ctx, part)
	if c := code(err); c == sqliteCorrupt || c == sqliteNotADB {
		return BackupInfo{}, s.fail(ctx, err)
	}
	if err != nil {
		return BackupInfo{}, target.fail(ctx, err)
	}
	if force {
		return info, target.failSystem(os.Rename(part, path))
	}
	// A link never replaces; some file systems (exFAT, SMB) know none.
	err = os.Link(part, path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		err = os.Rename(part, path)
	}
	return info, target.failSystem(err)
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

// copyTo copies the database into an empty file and checks the copy.
func (s *Store) copyTo(ctx context.Context, part string) (info BackupInfo, err error) {
	// VACUUM INTO is not possible on a connection that may only query.
	from, err := s.connect(s.path, 1, s.how)
	if err != nil {
		return info, err
	}
	defer from.Close()
	if _, err := from.ExecContext(ctx, "VACUUM INTO ?", part); err != nil {
		return info, err
	}
	copied, err := s.connect(part, 1, "mode=ro")
	if err != nil {
		return info, err
	}
	defer copied.Close()
	// What is wrong with the copy was wrong with the database.
	if err := s.integrity(ctx, copied, "quick_check"); err != nil {
		return info, err
	}
	err = copied.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM sample), (SELECT count(*) FROM deleted_sample)`).
		Scan(&info.Samples, &info.Deleted)
	if err != nil {
		return info, err
	}
	size, err := os.Stat(part)
	if err == nil {
		info.Bytes = size.Size()
	}
	return info, err
}
