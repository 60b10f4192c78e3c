package files

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"healthsync/pki/atomicfile"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// MaxSize is the size in bytes at which the log is renamed to PATH.1,
// replacing the one that was there.
const MaxSize = 1 << 20

// Log is a log file that is opened when it is first written to. Several
// processes may write to one: each line is written under a lock of the file,
// and never to one that was renamed.
type Log struct {
	path string
	mu   sync.Mutex
	f    *os.File
}

// NewLog gives a log file; it touches nothing yet.
func NewLog(path string) *Log { return &Log{path: path} }

// Logger writes each record as a line of JSON. A log that cannot be written is
// not worth failing for: the error goes to nobody.
func (l *Log) Logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{ReplaceAttr: func(groups []string,
		a slog.Attr) slog.Attr {
		if len(groups) == 0 && a.Key == slog.MessageKey {
			a.Key = "message"
		}
		return a
	}}))
}

// Write appends one line, making the file (mode 0600) where it is missing.
func (l *Log) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		if err := l.open(); err != nil {
			return 0, err
		}
		n, written, err := l.append(line)
		if written || err != nil {
			return n, err
		}
		err = l.f.Close() // it was renamed, by us or by another process
		l.f = nil
		if err != nil {
			return 0, err
		}
	}
}

// append writes the line if the file still has its name and room.
func (l *Log) append(line []byte) (n int, written bool, err error) {
	if err := atomicfile.Lock(context.Background(), l.f); err != nil {
		return 0, false, err
	}
	defer func() { _ = flock(l.f, unix.LOCK_UN) }() // closing the file frees it too
	own, err := l.f.Stat()
	if err != nil {
		return 0, false, err
	}
	there, err := os.Stat(l.path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(own, there) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	if own.Size() > 0 && own.Size()+int64(len(line)) > MaxSize {
		return 0, false, os.Rename(l.path, l.path+".1")
	}
	n, err = l.f.Write(line)
	return n, true, err
}

func (l *Log) open() (err error) {
	if l.f != nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(l.path), 0o700); err != nil {
		return err
	}
	l.f, err = os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	return err
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

// LastLines reads the last n lines, those of PATH.1 included. A log that is not
// there yet has none.
func LastLines(path string, n int) ([]string, error) {
	var r logReader
	defer r.close()
	return r.last(path, n)
}

// FollowLog gives the last n lines and then each line that is written, until
// ctx ends or yield fails. After the file was renamed it goes on with the new one.
func FollowLog(ctx context.Context, path string, n int, yield func(string) error) error {
	var r logReader
	defer r.close()
	lines, err := r.last(path, n)
	if err != nil {
		return err
	}
	for _, line := range lines {
		if err := yield(line); err != nil {
			return err
		}
	}
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := r.next(path, yield); err != nil {
			return err
		}
	}
}

// logReader reads lines as they come.
type logReader struct {
	f    *os.File
	part []byte // of a line whose end is not there yet
}

func (r *logReader) close() {
	if r.f != nil {
		r.f.Close()
	}
	r.f, r.part = nil, nil
}

// open opens the log; one that is not there yet is no error.
func (r *logReader) open(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	r.f = f
	return err
}

// last reads what there is and gives the last n lines of it.
func (r *logReader) last(path string, n int) ([]string, error) {
	var lines []string
	keep := func(line string) error {
		if lines = append(lines, line); len(lines) > n {
			lines = lines[1:]
		}
		return nil
	}
	if err := r.open(path); err != nil { // before its predecessor, or a rename in between would hide lines
		return nil, err
	}
	var old logReader
	defer old.close()
	if err := old.open(path + ".1"); err != nil {
		return nil, err
	}
	if !old.same(r.f) {
		if err := old.read(keep); err != nil {
			return nil, err
		}
	}
	return lines, errors.Join(r.read(keep))
}

func (r *logReader) same(f *os.File) bool {
	if r.f == nil || f == nil {
		return false
	}
	a, aerr := r.f.Stat()
	b, berr := f.Stat()
	return aerr == nil && berr == nil && os.SameFile(a, b)
}

// next reads what was added. Nothing is written to a file that was renamed, so
// that what is read of it after that is all there is.
func (r *logReader) next(path string, yield func(string) error) error {
	var now logReader
	if err := now.open(path); err != nil {
		return err
	}
	moved := !r.same(now.f)
	if err := r.read(yield); err != nil || !moved {
		now.close()
		return err
	}
	r.close()
	*r = now
	return r.read(yield)
}

// read gives the whole lines from here to the end of the file.
func (r *logReader) read(yield func(string) error) error {
	if r.f == nil {
		return nil
	}
	added, err := io.ReadAll(r.f)
	if err != nil {
		return err
	}
	r.part = append(r.part, added...)
	for {
		line, rest, ok := bytes.Cut(r.part, []byte("\n"))
		if !ok {
			return nil
		}
		r.part = rest
		if err := yield(string(line)); err != nil {
			return err
		}
	}
}

// LineJSON gives a line of the log as JSON: as it is, or in "text" where it is
// not ours (half a line of a process that died).
func LineJSON(line string) json.RawMessage {
	if strings.HasPrefix(line, "{") && json.Valid([]byte(line)) {
		return json.RawMessage(line)
	}
	raw, _ := json.Marshal(map[string]string{"text": line}) // a string cannot fail
	return raw
}

// LineText writes a line of the log for a person: time, level, message, then
// key=value. What is not ours is left as it is.
func LineText(line string) string {
	dec := json.NewDecoder(strings.NewReader(line))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') || !json.Valid([]byte(line)) {
		return line
	}
	var out []string
	for dec.More() {
		var value json.RawMessage
		key, _ := dec.Token() // the line is valid
		_ = dec.Decode(&value)
		text := string(value)
		switch key {
		case slog.TimeKey:
			var at time.Time
			if json.Unmarshal(value, &at) == nil {
				text = at.Local().Format(time.DateTime)
			}
		case slog.LevelKey, "message":
			_ = json.Unmarshal(value, &text) // else it stays as it is
		default:
			text = key.(string) + "=" + text // a key is a string (RFC 8259)
		}
		out = append(out, text)
	}
	return strings.Join(out, " ")
}
