package trust

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"healthsync/pki"
)

// The time limits of a [Dialer] that sets none.
const (
	// DefaultTimeout is for finding, connecting and shaking hands together.
	DefaultTimeout = 10 * time.Second
	// DefaultConnectTimeout is for connecting alone. It is the phone's system
	// that answers a SYN, however busy its app is; SYNs go out after 0, 1 and 3
	// seconds (RFC 6298 sections 2.1 and 5.5), and the last has another second.
	DefaultConnectTimeout = 4 * time.Second
	// DefaultSignTimeout is for the Mac's key: a keychain may ask its owner,
	// who needs time to read the question.
	DefaultSignTimeout = 60 * time.Second
	// DefaultProbeWait is how long [Probe] waits for an alert.
	DefaultProbeWait = time.Second
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
	// [DefaultTimeout]. A deadline of the caller's context holds as well, and
	// counts everything.
	Timeout time.Duration
	// ConnectTimeout bounds the connecting alone, all addresses together. 0 means
	// [DefaultConnectTimeout], or no bound of its own where Timeout is set: who
	// asks for patience gets it.
	ConnectTimeout time.Duration
	// SignTimeout bounds the signature; 0 means [DefaultSignTimeout].
	SignTimeout time.Duration
	// ProbeWait is how long [Probe] waits; 0 means [DefaultProbeWait].
	ProbeWait time.Duration
	// Resolver finds the addresses of `.local` names; nil means
	// net.DefaultResolver.
	Resolver Resolver
	// DatesAdvisory lets certificates out of date pass and notes them in
	// [Report.Dates]. It is for one purpose: to ask the phone for its time when
	// a date seems wrong, before anyone's calendar is blamed. All else is
	// enforced as ever.
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

func orDefault(d, def time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return def
}

// connectTimeout is how long connecting may take.
func (d *Dialer) connectTimeout() time.Duration {
	return orDefault(d.ConnectTimeout, orDefault(d.Timeout, DefaultConnectTimeout))
}

// Dial connects to host, an address or a `.local` name, and returns once the
// peer has proved to be ours. The report is never nil. The error is nil or a
// [*Failure].
//
// Only local addresses are connected to, whatever the host resolves to; no
// proxy is asked. If the host has several addresses, they are tried as RFC 8305
// says, and the next one also when the device at an address turns out not to be
// ours. Nothing has been sent to a peer but a ClientHello when it is refused.
//
// In TLS 1.3 a phone that refuses the Mac's certificate says so only after this
// returns, with the first read: see [Report.Classify] and [Probe].
func (d *Dialer) Dial(ctx context.Context, host string, port int) (*tls.Conn, *Report, error) {
	conn, r := d.dial(ctx, host, port)
	if d.Trace != nil {
		d.Trace(r)
	}
	if r.Failure != nil {
		return nil, r, r.Failure
	}
	return conn, r, nil
}

// DialTLSContext has the form that net/http's Transport wants. The network is
// always tcp.
func (d *Dialer) DialTLSContext(ctx context.Context, _, addr string) (net.Conn, error) {
	host, service, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, &Failure{Kind: NotLocal, Host: addr, At: d.now(), Err: err}
	}
	port, err := strconv.Atoi(service)
	if err != nil {
		return nil, &Failure{Kind: NotLocal, Host: host, At: d.now(), Err: err}
	}
	conn, _, err := d.Dial(ctx, host, port)
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// dialing is one dial on its way.
type dialing struct {
	*Dialer
	report *Report
	judge  *judge
	begun  time.Time
	budget *budget
	own    *tls.Certificate // nil if none is to be shown
}

func (d *Dialer) dial(ctx context.Context, host string, port int) (*tls.Conn, *Report) {
	now := d.now()
	r := &Report{Host: trimHost(host), Port: port, Trust: d.Trust.String(), Started: now, now: d.now}
	t := &dialing{
		Dialer: d, report: r, begun: time.Now(),
		judge: &judge{trust: d.Trust, host: nameToVerify(host), now: now, lenient: d.DatesAdvisory, report: r},
	}
	conn, f := t.run(ctx, port)
	if f != nil {
		r.Failure = t.complete(f)
	}
	return conn, r
}

// complete fills in what the place of a failure did not know. The original is
// left alone: it may be part of the report's checks.
func (t *dialing) complete(f *Failure) *Failure {
	c := *f
	if c.Host == "" {
		c.Host = t.report.Host
	}
	if c.Addr == "" {
		c.Addr = t.report.Remote
	}
	if c.At.IsZero() {
		c.At = t.judge.now
	}
	return &c
}

func (t *dialing) step(name string, begun time.Time, took time.Duration) {
	t.report.Steps = append(t.report.Steps, Step{Name: name, After: begun.Sub(t.begun), Took: took})
}

func (t *dialing) run(ctx context.Context, port int) (*tls.Conn, *Failure) {
	if port < 1 || port > 65535 {
		return nil, &Failure{Kind: Unreachable, Err: fmt.Errorf("there is no port %d", port)}
	}
	if f := t.prepare(ctx); f != nil {
		return nil, f
	}
	t.budget = newBudget(ctx, orDefault(t.Timeout, DefaultTimeout))
	defer t.budget.stop()

	begun := time.Now()
	addrs, f := localHost(t.budget, t.Resolver, t.report.Host)
	t.step(StepResolve, begun, time.Since(begun))
	if f != nil {
		return nil, f
	}
	addrs = interleave(addrs)
	t.report.Resolved = slices.Clone(addrs)

	var worst *Failure
	for len(addrs) > 0 {
		begun = time.Now()
		conn, winner, f := t.race(addrs, port)
		t.step(StepConnect, begun, time.Since(begun))
		if f != nil {
			return nil, moreTelling(worst, f)
		}
		t.report.Local, t.report.Remote = conn.LocalAddr().String(), conn.RemoteAddr().String()
		secure, f := t.handshake(conn)
		if f == nil {
			return secure, nil
		}
		worst = moreTelling(worst, t.complete(f))
		if !f.ofThisAddress() {
			break
		}
		addrs = slices.DeleteFunc(addrs, func(a netip.Addr) bool { return a == winner })
	}
	return nil, worst
}

// ofThisAddress reports whether another address of the same host may fare
// better: some other device may be at this one.
func (f *Failure) ofThisAddress() bool {
	switch f.Kind {
	case Reset, CutShort, NotTLS, TLSVersion, FingerprintMismatch, CAMismatch, OtherCA, SelfSigned, BrokenChain, Malformed:
		return f.Whose != Client
	}
	return false
}

// moreTelling picks the failure to report of two addresses of one host: a peer
// that answered says more than one that did not.
func moreTelling(a, b *Failure) *Failure {
	if a == nil || rank(b.Kind) > rank(a.Kind) {
		return b
	}
	return a
}

func rank(k Kind) int {
	switch k {
	case Canceled:
		return 5
	case Unreachable:
		return 0
	case TimedOut:
		return 1
	case Refused: // the device is there, which a time-out does not say
		return 2
	case Reset, CutShort, NotTLS:
		return 3
	}
	return 4
}

// prepare finds and judges what this Mac brings along, before anything is
// dialled.
func (t *dialing) prepare(ctx context.Context) *Failure {
	if t.Trust == nil || t.Trust.mode != mutual {
		return nil
	}
	begun := time.Now()
	defer func() { t.step(StepOwn, begun, time.Since(begun)) }()
	t.report.ca = t.Trust.root
	var cert *tls.Certificate
	if t.Trust.client != nil {
		var err error
		if cert, err = t.Trust.client(ctx); err != nil {
			if errors.Is(err, context.Canceled) && ctx.Err() != nil {
				return &Failure{Kind: Canceled, Err: err}
			}
			return &Failure{Kind: KeyUnavailable, Whose: Client, Err: err}
		}
	}
	leaf, f := t.judge.own(cert)
	if leaf != nil {
		t.report.Own = []*x509.Certificate{leaf}
		for _, der := range cert.Certificate[1:] {
			if c, err := pki.ParseCertificate(der); err == nil {
				t.report.Own = append(t.report.Own, c)
			}
		}
		for _, c := range t.report.Own {
			t.report.LocalChain = append(t.report.LocalChain, pki.Inspect(c, t.judge.now, pki.InspectOptions{Issuer: t.Trust.root}))
		}
	}
	t.own = cert
	return f
}
