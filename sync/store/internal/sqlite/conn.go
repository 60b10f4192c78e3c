// Package sqlite is a thin layer over SQLite as modernc.org/sqlite/lib has it
// in Go: connections, prepared statements, a feed that gives Go memory to one
// INSERT … SELECT, a guard over PRAGMA statements, and SQLite's online backup.
//
// It exists for speed: docs/performance.md compares it with the ready-made
// drivers. It knows nothing of health data. A [Conn] and its statements are
// for one goroutine at a time; only [Conn.Interrupt] and [Conn.Watch] may be
// called while another call runs.
package sqlite

import (
	"context"
	"sync"
	"time"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// Flag says how to open a file.
type Flag int32

// The ways to open. ReadWrite does not fail where the file cannot be written:
// SQLite then opens it for reading; ask [Conn.ReadOnly].
const (
	ReadOnly  Flag = lib.SQLITE_OPEN_READONLY
	ReadWrite Flag = lib.SQLITE_OPEN_READWRITE
	// URI lets the path be a file: URI with SQLite's parameters.
	URI Flag = lib.SQLITE_OPEN_URI
)

// Conn is a connection to one database file.
type Conn struct {
	tls   *libc.TLS
	db    uintptr
	feeds []*feed
	guard *guard

	mu     sync.Mutex // closing against an interrupt from elsewhere
	closed bool
}

// Open opens the file at path. SQLite reads nothing of it before the first
// statement: that a file is no database shows only then.
func Open(path string, flags Flag) (*Conn, error) {
	tls := libc.NewTLS()
	name, err := libc.CString(path)
	if err != nil {
		tls.Close()
		return nil, err
	}
	defer libc.Xfree(tls, name)
	out := alloc(tls, ptrSize)
	defer libc.Xfree(tls, out)
	// A connection is used by one goroutine at a time: SQLite's own lock
	// around it would only cost.
	rc := lib.Xsqlite3_open_v2(tls, name, out, int32(flags)|lib.SQLITE_OPEN_NOMUTEX|lib.SQLITE_OPEN_EXRESCODE, 0)
	c := &Conn{tls: tls, db: *(*uintptr)(at(out))}
	if rc != lib.SQLITE_OK {
		err := c.fail(rc)
		if c.db != 0 {
			lib.Xsqlite3_close_v2(tls, c.db)
		}
		tls.Close()
		return nil, err
	}
	// "x" is a name, never a string, and no SQL may touch the file behind
	// SQLite's back (PRAGMA writable_schema and the like).
	c.config(lib.SQLITE_DBCONFIG_DQS_DDL, 0)
	c.config(lib.SQLITE_DBCONFIG_DQS_DML, 0)
	c.config(lib.SQLITE_DBCONFIG_DEFENSIVE, 1)
	// SQLite as it is built here (SQLITE_ENABLE_STAT4) compiles a statement again
	// whenever a bound parameter changes that bounds a range, in case the
	// statistics of ANALYZE speak for another plan. There are none, and each of
	// our statements has one right plan ("Query Planner Stability Guarantee",
	// https://sqlite.org/queryplanner-ng.html).
	c.config(lib.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
	return c, nil
}

func (c *Conn) config(option, value int32) {
	args := libc.NewVaList(value, uintptr(0))
	lib.Xsqlite3_db_config(c.tls, c.db, option, args)
	libc.Xfree(c.tls, args)
}

// Close closes the connection. Its statements must be finalized before.
func (c *Conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	var err error
	if rc := lib.Xsqlite3_close(c.tls, c.db); rc != lib.SQLITE_OK {
		err = c.fail(rc)
		lib.Xsqlite3_close_v2(c.tls, c.db)
	}
	for _, f := range c.feeds {
		f.free(c.tls)
	}
	if c.guard != nil {
		c.guard.pin.Unpin()
	}
	c.tls.Close()
	return err
}

// Interrupt makes a running statement stop with [Interrupted]. It may be
// called from any goroutine.
func (c *Conn) Interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	tls := libc.NewTLS() // c.tls belongs to the goroutine that runs the statement
	lib.Xsqlite3_interrupt(tls, c.db)
	tls.Close()
}

// Watch interrupts the statements of c from the moment that ctx is done until
// stop is called. SQLite forgets an interrupt that finds no statement running,
// so it is repeated.
func (c *Conn) Watch(ctx context.Context) (stop func()) {
	if ctx.Done() == nil {
		return func() {}
	}
	stopped := make(chan struct{})
	finished := make(chan struct{})
	undo := context.AfterFunc(ctx, func() {
		defer close(finished)
		for {
			c.Interrupt()
			select {
			case <-stopped:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	})
	return func() {
		close(stopped)
		if !undo() {
			<-finished
		}
	}
}

// BusyTimeout is how long a statement waits for a lock of another process.
func (c *Conn) BusyTimeout(d time.Duration) {
	lib.Xsqlite3_busy_timeout(c.tls, c.db, int32(d.Milliseconds()))
}

// InTransaction reports whether a BEGIN awaits its COMMIT. SQLite rolls back
// by itself after some errors (a full disk, an I/O error).
func (c *Conn) InTransaction() bool { return lib.Xsqlite3_get_autocommit(c.tls, c.db) == 0 }

// ReadOnly reports whether the file could be opened for reading only.
func (c *Conn) ReadOnly() bool {
	name, err := libc.CString("main")
	if err != nil {
		return false
	}
	defer libc.Xfree(c.tls, name)
	return lib.Xsqlite3_db_readonly(c.tls, c.db, name) == 1
}

// Changes is the number of rows that the last INSERT, UPDATE or DELETE wrote.
func (c *Conn) Changes() int64 { return lib.Xsqlite3_changes64(c.tls, c.db) }

// Exec runs SQL text of one or several statements; rows are dropped.
func (c *Conn) Exec(sql string) error {
	text, err := libc.CString(sql)
	if err != nil {
		return err
	}
	defer libc.Xfree(c.tls, text)
	if rc := lib.Xsqlite3_exec(c.tls, c.db, text, 0, 0, 0); rc != lib.SQLITE_OK {
		return c.fail(rc)
	}
	return nil
}

// Int runs one statement and gives the first column of its first row; 0 where
// it has none.
func (c *Conn) Int(sql string) (int64, error) {
	s, err := c.Prepare(sql)
	if err != nil {
		return 0, err
	}
	defer s.Finalize()
	row, err := s.Step()
	if err != nil || !row {
		return 0, err
	}
	return s.Int(0), nil
}

// Version is SQLite's version number.
func Version() string {
	tls := libc.NewTLS()
	defer tls.Close()
	return libc.GoString(lib.Xsqlite3_libversion(tls))
}
