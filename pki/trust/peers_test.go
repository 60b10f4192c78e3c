package trust

import (
	"bufio"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"healthsync/pki"
	"healthsync/sync/simulator"
)

// row is one thing that can go wrong, as met with each peer.
type row struct {
	name string
	// meet brings the failure about and returns it, nil for a connection that
	// works.
	meet func(t *testing.T, c *column) *Failure
	want Kind // works, or a kind
	// but are the peers that cannot tell, with what is reported of them.
	but map[string]Kind
	// not are the peers that cannot be brought to do this.
	not []string
}

const works Kind = -1

// column is one peer, with what a Mac has to meet it.
type column struct {
	*peer
	files pkiFiles
	*cast
	running map[setup]int
}

// port gives a peer that runs as asked, started at the first call.
func (c *column) port(t *testing.T, s setup) int {
	t.Helper()
	if c.running[s] == 0 {
		c.running[s], _ = c.run(t, c.files.dir, s)
	}
	return c.running[s]
}

// ask makes a whole request: the probe for the peer's word on the client
// certificate if wanted, then HTTP.
func (c *column) ask(t *testing.T, d *Dialer, port int, probe bool) *Failure {
	t.Helper()
	if probe {
		if c.name == "nginx" { // never has a word to say: it judges in HTTP
			d.ProbeWait = 200 * time.Millisecond
		}
		if _, err := Probe(t.Context(), d, "127.0.0.1", port); err != nil {
			return failure(t, err)
		}
	}
	conn, r, err := d.Dial(t.Context(), "127.0.0.1", port)
	if err != nil {
		return failure(t, err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(conn, "GET / HTTP/1.0\r\nHost: phone.local\r\n\r\n") // what is wrong, the read will tell
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return r.Classify(err)
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		return r.Classify(err)
	}
	return r.ClassifyResponse(resp.StatusCode, body)
}

// cast are the certificates of the play.
type cast struct {
	*phone
	trust   *Trust
	begun   time.Time
	revoked *x509.Certificate
}

func (c *cast) dialer(t *Trust) *Dialer { return &Dialer{Trust: t, Timeout: 5 * time.Second} }

// at is a dialer whose clock is wrong by d.
func (c *cast) at(t *Trust, d time.Duration) *Dialer {
	return &Dialer{Trust: t, Timeout: 5 * time.Second, Now: func() time.Time { return time.Now().Add(d) }}
}

func newCast(t *testing.T) *cast {
	c := &cast{phone: newPhone(t), begun: time.Now().AddDate(0, -3, 0)}
	c.trust = c.mutual(c.client)
	c.revoked = c.newClient(t, c.begun)
	return c
}

// serverRow is a failure of the certificate that the server shows.
func serverRow(name string, want Kind, file string, make func(t *testing.T, c *column) ([]*x509.Certificate, *Dialer)) row {
	return row{name: name, want: want, meet: func(t *testing.T, c *column) *Failure {
		chain, d := make(t, c)
		if d == nil {
			d = c.dialer(c.trust)
		}
		return c.ask(t, d, c.port(t, setup{Server: c.files.write(t, file, c.serverKey, chain...)}), false)
	}}
}

// clientRow is a failure of the certificate that the Mac shows; the peer is in
// order and asks for one.
func clientRow(name string, want Kind, but map[string]Kind, make func(t *testing.T, c *column) *Dialer) row {
	return row{name: name, want: want, but: but, meet: func(t *testing.T, c *column) *Failure {
		d := make(t, c)
		return c.ask(t, d, c.port(t, setup{Server: "server", ClientCA: "ca", CRL: true}), true)
	}}
}

func rows() []row {
	server := func(c *column, t *testing.T, opts ...simulator.Option) *x509.Certificate {
		return c.newServer(t, []string{"phone.local"}, loopback, c.begun, opts...)
	}
	fp := pki.FingerprintOf
	const week = 7 * 24 * time.Hour
	return []row{
		clientRow("nothing is wrong", works, nil, func(_ *testing.T, c *column) *Dialer { return c.dialer(c.trust) }),
		serverRow("nothing is wrong, protocol 1 (pinned)", works, "v1", func(t *testing.T, c *column) ([]*x509.Certificate, *Dialer) {
			cert := must(simulator.NewSelfSignedV1(c.serverKey, c.begun.AddDate(-1, 0, 0)))(t) // out of date: told, not enforced
			return list509(cert), c.dialer(Pinned(fp(cert)))
		}),

		serverRow("server certificate expired", Expired, "expired", func(t *testing.T, c *column) ([]*x509.Certificate, *Dialer) {
			return list509(server(c, t, simulator.Valid(c.begun, time.Now().Add(-time.Hour))), c.ca), nil
		}),
		serverRow("server certificate not yet valid", NotYetValid, "future", func(t *testing.T, c *column) ([]*x509.Certificate, *Dialer) {
			return list509(server(c, t, simulator.Valid(time.Now().Add(time.Hour), time.Now().AddDate(1, 0, 0))), c.ca), nil
		}),
		serverRow("CA expired", Expired, "server", func(t *testing.T, c *column) ([]*x509.Certificate, *Dialer) {
			return list509(c.server, c.ca), c.at(c.trust, 6*366*24*time.Hour)
		}),
		serverRow("broken chain: intermediate missing", BrokenChain, "below", func(t *testing.T, c *column) ([]*x509.Certificate, *Dialer) {
			key := newKey(t)
			middle := sign(t, &x509.Certificate{BasicConstraintsValid: true, IsCA: true, KeyUsage: caUse}, "middle", c.ca, key.Public(), c.caKey)
			return list509(must(simulator.IssueServer(middle, key, c.serverKey.Public(), nil, loopback, c.begun))(t)), nil
		}),
		serverRow("broken chain: signature wrong", BrokenChain, "tampered", func(t *testing.T, c *column) ([]*x509.Certificate, *Dialer) {
			return list509(tamper(t, c.server), c.ca), nil
		}),
		serverRow("another CA (of another pairing, the same name)", OtherCA, "other", func(t *testing.T, c *column) ([]*x509.Certificate, *Dialer) {
			other := newPhone(t)
			other.serverKey = c.serverKey
			return list509(other.newServer(t, nil, loopback, c.begun), other.ca), nil
		}),
		serverRow("self-signed", SelfSigned, "self", func(t *testing.T, c *column) ([]*x509.Certificate, *Dialer) {
			return list509(must(simulator.NewSelfSignedV1(c.serverKey, c.begun))(t)), nil
		}),
		serverRow("name mismatch", NameMismatch, "moved", func(t *testing.T, c *column) ([]*x509.Certificate, *Dialer) {
			return list509(c.newServer(t, []string{"other.local"}, []netip.Addr{netip.MustParseAddr("10.9.9.9")}, c.begun), c.ca), nil
		}),
		serverRow("certificate not for servers", WrongUsage, "usage", func(t *testing.T, c *column) ([]*x509.Certificate, *Dialer) {
			return list509(server(c, t, simulator.Usage(x509.ExtKeyUsageClientAuth)), c.ca), nil
		}),
		serverRow("not our phone (fingerprint, protocol 1)", FingerprintMismatch, "server", func(t *testing.T, c *column) ([]*x509.Certificate, *Dialer) {
			return list509(c.server, c.ca), c.dialer(Pinned(fp(c.client)))
		}),
		serverRow("not the phone of the pairing code", FingerprintMismatch, "server", func(t *testing.T, c *column) ([]*x509.Certificate, *Dialer) {
			return list509(c.server, c.ca), c.dialer(Pairing(fp(c.client), fp(c.ca)))
		}),
		serverRow("not the CA of the pairing code", CAMismatch, "server", func(t *testing.T, c *column) ([]*x509.Certificate, *Dialer) {
			return list509(c.server, c.ca), c.dialer(Pairing(fp(c.server), fp(c.client)))
		}),

		clientRow("no client certificate in the vault", NoClientCert, nil, func(_ *testing.T, c *column) *Dialer {
			return c.dialer(Mutual(c.ca, Certificate(nil)))
		}),
		clientRow("no client certificate shown", NoClientCert, nil, func(_ *testing.T, c *column) *Dialer {
			return c.dialer(Pairing(fp(c.server), fp(c.ca)))
		}),
		clientRow("client certificate expired", Expired, nil, func(t *testing.T, c *column) *Dialer {
			return c.dialer(c.mutual(c.newClient(t, c.begun, simulator.Valid(c.begun, time.Now().Add(-time.Hour)))))
		}),
		clientRow("client certificate expired, this clock a week behind", Expired, map[string]Kind{"nginx": BadClientCert, "GnuTLS": BadClientCert}, func(t *testing.T, c *column) *Dialer {
			return c.at(c.mutual(c.newClient(t, c.begun, simulator.Valid(c.begun, time.Now().Add(-time.Hour)))), -week)
		}),
		clientRow("client certificate not yet valid", NotYetValid, nil, func(t *testing.T, c *column) *Dialer {
			return c.dialer(c.mutual(c.newClient(t, time.Now().Add(time.Hour))))
		}),
		clientRow("client certificate not yet valid, this clock a day ahead", NotYetValid,
			map[string]Kind{"OpenSSL": BadClientCert, "OpenSSL with CRL": BadClientCert, "nginx": BadClientCert, "GnuTLS": BadClientCert},
			func(t *testing.T, c *column) *Dialer {
				return c.at(c.mutual(c.newClient(t, time.Now().Add(time.Hour))), 24*time.Hour)
			}),
		clientRow("client certificate of another pairing", OtherCA, nil, func(t *testing.T, c *column) *Dialer {
			other := newPhone(t)
			return c.dialer(Mutual(c.ca, Certificate(tlsCert(other.clientKey, other.client))))
		}),
		{name: "client certificate of a CA the phone does not know", want: OtherCA, meet: func(t *testing.T, c *column) *Failure {
			return c.ask(t, c.dialer(c.trust), c.port(t, setup{Server: "server", ClientCA: "somebody"}), true)
		}},
		clientRow("client certificate revoked", Revoked, map[string]Kind{"OpenSSL": works}, func(_ *testing.T, c *column) *Dialer {
			return c.dialer(c.mutual(c.revoked))
		}),
		clientRow("client certificate not for clients", WrongUsage, nil, func(t *testing.T, c *column) *Dialer {
			return c.dialer(c.mutual(c.newClient(t, c.begun, simulator.Usage(x509.ExtKeyUsageServerAuth))))
		}),

		{name: "handshake never answered", want: HandshakeTimeout, meet: func(t *testing.T, c *column) *Failure {
			port, process := c.run(t, c.files.dir, setup{Server: "server"})
			stopProcess(t, process)
			d := c.dialer(c.trust)
			d.Timeout = 600 * time.Millisecond
			return c.ask(t, d, port, false)
		}},
		{name: "TLS 1.2 only", want: TLSVersion, meet: func(t *testing.T, c *column) *Failure {
			return c.ask(t, c.dialer(c.trust), c.port(t, setup{Server: "server", ClientCA: "ca", TLS12: true}), false)
		}},
		{name: "not TLS at all", want: NotTLS, not: []string{"OpenSSL", "OpenSSL with CRL", "GnuTLS"}, meet: func(t *testing.T, c *column) *Failure {
			return c.ask(t, c.dialer(c.trust), c.port(t, setup{Server: "server", Plain: true}), false)
		}},
		{name: "nobody listens any more", want: Refused, meet: func(t *testing.T, c *column) *Failure {
			port, process := c.run(t, c.files.dir, setup{Server: "server"})
			killProcess(t, process, port)
			return c.ask(t, c.dialer(c.trust), port, false)
		}},
		{name: "no way to the address", want: Unreachable, meet: func(t *testing.T, c *column) *Failure {
			port := c.port(t, setup{Server: "server", ClientCA: "ca", CRL: true})
			_, _, err := c.dialer(c.trust).Dial(t.Context(), "10.9.9.9", port) // no route in this namespace
			return failure(t, err)
		}},
		{name: "reset: the phone dies in the handshake", want: Reset, meet: func(t *testing.T, c *column) *Failure {
			port, process := c.run(t, c.files.dir, setup{Server: "server"})
			stopProcess(t, process)
			time.AfterFunc(400*time.Millisecond, func() { _ = process.Kill() }) // the ClientHello is unread
			return c.ask(t, c.dialer(c.trust), port, false)
		}},
		{name: "reset in the middle of an answer", want: Reset, meet: cut(true)},
		{name: "cut short in the handshake", want: CutShort, meet: func(t *testing.T, c *column) *Failure {
			return c.ask(t, c.dialer(c.trust), newRelay(t, 0, true, false).port, false)
		}},
		{name: "cut short in the middle of an answer", want: CutShort, meet: cut(false)},
	}
}

// cut lets the handshake through and ends the connection within the answer.
func cut(reset bool) func(*testing.T, *column) *Failure {
	return func(t *testing.T, c *column) *Failure {
		r := newRelay(t, c.port(t, setup{Server: "server", ClientCA: "ca", CRL: true}), false, reset)
		d := c.dialer(c.trust)
		d.Trace = func(*Report) { r.armed.Store(true) } // the handshake is done
		return c.ask(t, d, r.port, false)
	}
}

func stopProcess(t *testing.T, p *os.Process) {
	t.Helper()
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
}

func killProcess(t *testing.T, p *os.Process, port int) {
	t.Helper()
	_ = p.Kill()
	for range 500 {
		conn, err := connect(t.Context(), netip.AddrPortFrom(loopback[0], uint16(port))) //nolint:gosec // a port
		if errors.Is(err, syscall.ECONNREFUSED) {
			return
		}
		if err == nil {
			_ = conn.Close()
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the peer does not go away")
}

// TestPeers meets every failure with every peer. With HEALTHSYNC_PEERS_MATRIX
// set to a path it writes the table there; otherwise it compares it with the
// one in docs.
func TestPeers(t *testing.T) {
	if testing.Short() {
		t.Skip("starts some 60 servers")
	}
	if !isolate(t) {
		return
	}
	cast := newCast(t)
	files := pkiFiles{t.TempDir()}
	files.write(t, "server", cast.serverKey, cast.server, cast.ca)
	files.write(t, "ca", nil, cast.ca)
	files.revoke(t, "ca", cast.phone, cast.revoked)
	files.write(t, "somebody", nil, newPhone(t, simulator.CommonName("somebody-ca")).ca)

	table := newTable(rows(), peers)
	t.Run("each", func(t *testing.T) {
		for i := range peers {
			t.Run(peers[i].name, func(t *testing.T) {
				t.Parallel()
				// Each peer has its own files: rows write theirs.
				own := pkiFiles{t.TempDir()}
				if err := os.CopyFS(own.dir, os.DirFS(files.dir)); err != nil {
					t.Fatal(err)
				}
				meetAll(t, &column{peer: &peers[i], files: own, cast: cast, running: map[setup]int{}}, table, i)
			})
		}
	})
	if t.Failed() {
		return
	}
	table.keep(t)
}

func meetAll(t *testing.T, c *column, table *table, index int) {
	t.Helper()
	for n, r := range table.rows {
		want, other := r.but[c.name]
		if !other {
			want = r.want
		}
		cell := "–"
		if !contains(r.not, c.name) {
			f := r.meet(t, c)
			got := works
			if f != nil {
				got = f.Kind
			}
			if got != want {
				t.Errorf("%s, %s: %v (%v), want %v", c.name, r.name, got, f, want)
			}
			cell = cellOf(f)
		}
		table.set(n, index, cell)
	}
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}
