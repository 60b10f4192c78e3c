package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"healthsync/sync/store/internal/sqlite"
)

// writerSettings of the connection that writes.
//
// With synchronous=NORMAL a commit is in the hands of the system when it
// returns: no crash of the process undoes it. A crash of the system or a loss
// of power may take the last commits back, each as a whole, never tear the
// file; the next synchronisation reads them again. checkpoint_fullfsync makes
// that hold on macOS too, whose plain fsync leaves data in the drive's cache.
// The log is folded into the file whenever it reaches 1,000 pages (8 MB,
// SQLite's default) and is cut back to 16 MB.
//
// temp_store: what a statement would need to take itself back alone (copies of
// the pages it changes) is kept in memory; beyond 64 KB it would be a file that
// is made and removed in each transaction.
const writerSettings = `
	PRAGMA journal_mode=WAL;
	PRAGMA synchronous=NORMAL;
	PRAGMA checkpoint_fullfsync=ON;
	PRAGMA journal_size_limit=16777216;
	PRAGMA cache_size=-6144;
	PRAGMA temp_store=MEMORY;
	PRAGMA trusted_schema=OFF;
	PRAGMA cell_size_check=ON;`

// readerSettings of a connection that reads. 2 MB of cache each: what is read
// is read once, in order.
const readerSettings = `
	PRAGMA query_only=ON;
	PRAGMA cache_size=-2048;
	PRAGMA trusted_schema=OFF;
	PRAGMA cell_size_check=ON;`

func pragma(name string, value int64) string { return fmt.Sprintf("PRAGMA %s=%d", name, value) }

// conn is a connection with its prepared statements.
type conn struct {
	*sqlite.Conn
	stmts   map[string]*sqlite.Stmt
	pragmas pragmas // of one that reads
}

func newConn(c *sqlite.Conn) *conn { return &conn{Conn: c, stmts: make(map[string]*sqlite.Stmt)} }

// stmt gives the statement prepared from sql, which is one of few constants.
func (c *conn) stmt(sql string) (*sqlite.Stmt, error) {
	if s := c.stmts[sql]; s != nil {
		return s, nil
	}
	s, err := c.Prepare(sql)
	if err != nil {
		return nil, err
	}
	c.stmts[sql] = s
	return s, nil
}

func (c *conn) close() error {
	for _, s := range c.stmts {
		s.Finalize()
	}
	return c.Conn.Close()
}

// maxReaders bounds the memory of readers; a further one waits.
const maxReaders = 4

// pool keeps connections for reading.
type pool struct {
	open func() (*conn, error)

	mu     sync.Mutex
	idle   []*conn
	slots  chan struct{} // one for each connection in use
	closed bool
}

var errClosed = errors.New("the database is closed")

func (p *pool) tokens() chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.slots == nil {
		p.slots = make(chan struct{}, maxReaders)
	}
	return p.slots
}

// with lends a connection to f, which a done ctx interrupts.
func (p *pool) with(ctx context.Context, f func(*conn) error) error {
	slots := p.tokens()
	select {
	case slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-slots }()
	c, err := p.take()
	if err != nil {
		return err
	}
	stop := c.Watch(ctx)
	err = f(c)
	stop()
	if c.InTransaction() { // its end was interrupted too
		err = errors.Join(err, c.Exec("ROLLBACK"))
	}
	p.give(c)
	return err
}

func (p *pool) take() (*conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.open == nil {
		return nil, errClosed
	}
	if n := len(p.idle); n > 0 {
		c := p.idle[n-1]
		p.idle = p.idle[:n-1]
		return c, nil
	}
	return p.open()
}

func (p *pool) give(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = append(p.idle, c)
}

// drop closes the idle connections.
func (p *pool) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.idle {
		_ = c.close() // it only read
	}
	p.idle = nil
}

// close waits for the connections in use and closes all.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	slots := p.tokens()
	for range maxReaders {
		slots <- struct{}{}
	}
	p.drop()
	for range maxReaders {
		<-slots
	}
}

// openReader makes connections for the pool.
func (s *Store) openReader(path string, flags sqlite.Flag) func() (*conn, error) {
	return func() (*conn, error) {
		c, err := sqlite.Open(path, flags)
		if err != nil {
			return nil, err
		}
		c.BusyTimeout(s.busy)
		r := newConn(c)
		err = c.Exec(readerSettings)
		if err == nil { // what is set stays so
			err = c.Guard(r.pragmas.allow)
		}
		if err != nil {
			_ = c.Close()
			return nil, err
		}
		return r, nil
	}
}

// read runs f on a connection for reading and types its error.
func (s *Store) read(ctx context.Context, what string, f func(*conn) error) error {
	return s.fail(ctx, what, s.readers.with(ctx, f))
}

// beginWait is how long SQLite itself waits for a lock before we look at the
// context again.
const beginWait = 50 * time.Millisecond

// transact runs f in one transaction of the writer: all of it or nothing. The
// caller holds s.write, or is the only one to know of s.
func (s *Store) transact(ctx context.Context, f func() error) error {
	c := s.writer
	if err := s.begin(ctx, c); err != nil {
		return err
	}
	err := f()
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = c.Exec("COMMIT")
	}
	if err != nil {
		// After some errors SQLite has rolled back by itself.
		if c.InTransaction() {
			if rerr := c.Exec("ROLLBACK"); rerr != nil {
				err = errors.Join(err, rerr)
			}
		}
		s.dict.forget() // it may know names that were taken back
		s.totals.forget()
	}
	return err
}

// begin takes the write lock.
func (s *Store) begin(ctx context.Context, c *conn) error {
	return s.insist(ctx, c, func() error { return c.Exec("BEGIN IMMEDIATE") })
}

// insist repeats f while another process is in the way, as long as the store
// may wait. SQLite's own wait cannot be interrupted, so it is cut into short
// ones; and where two want to turn one new file to WAL mode it does not wait
// at all, lest they wait for each other.
func (s *Store) insist(ctx context.Context, c *conn, f func() error) error {
	c.BusyTimeout(beginWait)
	defer c.BusyTimeout(s.busy)
	deadline := time.Now().Add(s.busy)
	for pause := time.Millisecond; ; pause = min(2*pause, beginWait) {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := f()
		if !sqlite.Is(err, sqlite.Busy) || !time.Now().Before(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// change runs f as a transaction and types its error.
func (s *Store) change(ctx context.Context, what string, f func(*conn) error) error {
	s.write.Lock()
	defer s.write.Unlock()
	if s.writer == nil {
		return &ReadOnlyError{Path: s.path}
	}
	return s.fail(ctx, what, s.transact(ctx, func() error { return f(s.writer) }))
}
