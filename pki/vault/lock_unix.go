//go:build unix

package vault

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// lockPoll is how often a taken lock is tried again; flock itself cannot wait
// with a time limit.
const lockPoll = 5 * time.Millisecond

// lock takes the folder for a change. The lock is on the folder itself, so
// that no lock file stays behind, and ends with the process, however it ends.
func (v *file) lock(ctx context.Context, f Fact) (unlock func(), err error) {
	d, err := os.Open(v.dir)
	if err != nil {
		return nil, v.failed(f, err)
	}
	start := time.Now()
	for {
		err := syscall.Flock(int(d.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { d.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			d.Close()
			return nil, v.failed(f, err)
		}
		select {
		case <-time.After(lockPoll):
		case <-ctx.Done():
			d.Close()
			f.Detail = "another process is changing it"
			return nil, stopped(ctx, f, start)
		}
	}
}

// ownedByUs reports whether a file is of the user that this process acts as.
func ownedByUs(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Geteuid()
}
