package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"healthsync/sync/store/internal/sqlite"
)

// checkFindings bounds what Check reports of a damaged file.
const checkFindings = 10

// rules are the store's own, each a query for the number of rows that break
// it.
var rules = []struct{ sql, finding string }{
	{`SELECT count(*) FROM type t WHERE t.live <> (SELECT count(*) FROM sample WHERE type = t.id)
		OR t.deleted <> (SELECT count(*) FROM deleted_sample WHERE type = t.id)`, "types with a wrong count"},
	{`SELECT count(*) FROM sample WHERE length(id) <> 16 OR type NOT IN (SELECT id FROM type)
		OR origin NOT IN (SELECT id FROM origin)
		OR metadata IS NOT NULL AND metadata NOT IN (SELECT id FROM metadata)`, "samples that point nowhere"},
	{`SELECT count(*) FROM deleted_sample d JOIN sample s ON s.type = d.type AND s.start = d.start AND s.id = d.id`,
		"samples both live and deleted"},
	{`SELECT count(*) FROM (SELECT 1 FROM sample GROUP BY type, id HAVING count(*) > 1)`, "samples stored twice"},
}

// Check reads the whole file and compares it with itself: SQLite's integrity
// check, then the store's own rules, then the rows with the ledger. A finding
// is a *CorruptError, or an *AlteredError where the file is sound but rows are
// not as the phone served them. It takes a few seconds for a million samples.
func (s *Store) Check(ctx context.Context) error {
	return s.read(ctx, "check", func(c *conn) error {
		if err := s.integrity(c); err != nil {
			return err
		}
		for _, r := range rules {
			n, err := c.Int(r.sql)
			if err != nil {
				return err
			}
			if n > 0 {
				return &CorruptError{Path: s.path, Detail: fmt.Sprintf("%d %s", n, r.finding)}
			}
		}
		return s.altered(c)
	})
}

// altered compares the rows with the ledger, where there is one.
func (s *Store) altered(c *conn) error {
	var older *OlderError
	if err := s.needs(c, ledgerSchema); errors.As(err, &older) {
		return nil
	} else if err != nil {
		return err
	}
	days, err := s.audit(c, nil)
	if err != nil || len(days) == 0 {
		return err
	}
	return &AlteredError{Path: s.path, Days: days}
}

func (s *Store) integrity(c *conn) error {
	q, err := c.stmt(pragma("integrity_check", checkFindings))
	if err != nil {
		return err
	}
	var findings []string
	for {
		row, err := q.Step()
		if err != nil {
			return err
		}
		if !row {
			break
		}
		findings = append(findings, q.Text(0))
	}
	if len(findings) == 1 && findings[0] == "ok" {
		return nil
	}
	return &CorruptError{Path: s.path, Detail: strings.Join(findings, "; ")}
}

// Backup writes a copy of the database as of one moment to path, which must
// not exist (else an error that matches fs.ErrExist). The copy is one file of
// mode 0600, without a log beside it. Changes may be applied meanwhile.
func (s *Store) Backup(ctx context.Context, path string) error {
	if _, err := os.Lstat(path); err == nil {
		return &fs.PathError{Op: "backup", Path: path, Err: fs.ErrExist}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// Written aside and put in place when whole: a copy that was cut short
	// never looks like one.
	target := &Store{path: path}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.part")
	if err != nil {
		return target.fail(ctx, "write", err)
	}
	part := f.Name()
	defer os.Remove(part)
	if err := f.Close(); err != nil {
		return target.fail(ctx, "write", err)
	}
	if err := s.copyTo(ctx, part); err != nil {
		return err
	}
	// A link never replaces; some file systems (exFAT, SMB) know none.
	err = os.Link(part, path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		err = os.Rename(part, path)
	}
	return target.fail(ctx, "write", err)
}

func (s *Store) copyTo(ctx context.Context, part string) error {
	target := &Store{path: part}
	dst, err := sqlite.Open(part, sqlite.ReadWrite)
	if err != nil {
		return target.fail(ctx, "write", err)
	}
	defer func() { _ = dst.Close() }() // what it wrote is committed by then
	err = s.readers.with(ctx, func(c *conn) error { return c.Backup(ctx, dst) })
	if err != nil {
		return target.fail(ctx, "write", err)
	}
	// The copy says of itself that it is in WAL mode, as its source; a file
	// that is moved about is better whole in itself.
	return target.fail(ctx, "write", dst.Exec("PRAGMA journal_mode=DELETE"))
}
