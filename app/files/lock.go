package files

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Holder says who holds a lock.
type Holder struct {
	PID   int       `json:"pid"`
	What  string    `json:"what"` // "healthsync sync", "the menu-bar app"
	Since time.Time `json:"since"`
}

// HeldError says that another process holds the lock. Holder is the zero value
// where it has not yet said who it is.
type HeldError struct{ Holder Holder }

func (e *HeldError) Error() string {
	if e.Holder.PID == 0 {
		return "another process holds the lock"
	}
	return fmt.Sprintf("%s (process %d) holds the lock since %s", e.Holder.What, e.Holder.PID,
		e.Holder.Since.Format(time.RFC3339))
}

// Lock is held until it is released or its process ends.
type Lock struct{ f *os.File }

// Take takes the lock at once or gives a *HeldError. The file stays behind
// when the lock is released: removing it would let two processes hold locks on
// two files of one name.
func Take(path, what string, now time.Time) (*Lock, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = flock(f, unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		held := &HeldError{Holder: read(f)}
		return nil, errors.Join(held, f.Close())
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	raw, err := json.Marshal(Holder{PID: os.Getpid(), What: what, Since: now.UTC().Truncate(time.Second)})
	if err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = f.WriteAt(raw, 0)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &Lock{f: f}, nil
}

// read tells who holds the lock; a file that cannot be understood is nobody.
func read(f *os.File) Holder {
	raw, err := io.ReadAll(io.LimitReader(f, 4096))
	if err != nil {
		return Holder{}
	}
	var h Holder
	if json.Unmarshal(raw, &h) != nil {
		return Holder{}
	}
	return h
}

// Release gives the lock back.
func (l *Lock) Release() error { return errors.Join(l.f.Truncate(0), l.f.Close()) }

// HeldBy tells who holds the lock at path; false where nobody does, or nobody
// who has said who it is. It takes nothing from a process that wants the lock:
// the lock is only tried where the file names a process that lives, and such a
// name goes with the lock.
func HeldBy(path string) (Holder, bool) {
	f, err := os.Open(path)
	if err != nil {
		return Holder{}, false
	}
	defer f.Close()
	h := read(f)
	if h.PID <= 0 {
		return Holder{}, false
	}
	if err := unix.Kill(h.PID, 0); errors.Is(err, unix.ESRCH) {
		return Holder{}, false // it was killed
	}
	err = flock(f, unix.LOCK_SH|unix.LOCK_NB)
	return h, errors.Is(err, unix.EWOULDBLOCK)
}

// flock is flock(2), again where a signal came between.
func flock(f *os.File, how int) error {
	for {
		if err := unix.Flock(int(f.Fd()), how); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
