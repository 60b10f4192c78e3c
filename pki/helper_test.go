package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"healthsync/sync/testenv"
)

// guideDay is the day of the certificates in the user guide.
var guideDay = time.Date(2026, 1, 7, 10, 30, 15, 0, time.UTC)

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// family is a phone's CA with the certificates it has issued.
type family struct {
	caKey, serverKey, clientKey *ecdsa.PrivateKey
	ca, server, client          *x509.Certificate
}

func newFamily(t testing.TB, now time.Time) *family {
	t.Helper()
	f := &family{caKey: newKey(t), serverKey: newKey(t), clientKey: newKey(t)}
	f.ca = f.newCA(t, now, CommonNameCA, now, now.AddDate(5, 0, 0))
	f.server = f.issue(t, CommonNameServer, now, f.serverKey, func(c *x509.Certificate) {
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		c.DNSNames = []string{"Anas-iPhone.local"}
		c.IPAddresses = []net.IP{net.ParseIP("192.168.1.42"), net.ParseIP("fe80::1")}
	})
	f.client = f.issueClient(t, now)
	return f
}

// newCA makes a certificate of the CA's key that signs itself.
func (f *family) newCA(t testing.TB, now time.Time, name string, from, until time.Time) *x509.Certificate {
	t.Helper()
	return f.issue(t, name, now, f.caKey, func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter, c.ExtKeyUsage = from, until, nil
		c.BasicConstraintsValid, c.IsCA, c.KeyUsage = true, true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign
		f.ca = c // its own issuer
	})
}

func (f *family) issueClient(t testing.TB, now time.Time, change ...func(*x509.Certificate)) *x509.Certificate {
	t.Helper()
	return f.issue(t, CommonNameClient, now, f.clientKey, change...)
}

// issue makes a client certificate for a year, changes it and signs it.
func (f *family) issue(
	t testing.TB, name string, now time.Time, key *ecdsa.PrivateKey, change ...func(*x509.Certificate),
) *x509.Certificate {
	t.Helper()
	c := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, NotBefore: now, NotAfter: now.AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	for _, do := range change {
		do(c)
	}
	der, err := x509.CreateCertificate(rand.Reader, c, f.ca, key.Public(), f.caKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// between changes a certificate's lifetime.
func between(from, until time.Time) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.NotBefore, c.NotAfter = from, until }
}

// openssl runs the real thing and returns what it printed.
func openssl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(testenv.NeedTool(t, "openssl", "openssl"), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("openssl %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func writeFile(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
