package trust

import (
	"context"
	"crypto"
	"fmt"
	"io"
	"time"
)

// signTimeout is how long the Mac's key may take to sign: a keychain may ask its
// owner, who needs time to read the question.
const signTimeout = 60 * time.Second

// SignTimeoutError says that the Mac's key did not sign in time: a keychain
// that waits for a person who is not there, most likely.
type SignTimeoutError struct{ After time.Duration }

func (e *SignTimeoutError) Error() string {
	return fmt.Sprintf("the key did not sign within %s", e.After)
}

// patientSigner lets a key that asks its owner take up to [signTimeout]; the
// timeout of the handshake stands still meanwhile. A keychain call cannot be
// cancelled, so one that never returns leaves its goroutine behind; the
// connection does not wait for it.
type patientSigner struct {
	crypto.Signer
	timeout *timeout
	report  *Report
	err     error // the last one, which crypto/tls would reduce to its text
}

func (s *patientSigner) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	s.timeout.pause()
	defer s.timeout.resume()
	begun := time.Now()
	defer func() { s.report.step(StepSign, begun) }()
	type result struct {
		signature []byte
		err       error
	}
	results := make(chan result, 1)
	go func() {
		signature, err := s.Signer.Sign(rand, digest, opts)
		results <- result{signature, err}
	}()
	timer := time.NewTimer(signTimeout)
	defer timer.Stop()
	var r result
	select {
	case r = <-results:
	case <-timer.C:
		r.err = &SignTimeoutError{After: signTimeout}
	case <-s.timeout.Done():
		r.err = context.Cause(s.timeout)
	}
	s.err = r.err
	return r.signature, r.err
}

// timeout is a context that ends after a time, not counting pauses.
type timeout struct {
	context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	left   time.Duration
	since  time.Time
}

// newTimeout begins to count at once. It must be stopped. It is not for use by
// several goroutines, but its context is.
func newTimeout(parent context.Context, d time.Duration) *timeout {
	ctx, cancel := context.WithCancelCause(parent)
	t := &timeout{Context: ctx, cancel: cancel, left: d, since: time.Now()}
	t.timer = time.AfterFunc(d, func() { cancel(context.DeadlineExceeded) })
	return t
}

func (t *timeout) pause() {
	if t.timer.Stop() {
		t.left -= time.Since(t.since)
	}
}

func (t *timeout) resume() {
	if t.Err() == nil {
		t.since = time.Now()
		t.timer.Reset(max(t.left, 0))
	}
}

func (t *timeout) stop() {
	t.timer.Stop()
	t.cancel(context.Canceled)
}
