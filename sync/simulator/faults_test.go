package simulator

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"healthsync/pki"
	"healthsync/sync/health"
)

// handshake gives the certificates shown and what a Mac that knows the CA
// thinks of them.
func (c *client) handshake(ca *x509.Certificate) ([]*x509.Certificate, error) {
	chain := c.shown()
	o := x509.VerifyOptions{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), DNSName: "127.0.0.1"}
	o.Roots.AddCert(ca)
	for _, cert := range chain[1:] {
		o.Intermediates.AddCert(cert)
	}
	_, err := chain[0].Verify(o)
	return chain, err
}

// firstRead sends a request to nowhere and gives what the first read after the
// handshake says, within 200 ms.
func (c *client) firstRead() error {
	conn, err := c.dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, c.request("GET", pathStatus, ""))
	_ = conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	_, err = conn.Read(make([]byte, 1))
	return err
}

func says(text string) func(error) bool {
	return func(err error) bool { return err != nil && strings.Contains(err.Error(), text) }
}

func unknownCA(err error) bool { _, ok := errors.AsType[x509.UnknownAuthorityError](err); return ok }

func outOfDate(early bool) func(error) bool {
	return func(err error) bool {
		e, ok := errors.AsType[x509.CertificateInvalidError](err)
		return ok && e.Reason == x509.Expired && time.Now().Before(e.Cert.NotBefore) == early
	}
}

// Every fault in the list does what it says; a fault without a check here
// fails the test.
func TestFaults(t *testing.T) {
	h := NewHistory(sample(1, health.Steps, 100, 1), sample(2, health.Steps, 200, 2), sample(3, health.StandHours, 300, 3))
	c := start(t, Options{Protocol: 2, History: h, NoRateLimit: true}).paired()
	old := start(t, Options{Protocol: 1, History: h, NoRateLimit: true}).paired()
	ca := c.phone.id.ca
	page := ask(0, 1000, 10, 0, health.Steps)
	pageRaw := func() (string, error) { return c.raw(c.request("POST", pathData, page)) }
	checks := map[string]func(*testing.T){}

	// What is wrong with the certificates shown; the QR code says the same.
	for fault, wrong := range map[string]func(error) bool{
		"expired-server-cert": outOfDate(false), "expired-server-cert:1h": outOfDate(false),
		"not-yet-valid-server-cert": outOfDate(true), "not-yet-valid-server-cert:9h": outOfDate(true),
		"wrong-name":         func(err error) bool { _, ok := errors.AsType[x509.HostnameError](err); return ok },
		"wrong-name:b.local": says("127.0.0.1"), "wrong-usage": says("incompatible key usage"),
		"other-ca": unknownCA, "broken-chain": unknownCA, "self-signed": unknownCA,
	} {
		checks[fault] = func(t *testing.T) {
			certs, err := c.handshake(ca)
			if !wrong(err) {
				t.Errorf("%v", err)
			}
			if p, err := c.phone.Payload(""); err != nil || p.Leaf != pki.FingerprintOf(certs[0]) {
				t.Errorf("the payload is not what is shown: %v", err)
			}
			if self := pki.SelfSigned(certs[0]); self != (fault == "self-signed") {
				t.Errorf("self-signed: %v", self)
			}
		}
	}
	checks["expired-ca"] = func(t *testing.T) {
		certs, _ := c.handshake(ca)
		if p, err := c.phone.Payload(""); err != nil || p.CA != pki.FingerprintOf(certs[1]) ||
			time.Now().Before(certs[1].NotAfter) {
			t.Errorf("%v %v", certs[1].NotAfter, err)
		}
		if _, err := c.handshake(certs[1]); !outOfDate(false)(err) {
			t.Errorf("%v", err)
		}
	}

	// What a connection ends with at once.
	for fault, want := range map[string]func(error) bool{
		"refuse":                    func(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) },
		"not-tls":                   func(err error) bool { _, ok := errors.AsType[tls.RecordHeaderError](err); return ok },
		"tls12":                     says("protocol version not supported"),
		"no-client-cert:alert":      says("certificate required"),
		"foreign-client-cert:alert": says("unknown certificate authority"),
		"expired-client-cert:alert": says("expired certificate"),
		"revoked:alert":             says("revoked certificate"),
		"reset":                     func(err error) bool { return errors.Is(err, syscall.ECONNRESET) },
		"reset:handshake":           func(err error) bool { return errors.Is(err, syscall.ECONNRESET) },
		"hang-up":                   func(err error) bool { return errors.Is(err, io.EOF) },
		"stall":                     os.IsTimeout,
	} {
		checks[fault] = func(t *testing.T) {
			if err := c.firstRead(); !want(err) {
				t.Errorf("%v", err)
			}
		}
	}
	checks["stall-handshake"] = func(t *testing.T) {
		conn := must(net.Dial("tcp", c.phone.Addr().String()))(t)
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(100 * time.Millisecond))
		if err := tls.Client(conn, &tls.Config{InsecureSkipVerify: true}).Handshake(); !os.IsTimeout(err) {
			t.Errorf("%v", err)
		}
	}

	// What a request is answered: status, and a text in the body.
	csr := func() string { body, _ := c.csr(""); return body }
	pair := func() string { return `{"code":"` + old.phone.NewCode() + `","clientName":"x"}` }
	for _, x := range []struct {
		fault        string
		c            *client
		method, path string
		body         func() string
		status       int
		text         string
	}{
		{"no-client-cert", c, "GET", pathStatus, nil, 401, `"NO_CLIENT_CERTIFICATE"`},
		{"foreign-client-cert", c, "GET", pathStatus, nil, 401, `"NO_CLIENT_CERTIFICATE"`},
		{"expired-client-cert", c, "GET", pathStatus, nil, 401, `"CERT_HAS_EXPIRED"`},
		{"revoked", c, "GET", pathStatus, nil, 403, `"CERT_REVOKED"`},
		{"stall:1ms", c, "GET", pathStatus, nil, 200, `"ok"`},
		{"token-rejected", old, "GET", pathStatus, nil, 401, "Missing or invalid token"},
		{"rate-limited", c, "GET", pathStatus, nil, 429, `"RATE_LIMITED"`},
		{"http-500", c, "GET", pathStatus, nil, 500, `"HTTP_500"`},
		{"http:503", c, "GET", pathStatus, nil, 503, `"HTTP_503"`},
		{"not-json", c, "GET", pathStatus, nil, 200, "<!DOCTYPE html>"},
		{"empty-json", c, "GET", pathStatus, nil, 200, "{}"},
		{"expired-code", old, "POST", pathPair, pair, 400, refusedExpired.text},
		{"invalid-code", old, "POST", pathPair, pair, 400, refusedInvalid.text},
		{"locked-out", old, "POST", pathPair, pair, 400, refusedAttempts.text},
		{"no-session", old, "POST", pathPair, pair, 400, refusedNoSession.text},
		{"no-renew", c, "POST", pathRenew, csr, 404, `"NOT_FOUND"`},
		{"locked", c, "POST", pathData, func() string { return page }, 423, `"locked"`},
		{"type-disabled:steps", c, "POST", pathData, func() string { return page }, 403, `"TYPE_NOT_ENABLED"`},
		{"type-disabled:weight,steps", c, "GET", pathTypes, nil, 200, `["activeEnergyBurned","basal`},
		{"permission-lost:weight,steps", c, "POST", pathData, func() string { return page }, 200, `"returnedCount":0`},
		{"health-unavailable", c, "POST", pathData, func() string { return page }, 200, `"error"`},
	} {
		checks[x.fault] = func(t *testing.T) {
			body := ""
			if x.body != nil {
				body = x.body()
			}
			a := x.c.do(x.method, x.path, body)
			if a.status != x.status || !strings.Contains(string(a.body), x.text) ||
				strings.Contains(string(a.body), `"steps"`) && x.path == pathTypes {
				t.Errorf("%s %s", a.line, a.body)
			}
		}
	}

	// The rest.
	checks["short-client-cert:2h"] = func(t *testing.T) {
		cert := c.certificate(c.do("POST", pathRenew, csr()))
		if left := time.Until(cert.NotAfter); left > 2*time.Hour || left < time.Hour {
			t.Errorf("%v", cert.NotAfter)
		}
	}
	checks["crash"] = func(t *testing.T) {
		if p := c.page(page); len(p.Samples) != 2 {
			t.Errorf("%+v", p)
		}
		raw, err := c.raw(c.request("POST", pathData, ask(0, 1000, 10, 0, health.Steps, health.StandHours)))
		if err != nil || raw != "" {
			t.Errorf("%q %v", raw, err)
		}
	}
	checks["crash:steps"] = func(t *testing.T) {
		if raw, err := pageRaw(); err != nil || raw != "" {
			t.Errorf("%q %v", raw, err)
		}
	}
	// crypto/tls takes an end at a record's edge for one, close_notify or not:
	// the Content-Length tells.
	for _, fault := range []string{"cut-page", "cut-page:7"} {
		checks[fault] = func(t *testing.T) {
			raw, err := pageRaw()
			a, perr := parseAnswer(raw)
			if err != nil || perr != nil || a.status != 200 || json.Valid(a.body) || fault == "cut-page:7" && len(a.body) != 7 {
				t.Errorf("%q %v", raw, err)
			}
		}
	}
	checks["stall-page:9"] = func(t *testing.T) {
		conn := must(c.dial())(t)
		defer conn.Close()
		_, _ = io.WriteString(conn, c.request("POST", pathData, page))
		_ = conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		raw, err := io.ReadAll(conn)
		if a, perr := parseAnswer(string(raw)); !os.IsTimeout(err) || perr != nil || len(a.body) != 9 {
			t.Errorf("%q %v", raw, err)
		}
	}
	checks["wrong-hasmore"] = func(t *testing.T) {
		if p := c.page(page); !p.HasMore {
			t.Error("no more where there is none")
		}
		if p := c.page(ask(0, 1000, 1, 0, health.Steps)); p.HasMore {
			t.Error("more where there is more")
		}
	}
	checks["clock-skew:-26h"] = func(t *testing.T) {
		at, err := time.Parse(time.RFC3339, old.do("GET", pathStatus, "").json()["serverTime"].(string))
		if d := time.Since(at); err != nil || d < 25*time.Hour || d > 27*time.Hour {
			t.Errorf("%v %v", d, err)
		}
	}

	tried := map[string]bool{}
	for fault, check := range checks {
		name, _, _ := strings.Cut(fault, ":")
		tried[name] = true
		t.Run(fault, func(t *testing.T) {
			if err := errors.Join(c.phone.SetFaults(fault), old.phone.SetFaults(fault)); err != nil {
				t.Fatal(err)
			}
			check(t)
			if err := errors.Join(c.phone.SetFaults(), old.phone.SetFaults()); err != nil {
				t.Fatal(err)
			}
			if a := c.do("GET", pathStatus, ""); a.status != 200 {
				t.Errorf("after the fault: %s", a.line)
			}
		})
	}
	for _, f := range Faults() {
		if !tried[f.Name] {
			t.Errorf("nothing checks the fault %s", f.Name)
		}
	}
}

func TestFaultsAreChecked(t *testing.T) {
	for _, bad := range []string{
		"", "nonsense", "locked:x", "cut-page:", "cut-page:x", "cut-page:-1", "permission-lost", "clock-skew:later",
		"http:99", "revoked:html", "reset:later",
	} {
		var e *FaultError
		if _, err := New(Options{Faults: []string{bad}}); !errors.As(err, &e) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	p := must(New(Options{Faults: []string{"locked"}}))(t)
	if err := p.SetFaults("reset", "nonsense"); err == nil || !p.faults.Load().has("locked") {
		t.Errorf("%v: the faults in force were changed", err)
	}
}

// Faults that are there from the start are in the payload too.
func TestFaultsBeforePairing(t *testing.T) {
	c := start(t, Options{Protocol: 1, Faults: []string{"expired-server-cert", "expired-code"}})
	p := must(c.phone.Payload(""))(t)
	if cert := c.shown()[0]; pki.FingerprintOf(cert) != p.Leaf || time.Now().Before(cert.NotAfter) {
		t.Errorf("%v", cert.NotAfter)
	}
	if !p.Expired(time.Now()) {
		t.Errorf("the code is good until %v", p.ExpiresAt)
	}
}

// A script decides request by request.
func TestScript(t *testing.T) {
	c := start(t, Options{Protocol: 1, Script: func(r Request) []string {
		switch {
		case r.Path == pathTypes && r.Number == 2:
			return []string{"http:503"}
		case r.Method == "POST" && r.Path == pathData && len(r.Body) > 0:
			return []string{"locked"}
		case r.Path == "/bad":
			return []string{"nonsense"}
		}
		return nil
	}}).paired()
	for _, x := range []struct {
		method, path, body string
		want               int
	}{
		{"GET", pathTypes, "", 503}, {"GET", pathTypes, "", 200}, {"POST", pathData, ask(0, 1, 1, 0, health.Steps), 423},
		{"GET", "/bad", "", 500},
	} {
		if a := c.do(x.method, x.path, x.body); a.status != x.want {
			t.Errorf("%s %s: %s", x.method, x.path, a.line)
		}
	}
}
