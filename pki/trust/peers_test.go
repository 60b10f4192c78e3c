package trust

import (
	"bufio"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"time"

	"healthsync/pki"
	"healthsync/sync/simulator"
)

// row is one thing that can go wrong, as met with each peer.
type row struct {
	name string
	want Kind // accepted, or what is reported
	// but are the peers that cannot tell, with what is reported of them.
	but map[string]Kind
	// not are the peers that cannot be brought to do this.
	not []string

	// setup is how the peer runs, chain what it shows if that is out of order. By
	// default it is in order and judges the Mac's certificate.
	setup setup
	chain certs
	// trust is the Mac's, nil that of the pairing; ahead is how far its clock is
	// wrong.
	trust *Trust
	ahead time.Duration
	// meet, if set, brings the failure about and returns it.
	meet func(t *testing.T, c *column, d *Dialer) *Failure
}

var (
	inOrder = setup{Server: "server", ClientCA: "ca", CRL: true}
	alone   = setup{Server: "server"}
)

// column is one peer with its running programs.
type column struct {
	*peer
	dir     string // of the certificates
	running map[setup]int
}

// port gives a peer that runs as asked, started at the first call.
func (c *column) port(t *testing.T, s setup) int {
	t.Helper()
	if c.running[s] == 0 {
		c.running[s], _ = c.run(t, c.dir, s)
	}
	return c.running[s]
}

// ask makes a whole request: if the peer judges the Mac's certificate, the probe
// for its word on it, then HTTP.
func (c *column) ask(t *testing.T, d *Dialer, port int, judges bool) *Failure {
	t.Helper()
	if judges && c.name != "nginx" { // which judges in HTTP
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

func rows(t *testing.T, p *phone, revoked *x509.Certificate) []row {
	const day = 24 * time.Hour
	const vague = BadClientCert
	now := time.Now()
	begun, anHourAgo := now.AddDate(0, -3, 0), now.Add(-time.Hour)
	inAnHour, inAYear := now.Add(time.Hour), now.AddDate(1, 0, 0)
	server := func(opts ...simulator.Option) certs {
		return certs{p.newServer(t, []string{"phone.local"}, loopback, begun, opts...), p.ca}
	}
	client := func(begun time.Time, opts ...simulator.Option) *Trust {
		return p.mutual(p.newClient(t, begun, opts...))
	}
	expired := client(begun, simulator.Valid(begun, anHourAgo))
	old := must(simulator.NewSelfSignedV1(p.serverKey, begun.AddDate(-1, 0, 0)))(t) // out of date: noted, not enforced
	pinned := Pinned(pki.FingerprintOf(old))
	self := must(simulator.NewSelfSignedV1(p.serverKey, begun))(t)
	_, below := p.intermediate(t)
	other := newPhone(t)
	otherClient := Mutual(p.ca, tlsCert(other.clientKey, other.client))
	other.serverKey = p.serverKey
	otherServer := certs{other.newServer(t, nil, loopback, begun), other.ca}
	moved := p.newServer(t, []string{"other.local"}, []netip.Addr{netip.MustParseAddr("10.9.9.9")}, begun)
	leaf, ca, wrong := pki.FingerprintOf(p.server), pki.FingerprintOf(p.ca), pki.FingerprintOf(p.client)
	return append([]row{
		{name: "nothing is wrong", want: accepted},
		{name: "nothing is wrong, protocol 1 (pinned)", want: accepted, chain: certs{old}, trust: pinned},

		{name: "server certificate expired", want: Expired, chain: server(simulator.Valid(begun, anHourAgo))},
		{name: "server certificate not yet valid", want: NotYetValid, chain: server(simulator.Valid(inAnHour, inAYear))},
		{name: "CA expired", want: Expired, ahead: 6 * 366 * day},
		{name: "broken chain: intermediate missing", want: BrokenChain, chain: certs{below}},
		{name: "broken chain: signature wrong", want: BrokenChain, chain: certs{tamper(t, p.server), p.ca}},
		{name: "another CA (of another pairing, the same name)", want: OtherCA, chain: otherServer},
		{name: "self-signed", want: SelfSigned, chain: certs{self}},
		{name: "name mismatch", want: NameMismatch, chain: certs{moved, p.ca}},
		{name: "certificate not for servers", want: WrongUsage, chain: server(simulator.Usage(x509.ExtKeyUsageClientAuth))},
		{name: "not our phone (fingerprint, protocol 1)", want: FingerprintMismatch, trust: Pinned(wrong)},
		{name: "not the phone of the pairing code", want: FingerprintMismatch, trust: Pairing(wrong, ca)},
		{name: "not the CA of the pairing code", want: CAMismatch, trust: Pairing(leaf, wrong)},

		{name: "no client certificate in the vault", want: NoClientCert, trust: Mutual(p.ca, nil)},
		{name: "no client certificate shown", want: NoClientCert, trust: Pairing(leaf, ca)},
		{name: "client certificate expired", want: Expired, trust: expired},
		{name: "client certificate expired, this clock a week behind", want: Expired,
			but: map[string]Kind{"nginx": vague, "GnuTLS": vague}, trust: expired, ahead: -7 * day},
		{name: "client certificate not yet valid", want: NotYetValid, trust: client(inAnHour)},
		{name: "client certificate not yet valid, this clock a day ahead", want: NotYetValid,
			but:   map[string]Kind{"OpenSSL": vague, "OpenSSL with CRL": vague, "nginx": vague, "GnuTLS": vague},
			trust: client(inAnHour), ahead: day},
		{name: "client certificate of another pairing", want: OtherCA, trust: otherClient},
		{name: "client certificate of a CA the phone does not know", want: OtherCA,
			setup: setup{Server: "server", ClientCA: "somebody"}},
		{name: "client certificate revoked", want: Revoked, but: map[string]Kind{"OpenSSL": accepted},
			trust: p.mutual(revoked)},
		{name: "client certificate not for clients", want: WrongUsage,
			trust: client(begun, simulator.Usage(x509.ExtKeyUsageServerAuth))},
	}, transportRows...)
}

// transportRows are the failures that are not about certificates.
var transportRows = []row{
	{name: "handshake never answered", want: HandshakeTimeout, meet: func(t *testing.T, c *column, d *Dialer) *Failure {
		port, process := c.run(t, c.dir, alone)
		_ = process.Signal(syscall.SIGSTOP)
		d.Timeout = 600 * time.Millisecond
		return c.ask(t, d, port, false)
	}},
	{name: "TLS 1.2 only", want: TLSVersion, setup: setup{Server: "server", ClientCA: "ca", TLS12: true}},
	{name: "not TLS at all", want: NotTLS, not: []string{"OpenSSL", "OpenSSL with CRL", "GnuTLS"},
		setup: setup{Server: "server", Plain: true}},
	{name: "nobody listens any more", want: Refused, meet: func(t *testing.T, c *column, d *Dialer) *Failure {
		port, process := c.run(t, c.dir, alone)
		_ = process.Kill()
		untilRefused(t, port)
		return c.ask(t, d, port, false)
	}},
	{name: "no way to the address", want: Unreachable, meet: func(t *testing.T, c *column, d *Dialer) *Failure {
		_, _, err := d.Dial(t.Context(), "10.9.9.9", c.port(t, inOrder)) // no route in this namespace
		return failure(t, err)
	}},
	{name: "reset: the phone dies in the handshake", want: Reset, meet: func(t *testing.T, c *column, d *Dialer) *Failure {
		port, process := c.run(t, c.dir, alone)
		_ = process.Signal(syscall.SIGSTOP)
		time.AfterFunc(400*time.Millisecond, func() { _ = process.Kill() }) // the ClientHello is unread
		return c.ask(t, d, port, false)
	}},
	{name: "reset in the middle of an answer", want: Reset, meet: cut(true)},
	{name: "cut short in the handshake", want: CutShort, meet: func(t *testing.T, c *column, d *Dialer) *Failure {
		return c.ask(t, d, newRelay(t, 0, false).port, false)
	}},
	{name: "cut short in the middle of an answer", want: CutShort, meet: cut(false)},
}

// cut lets the handshake through and ends the connection within the answer.
func cut(reset bool) func(*testing.T, *column, *Dialer) *Failure {
	return func(t *testing.T, c *column, d *Dialer) *Failure {
		r := newRelay(t, c.port(t, inOrder), reset)
		d.Trace = func(*Report) { r.armed.Store(true) } // the handshake is done
		return c.ask(t, d, r.port, false)
	}
}

// untilRefused waits until nobody listens on a port any more.
func untilRefused(t *testing.T, port int) {
	t.Helper()
	for range 500 {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
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

// TestPeers meets every failure with every peer and compares what is reported of
// it with the table in docs.
func TestPeers(t *testing.T) {
	if testing.Short() {
		t.Skip("long: make test-all")
	}
	if !isolate(t) {
		return
	}
	p := newPhone(t)
	revoked := p.newClient(t, time.Now().AddDate(0, -3, 0))
	files := pkiFiles{t.TempDir()}
	files.write(t, "server", p.serverKey, p.server, p.ca)
	files.write(t, "ca", nil, p.ca)
	files.revoke(t, "ca", p, revoked)
	files.write(t, "somebody", nil, newPhone(t, simulator.CommonName("somebody-ca")).ca)

	all := rows(t, p, revoked)
	cells := make([][]string, len(all))
	for n := range all {
		cells[n] = make([]string, len(peers))
		if r := &all[n]; r.chain != nil {
			r.setup.Server = fmt.Sprint("row", n)
			files.write(t, r.setup.Server, p.serverKey, r.chain...)
		} else if r.setup.Server == "" {
			r.setup = inOrder
		}
	}
	t.Run("each", func(t *testing.T) {
		for i := range peers {
			t.Run(peers[i].name, func(t *testing.T) {
				t.Parallel()
				c := &column{peer: &peers[i], dir: files.dir, running: map[setup]int{}}
				for n, r := range all {
					cells[n][i] = c.meet(t, r, p)
				}
			})
		}
	})
	if !t.Failed() {
		checkPage(t, all, cells)
	}
}

// meet brings a failure about and gives its cell of the table.
func (c *column) meet(t *testing.T, r row, p *phone) string {
	t.Helper()
	if slices.Contains(r.not, c.name) {
		return "–"
	}
	d := &Dialer{Trust: r.trust, Timeout: 5 * time.Second, Now: func() time.Time { return time.Now().Add(r.ahead) }}
	if d.Trust == nil {
		d.Trust = p.mutual(p.client)
	}
	var f *Failure
	if r.meet != nil {
		f = r.meet(t, c, d)
	} else {
		f = c.ask(t, d, c.port(t, r.setup), r.setup.ClientCA != "")
	}
	got := accepted
	if f != nil {
		got = f.Kind
	}
	want, other := r.but[c.name]
	if !other {
		want = r.want
	}
	if got != want {
		t.Errorf("%s, %s: %v (%v), want %v", c.name, r.name, got, f, want)
	}
	return cellOf(f)
}
