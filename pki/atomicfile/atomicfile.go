// Package atomicfile replaces small files as a whole and locks them, so that a
// reader, a crash or a second process never meets half of one.
package atomicfile

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Write puts data aside, syncs it to disk and renames it to path, mode 0600.
// The folder is made, mode 0700, where it is missing. An interrupted Write may leave
// a file behind ([RemoveLeftovers]).
func Write(path string, data []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return SyncFolder(dir)
}

// RemoveLeftovers removes what interrupted Writes of path left behind. A lock
// must keep other writers away.
func RemoveLeftovers(path string) error {
	dir := filepath.Dir(path)
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "."+filepath.Base(path)+".") {
			err = errors.Join(err, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	return err
}

// SyncFolder makes renames and removals in a folder durable (fsync(2): an entry
// in a folder needs an fsync of its own).
func SyncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	return errors.Join(err, d.Close())
}

// retry is how often a lock that is taken is tried again: flock(2) cannot wait
// with a time limit.
const retry = 5 * time.Millisecond

// Lock waits for an exclusive lock on an open file or folder. Closing f frees
// it; so does the end of the process, however it ends (flock(2)). It fails with
// ctx's error when ctx ends first.
func Lock(ctx context.Context, f *os.File) error {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return err
		}
		select {
		case <-time.After(retry):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
