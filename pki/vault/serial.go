package vault

import (
	"context"
	"errors"
	"time"
)

// serial lets one call at a time through to a store that cannot be interrupted:
// a C function or a D-Bus call that waits for a person. A caller stops waiting
// when its ctx ends; the next call starts only after the abandoned one has
// ended, so that calls cannot pile up behind one dialog.
type serial chan struct{}

func newSerial() serial { return make(serial, 1) }

// do runs fn alone. When ctx ends first it returns at once and fn's result is
// dropped: the caller must not read what fn writes after a failure.
func (s serial) do(ctx context.Context, f Failure, fn func() error) error {
	start := time.Now()
	select {
	case s <- struct{}{}:
	case <-ctx.Done():
		return stopped(ctx, f, start)
	}
	if ctx.Err() != nil { // both were ready
		<-s
		return stopped(ctx, f, start)
	}
	done := make(chan error, 1)
	go func() {
		defer func() { <-s }()
		done <- fn()
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return stopped(ctx, f, start)
	}
}

// stopped turns the end of ctx into an error: TimeoutError for a deadline, else
// FailedError with the context's error, where the caller gave up.
func stopped(ctx context.Context, f Failure, start time.Time) error {
	f.Err = ctx.Err()
	if errors.Is(f.Err, context.DeadlineExceeded) {
		return &TimeoutError{Failure: f, After: time.Since(start)}
	}
	return &FailedError{f}
}
