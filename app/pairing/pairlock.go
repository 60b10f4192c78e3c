package pairing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"healthsync/app/files"
)

// Two processes must not change the pairing at once: a key that one has made and
// not yet recorded looks like a leftover to the other. The lock is held while
// the iPhone is asked, and ends with its process.

// BusyError says that another process was changing the pairing for all of the
// time that this one waited.
type BusyError struct {
	Holder files.Holder
	After  time.Duration
}

func (e *BusyError) Error() string {
	return fmt.Sprintf("another process (%d, %s) has been changing the pairing for %s", e.Holder.PID, e.Holder.What,
		e.After)
}

// lockLimit is how long one waits for another: longer than an iPhone that
// answers at all takes to pair (trust.Dialer and phone.Config give up within
// it).
var lockLimit = 60 * time.Second

const lockPoll = 100 * time.Millisecond

// lockPairing locks the pairing for a change; what is shown to other processes
// that wait for it. Error: *BusyError, or that of ctx.
func (s *Computer) lockPairing(ctx context.Context, what string) (done func(), err error) {
	for waited := time.Duration(0); ; waited += lockPoll {
		held, err := files.Take(s.Paths.PairingLockFile(), what, s.Now())
		if err == nil {
			return func() { _ = held.Release() }, nil
		}
		var busy *files.HeldError
		if !errors.As(err, &busy) {
			return nil, err
		}
		if waited >= lockLimit {
			return nil, &BusyError{busy.Holder, waited}
		}
		if waited == 0 && s.Waiting != nil {
			s.Waiting(busy.Holder)
		}
		wait(ctx, lockPoll)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
}
