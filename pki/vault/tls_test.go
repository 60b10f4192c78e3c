package vault

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"testing"
	"time"
)

// authority is a CA with a server, as the phone is.
type authority struct {
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
	server tls.Certificate
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "healthsync-ca"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(5, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	cert, err := x509.ParseCertificate(der)
	must(t, err)
	a := &authority{cert: cert, key: key}
	serverKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	issued := a.issue(t, serverKey.Public(), "healthsync-server", x509.ExtKeyUsageServerAuth)
	a.server = tls.Certificate{Certificate: [][]byte{issued.Raw, cert.Raw}, PrivateKey: serverKey}
	return a
}

func (a *authority) issue(t *testing.T, public crypto.PublicKey, cn string, usage x509.ExtKeyUsage) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: cn},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{usage}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, public, a.key)
	must(t, err)
	cert, err := x509.ParseCertificate(der)
	must(t, err)
	return cert
}

// TestHandshake pairs and connects, with a vault of each kind: key made, CSR
// signed with it, certificate issued and stored, everything read back through
// another vault value, then TLS 1.3 on loopback with both ends proving who
// they are. The phone's side checks that the certificate is the one issued.
func TestHandshake(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) opener{
		"file": func(t *testing.T) opener {
			dir := t.TempDir()
			return func(t *testing.T, _ string) Vault { return fileVault(t, dir) }
		},
		"keychain rules": func(*testing.T) opener {
			api := newFake()
			return func(_ *testing.T, namespace string) Vault { return newKeychain(api, namespace) }
		},
		"keychain": platformVault,
	} {
		t.Run(name, func(t *testing.T) { handshake(t, open(t)) })
	}
}

func handshake(t *testing.T, open opener) {
	ctx := t.Context()
	phone := newAuthority(t)

	v := open(t, "")
	key, err := v.NewSigner(ctx, Key)
	must(t, err)
	csrDER, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "healthsync-client"}}, key)
	must(t, err)
	csr, err := x509.ParseCertificateRequest(csrDER)
	must(t, err)
	must(t, csr.CheckSignature())
	client, ca := phone.issue(t, csr.PublicKey, "healthsync-client", x509.ExtKeyUsageClientAuth), phone.cert
	if keeper, ok := v.(CertificateKeeper); ok {
		must(t, keeper.SetCertificate(ctx, ClientCertificate, client))
		must(t, keeper.SetCertificate(ctx, CACertificate, ca))
	}

	v = open(t, "")
	key, err = v.Signer(ctx, Key)
	must(t, err)
	if keeper, ok := v.(CertificateKeeper); ok {
		client, err = keeper.Certificate(ctx, ClientCertificate)
		must(t, err)
		ca, err = keeper.Certificate(ctx, CACertificate)
		must(t, err)
	}

	pool := x509.NewCertPool()
	pool.AddCert(phone.cert)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{phone.server},
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool})
	must(t, err)
	defer listener.Close()
	seen := make(chan *x509.Certificate, 1)
	go func() {
		defer close(seen)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		if err := conn.(*tls.Conn).HandshakeContext(ctx); err != nil {
			t.Errorf("the phone's side: %v", err)
			return
		}
		seen <- conn.(*tls.Conn).ConnectionState().PeerCertificates[0]
		io.WriteString(conn, "hello")
	}()

	roots := x509.NewCertPool()
	roots.AddCert(ca)
	conn, err := tls.Dial("tcp", listener.Addr().String(), &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots,
		Certificates: []tls.Certificate{{Certificate: [][]byte{client.Raw}, Leaf: client, PrivateKey: key}}})
	must(t, err)
	defer conn.Close()
	if text, err := io.ReadAll(conn); err != nil || string(text) != "hello" {
		t.Fatalf("%q, %v", text, err)
	}
	if conn.ConnectionState().Version != tls.VersionTLS13 {
		t.Error("not TLS 1.3")
	}
	if got := <-seen; got == nil || !got.Equal(client) {
		t.Error("the phone saw another certificate")
	}
	clearOwn(t, v)
}
