package trust

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"healthsync/pki"
)

// mutualConf is a phone's side of protocol version 2.
func (p *phone) mutualConf() *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(p.ca)
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{*tlsCert(p.serverKey, p.server, p.ca)},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    pool,
	}
}

func TestMutualConnects(t *testing.T) {
	p := newPhone(t)
	address, port := serveTLS(t, p.mutualConf(), func(c *tls.Conn) {
		_, _ = io.WriteString(c, c.ConnectionState().PeerCertificates[0].Subject.CommonName)
	})
	d := &Dialer{Trust: p.mutual(p.client), Resolver: names{"phone.local": {"8.8.8.8", "127.0.0.1"}}}
	for _, host := range []string{address, "phone.local"} {
		conn, r, err := d.Dial(t.Context(), host, port)
		if err != nil {
			t.Fatalf("%s: %v", host, err)
		}
		seen := must(io.ReadAll(conn))(t)
		_ = conn.Close()
		if string(seen) != "healthsync-client" {
			t.Errorf("the phone saw %q", seen)
		}
		if r.Version != "TLS 1.3" || r.Cipher == "" || strings.Contains(r.Group, "(") || len(r.Peer) != 2 ||
			r.Failure != nil || !r.ClientCertRequested || !r.ClientCertSent ||
			!r.Own.Equal(p.client) || !r.ServerCert().Equal(p.server) {
			t.Errorf("%s: report %+v", host, r)
		}
		if !slices.Equal(r.AcceptableCAs, []string{"CN=healthsync-ca"}) {
			t.Errorf("acceptable CAs %q", r.AcceptableCAs)
		}
		var steps []string
		for _, s := range r.Steps {
			steps = append(steps, s.Name)
		}
		want := []string{StepOwn, StepResolve, StepConnect, StepVerify, StepSign, StepTLS}
		if !slices.Equal(steps, want) || r.Took(StepVerify) > r.Took(StepTLS) || r.Took(StepTLS) <= 0 {
			t.Errorf("steps %+v", r.Steps)
		}
	}
}

// A stranger learns nothing: whoever is refused never sees a byte of ours
// beyond the handshake, nor our certificate.
func TestStrangerLearnsNothing(t *testing.T) {
	p, stranger := newPhone(t), newPhone(t)
	conf := stranger.mutualConf()
	conf.ClientAuth = tls.RequireAnyClientCert
	got := make(chan error, 1)
	conf.VerifyPeerCertificate = func([][]byte, [][]*x509.Certificate) error {
		t.Error("the certificate was shown to a stranger")
		return nil
	}
	host, port := serveTCP(t, func(c net.Conn) {
		got <- tls.Server(c, conf).Handshake()
	})
	r, err := dialOnce(t, &Dialer{Trust: p.mutual(p.client)}, host, port)
	if f := failure(t, err); f.Kind != OtherCA || f.Whose != Server || r.ClientCertSent {
		t.Errorf("got %v, %+v", err, r)
	}
	if a := remoteAlert(<-got); a != alertBadCertificate {
		t.Errorf("the stranger got %v", a)
	}
}

func TestDatesAdvisory(t *testing.T) {
	p := newPhone(t)
	expired := p.newClient(t, today, past)
	conf := p.mutualConf()
	conf.ClientAuth = tls.RequireAnyClientCert
	host, port := serveTLS(t, conf, nil)
	d := &Dialer{Trust: p.mutual(expired), DatesAdvisory: true, Now: func() time.Time { return today.AddDate(7, 0, 0) }}
	r, err := dialOnce(t, d, host, port)
	if err != nil {
		t.Fatal(err)
	}
	var whose []Whose
	for _, c := range r.Checks {
		if c.Failure != nil && !c.Enforced {
			whose = append(whose, c.Failure.Whose)
		}
	}
	if !slices.Equal(whose, []Whose{CA, Client, CA, Server}) {
		t.Errorf("dates of %v", whose)
	}
	d.Trust = newPhone(t).mutual(expired)
	if _, err := dialOnce(t, d, host, port); failure(t, err).Kind == Expired {
		t.Errorf("only dates are let pass, and they are not to blame: %v", err)
	}
}

// What a peer does in place of a handshake, as bytes on the wire.
func TestHandshakeFailures(t *testing.T) {
	p := newPhone(t)
	says := func(answer []byte) func(net.Conn) {
		return func(c net.Conn) { _, _ = c.Read(make([]byte, 4096)); _, _ = c.Write(answer) }
	}
	alert := func(a Alert) func(net.Conn) { return says([]byte{21, 3, 3, 0, 2, 2, byte(a)}) }
	// What a server of 2015 answers, one that knows no supported_versions.
	hello12 := append([]byte{22, 3, 3, 0, 42, 2, 0, 0, 38, 3, 3}, append(make([]byte, 32), 0, 0xc0, 0x2b, 0)...)
	for _, c := range []struct {
		name   string
		handle func(net.Conn)
		kind   Kind
	}{
		{"never answers", func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, HandshakeTimeout},
		{"closes", says(nil), CutShort},
		{"resets", func(c net.Conn) { says(nil)(c); _ = c.(*net.TCPConn).SetLinger(0) }, Reset},
		{"HTTP", says([]byte("HTTP/1.0 400 Bad Request\r\n\r\n")), NotTLS},
		{"SSH greets", func(c net.Conn) { _, _ = io.WriteString(c, "SSH-2.0-OpenSSH_9.7\r\n"); says(nil)(c) }, NotTLS},
		{"half a record", says([]byte{22, 3, 3, 0, 122, 2, 0}), CutShort},
		{"TLS 1.2 hello", says(hello12), TLSVersion},
		{"protocol version", alert(alertProtocolVersion), TLSVersion},
		{"handshake failure", alert(alertHandshakeFailure), TLSVersion},
		{"internal error", alert(80), PeerAlert},
		{"unknown name", alert(alertUnrecognizedName), NameMismatch},
	} {
		host, port := serveTCP(t, c.handle)
		r, err := dialOnce(t, &Dialer{Trust: p.mutual(p.client), Timeout: 300 * time.Millisecond}, host, port)
		f := failure(t, err)
		if f.Kind != c.kind || f.Addr == "" || f.Host != host || f.At.IsZero() || r.Failure != f {
			t.Errorf("%s: %s (%+v), want %s", c.name, f.Kind, f, c.kind)
		}
	}
}

func TestServerCertificateThatCannotBeRead(t *testing.T) {
	p := newPhone(t)
	conf := &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{{
		Certificate: [][]byte{{0x30, 3, 1, 1, 1}}, PrivateKey: p.serverKey,
	}}}
	host, port := serveTLS(t, conf, nil)
	_, err := dialOnce(t, &Dialer{Trust: p.mutual(p.client)}, host, port)
	if f := failure(t, err); f.Kind != Malformed || f.Whose != Server {
		t.Errorf("got %v", err)
	}
}

func TestSocketFailures(t *testing.T) {
	d := &Dialer{Trust: Pinned([32]byte{1}), Timeout: 2 * time.Second}
	l := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	host, closed := split(t, l.Addr().String())
	_ = l.Close()
	for _, c := range []struct {
		name, host string
		port       int
		kind       Kind
	}{
		{"nobody listens", host, closed, Refused},
		{"no such zone", "fe80::1%nosuchzone", 443, Unreachable},
		{"public", "192.0.2.1", 443, NotLocal},
		{"port 0", host, 0, Unreachable},
		{"port too large", host, 65536, Unreachable},
	} {
		_, err := dialOnce(t, d, c.host, c.port)
		if f := failure(t, err); f.Kind != c.kind {
			t.Errorf("%s: %s (%v), want %s", c.name, f.Kind, err, c.kind)
		}
	}
}

func TestCallerGivesUp(t *testing.T) {
	p := newPhone(t)
	ctx, cancel := context.WithCancel(t.Context())
	host, port := serveTCP(t, func(c net.Conn) { cancel(); _, _ = io.Copy(io.Discard, c) })
	_, _, err := (&Dialer{Trust: p.mutual(p.client)}).Dial(ctx, host, port)
	if f := failure(t, err); f.Kind != Canceled || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	soon, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	_, _, err = (&Dialer{Trust: p.mutual(p.client)}).Dial(soon, host, port)
	if f := failure(t, err); f.Kind != HandshakeTimeout || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestSecondAddressIsTried(t *testing.T) {
	p, stranger := newPhone(t), newPhone(t)
	_, port := serveTLS(t, stranger.mutualConf(), nil)
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.2:%d", port))
	if err != nil {
		t.Skipf("no second loopback address: %v", err) // macOS has 127.0.0.1 only
	}
	serveOn(t, l, func(c net.Conn) { _, _ = io.Copy(io.Discard, tls.Server(c, p.mutualConf())) })
	d := &Dialer{Trust: p.mutual(p.client), Resolver: names{
		"phone.local":   {"127.0.0.1", "127.0.0.3", "127.0.0.2"}, // a stranger, nobody, ours
		"nobody.local":  {"127.0.0.3", "127.0.0.4"},
		"strange.local": {"127.0.0.3", "127.0.0.1"},
	}}
	for _, c := range []struct {
		host     string
		kind     Kind
		attempts int
	}{
		{"phone.local", accepted, 3},
		{"nobody.local", Refused, 2},
		{"strange.local", OtherCA, 2}, // it says more than the one that is not there
	} {
		r, err := dialOnce(t, d, c.host, port)
		got := accepted
		if err != nil {
			got = failure(t, err).Kind
		}
		if got != c.kind || len(r.Attempts) != c.attempts {
			t.Errorf("%s: %v, %+v", c.host, err, r.Attempts)
		}
	}
}

func TestTraceAndText(t *testing.T) {
	p := newPhone(t)
	host, port := serveTLS(t, p.mutualConf(), nil)
	var text bytes.Buffer
	d := &Dialer{Trust: p.mutual(p.client), Trace: func(r *Report) { _, _ = r.WriteTo(&text) }}
	if _, err := dialOnce(t, d, host, port); err != nil {
		t.Fatal(err)
	}
	moved := p.newServer(t, []string{"x\x1b[31m\n.local"}, nil, today)
	conf := p.mutualConf()
	conf.Certificates = []tls.Certificate{*tlsCert(p.serverKey, moved, p.ca)}
	host, port = serveTLS(t, conf, nil)
	if _, err := dialOnce(t, d, host, port); failure(t, err).Kind != NameMismatch {
		t.Fatal(err)
	}
	for _, want := range []string{
		"tls: 127.0.0.1 port ", "trust mutual", "tried 127.0.0.1:", "connected", "TLS 1.3, TLS_",
		"server certificate 0: subject healthsync-server, issuer healthsync-ca, Valid",
		"server certificate 1: subject healthsync-ca, issuer healthsync-ca, Valid",
		"client certificate: subject healthsync-client", pki.FingerprintOf(p.client).String(),
		"client certificate: asked for and shown", "check chain: ok", "check name: ok", "check name: FAILED",
		"[name-mismatch]", "handshake",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is not in\n%s", want, text.String())
		}
	}
	if strings.ContainsRune(text.String(), 0x1b) {
		t.Error("a name of the peer reaches the terminal as it is")
	}
	for line := range strings.Lines(text.String()) {
		if !strings.HasPrefix(line, "tls: ") {
			t.Errorf("a line of its own: %q", line)
		}
	}
}

func TestKeyLogOnlyIfGiven(t *testing.T) {
	t.Setenv("SSLKEYLOGFILE", t.TempDir()+"/keys") // read by nobody here
	p := newPhone(t)
	host, port := serveTLS(t, p.mutualConf(), nil)
	var keys bytes.Buffer
	if _, err := dialOnce(t, &Dialer{Trust: p.mutual(p.client), KeyLog: &keys}, host, port); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(keys.String(), "CLIENT_TRAFFIC_SECRET_0 ") {
		t.Errorf("key log %q", keys.String())
	}
}
