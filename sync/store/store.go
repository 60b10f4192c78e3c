package store

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"healthsync/sync/daily"
	"healthsync/sync/store/internal/sqlite"
)

// Options says how to open a database. The zero value opens for reading and
// writing and makes the file where there is none.
type Options struct {
	// ReadOnly opens an existing file and never writes to it.
	ReadOnly bool
	// BusyTimeout is how long a change waits for another process that is
	// writing; 0 means 10 seconds.
	BusyTimeout time.Duration
	// Now is the clock for the moment of a tombstone; nil means time.Now.
	Now func() time.Time
	// Zone is that of daily totals, for samples that do not say where they were
	// measured; nil means time.Local.
	Zone *time.Location
	// Priority is the order of sources in daily totals; nil leaves it as it was
	// set last. With another zone or order all totals are made anew, which takes
	// half a second a million samples.
	Priority *daily.Priority
}

// Store is an open database. Its methods may be called from several
// goroutines: changes take turns, readers wait for nobody.
type Store struct {
	path    string
	busy    time.Duration
	now     func() time.Time
	dict    *dictionary
	readers pool

	write  sync.Mutex // held by whoever uses writer
	writer *conn      // nil in a store opened for reading
	apply  applier    // memory for changes, used again and again
	totals totals
}

const defaultBusyTimeout = 10 * time.Second

// Open opens the database at path, bringing an older schema up to date. It
// makes the file (mode 0600) and its folder (0700) where there are none.
// Errors: *CorruptError, *ForeignError, *NewerError, *FullError,
// *ReadOnlyError, *BusyError, *MissingError.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	s := &Store{path: path, busy: o.BusyTimeout, now: o.Now, dict: newDictionary()}
	if s.busy <= 0 {
		s.busy = defaultBusyTimeout
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.totals.loc, s.totals.priority = o.Zone, o.Priority
	if s.totals.loc == nil {
		s.totals.loc = time.Local
	}
	if err := s.open(ctx, o.ReadOnly); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, readOnly bool) error {
	steps, err := migrations()
	if err != nil {
		return err
	}
	if !readOnly {
		if err := s.makeFile(); err != nil {
			return err
		}
	}
	if err := s.checkThere(); err != nil {
		return err
	}
	// First by a connection that only reads: one that may write would, on
	// closing, fold a log left behind by a crash into a file that may not be
	// ours to touch.
	alone, err := s.identify(ctx, len(steps), readOnly)
	if err != nil || readOnly {
		return s.fail(ctx, "open", err)
	}
	if alone {
		return &ReadOnlyError{Path: s.path}
	}
	c, err := sqlite.Open(s.path, sqlite.ReadWrite)
	if err != nil {
		return s.fail(ctx, "open", err)
	}
	s.writer = newConn(c)
	if err := c.Feed("page", feedColumns, &s.apply.feed); err != nil {
		return s.fail(ctx, "open", err)
	}
	if err := c.Feed("ledger_page", ledgerColumns, &s.apply.entries); err != nil {
		return s.fail(ctx, "open", err)
	}
	if err := c.Feed("figure_page", figureColumns, &s.apply.figures); err != nil {
		return s.fail(ctx, "open", err)
	}
	return s.fail(ctx, "open", s.openWriting(ctx, steps))
}

// makeFile makes the folder and an empty file, so that the file and those
// that SQLite puts beside it (with the same mode) are the user's alone. An
// existing file is not even opened: closing any descriptor of it would drop
// the locks that another Store of this process holds (POSIX; see "How To
// Corrupt An SQLite Database File", section 2.2).
func (s *Store) makeFile() error {
	if _, err := os.Stat(s.path); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(s.path), 0o700); err != nil {
		return s.fail(context.Background(), "open", err)
	}
	f, err := os.OpenFile(s.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return s.fail(context.Background(), "open", err)
	}
	return f.Close()
}

// checkThere looks at what stat tells.
func (s *Store) checkThere() error {
	info, err := os.Stat(s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &MissingError{Path: s.path, Err: err}
	case err != nil:
		return s.fail(context.Background(), "open", err)
	case !info.Mode().IsRegular():
		return &CorruptError{Path: s.path, Detail: "it is not a regular file"}
	case info.Size() > 0:
		return nil
	}
	// SQLite takes an empty file for a new database and deletes the log
	// beside it. Ours is never empty while there is a log: someone cut it.
	if log, err := os.Stat(s.path + "-wal"); err == nil && log.Size() > 0 {
		return &CorruptError{Path: s.path, Detail: "the file is empty, but the log beside it is not"}
	}
	return nil
}

// openWriting makes the schema, or brings it up to date.
func (s *Store) openWriting(ctx context.Context, steps []step) error {
	c := s.writer.Conn
	c.BusyTimeout(s.busy)
	id, err := readIdentity(c)
	if err != nil {
		return err
	}
	if c.ReadOnly() {
		return &ReadOnlyError{Path: s.path}
	}
	if id.empty {
		if err := c.Exec(pragma("page_size", pageSize)); err != nil {
			return err
		}
	}
	if err := s.insist(ctx, s.writer, func() error { return c.Exec(writerSettings) }); err != nil {
		return err
	}
	if id.schema == int64(len(steps)) && !id.empty {
		if stale, err := s.totals.prepare(s.writer); err != nil || !stale {
			return err
		}
	}
	return s.transact(ctx, func() error {
		// Another process may have been quicker.
		id, err := readIdentity(c)
		if err != nil {
			return err
		}
		if err := s.recognise(id, len(steps)); err != nil {
			return err
		}
		if id.schema < int64(len(steps)) {
			if err := s.migrate(s.writer, int(id.schema), steps); err != nil {
				return err
			}
		}
		return s.freshTotals(s.writer)
	})
}

// recognise refuses what is not ours or too new.
func (s *Store) recognise(id identity, known int) error {
	switch {
	case id.empty && id.application == 0 && id.schema == 0:
		return nil
	case id.application != applicationID:
		return &ForeignError{Path: s.path, ApplicationID: id.application}
	case id.schema > int64(known):
		return &NewerError{Path: s.path, Schema: int(id.schema), Known: known}
	}
	return nil
}

// identify sets up the readers and refuses a file that is not ours.
//
// Even a reader wants a log and its index beside the database
// (https://sqlite.org/wal.html#readonly). Where they cannot be made because
// the folder is read-only, nobody can write, and the file alone is the whole
// truth if no log lies there: then alone is true.
func (s *Store) identify(ctx context.Context, known int, mustBeOurs bool) (alone bool, err error) {
	s.readers.open = s.openReader(s.path, sqlite.ReadOnly)
	err = s.readIdentity(ctx, known, mustBeOurs)
	if !sqlite.Is(err, sqlite.CannotOpen) && !sqlite.Is(err, sqlite.ReadOnlyDB) {
		return false, err
	}
	if log, serr := os.Stat(s.path + "-wal"); serr == nil && log.Size() > 0 {
		return false, &ReadOnlyError{Path: s.path, Err: err}
	}
	abs, err := filepath.Abs(s.path)
	if err != nil {
		return false, err
	}
	s.readers.drop()
	uri := url.URL{Scheme: "file", Path: abs, RawQuery: "immutable=1"}
	s.readers.open = s.openReader(uri.String(), sqlite.ReadOnly|sqlite.URI)
	err = s.readIdentity(ctx, known, mustBeOurs)
	if journal, jerr := os.Stat(s.path + "-journal"); err == nil && !mustBeOurs && jerr == nil && journal.Size() > 0 {
		return s.rollBack(ctx, known)
	}
	return true, err
}

// rollBack takes back what a process left half done that died while it turned
// the file to WAL mode: the only thing that is ever written with a journal
// rather than a log. A connection that only reads may not do it
// (SQLITE_READONLY_ROLLBACK). The file is ours, or unfinished, by then.
func (s *Store) rollBack(ctx context.Context, known int) (alone bool, err error) {
	c, err := sqlite.Open(s.path, sqlite.ReadWrite)
	if err != nil {
		return false, err
	}
	c.BusyTimeout(s.busy)
	_, err = c.Int("SELECT count(*) FROM sqlite_schema")
	if err = errors.Join(err, c.Close()); err != nil {
		return false, err
	}
	s.readers.drop()
	s.readers.open = s.openReader(s.path, sqlite.ReadOnly)
	return false, s.readIdentity(ctx, known, false)
}

func (s *Store) readIdentity(ctx context.Context, known int, mustBeOurs bool) error {
	return s.readers.with(ctx, func(c *conn) error {
		id, err := readIdentity(c.Conn)
		if err != nil {
			return err
		}
		if id.empty && mustBeOurs {
			return &ForeignError{Path: s.path, ApplicationID: id.application}
		}
		return s.recognise(id, known)
	})
}

// Close waits for running calls and closes the file.
func (s *Store) Close() error {
	// Readers first: the last connection folds the log into the file, which
	// only a writer can.
	s.readers.close()
	s.write.Lock()
	defer s.write.Unlock()
	if s.writer == nil {
		return nil
	}
	err := s.writer.close()
	s.writer = nil
	return err
}

// Path is the file's name as it was opened.
func (s *Store) Path() string { return s.path }
