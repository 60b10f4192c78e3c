package trust

import (
	"context"
	"crypto"
	"fmt"
	"io"
	"time"
)

// SignTimeoutError says that the Mac's key did not sign in time: a keychain
// that waits for a person who is not there, most likely.
type SignTimeoutError struct{ After time.Duration }

func (e *SignTimeoutError) Error() string {
	return fmt.Sprintf("the key did not sign within %s", e.After)
}

// patientSigner lets a key that asks its owner take its time, within a limit of
// its own. A keychain call cannot be cancelled, so one that never returns leaves
// its goroutine behind; the connection does not wait for it.
type patientSigner struct {
	crypto.Signer
	ctx   context.Context // that of the handshake: Sign is not passed one
	limit time.Duration
	// pause stops the clock of the handshake, resume starts it again.
	pause, resume func()
	// done is told the time taken and the error, which crypto/tls would reduce
	// to its text.
	done func(took time.Duration, err error)
}

func (s *patientSigner) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	s.pause()
	defer s.resume()
	type result struct {
		signature []byte
		err       error
	}
	begun := time.Now()
	results := make(chan result, 1)
	go func() {
		signature, err := s.Signer.Sign(rand, digest, opts)
		results <- result{signature, err}
	}()
	timer := time.NewTimer(s.limit)
	defer timer.Stop()
	var r result
	select {
	case r = <-results:
	case <-timer.C:
		r.err = &SignTimeoutError{After: s.limit}
	case <-s.ctx.Done():
		r.err = context.Cause(s.ctx)
	}
	s.done(time.Since(begun), r.err)
	return r.signature, r.err
}

// budget is a context that ends after a time, not counting pauses.
type budget struct {
	context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	left   time.Duration
	since  time.Time
}

// newBudget begins to count at once. It must be stopped. It is not for use by
// several goroutines, but its context is.
func newBudget(parent context.Context, d time.Duration) *budget {
	ctx, cancel := context.WithCancelCause(parent)
	b := &budget{Context: ctx, cancel: cancel, left: d, since: time.Now()}
	b.timer = time.AfterFunc(d, func() { cancel(context.DeadlineExceeded) })
	return b
}

func (b *budget) pause() {
	if b.timer.Stop() {
		b.left -= time.Since(b.since)
	}
}

func (b *budget) resume() {
	if b.Err() == nil {
		b.since = time.Now()
		b.timer.Reset(max(b.left, 0))
	}
}

func (b *budget) stop() {
	b.timer.Stop()
	b.cancel(context.Canceled)
}
