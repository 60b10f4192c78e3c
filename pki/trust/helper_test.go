package trust

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"testing"
	"time"

	"healthsync/pki"
	"healthsync/sync/simulator"
)

// phone is an iPhone's certificates and the Mac's that goes with them.
type phone struct {
	caKey, serverKey, clientKey *ecdsa.PrivateKey
	ca, server, client          *x509.Certificate
}

var loopback = []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")}

func newPhone(t testing.TB, opts ...simulator.Option) *phone {
	t.Helper()
	p := &phone{caKey: newKey(t), serverKey: newKey(t), clientKey: newKey(t)}
	begun := time.Now().AddDate(0, -3, 0)
	p.ca = must(simulator.NewCA(p.caKey, begun, opts...))(t)
	p.server = p.newServer(t, []string{"phone.local"}, loopback, begun)
	p.client = p.newClient(t, begun)
	return p
}

func (p *phone) newServer(
	t testing.TB, names []string, ips []netip.Addr, begun time.Time, opts ...simulator.Option,
) *x509.Certificate {
	t.Helper()
	return must(simulator.IssueServer(p.ca, p.caKey, p.serverKey.Public(), names, ips, begun, opts...))(t)
}

func (p *phone) newClient(t testing.TB, begun time.Time, opts ...simulator.Option) *x509.Certificate {
	t.Helper()
	csr := must(pki.CheckCSR(must(pki.NewCSR(p.clientKey, pki.CommonNameClient))(t)))(t)
	return must(simulator.IssueClient(p.ca, p.caKey, csr, begun, opts...))(t)
}

// intermediate is a CA below the phone's, and a server certificate that it has
// issued.
func (p *phone) intermediate(t testing.TB) (middle, below *x509.Certificate) {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{BasicConstraintsValid: true, IsCA: true, KeyUsage: caUse}
	middle = sign(t, template, "middle", p.ca, key.Public(), p.caKey)
	return middle, must(simulator.IssueServer(middle, key, p.serverKey.Public(), nil, loopback, time.Now()))(t)
}

// mutual is the Mac's trust in the phone, showing cert.
func (p *phone) mutual(cert *x509.Certificate) *Trust {
	return Mutual(p.ca, tlsCert(p.clientKey, cert))
}

func tlsCert(key crypto.Signer, chain ...*x509.Certificate) *tls.Certificate {
	c := &tls.Certificate{PrivateKey: key}
	for _, x := range chain {
		c.Certificate = append(c.Certificate, x.Raw)
	}
	return c
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	return must(simulator.GenerateKey())(t)
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// sign makes a certificate that no function of pki would make.
func sign(
	t testing.TB, template *x509.Certificate, name string,
	parent *x509.Certificate, pub crypto.PublicKey, key crypto.Signer,
) *x509.Certificate {
	t.Helper()
	template.Subject = pkix.Name{CommonName: name}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	if template.NotBefore.IsZero() {
		template.NotBefore, template.NotAfter = time.Now().AddDate(0, -3, 0), time.Now().AddDate(1, 0, 0)
	}
	der := must(x509.CreateCertificate(rand.Reader, template, parent, pub, key))(t)
	return must(x509.ParseCertificate(der))(t)
}

// serveTLS runs a Go server that shakes hands and then hands the connection to
// after (nil: keep it open until the client goes).
func serveTLS(t testing.TB, conf *tls.Config, after func(*tls.Conn)) (host string, port int) {
	t.Helper()
	return serveTCP(t, func(c net.Conn) {
		s := tls.Server(c, conf)
		if s.Handshake() != nil {
			return
		}
		if after != nil {
			after(s)
			return
		}
		_, _ = io.Copy(io.Discard, s)
	})
}

// serveTCP runs a raw server on loopback.
func serveTCP(t testing.TB, handle func(net.Conn)) (host string, port int) {
	t.Helper()
	l := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	serveOn(t, l, handle)
	return split(t, l.Addr().String())
}

// serveOn closes each connection after handle, and all of them at the end of the
// test.
func serveOn(t testing.TB, l net.Listener, handle func(net.Conn)) {
	t.Helper()
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				stop := context.AfterFunc(ctx, func() { _ = c.Close() })
				defer stop()
				defer func() { _ = c.Close() }()
				handle(c)
			})
		}
	})
	t.Cleanup(func() { cancel(); _ = l.Close(); wg.Wait() })
}

func split(t testing.TB, addr string) (host string, port int) {
	t.Helper()
	host, service, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return host, must(strconv.Atoi(service))(t)
}

// names is a resolver that knows what the test tells it.
type names map[string][]string

func (n names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	list, ok := n[host]
	if !ok {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	var addrs []netip.Addr
	for _, a := range list {
		addrs = append(addrs, netip.MustParseAddr(a))
	}
	return addrs, nil
}

// failure insists on a typed one.
func failure(t testing.TB, err error) *Failure {
	t.Helper()
	var f *Failure
	if !errors.As(err, &f) {
		t.Fatalf("not a failure: %v", err)
	}
	return f
}

// dialOnce dials and closes.
func dialOnce(t testing.TB, d *Dialer, host string, port int) (*Report, error) {
	t.Helper()
	conn, r, err := d.Dial(t.Context(), host, port)
	if err == nil {
		_ = conn.Close()
	}
	return r, err
}
