package vault

import (
	"context"
	"errors"
	"time"
)

// serial lets one call at a time through to a store that cannot be interrupted:
// a C function or a D-Bus call that waits for a person.
type serial chan struct{}

func newSerial() serial { return make(serial, 1) }

// alone runs fn alone and within the time limit. When ctx ends first it returns
// at once and fn's result is dropped; the next call starts only after the
// abandoned one has ended, so that calls cannot pile up behind one dialog.
func alone[T any](
	ctx context.Context, s serial, f Failure, fn func(ctx context.Context) (T, error),
) (out T, err error) {
	ctx, cancel := limited(ctx)
	defer cancel()
	start := time.Now()
	select {
	case s <- struct{}{}:
	case <-ctx.Done():
		return out, stopped(ctx, f, start)
	}
	if ctx.Err() != nil { // both were ready
		<-s
		return out, stopped(ctx, f, start)
	}
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		defer func() { <-s }()
		value, err := fn(ctx)
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		if r.err != nil {
			return out, r.err
		}
		return r.value, nil
	case <-ctx.Done():
		return out, stopped(ctx, f, start)
	}
}

// none is the result of what gives only an error.
type none = struct{}

// stopped turns the end of ctx into an error: TimeoutError for a deadline, else
// FailedError with the context's error, where the caller gave up.
func stopped(ctx context.Context, f Failure, start time.Time) error {
	f.Err = ctx.Err()
	if errors.Is(f.Err, context.DeadlineExceeded) {
		return &TimeoutError{Failure: f, After: time.Since(start)}
	}
	return &FailedError{f}
}
