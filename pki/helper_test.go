package pki

import (
	"crypto/ecdsa"
	"crypto/x509"
	"net/netip"
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
	key, err := GenerateKey()
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
	var err error
	if f.ca, err = NewCA(f.caKey, now); err != nil {
		t.Fatal(err)
	}
	ips := []netip.Addr{netip.MustParseAddr("192.168.1.42"), netip.MustParseAddr("fe80::1%en0")}
	if f.server, err = IssueServer(f.ca, f.caKey, f.serverKey.Public(), []string{"Anas-iPhone.local"}, ips, now); err != nil {
		t.Fatal(err)
	}
	f.client = f.issueClient(t, now)
	return f
}

func (f *family) issueClient(t testing.TB, now time.Time, opts ...Option) *x509.Certificate {
	t.Helper()
	der, err := NewCSR(f.clientKey, CommonNameClient)
	if err != nil {
		t.Fatal(err)
	}
	csr, err := CheckCSR(EncodeCSR(der))
	if err != nil {
		t.Fatal(err)
	}
	cert, err := IssueClient(f.ca, f.caKey, csr, now, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return cert
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
