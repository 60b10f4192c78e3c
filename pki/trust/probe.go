package trust

import (
	"context"
	"crypto/tls"
	"time"
)

// probeWait is how long [Probe] waits for an alert: it comes within one round
// trip of the handshake.
const probeWait = time.Second

// Probe asks whether the phone accepts this Mac: it makes the handshake, writes
// nothing and waits up to a second for an alert. Nil means that the phone has
// nothing against the certificate so far; a server that judges in HTTP says so
// only to a request. The error is nil or a [*Failure], the report never nil.
//
// This is the only sure way to the reason: of a connection on which a request
// was already on its way, the alert is lost now and then to the reset that
// follows it.
func Probe(ctx context.Context, d *Dialer, host string, port int) (*Report, error) {
	quiet := *d
	quiet.Trace = nil
	conn, r, err := quiet.Dial(ctx, host, port)
	if err == nil {
		err = awaitAlert(ctx, conn, r)
		_ = conn.Close() // the answer is known
	}
	if d.Trace != nil {
		d.Trace(r)
	}
	return r, err
}

func awaitAlert(ctx context.Context, conn *tls.Conn, r *Report) error {
	begun := time.Now()
	_ = conn.SetReadDeadline(begun.Add(probeWait)) // fails on a closed connection, as Read will
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Now()) })
	defer stop()
	n, err := conn.Read(make([]byte, 1))
	r.step(StepProbe, begun)
	switch {
	case n > 0 || err == nil:
		return nil
	case ctx.Err() != nil:
		r.Failure = contextFailure(context.Cause(ctx), TimedOut, r.Host)
		return r.Failure
	case remoteAlert(err) == 0 && isTimeout(err):
		return nil
	}
	return r.Classify(err)
}
