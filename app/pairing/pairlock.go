package pairing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"healthsync/app/files"
)

// Two processes must not change the pairing at once: what one of them has made
// and not yet written down looks to the other like a stray of an earlier
// pairing. So each takes its turn, for as long as the iPhone is asked; the lock
// goes with its process.

// BusyError says that another process was changing the pairing for all of the
// time that this one waited.
type BusyError struct {
	Holder files.Holder
	After  time.Duration
}

func (e *BusyError) Error() string {
	return fmt.Sprintf("another process (%d, %s) has been changing the pairing for %s", e.Holder.PID, e.Holder.What, e.After)
}

// turnLimit is how long one waits for another: longer than an iPhone that
// answers at all takes to pair (trust.Dialer and phone.Config give up within
// it).
const (
	turnLimit = 60 * time.Second
	turnPoll  = 100 * time.Millisecond
)

// testOnlyTurnLimit takes the place of turnLimit.
var testOnlyTurnLimit time.Duration

// turn takes this process's turn to change the pairing; what says in a word
// what it does, for whoever waits. Error: *BusyError, or that of ctx.
func (s *Station) turn(ctx context.Context, what string) (done func(), err error) {
	limit := cmp.Or(testOnlyTurnLimit, turnLimit)
	for waited := time.Duration(0); ; waited += turnPoll {
		held, err := files.Take(s.Paths.PairingLockFile(), what, s.Now())
		if err == nil {
			return func() { _ = held.Release() }, nil
		}
		var busy *files.HeldError
		if !errors.As(err, &busy) {
			return nil, err
		}
		if waited >= limit {
			return nil, &BusyError{busy.Holder, waited}
		}
		if waited == 0 && s.Waiting != nil {
			s.Waiting(busy.Holder)
		}
		wait(ctx, turnPoll)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
}
