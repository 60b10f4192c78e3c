package trust

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"syscall"
	"time"
)

const (
	// DefaultTimeout is for finding, connecting and shaking hands together.
	DefaultTimeout = 10 * time.Second
	// connectTimeout is for connecting alone, all addresses together. It is the
	// phone's system that answers a SYN, however busy its app is; SYNs go out
	// after 0, 1 and 3 seconds (RFC 6298 sections 2.1 and 5.5), and the last has
	// another second.
	connectTimeout = 4 * time.Second
)

// Dialer opens connections to one phone. Its fields may not change while it is
// in use; it may be used by several goroutines.
type Dialer struct {
	// Trust says who is ours. Nil trusts nobody.
	Trust *Trust
	// Now is the clock that certificates are judged by; nil means time.Now.
	Now func() time.Time
	// Timeout bounds a dial, from the name to the end of the handshake, not
	// counting the time that the Mac's key takes to sign. 0 means
	// [DefaultTimeout], of which connecting may take 4 seconds. A deadline of the
	// caller's context holds as well, and counts everything.
	Timeout time.Duration
	// Resolver finds the addresses of `.local` names; nil means
	// net.DefaultResolver.
	Resolver Resolver
	// DatesAdvisory lets certificates out of date pass; [Report.Checks] notes
	// them. It is for one purpose: to ask the phone for its time when a date
	// seems wrong, before anyone's calendar is blamed. All else is enforced as
	// ever.
	DatesAdvisory bool
	// KeyLog, if set, receives the session secrets in the format of
	// SSLKEYLOGFILE. Whoever has them can read the connection.
	KeyLog io.Writer
	// Trace, if set, is called with the report of every dial, failed or not,
	// and of every probe. It may be called by several goroutines.
	Trace func(*Report)
}

func (d *Dialer) now() time.Time {
	if d.Now != nil {
		return d.Now()
	}
	return time.Now()
}

// Dial connects to host, an address or a `.local` name, and returns once the
// peer has proved to be ours. The report is never nil. The error is nil or a
// [*Failure].
//
// Only local addresses are connected to, whatever the host resolves to; no
// proxy is asked. If the host has several addresses, they are tried one after
// the other, and the next one also when the device at an address turns out not
// to be ours. Nothing has been sent to a peer but a ClientHello when it is
// refused.
//
// In TLS 1.3 a phone that refuses the Mac's certificate says so only after this
// returns, with the first read: see [Report.Classify] and [Probe].
func (d *Dialer) Dial(ctx context.Context, host string, port int) (*tls.Conn, *Report, error) {
	now := d.now()
	r := &Report{Host: trimHost(host), Port: port, Started: now, trust: d.Trust, now: d.now}
	one := &dial{
		Dialer: d, report: r,
		verifier: &verifier{trust: d.Trust, host: nameToVerify(host), now: now, lenient: d.DatesAdvisory, report: r},
	}
	conn, f := one.run(ctx)
	if f != nil {
		r.Failure = one.complete(f)
	}
	if d.Trace != nil {
		d.Trace(r)
	}
	if f != nil {
		return nil, r, r.Failure
	}
	return conn, r, nil
}

// dial is one dial on its way.
type dial struct {
	*Dialer
	report   *Report
	verifier *verifier
	timeout  *timeout
}

// complete fills in what the place of a failure did not know. The original is
// left alone: it may be part of the report's checks.
func (d *dial) complete(f *Failure) *Failure {
	c := *f
	if c.Host == "" {
		c.Host = d.report.Host
	}
	if c.Addr == "" {
		c.Addr = d.report.Remote
	}
	if c.At.IsZero() {
		c.At = d.verifier.now
	}
	return &c
}

func (d *dial) run(ctx context.Context) (*tls.Conn, *Failure) {
	if d.report.Port < 1 || d.report.Port > 65535 {
		return nil, &Failure{Kind: Unreachable, Err: fmt.Errorf("there is no port %d", d.report.Port)}
	}
	if d.Trust != nil && d.Trust.mode == mutual { // what this Mac brings along is judged before anything is dialled
		begun := time.Now()
		var f *Failure
		d.report.Own, f = d.verifier.own(d.Trust.client)
		d.report.step(StepOwn, begun)
		if f != nil {
			return nil, f
		}
	}
	whole, connecting := DefaultTimeout, connectTimeout
	if d.Timeout > 0 { // whoever asks for patience gets it
		whole, connecting = d.Timeout, d.Timeout
	}
	d.timeout = newTimeout(ctx, whole)
	defer d.timeout.stop()

	begun := time.Now()
	addrs, f := localHost(d.timeout, d.Resolver, d.report.Host)
	d.report.step(StepResolve, begun)
	if f != nil {
		return nil, f
	}
	var worst *Failure
	for i, a := range addrs {
		// Each address gets an equal share of the time that is left, so that one
		// that is silent does not hide the next.
		begun := time.Now()
		conn, f := d.connect(a, connecting/time.Duration(len(addrs)-i))
		connecting -= time.Since(begun)
		if f == nil {
			var secure *tls.Conn
			if secure, f = (&handshake{dial: d}).run(conn); f == nil {
				return secure, nil
			}
			f = d.complete(f)
		}
		worst = moreTelling(worst, f)
		if d.timeout.Err() != nil || !f.ofThisAddress() {
			break
		}
	}
	return nil, worst
}

// connect dials one address.
func (d *dial) connect(a netip.Addr, limit time.Duration) (net.Conn, *Failure) {
	addr := netip.AddrPortFrom(a, uint16(d.report.Port)) //nolint:gosec // checked to be 1..65535
	ctx, cancel := context.WithTimeout(d.timeout, limit)
	defer cancel()
	begun := time.Now()
	conn, err := dialTCP(ctx, addr)
	d.report.step(StepConnect, begun)
	d.report.Attempts = append(d.report.Attempts, Attempt{Addr: addr.String(), Took: time.Since(begun), Err: err})
	if err == nil {
		d.report.Remote = conn.RemoteAddr().String()
		return conn, nil
	}
	f := Classify(err)
	if d.timeout.Err() != nil {
		f = contextFailure(context.Cause(d.timeout), TimedOut, d.report.Host)
	}
	f.Host, f.Addr = d.report.Host, addr.String()
	return nil, f
}

// dialTCP checks the address once more where the socket is made, so that nothing
// between here and there can make it another.
func dialTCP(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	d := net.Dialer{Control: func(_, address string, _ syscall.RawConn) error { return checkDialled(address) }}
	return d.DialContext(ctx, "tcp", addr.String())
}

// ofThisAddress reports whether another address of the same host may fare
// better: nobody, or some other device, may be at this one.
func (f *Failure) ofThisAddress() bool {
	switch f.Kind {
	case Refused, Unreachable, TimedOut, Reset, CutShort, NotTLS, TLSVersion,
		FingerprintMismatch, CAMismatch, OtherCA, SelfSigned, BrokenChain, Malformed:
		return f.Whose != Client
	}
	return false
}

// moreTelling picks the failure to report of two addresses of one host: a peer
// that answered says more than one that did not.
func moreTelling(a, b *Failure) *Failure {
	rank := func(f *Failure) int {
		switch f.Kind {
		case Unreachable:
			return 0
		case TimedOut:
			return 1
		case Refused: // the device is there, which a time-out does not say
			return 2
		case Reset, CutShort, NotTLS:
			return 3
		case Canceled:
			return 5
		}
		return 4
	}
	if a == nil || rank(b) > rank(a) {
		return b
	}
	return a
}
