package simulator

import (
	"crypto/x509"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"healthsync/pki"
	"healthsync/sync/testenv"
)

// guideDay is the day of the certificates in the user guide.
var guideDay = time.Date(2026, 1, 7, 10, 30, 15, 0, time.UTC)

// certificates are one of each kind of protocol version 2.
func certificates(t *testing.T, now time.Time) (ca, server, client *x509.Certificate) {
	t.Helper()
	key := must(GenerateKey())(t)
	ca = must(NewCA(key, now))(t)
	addrs := []netip.Addr{netip.MustParseAddr("192.168.1.42"), netip.MustParseAddr("fe80::1%en0")}
	server = must(IssueServer(ca, key, key.Public(), []string{"Anas-iPhone.local"}, addrs, now))(t)
	der := must(pki.NewCSR(key, pki.CommonNameServer))(t) // another name than it will get
	client = must(IssueClient(ca, key, must(pki.CheckCSR(der))(t), now))(t)
	return ca, server, client
}

// The table of protocol version 2 (spec/protocol.md), row by row.
func TestCertificatesOfTheProtocol(t *testing.T) {
	ca, server, client := certificates(t, guideDay)
	for cert, want := range map[*x509.Certificate]string{
		ca: "CN=healthsync-ca by healthsync-ca 2026-01-07 to 2031-01-07, CA true [keyCertSign cRLSign] for []" +
			", critical [2.5.29.15 2.5.29.19] of 3",
		server: "CN=healthsync-server by healthsync-ca 2026-01-07 to 2027-01-07, CA false [digitalSignature serverAuth]" +
			" for [Anas-iPhone.local 192.168.1.42 fe80::1], critical [2.5.29.15] of 4",
		client: "CN=healthsync-client by healthsync-ca 2026-01-07 to 2027-01-07, CA false [digitalSignature clientAuth]" +
			" for [], critical [2.5.29.15] of 3",
	} {
		var critical []string
		for _, e := range cert.Extensions {
			if e.Critical {
				critical = append(critical, e.Id.String())
			}
		}
		slices.Sort(critical)
		i := pki.Inspect(cert, guideDay, pki.InspectOptions{Issuer: ca})
		got := fmt.Sprintf("%s by %s %s to %s, CA %v %v for %v, critical %v of %d", cert.Subject, i.Issuer,
			i.NotBefore.Format(time.DateOnly), i.NotAfter.Format(time.DateOnly), i.CA, i.Usage, i.SANs,
			critical, len(cert.Extensions))
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if i.Status != pki.StatusValid || i.KeyAlgorithm != "ECDSA P-256" || i.Signature != "ECDSA-SHA256" ||
			cert.Version != 3 {
			t.Errorf("%s: %v, %s, %s, version %d", cert.Subject, i.Status, i.KeyAlgorithm, i.Signature, cert.Version)
		}
	}
}

// openssl gives what the real thing says of PEM files in dir.
func openssl(t *testing.T, dir string, files map[string][]byte, args ...string) string {
	t.Helper()
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(testenv.NeedTool(t, "openssl", "openssl"), args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("openssl %v: %v\n%s", args, err, out)
	}
	return string(out)
}

func TestOpenSSLAgrees(t *testing.T) {
	ca, server, client := certificates(t, time.Now())
	dir := t.TempDir()
	files := map[string][]byte{"ca": pki.EncodeCertificate(ca), "server": pki.EncodeCertificate(server),
		"client": pki.EncodeCertificate(client)}
	openssl(t, dir, files, "verify", "-x509_strict", "-purpose", "sslserver",
		"-verify_ip", "192.168.1.42", "-verify_hostname", "anas-iphone.local", "-CAfile", "ca", "server")
	openssl(t, dir, nil, "verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", "ca", "client")
	text := openssl(t, dir, nil, "x509", "-in", "ca", "-noout", "-text")
	for _, want := range []string{"CA:TRUE", "Certificate Sign, CRL Sign", "X509v3 Basic Constraints: critical",
		"ASN1 OID: prime256v1", "ecdsa-with-SHA256"} {
		if !strings.Contains(text, want) {
			t.Errorf("openssl does not see %q in\n%s", want, text)
		}
	}
}

// The shipping app's certificate: no extension, an explicit NULL in both
// algorithm identifiers, and good for 365 days.
func TestCertificateOfV1(t *testing.T) {
	cert := must(NewSelfSignedV1(must(GenerateKey())(t), guideDay))(t)
	if len(cert.Extensions) != 0 || cert.Version != 3 || cert.SignatureAlgorithm != x509.ECDSAWithSHA256 ||
		!pki.SelfSigned(cert) {
		t.Errorf("version %d, %d extensions, %s", cert.Version, len(cert.Extensions), cert.SignatureAlgorithm)
	}
	dir := t.TempDir()
	text := openssl(t, dir, map[string][]byte{"v1": pki.EncodeCertificate(cert)}, "asn1parse", "-in", "v1")
	if strings.Count(text, "NULL") != 2 {
		t.Errorf("openssl asn1parse:\n%s", text)
	}
	text = openssl(t, dir, nil, "x509", "-in", "v1", "-noout", "-subject", "-issuer", "-dates")
	for _, want := range []string{"subject=CN = HealthSync Local", "issuer=CN = HealthSync Local",
		"Jan  7 10:30:15 2026 GMT", "Jan  7 10:30:15 2027 GMT"} {
		if !strings.Contains(text, want) {
			t.Errorf("openssl does not see %q in\n%s", want, text)
		}
	}
	openssl(t, dir, nil, "verify", "-no_check_time", "-CAfile", "v1", "v1") // the signature is good
}
