package files

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// MaxSize is the size in bytes at which the file is set aside as PATH.1,
// replacing the one set aside before.
const MaxSize = 1 << 20

// Log is a log file that is opened when it is first written to. Several
// processes may write to one: each line is one write to the end of the file.
type Log struct {
	path string
	mu   sync.Mutex
	f    *os.File
	size int64
}

// NewLog gives a log file; it touches nothing yet.
func NewLog(path string) *Log { return &Log{path: path} }

// Logger writes lines of key=value to the file. A log that cannot be written
// is not worth failing for: the error goes to nobody.
func (l *Log) Logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelInfo}))
}

// Write appends one line, making the file (mode 0600) where it is missing.
func (l *Log) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f != nil && l.size+int64(len(line)) > MaxSize {
		if err := l.rotate(); err != nil {
			return 0, err
		}
	}
	if l.f == nil {
		if err := l.open(); err != nil {
			return 0, err
		}
	}
	n, err := l.f.Write(line)
	l.size += int64(n)
	return n, err
}

func (l *Log) open() error {
	if err := os.MkdirAll(filepath.Dir(l.path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	st, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	l.f, l.size = f, st.Size()
	if l.size > MaxSize {
		return l.rotate()
	}
	return nil
}

func (l *Log) rotate() error {
	err := l.f.Close()
	l.f = nil
	// Another process may have set it aside already: then there is nothing to do.
	if st, serr := os.Stat(l.path); serr == nil && st.Size() > MaxSize/2 {
		err = errors.Join(err, os.Rename(l.path, l.path+".1"))
	}
	return errors.Join(err, l.open())
}

// Close closes the file if it was opened.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f == nil {
		return nil
	}
	err := l.f.Close()
	l.f = nil
	return err
}

// TailLog writes the last n lines to w, those set aside included.
func TailLog(w io.Writer, path string, n int) error {
	lines, err := LastLines(path, n)
	if err != nil {
		return err
	}
	for _, line := range lines {
		if _, err := io.WriteString(w, line+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// LastLines reads the last n lines, those set aside included. A log that is not
// there yet has none.
func LastLines(path string, n int) ([]string, error) {
	if n <= 0 {
		return nil, nil
	}
	var ring []string // grows with what there is: n may be any number
	next := 0
	for _, p := range []string{path + ".1", path} {
		f, err := os.Open(p)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		sc := bufio.NewScanner(f)
		sc.Buffer(nil, MaxSize)
		for sc.Scan() {
			if len(ring) < n {
				ring = append(ring, sc.Text())
				continue
			}
			ring[next] = sc.Text()
			next = (next + 1) % n
		}
		err = errors.Join(sc.Err(), f.Close())
		if err != nil {
			return nil, err
		}
	}
	return append(ring[next:len(ring):len(ring)], ring[:next]...), nil
}

// FollowLog writes what is appended to the file from now on, until ctx ends. It
// follows the name: after the file was set aside it goes on with the new one.
func FollowLog(ctx context.Context, w io.Writer, path string) error {
	var at int64
	if st, err := os.Stat(path); err == nil {
		at = st.Size()
	}
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		st, err := os.Stat(path)
		if err != nil {
			at = 0
			continue
		}
		if st.Size() < at {
			at = 0
		}
		if st.Size() == at {
			continue
		}
		n, err := copyFrom(w, path, at)
		if err != nil {
			return err
		}
		at += n
	}
}

func copyFrom(w io.Writer, path string, at int64) (int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, nil // set aside between Stat and Open; the next round finds the new one
	}
	defer f.Close()
	if _, err := f.Seek(at, io.SeekStart); err != nil {
		return 0, err
	}
	return io.Copy(w, f)
}
