package trust

import (
	"context"
	"crypto"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"
)

// slowKey signs when it is allowed to, as a key in a keychain that asks first.
type slowKey struct {
	crypto.Signer
	allowed <-chan struct{}
	err     error
}

func (k *slowKey) Sign(r io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	<-k.allowed
	if k.err != nil {
		return nil, k.err
	}
	return k.Signer.Sign(r, digest, opts)
}

func after(d time.Duration) <-chan struct{} {
	c := make(chan struct{})
	time.AfterFunc(d, func() { close(c) })
	return c
}

// While the keychain asks its owner, the clock of the handshake stands still.
func TestSigningMayOutlastTheHandshake(t *testing.T) {
	p := newPhone(t)
	host, port := serveTLS(t, p.mutualConf(), nil)
	key := &slowKey{Signer: p.clientKey, allowed: after(600 * time.Millisecond)}
	d := &Dialer{Trust: Mutual(p.ca, tlsCert(key, p.client)), Timeout: 400 * time.Millisecond}
	r, err := dialOnce(t, d, host, port)
	if err != nil {
		t.Fatal(err)
	}
	if r.Took(StepSign) < 300*time.Millisecond || r.Took(StepTLS) < r.Took(StepSign) {
		t.Errorf("steps %+v", r.Steps)
	}
}

func TestSigningFails(t *testing.T) {
	p := newPhone(t)
	host, port := serveTLS(t, p.mutualConf(), nil)
	denied := errors.New("the owner said no")
	key := &slowKey{Signer: p.clientKey, allowed: after(0), err: denied}
	_, err := dialOnce(t, &Dialer{Trust: Mutual(p.ca, tlsCert(key, p.client))}, host, port)
	if f := failure(t, err); f.Kind != KeyUnavailable || f.Whose != Client || f.Cert == nil || !errors.Is(err, denied) {
		t.Errorf("%+v", f)
	}
}

func TestSigningNeverEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		allowed := make(chan struct{})
		defer close(allowed)
		limit := newTimeout(t.Context(), time.Second)
		defer limit.stop()
		s := &patientSigner{Signer: &slowKey{allowed: allowed, err: io.EOF}, timeout: limit, report: &Report{}}
		_, err := s.Sign(nil, nil, nil)
		var late *SignTimeoutError
		if !errors.As(err, &late) || !errors.As(s.err, &late) || s.report.Took(StepSign) != signTimeout {
			t.Errorf("got %v, %v, %+v", err, s.err, s.report.Steps)
		}
	})
}

func TestCallerGivesUpWhileSigning(t *testing.T) {
	p := newPhone(t)
	host, port := serveTLS(t, p.mutualConf(), nil)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	key := &slowKey{Signer: p.clientKey, allowed: t.Context().Done()}
	_, _, err := (&Dialer{Trust: Mutual(p.ca, tlsCert(key, p.client))}).Dial(ctx, host, port)
	if f := failure(t, err); f.Kind != HandshakeTimeout {
		t.Errorf("got %v", err)
	}
}

func TestTimeoutStandsStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTimeout(t.Context(), 10*time.Second)
		defer b.stop()
		time.Sleep(4 * time.Second)
		b.pause()
		time.Sleep(time.Hour)
		b.resume()
		time.Sleep(6*time.Second - 1)
		synctest.Wait()
		if b.Err() != nil {
			t.Fatal("ended early")
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if !errors.Is(context.Cause(b), context.DeadlineExceeded) {
			t.Fatalf("cause %v", context.Cause(b))
		}
		b.pause()
		b.resume() // after the end: nothing starts again

		ctx, cancel := context.WithCancel(t.Context())
		c := newTimeout(ctx, time.Second)
		defer c.stop()
		cancel()
		if !errors.Is(context.Cause(c), context.Canceled) {
			t.Fatalf("the caller's end is not told: %v", context.Cause(c))
		}
	})
}
