package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// everyConn is for all connections: "x" is a name, never a string; no SQL
// touches the file behind SQLite's back; a message is of the error at hand. 2 MB
// of cache each: what is read is read once, in order, and more does not make a
// first synchronisation quicker.
const everyConn = "_dqs=0&_defensive=1&_error_rc=1" +
	"&_pragma=cache_size(-2048)&_pragma=trusted_schema(0)&_pragma=cell_size_check(1)"

// readerConn is for a connection that reads.
const readerConn = "mode=ro"

// writerConn is for the one that writes.
//
// With synchronous=NORMAL a commit is in the hands of the system when it
// returns: no crash of the process undoes it. A crash of the system or a loss
// of power may take the last commits back, each as a whole, never tear the
// file; the next synchronisation reads them again. checkpoint_fullfsync makes
// that hold on macOS too, whose plain fsync leaves data in the drive's cache.
// The log is folded into the file whenever it reaches 1,000 pages (8 MB,
// SQLite's default) and is cut back to 16 MB. What a statement would need to
// take itself back alone is kept in memory (temp_store): beyond 64 KB it would
// be a file that is made and removed in each transaction. Pages of 8 KiB cost
// 7 % less time than SQLite's 4 KiB; larger ones gain nothing and lose room.
const writerConn = "mode=rw&_busy_timeout=5&_txlock=immediate&_pragma=page_size(8192)&_pragma=synchronous(1)" +
	"&_pragma=checkpoint_fullfsync(1)&_pragma=journal_size_limit(16777216)&_pragma=temp_store(2)"

// maxReaders bounds the memory of readers; a further one waits.
const maxReaders = 4

func (s *Store) open(ctx context.Context, schemas []string) error {
	if !s.o.ReadOnly {
		if err := s.makeFile(); err != nil {
			return s.failSystem(err)
		}
	}
	if err := s.checkThere(); err != nil {
		return err
	}
	// First by a connection that only reads: one that may write would, on
	// closing, fold a log left behind by a crash into a file that may not be
	// ours to touch.
	alone, err := s.openReader(ctx, len(schemas))
	switch {
	case err != nil || s.o.ReadOnly:
		return s.fail(ctx, err)
	case alone:
		return &ReadOnlyError{Path: s.path}
	}
	// SQLite opens a file for reading where it cannot be written.
	if err := unix.Access(s.path, unix.W_OK); err != nil {
		return s.failSystem(err)
	}
	return s.fail(ctx, s.openWriter(ctx, schemas))
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
		return err
	}
	f, err := os.OpenFile(s.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
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
		return s.failSystem(err)
	case !info.Mode().IsRegular():
		return &CorruptError{Path: s.path, Detail: "it is not a regular file"}
	case info.Size() == 0 && holdsData(s.path+"-wal"):
		// SQLite takes an empty file for a new database and deletes the log
		// beside it. Ours is never empty while there is a log: someone cut it.
		return &CorruptError{Path: s.path, Detail: "the file is empty, but the log beside it is not"}
	}
	return nil
}

func holdsData(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Size() > 0
}

// connect prepares to open up to n connections to the file at path; the first
// is opened when it is needed.
func (s *Store) connect(path string, n int, params ...string) (*sql.DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	params = append(params, everyConn)
	uri := url.URL{Scheme: "file", Path: abs, RawQuery: strings.Join(params, "&")}
	db, err := sql.Open("sqlite", uri.String())
	if err == nil {
		db.SetMaxOpenConns(n)
		db.SetMaxIdleConns(n)
	}
	return db, err
}

// read opens the reader and refuses a file that is not ours. With immutable
// SQLite looks at the file alone, without a log or locks.
func (s *Store) read(ctx context.Context, known int, immutable bool) (err error) {
	if s.reader != nil {
		s.reader.Close()
	}
	s.how = fmt.Sprintf("%s&_busy_timeout=%d", readerConn, s.o.BusyTimeout.Milliseconds())
	if immutable {
		s.how += "&immutable=1"
	}
	if s.reader, err = s.connect(s.path, maxReaders, s.how, "_query_only=1"); err != nil {
		return err
	}
	id, err := readIdentity(ctx, s.reader)
	if err != nil {
		return err
	}
	return s.recognise(id, known)
}

// openReader opens the reader.
//
// Even a reader wants a log and its index beside the database
// (https://sqlite.org/wal.html#readonly). Where they cannot be made because
// the folder is read-only, nobody can write, and the file alone is the whole
// truth if no log lies there: then alone is true.
func (s *Store) openReader(ctx context.Context, known int) (alone bool, err error) {
	err = s.read(ctx, known, false)
	if c := code(err); c != sqliteCannotOpen && c != sqliteReadOnly {
		return false, err
	}
	if holdsData(s.path + "-wal") {
		return false, &ReadOnlyError{Path: s.path, Err: err}
	}
	if err := s.read(ctx, known, true); err != nil {
		return false, err
	}
	if s.o.ReadOnly || !holdsData(s.path+"-journal") {
		return true, nil
	}
	// A process died while it turned the file to WAL mode: the only thing that
	// is ever written with a journal rather than a log. A connection that only
	// reads may not take it back (SQLITE_READONLY_ROLLBACK). The file is ours,
	// or unfinished.
	w, err := s.connect(s.path, 1, "mode=rw")
	if err != nil {
		return false, err
	}
	_, err = readIdentity(ctx, w)
	if err = errors.Join(err, w.Close()); err != nil {
		return false, err
	}
	return false, s.read(ctx, known, false)
}

// openWriter opens the writer, makes the schema or brings it up to date, and
// makes the daily totals anew where they are of another zone or order. It takes
// the write lock only where one of these is to be done.
func (s *Store) openWriter(ctx context.Context, schemas []string) (err error) {
	if s.writer, err = s.connect(s.path, 1, writerConn); err != nil {
		return err
	}
	// Where two processes turn one new file to WAL mode SQLite does not wait, lest
	// they wait for each other.
	err = s.insist(ctx, func() error {
		_, err := s.writer.ExecContext(ctx, "PRAGMA journal_mode=WAL")
		return err
	})
	if err != nil {
		return err
	}
	id, err := readIdentity(ctx, s.writer)
	if err != nil {
		return err
	}
	if id.schema == len(schemas) {
		if _, stale, err := s.rule(ctx, s.writer); err != nil || !stale {
			return err
		}
	}
	return s.transact(ctx, func(tx *sql.Tx) error {
		// Another process may have been quicker.
		id, err := readIdentity(ctx, tx)
		if err != nil {
			return err
		}
		if err := s.recognise(id, len(schemas)); err != nil {
			return err
		}
		if err := migrate(ctx, tx, id.schema, schemas); err != nil {
			return err
		}
		r, stale, err := s.rule(ctx, tx)
		if err != nil || !stale {
			return err
		}
		w := newWriter(ctx, tx)
		defer w.close()
		return r.remakeAll(w)
	})
}
