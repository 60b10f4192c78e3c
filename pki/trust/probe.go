package trust

import (
	"context"
	"crypto/tls"
	"errors"
	"net/netip"
	"time"
)

// Probe asks whether the phone accepts this Mac: it makes the handshake, writes
// nothing and waits a moment ([Dialer.ProbeWait]) for an alert. Nil means that
// the phone has nothing against the certificate so far; a server that judges in
// HTTP says so only to a request. The error is nil or a [*Failure], the report
// never nil.
//
// This is the only sure way to the reason: of a connection on which a request
// was already on its way, the alert is lost now and then to the reset that
// follows it.
func Probe(ctx context.Context, d *Dialer, host string, port int) (*Report, error) {
	quiet := *d
	quiet.Trace = nil
	conn, r, err := quiet.Dial(ctx, host, port)
	if err == nil {
		err = listen(ctx, conn, r, orDefault(d.ProbeWait, DefaultProbeWait))
		_ = conn.Close() // the answer is known
	}
	if d.Trace != nil {
		d.Trace(r)
	}
	return r, err
}

func listen(ctx context.Context, conn *tls.Conn, r *Report, wait time.Duration) error {
	begun := time.Now()
	_ = conn.SetReadDeadline(begun.Add(wait)) // fails on a closed connection, as Read will
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Now()) })
	defer stop()
	n, err := conn.Read(make([]byte, 1))
	var after time.Duration
	if len(r.Steps) > 0 {
		last := r.Steps[len(r.Steps)-1]
		after = last.After + last.Took
	}
	r.Steps = append(r.Steps, Step{Name: StepProbe, After: after, Took: time.Since(begun)})
	switch {
	case n > 0 || err == nil:
		return nil
	case ctx.Err() != nil:
		r.Failure = contextFailure(context.Cause(ctx), TimedOut, r.Host)
		return r.Failure
	case RemoteAlert(err) == nil && isTimeout(err):
		return nil
	}
	return r.Classify(err)
}

var errEnough = errors.New("the version is known")

// askVersion finds out what a peer speaks that has just refused TLS 1.3, in
// particular one that says no more than "handshake failure" (GnuTLS). It offers
// what older peers understand, reads the ServerHello and goes: no certificate is
// shown, no handshake is completed, nothing is sent.
func (t *dialing) askVersion(f *Failure) *Failure {
	addr, err := netip.ParseAddrPort(t.report.Remote)
	if err != nil {
		return f
	}
	ctx, cancel := context.WithTimeout(t.budget, 2*time.Second)
	defer cancel()
	raw, err := connect(ctx, addr)
	if err != nil {
		return f
	}
	defer func() { _ = raw.Close() }()
	w := &wire{Conn: raw}
	conn := tls.Client(w, &tls.Config{
		MinVersion:         tls.VersionTLS10, //nolint:gosec // to be told the version, not to use it
		MaxVersion:         tls.VersionTLS12, //nolint:gosec // the same
		InsecureSkipVerify: true,             //nolint:gosec // the handshake is never completed
		VerifyConnection:   func(tls.ConnectionState) error { return errEnough },
	})
	_ = conn.HandshakeContext(ctx) // never nil: VerifyConnection sees to it
	if v := w.in.version; v != 0 && v < tls.VersionTLS13 {
		c := *f
		c.Kind, c.Version = TLSVersion, v
		return &c
	}
	return f
}
