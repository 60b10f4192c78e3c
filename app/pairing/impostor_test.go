package pairing_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"healthsync/app/pairing"
	"healthsync/app/problem"
	"healthsync/pki/trust"
	"healthsync/sync/bonjour"
	"healthsync/sync/simulator"
	"healthsync/sync/testenv"
)

// announcements is a Finder that has found these.
type announcements []bonjour.Instance

func (a announcements) Find(ctx context.Context, _ time.Duration, match func(bonjour.Instance) bool) (bonjour.Instance, bool, error) {
	for _, i := range a {
		if match(i) {
			return i, true, nil
		}
	}
	return bonjour.Instance{}, false, nil
}

func (a announcements) Watch(ctx context.Context, _ bonjour.WatchOptions, _ func(bonjour.Event)) error {
	<-ctx.Done()
	return ctx.Err()
}

// recorder is a device that answers as somebody else, and writes down all that
// it is given. With a phone behind it, it passes on what it can read.
type recorder struct {
	ln     net.Listener
	config *tls.Config
	behind string // host:port of a phone; "" for none

	mu       sync.Mutex
	raw      bytes.Buffer // what came in on the wire, all connections
	read     bytes.Buffer // what could be read: application data
	shaken   int          // handshakes that came to their end
	attempts int
	certs    int // client certificates shown
	wg       sync.WaitGroup
}

func record(t *testing.T, addr string, cert *tls.Certificate, behind string) *recorder {
	t.Helper()
	ln, err := net.Listen("tcp", addr)
	must(t, err)
	r := &recorder{ln: ln, behind: behind}
	if cert != nil {
		r.config = &tls.Config{Certificates: []tls.Certificate{*cert}, MinVersion: tls.VersionTLS13, ClientAuth: tls.RequestClientCert}
	}
	r.wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			r.wg.Go(func() { r.serve(c) })
		}
	})
	t.Cleanup(func() { ln.Close(); r.wg.Wait() })
	return r
}

func (r *recorder) port() int { return r.ln.Addr().(*net.TCPAddr).Port }

// tapped notes what is read from the wire.
type tapped struct {
	net.Conn
	r *recorder
}

func (c tapped) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.r.mu.Lock()
	c.r.raw.Write(b[:n])
	c.r.mu.Unlock()
	return n, err
}

func (r *recorder) serve(c net.Conn) {
	defer c.Close()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	r.mu.Lock()
	r.attempts++
	r.mu.Unlock()
	if r.config == nil { // it speaks no TLS
		io.WriteString(c, "220 printer ready\r\n")
		io.Copy(io.Discard, tapped{c, r})
		return
	}
	s := tls.Server(tapped{c, r}, r.config)
	err := s.Handshake()
	r.mu.Lock()
	if err == nil {
		r.shaken++
	}
	r.certs += len(s.ConnectionState().PeerCertificates)
	r.mu.Unlock()
	if err != nil {
		return
	}
	var phone *tls.Conn
	if r.behind != "" { // as a proxy does, before anything is said
		if phone, err = tls.Dial("tcp", r.behind, &tls.Config{InsecureSkipVerify: true}); err != nil {
			return
		}
		defer phone.Close()
	}
	buf := make([]byte, 4096)
	for {
		n, err := s.Read(buf)
		r.mu.Lock()
		r.read.Write(buf[:n])
		r.mu.Unlock()
		if phone != nil && n > 0 {
			phone.Write(buf[:n])
		}
		if err != nil {
			return
		}
	}
}

// silent fails the test if anything but the beginning of a handshake came in.
func (r *recorder) silent(t *testing.T, what string, secrets [][]byte) {
	t.Helper()
	r.ln.Close()
	r.wg.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.attempts == 0 {
		t.Errorf("%s: nobody came by, so that nothing is proved", what)
	}
	if r.read.Len() > 0 || r.certs > 0 {
		t.Errorf("%s: it was sent %q and %d certificates", what, r.read.String(), r.certs)
	}
	for _, s := range secrets {
		if len(s) > 8 && bytes.Contains(r.raw.Bytes(), s) {
			t.Errorf("%s: a secret is on the wire", what)
		}
	}
	for _, word := range []string{"POST", "GET ", "HTTP/", "Authorization", "Bearer", "csr", "CERTIFICATE REQUEST"} {
		if bytes.Contains(r.raw.Bytes(), []byte(word)) {
			t.Errorf("%s: %q is on the wire", what, word)
		}
	}
}

// key is a new one.
func key(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := simulator.GenerateKey()
	must(t, err)
	return k
}

// forged makes a server certificate as the iPhone app does, with another CA.
func forged(t *testing.T, protocol int) *tls.Certificate {
	t.Helper()
	leafKey := key(t)
	if protocol == 1 {
		cert, err := simulator.NewSelfSignedV1(leafKey, time.Now())
		must(t, err)
		return &tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: leafKey}
	}
	caKey := key(t)
	ca, err := simulator.NewCA(caKey, time.Now())
	must(t, err)
	leaf, err := simulator.IssueServer(ca, caKey, leafKey.Public(), []string{"anas-iphone.local"}, []netip.Addr{loopback, netip.MustParseAddr("127.0.0.2")}, time.Now())
	must(t, err)
	return &tls.Certificate{Certificate: [][]byte{leaf.Raw, ca.Raw}, PrivateKey: leafKey}
}

// stolen is the iPhone's own certificate, as anyone can copy it from a
// handshake, without its key.
func (b *bench) stolen() *tls.Certificate {
	b.Helper()
	r, err := b.computer.Observe(b.Context(), pairing.Place{Host: "127.0.0.1", Port: b.phone.Port()}, offline)
	must(b, err)
	cert := &tls.Certificate{PrivateKey: key(b)}
	for _, c := range r.Peer {
		cert.Certificate = append(cert.Certificate, c.Raw)
	}
	return cert
}

// web is a certificate of no iPhone at all.
func web(t *testing.T) *tls.Certificate {
	t.Helper()
	k := key(t)
	ca, err := simulator.NewCA(k, time.Now(), simulator.CommonName("router.lan"))
	must(t, err)
	return &tls.Certificate{Certificate: [][]byte{ca.Raw}, PrivateKey: k}
}

// reached asks the iPhone while that is announced, and gives where it was followed to.
func (b *bench) reached(finder pairing.Finder) (moved []pairing.Place, err error) {
	b.Helper()
	l, err := b.computer.Link(b.Context(), pairing.LinkOptions{Finder: finder, Timeout: 2 * time.Second, Moved: func(_, to pairing.Place) { moved = append(moved, to) }})
	must(b, err)
	_, err = l.Reach(b.Context())
	return moved, err
}

// secretsOf are what must never be seen by anybody else.
func (b *bench) secretsOf() [][]byte {
	b.Helper()
	var out [][]byte
	for _, name := range b.items() {
		if s, err := b.vault.Get(b.Context(), name); err == nil {
			out = append(out, s)
		}
	}
	return out
}

// A device that pretends to be the iPhone gets the beginning of a handshake and no
// byte more, and is reported for what it is.
func TestImpostors(t *testing.T) {
	elsewhere := "127.0.0.2"
	if runtime.GOOS != "linux" {
		elsewhere = "" // other systems have one loopback address
	}
	for _, protocol := range []int{1, 2} {
		forger := func(b *bench) *tls.Certificate { return forged(b.T, protocol) }
		router := func(b *bench) *tls.Certificate { return web(b.T) }
		rekeyed := problem.CertFingerprintMismatch
		if protocol == 2 {
			rekeyed = problem.CertSignatureInvalid
		}
		for _, c := range []struct {
			name string
			// from is where the pretender is: the stored place, the stored
			// address, or elsewhere.
			from    string
			cert    func(*bench) *tls.Certificate // nil speaks no TLS
			proxy   bool
			as      string // the name that he announces; "" for none, "=" for the iPhone's
			verdict pairing.Verdict
			code    problem.Code
		}{
			{"another key at its place", "place", forger, false, "=", pairing.Rekeyed, rekeyed},
			{"another key at its place, unannounced", "place", forger, false, "", pairing.Rekeyed, rekeyed},
			{"its name and address, another CA", "address", forger, false, "=", pairing.Rekeyed, rekeyed},
			{"its name elsewhere, another key", "elsewhere", forger, false, "=", pairing.Taken, problem.HostUnverified},
			{"a proxy that ends TLS", "elsewhere", forger, true, "=", pairing.Taken, problem.HostUnverified},
			{"a proxy with the iPhone's own certificate", "address", (*bench).stolen, true, "=", pairing.Taken, problem.HostUnverified},
			{"the iPhone's own certificate at its place", "place", (*bench).stolen, true, "=", pairing.Taken, problem.HostUnverified},
			{"a router's page in its name", "address", router, false, "=", pairing.Taken, problem.HostUnverified},
			{"another iPhone got its address", "place", forger, false, "Bob's iPhone", pairing.AnotherPhone, problem.PhoneNotFound},
			{"a printer got its address", "place", nil, false, "", pairing.AnotherPhone, problem.PhoneNotFound},
		} {
			t.Run(fmt.Sprintf("%d/%s", protocol, c.name), func(t *testing.T) {
				b := newBench(t, protocol)
				b.pair()
				var cert *tls.Certificate
				if c.cert != nil {
					cert = c.cert(b)
				}
				// The phone itself, for a proxy to stand before, is now unknown to us
				// elsewhere; nobody announces it.
				was := b.phone.Port()
				b.restart("127.0.0.1:0")
				at := "127.0.0.1:0"
				switch c.from {
				case "place":
					at = fmt.Sprintf("127.0.0.1:%d", was)
				case "elsewhere":
					if at = elsewhere + ":0"; elsewhere == "" {
						testenv.Missing(t, "this system has one loopback address")
					}
				}
				behind := ""
				if c.proxy {
					behind = fmt.Sprintf("127.0.0.1:%d", b.phone.Port())
				}
				fake := record(t, at, cert, behind)
				host, _, _ := net.SplitHostPort(at)
				says := func(name string, port int) bonjour.Instance {
					return bonjour.Instance{Name: name, Host: "x.local", Port: port, Addrs: []netip.Addr{netip.MustParseAddr(host)}}
				}
				var finder announcements
				switch c.as {
				case "":
				case "=":
					finder = announcements{says(b.phone.Name(), fake.port())}
				default:
					finder = announcements{says(c.as, fake.port()), says(c.as, fake.port()-1)}
				}
				requests := b.phone.Meters().Requests
				record := b.record()
				moved, err := b.reached(finder)
				var d *pairing.DriftError
				if !errors.As(err, &d) || d.Verdict != c.verdict || len(moved) > 0 {
					t.Errorf("%v, moved %v; want %s", err, moved, c.verdict)
				}
				e := problem.From(err, time.Now())
				if e.Code != c.code || e.Remedy.Text == "" {
					t.Errorf("%s, fix: %s; want %s", e.Code, e.Remedy, c.code)
				}
				if after, err := b.computer.Record(); err != nil || after.Host != record.Host || after.Port != record.Port || after.Leaf() != record.Leaf() {
					t.Errorf("the record is now %+v, %v", after, err)
				}
				// What the menu-bar app does at the announcement.
				for _, i := range finder {
					l, err := b.computer.Link(t.Context(), pairing.LinkOptions{Finder: announcements{}, Moved: func(_, to pairing.Place) { t.Errorf("followed to %s", to) }})
					must(t, err)
					if seen, here, err := l.CheckAnnouncement(t.Context(), i, true); err != nil || !here && seen.Identity == pairing.Yours {
						t.Errorf("heard: %s, %v", seen.Identity, err)
					}
				}
				fake.silent(t, c.name, b.secretsOf())
				if n := b.phone.Meters().Requests - requests; n != 0 {
					t.Errorf("%d requests reached the iPhone through the proxy", n)
				}
			})
		}
	}
}

// Two iPhones of one name, and a crowd that pretends: ours is followed, once,
// and nothing is sent to the others.
func TestFollowedInACrowd(t *testing.T) {
	for _, protocol := range []int{1, 2} {
		b, twin := newBench(t, protocol), newBench(t, protocol)
		b.pair()
		must(t, b.phone.SetFaults())
		b.restart("127.0.0.1:0")
		name := b.phone.Name()
		fake := record(t, "127.0.0.1:0", forged(t, protocol), "")
		copied := record(t, "127.0.0.1:0", b.stolen(), fmt.Sprintf("127.0.0.1:%d", b.phone.Port()))
		finder := announcements{announced(twin.phone, name)}
		at := func(port int) bonjour.Instance {
			return bonjour.Instance{Name: name, Host: "phone.local", Port: port, Addrs: []netip.Addr{loopback}}
		}
		finder = append(finder, at(fake.port()), at(copied.port()))
		// Places that must not be tried at all: a public one, and one of a range
		// of another network's inside.
		finder = append(finder, bonjour.Instance{Name: name, Host: "far.local", Port: 443, Addrs: []netip.Addr{
			netip.MustParseAddr("203.0.113.9"), netip.MustParseAddr("2001:db8::9"), netip.MustParseAddr("100.64.0.9"), netip.MustParseAddr("fe80::9"),
		}})
		for n := range 300 { // junk in other names, before ours is heard
			finder = append(finder, bonjour.Instance{
				Name: fmt.Sprintf("junk %d", n), Host: "junk.local", Port: 1 + n, Addrs: []netip.Addr{loopback},
			})
		}
		finder = append(finder, announced(b.phone, name))
		twins := twin.phone.Meters().Requests
		var mu sync.Mutex
		dialled := map[string]bool{}
		var moved []pairing.Place
		l, err := b.computer.Link(t.Context(), pairing.LinkOptions{
			Finder: finder, Moved: func(_, to pairing.Place) { moved = append(moved, to) },
			Trace: func(r *trust.Report) {
				mu.Lock()
				defer mu.Unlock()
				dialled[r.Host] = true
			},
		})
		must(t, err)
		st, err := l.Reach(t.Context())
		if err != nil || st.Name != name {
			t.Fatalf("protocol %d: %+v, %v", protocol, st, err)
		}
		if len(moved) != 1 || moved[0].Port != b.phone.Port() {
			t.Errorf("protocol %d: moved %v, want once to port %d", protocol, moved, b.phone.Port())
		}
		if r, err := b.computer.Record(); err != nil || r.Port != b.phone.Port() {
			t.Errorf("protocol %d: the record has %+v, %v", protocol, r, err)
		}
		mu.Lock()
		if len(dialled) != 1 || !dialled["127.0.0.1"] {
			t.Errorf("protocol %d: dialled %v", protocol, dialled)
		}
		mu.Unlock()
		fake.silent(t, "the forger", b.secretsOf())
		copied.silent(t, "the copier", b.secretsOf())
		if n := twin.phone.Meters().Requests - twins; n != 0 {
			t.Errorf("protocol %d: the twin got %d requests", protocol, n)
		}
	}
}

// A certificate that lags behind the iPhone's new address is said to, and the
// iPhone is followed as soon as it announces itself with another.
func TestLaggingCertificate(t *testing.T) {
	if runtime.GOOS != "linux" {
		testenv.Missing(t, "this system has one loopback address")
	}
	b := newBench(t, 2)
	must(t, b.phone.Reissue([]string{"phone.local"}, []netip.Addr{loopback}))
	b.makeDatabase()
	b.pair()
	before := b.record()
	b.restart("127.0.0.3:0")
	there := netip.MustParseAddr("127.0.0.3")
	finder := announcements{announced(b.phone, b.phone.Name(), there)}
	requests := b.phone.Meters().Requests
	moved, err := b.reached(finder)
	e := problem.From(err, time.Now())
	if e == nil || e.Code != problem.CertNameInvalid || len(moved) > 0 || !strings.Contains(e.Detail, "not for 127.0.0.3") {
		t.Errorf("lagging: %v, moved %v", err, moved)
	}
	l, err := b.computer.Link(t.Context(), pairing.LinkOptions{Finder: finder})
	must(t, err)
	if seen, here, err := l.CheckAnnouncement(t.Context(), finder[0], false); err != nil || here || seen.Identity != pairing.YoursMisnamed {
		t.Errorf("heard: %+v, %v, %v", seen, here, err)
	}
	if n := b.phone.Meters().Requests - requests; n != 0 {
		t.Errorf("%d requests were sent", n)
	}
	must(t, b.phone.Reissue([]string{"phone.local"}, []netip.Addr{there}))
	// It announces itself again: the app follows it, a command finds it.
	if seen, _, err := l.CheckAnnouncement(t.Context(), finder[0], false); err != nil || seen.Identity != pairing.Yours {
		t.Errorf("heard again: %+v, %v", seen, err)
	}
	if moved, err = b.reached(finder); err != nil || len(moved) != 0 {
		t.Errorf("reached: %v, moved %v", err, moved)
	}
	after, err := b.computer.Record()
	if err != nil || after.Host != "127.0.0.3" || after.Leaf() == before.Leaf() {
		t.Errorf("the record: %+v, %v", after, err)
	}
	// Both certificates are in the trust log.
	certs := map[string]bool{}
	for _, x := range b.trustLog() {
		certs[x.Certificate] = true
	}
	if len(certs) != 2 {
		t.Errorf("the trust log: %+v", b.trustLog())
	}
	if _, err := x509.ParseCertificate(after.Server); err != nil {
		t.Error(err)
	}
}
