package simulator

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"healthsync/pki"
	"healthsync/sync/testenv"
)

func TestV2Pairing(t *testing.T) {
	c := start(t, Options{DeviceName: "Ana's iPhone"})
	payload := must(c.phone.Payload(""))(t)
	if payload.Validate() != nil || payload.Version != 2 || payload.Host != "127.0.0.1" {
		t.Fatalf("%v, %v", payload, payload.Validate())
	}
	chain := c.shown()
	if len(chain) != 2 || pki.FingerprintOf(chain[0]) != payload.Leaf || pki.FingerprintOf(chain[1]) != payload.CA {
		t.Fatalf("the chain is not what the payload says: %d certificates", len(chain))
	}
	roots := x509.NewCertPool()
	roots.AddCert(chain[1])
	for _, name := range []string{"127.0.0.1", "Anas-iPhone.local"} {
		if _, err := chain[0].Verify(x509.VerifyOptions{Roots: roots, DNSName: name}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if a := c.do("GET", pathStatus, ""); a.status != 401 || a.json()["code"] != "NO_CLIENT_CERTIFICATE" ||
		a.json()["message"] == "" || len(a.json()) != 2 {
		t.Errorf("without a certificate: %s %s", a.line, a.body)
	}
	for what, body := range map[string]string{
		"no request": `{"code":"x","clientName":"y"}`,
		"no PEM":     `{"code":"x","clientName":"y","csr":"abc"}`,
		"a key of another curve": `{"code":"x","clientName":"y","csr":"-----BEGIN CERTIFICATE ` +
			`REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----"}`,
	} {
		if a := c.do("POST", pathPair, body); a.status != 400 || a.json()["code"] != "INVALID_CSR" {
			t.Errorf("%s: %s %s", what, a.line, a.body)
		}
	}
	c.paired()
	if _, err := c.cert.Leaf.Verify(x509.VerifyOptions{Roots: roots,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		t.Error(err)
	}
	if a := c.do("GET", pathStatus, ""); a.status != 200 || a.json()["version"] != "2" {
		t.Errorf("%s %s", a.line, a.body)
	}
	if a := c.do("GET", "/nowhere", ""); a.status != 404 || a.json()["code"] != "NOT_FOUND" {
		t.Errorf("%s %s", a.line, a.body)
	}
}

func TestV2RenewAndRevoke(t *testing.T) {
	c := start(t, Options{}).paired()
	body, _ := c.csr("")
	a := c.do("POST", pathRenew, body)
	cert := c.certificate(a)
	if m := a.json(); m["caCertificate"] == nil || cert.Subject.CommonName != pki.CommonNameClient ||
		cert.NotAfter.Format(time.RFC3339) != m["expiresAt"] {
		t.Errorf("%s %s", cert.Subject, a.body)
	}
	if a := c.do("POST", pathRenew, `{"csr":"x"}`); a.status != 400 {
		t.Errorf("%s", a.line)
	}
	raw, err := c.raw(c.request("DELETE", pathPair, ""))
	if err != nil || raw != "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n" {
		t.Errorf("%q %v", raw, err)
	}
	for _, x := range []string{"GET " + pathStatus, "POST " + pathRenew, "DELETE " + pathPair, "GET /nowhere"} {
		method, path, _ := strings.Cut(x, " ")
		if a := c.do(method, path, ""); a.status != 403 || a.json()["code"] != "CERT_REVOKED" {
			t.Errorf("%s with a revoked certificate: %s %s", x, a.line, a.body)
		}
	}
	// Pairing again asks for nothing old.
	if a := c.paired().do("GET", pathStatus, ""); a.status != 200 {
		t.Errorf("paired again: %s", a.line)
	}
	if err := c.phone.Revoke(); err != nil {
		t.Fatal(err)
	}
	if a := c.do("GET", pathStatus, ""); a.status != 403 {
		t.Errorf("after everything was revoked: %s", a.line)
	}
}

func TestForeignAndExpiredClients(t *testing.T) {
	clk := newClock()
	c := start(t, Options{Now: clk.now}).paired()
	other := start(t, Options{}).paired()
	stranger := client{t: t, phone: c.phone, cert: other.cert}
	if a := stranger.do("GET", pathStatus, ""); a.status != 401 || a.json()["code"] != "NO_CLIENT_CERTIFICATE" {
		t.Errorf("a certificate of another phone: %s %s", a.line, a.body)
	}
	clk.advance(366 * 24 * time.Hour)
	if a := c.do("GET", pathStatus, ""); a.status != 401 || a.json()["code"] != "CERT_HAS_EXPIRED" {
		t.Errorf("a year later: %s %s", a.line, a.body)
	}
}

// While a pairing is open whoever has no certificate is let in: it may be the
// Mac that pairs.
func TestAlerts(t *testing.T) {
	c := start(t, Options{Faults: []string{"no-client-cert:alert"}})
	if err := c.firstRead(); err == nil || !strings.Contains(err.Error(), "remote error: tls: certificate required") {
		t.Errorf("no certificate: %v", err)
	}
	c.phone.NewCode()
	if a := c.do("GET", pathStatus, ""); a.status != 401 {
		t.Errorf("while a pairing is open: %s", a.line)
	}
}

// pem writes the Mac's key and certificate to one file.
func (c *client) pem() (path string) {
	c.t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(c.cert.PrivateKey)
	if err != nil {
		c.t.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), pki.EncodeCertificate(c.cert.Leaf)...)
	path = filepath.Join(c.t.TempDir(), "both.pem")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		c.t.Fatal(err)
	}
	return path
}

// OpenSSL reads the hand-written alert, by each of the three ciphers.
func TestAlertReachesOpenSSL(t *testing.T) {
	openssl := testenv.NeedTool(t, "openssl", "openssl")
	c := start(t, Options{}).paired()
	both := c.pem()
	if err := c.phone.SetFaults("revoked:alert"); err != nil {
		t.Fatal(err)
	}
	for _, suite := range []string{"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"} {
		cmd := exec.Command(openssl, "s_client", "-connect", c.phone.Addr().String(), "-tls1_3", "-ciphersuites", suite,
			"-cert", both, "-key", both, "-quiet", "-ign_eof")
		out, _ := cmd.CombinedOutput() // it fails: that is the point
		if !strings.Contains(string(out), "SSL alert number 44") {
			t.Errorf("%s: %s", suite, out)
		}
	}
}

// curl is a client that nobody here wrote: of both versions it gets what it
// asks for.
func TestCurl(t *testing.T) {
	curl := testenv.NeedTool(t, "curl", "curl")
	for _, protocol := range []int{1, 2} {
		c := start(t, Options{Protocol: protocol, History: NewHistory(sample(1, "steps", 100, 3))}).paired()
		args := []string{"--noproxy", "*", "-sk", "--max-time", "10", "--http1.1", "-d", ask(0, 1000, 10, 0, "steps"),
			"https://" + c.phone.Addr().String() + pathData}
		if protocol == 1 {
			args = append(args, "-H", "Authorization: Bearer "+c.token)
		} else {
			args = append(args, "--cert", c.pem())
		}
		out, err := exec.Command(curl, args...).Output()
		var p wirePage
		if err != nil || json.Unmarshal(out, &p) != nil || len(p.Samples) != 1 || p.Samples[0].Value != 3 {
			t.Errorf("version %d: %v: %s", protocol, err, out)
		}
	}
}

func TestReissue(t *testing.T) {
	c := start(t, Options{Names: []string{"a.local"}}).paired()
	leaf, ca, err := c.phone.Fingerprints()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.phone.Reissue([]string{"b.local"}, []netip.Addr{netip.MustParseAddr("192.168.7.7")}); err != nil {
		t.Fatal(err)
	}
	leaf2, ca2, err := c.phone.Fingerprints()
	if err != nil || leaf == leaf2 || ca != ca2 {
		t.Errorf("%v %v %v %v %v", leaf, leaf2, ca, ca2, err)
	}
	cert := c.shown()[0]
	if cert.VerifyHostname("192.168.7.7") != nil || cert.VerifyHostname("b.local") != nil ||
		cert.VerifyHostname("a.local") == nil {
		t.Errorf("%v %v", cert.DNSNames, cert.IPAddresses)
	}
	if a := c.do("GET", pathStatus, ""); a.status != 200 {
		t.Errorf("the Mac's certificate after that: %s", a.line)
	}
}
