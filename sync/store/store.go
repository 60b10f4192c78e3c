package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"healthsync/sync/daily"
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
	// Zone gives the zone of daily totals, for samples that do not say where they
	// were measured. It is asked at Open and at each change; nil means the
	// system's.
	Zone func() *time.Location
	// Priority is the order of sources in daily totals; nil leaves it as it was
	// set last. With another zone or order all totals are made anew, which takes
	// a second a million samples.
	Priority *daily.Priority
}

// Store is an open database. Its methods may be called from several
// goroutines: changes take turns, readers wait for nobody.
type Store struct {
	path   string
	o      Options
	reader *sql.DB
	how    string  // the reader's parameters
	writer *sql.DB // nil in a store opened for reading
}

const defaultBusyTimeout = 10 * time.Second

// Open opens the database at path, bringing an older schema up to date. It
// makes the file (mode 0600) and its folder (0700) where there are none.
// Errors: *CorruptError, *ForeignError, *NewerError, *OlderError (for reading
// only), *FullError, *IOError, *ReadOnlyError, *BusyError, *MissingError.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	return open(ctx, path, o, schemas)
}

func open(ctx context.Context, path string, o Options, schemas []string) (*Store, error) {
	if o.BusyTimeout <= 0 {
		o.BusyTimeout = defaultBusyTimeout
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Zone == nil {
		o.Zone = systemZone
	}
	s := &Store{path: path, o: o}
	if err := s.open(ctx, schemas); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close closes the file. A call that is running ends as it would have.
func (s *Store) Close() error {
	var err error
	// Readers first: the last connection folds the log into the file, which
	// only a writer can.
	for _, db := range []*sql.DB{s.reader, s.writer} {
		if db != nil {
			err = errors.Join(err, db.Close())
		}
	}
	return err
}

// Path is the file's name as it was opened.
func (s *Store) Path() string { return s.path }

// change runs f as one transaction: all of it is stored, or nothing. No crash
// of the process undoes what is stored.
func (s *Store) change(ctx context.Context, f func(*sql.Tx) error) error {
	if s.writer == nil {
		return &ReadOnlyError{Path: s.path}
	}
	return s.fail(ctx, s.transact(ctx, f))
}

func (s *Store) transact(ctx context.Context, f func(*sql.Tx) error) (err error) {
	var tx *sql.Tx
	err = s.insist(ctx, func() error {
		tx, err = s.writer.BeginTx(ctx, nil)
		return err
	})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing is left to take back after the Commit
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// insist repeats f while another process is in the way, as long as the store may
// wait. SQLite's own wait looks every 100 ms only, and finds no gap between the
// changes of a process that writes one after the other.
func (s *Store) insist(ctx context.Context, f func() error) error {
	deadline := time.Now().Add(s.o.BusyTimeout)
	for {
		err := f()
		if code(err) != sqliteBusy || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// querier is what reads: *sql.DB, *sql.Conn or *sql.Tx.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// each runs a query and calls row with each of its rows, to be scanned.
func each(ctx context.Context, q querier, row func(*sql.Rows) error, query string, args ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
