package simulator

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"healthsync/pki"
	"healthsync/sync/health"
)

// handshake gives the certificates shown and what a Mac that knows the CA
// thinks of them.
func (c *client) handshake(ca *x509.Certificate) ([]*x509.Certificate, error) {
	conn, err := c.dial()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	chain := conn.ConnectionState().PeerCertificates
	o := x509.VerifyOptions{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), DNSName: "127.0.0.1"}
	o.Roots.AddCert(ca)
	for _, cert := range chain[1:] {
		o.Intermediates.AddCert(cert)
	}
	_, err = chain[0].Verify(o)
	return chain, err
}

// Every fault in the list does what it says; a fault without a check here
// fails the test.
func TestFaults(t *testing.T) {
	h := NewHistory(sample(1, health.Steps, 100, 1), sample(2, health.Steps, 200, 2), sample(3, health.StandHours, 300, 3))
	c := start(t, Options{Protocol: 2, History: h, NoRateLimit: true}).paired()
	old := start(t, Options{Protocol: 1, History: h, NoRateLimit: true}).paired()
	ca := c.phone.id.ca

	invalid := func(reason x509.InvalidReason, before bool) func(error) bool {
		return func(err error) bool {
			var e x509.CertificateInvalidError
			return errors.As(err, &e) && e.Reason == reason && (reason != x509.Expired || time.Now().Before(e.Cert.NotBefore) == before)
		}
	}
	unknown := func(err error) bool { var e x509.UnknownAuthorityError; return errors.As(err, &e) }
	chain := func(ok func(error) bool) func(*testing.T) {
		return func(t *testing.T) {
			certs, err := c.handshake(ca)
			if err == nil || !ok(err) {
				t.Errorf("%v", err)
			}
			if p, err := c.phone.Payload(""); err != nil || len(certs) == 0 || p.Leaf != pki.FingerprintOf(certs[0]) {
				t.Errorf("the payload is not what is shown: %v", err)
			}
		}
	}
	status := func(c *client, want int, code string) func(*testing.T) {
		return func(t *testing.T) {
			if a := c.do("GET", pathStatus, ""); a.status != want || code != "" && a.json()["code"] != code {
				t.Errorf("%s %s", a.line, a.body)
			}
		}
	}
	alert := func(text string) func(*testing.T) {
		return func(t *testing.T) {
			if err := c.firstRead(); err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%v", err)
			}
		}
	}
	pairing := func(r *refusal) func(*testing.T) {
		return func(t *testing.T) {
			if a := old.do("POST", pathPair, `{"code":"`+old.phone.NewCode()+`","clientName":"x"}`); a.status != 400 || string(a.body) != r.text {
				t.Errorf("%s %s", a.line, a.body)
			}
		}
	}
	page := ask(0, 1000, 10, 0, health.Steps)
	data := func(ok func(reply) bool) func(*testing.T) {
		return func(t *testing.T) {
			if a := c.do("POST", pathData, page); !ok(a) {
				t.Errorf("%s %s", a.line, a.body)
			}
		}
	}
	fails := func(ok func(error) bool) func(*testing.T) {
		return func(t *testing.T) {
			raw, err := c.raw(c.request("POST", pathData, page))
			if err == nil || !ok(err) {
				t.Errorf("%q %v", raw, err)
			}
		}
	}
	resets := func(err error) bool { return errors.Is(err, syscall.ECONNRESET) }
	// crypto/tls takes an end at a record's edge for one, close_notify or not:
	// the Content-Length tells.
	nothing := func(t *testing.T) {
		if raw, err := c.raw(c.request("POST", pathData, page)); err != nil || raw != "" {
			t.Errorf("%q %v", raw, err)
		}
	}
	silent := func(t *testing.T) {
		conn, err := net.Dial("tcp", c.phone.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		tc := tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(100 * time.Millisecond))
		_, _ = io.WriteString(tc, c.request("GET", pathStatus, ""))
		if n, err := tc.Read(make([]byte, 1)); n != 0 || !errors.Is(err, timeout(err)) {
			t.Errorf("%d %v", n, err)
		}
	}

	checks := map[string]func(*testing.T){
		"refuse": func(t *testing.T) {
			if _, err := c.dial(); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("%v", err)
			}
		},
		"stall-handshake": silent,
		"not-tls": func(t *testing.T) {
			var e tls.RecordHeaderError
			if _, err := c.dial(); !errors.As(err, &e) {
				t.Errorf("%v", err)
			}
		},
		"tls12": func(t *testing.T) {
			if _, err := c.dial(); err == nil || !strings.Contains(err.Error(), "protocol version not supported") {
				t.Errorf("%v", err)
			}
		},
		"expired-server-cert":          chain(invalid(x509.Expired, false)),
		"expired-server-cert:1h":       chain(invalid(x509.Expired, false)),
		"not-yet-valid-server-cert":    chain(invalid(x509.Expired, true)),
		"not-yet-valid-server-cert:9h": chain(invalid(x509.Expired, true)),
		"expired-ca": func(t *testing.T) {
			conn, err := c.dial()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			shown := conn.ConnectionState().PeerCertificates[1]
			if p, err := c.phone.Payload(""); err != nil || p.CA != pki.FingerprintOf(shown) || time.Now().Before(shown.NotAfter) {
				t.Errorf("%v %v", shown.NotAfter, err)
			}
			if _, err := c.handshake(shown); !invalid(x509.Expired, false)(err) {
				t.Errorf("%v", err)
			}
		},
		"wrong-name":         chain(func(err error) bool { var e x509.HostnameError; return errors.As(err, &e) }),
		"wrong-name:b.local": chain(func(err error) bool { return strings.Contains(err.Error(), "127.0.0.1") }),
		"wrong-usage":        chain(invalid(x509.IncompatibleUsage, false)),
		"other-ca":           chain(unknown),
		"broken-chain":       chain(unknown),
		"self-signed": chain(func(err error) bool {
			certs, _ := c.handshake(ca)
			return unknown(err) && len(certs) == 1 && certs[0].CheckSignature(certs[0].SignatureAlgorithm, certs[0].RawTBSCertificate, certs[0].Signature) == nil
		}),
		"no-client-cert":            status(c, 401, "NO_CLIENT_CERTIFICATE"),
		"no-client-cert:alert":      alert("certificate required"),
		"foreign-client-cert":       status(c, 401, "NO_CLIENT_CERTIFICATE"),
		"foreign-client-cert:alert": alert("unknown certificate authority"),
		"expired-client-cert":       status(c, 401, "CERT_HAS_EXPIRED"),
		"expired-client-cert:alert": alert("expired certificate"),
		"revoked":                   status(c, 403, "CERT_REVOKED"),
		"revoked:alert":             alert("revoked certificate"),
		"short-client-cert:2h": func(t *testing.T) {
			a := c.do("POST", pathRenew, c.csr())
			cert, err := pki.DecodeCertificate([]byte(a.json()["clientCertificate"].(string)))
			if err != nil || time.Until(cert.NotAfter) > 2*time.Hour || time.Until(cert.NotAfter) < time.Hour {
				t.Errorf("%v %v", cert.NotAfter, err)
			}
		},
		"reset":           fails(resets),
		"reset:handshake": fails(resets),
		"hang-up":         nothing,
		"stall":           silent,
		"stall:1ms":       status(c, 200, ""),
		"token-rejected":  status(old, 401, ""),
		"rate-limited":    status(c, 429, "RATE_LIMITED"),
		"http-500":        status(c, 500, "HTTP_500"),
		"http:503":        status(c, 503, "HTTP_503"),
		"expired-code":    pairing(refusedExpired),
		"invalid-code":    pairing(refusedInvalid),
		"locked-out":      pairing(refusedAttempts),
		"no-session":      pairing(refusedNoSession),
		"no-renew": func(t *testing.T) {
			if a := c.do("POST", pathRenew, c.csr()); a.status != 404 {
				t.Errorf("%s", a.line)
			}
		},
		"locked": data(func(a reply) bool { return a.status == 423 && a.json()["status"] == "locked" }),
		"type-disabled:steps": func(t *testing.T) {
			data(func(a reply) bool { return a.status == 403 && a.json()["code"] == "TYPE_NOT_ENABLED" })(t)
			if a := c.do("GET", pathTypes, ""); strings.Contains(string(a.body), `"steps"`) {
				t.Errorf("%s", a.body)
			}
		},
		"permission-lost:weight,steps": data(func(a reply) bool { return a.json()["status"] == "ok" && a.json()["returnedCount"] == 0.0 }),
		"health-unavailable": data(func(a reply) bool {
			return a.status == 200 && a.json()["status"] == "error" && a.json()["message"] != nil
		}),
		"crash": func(t *testing.T) {
			if p := c.page(page); len(p.Samples) != 2 {
				t.Errorf("%+v", p)
			}
			if raw, err := c.raw(c.request("POST", pathData, ask(0, 1000, 10, 0, health.Steps, health.StandHours))); err != nil || raw != "" {
				t.Errorf("%q %v", raw, err)
			}
		},
		"crash:steps": nothing,
		"cut-page": func(t *testing.T) {
			raw, err := c.raw(c.request("POST", pathData, page))
			a, perr := parseAnswer(raw)
			if err != nil || perr != nil || a.status != 200 || json.Valid(a.body) {
				t.Errorf("%q %v", raw, err)
			}
		},
		"cut-page:7": func(t *testing.T) {
			raw, err := c.raw(c.request("POST", pathData, page))
			if a, _ := parseAnswer(raw); err != nil || len(a.body) != 7 {
				t.Errorf("%q %v", raw, err)
			}
		},
		"stall-page:9": func(t *testing.T) {
			conn, err := c.dial()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, c.request("POST", pathData, page))
			_ = conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
			raw, err := io.ReadAll(conn)
			if a, perr := parseAnswer(string(raw)); !errors.Is(err, timeout(err)) || perr != nil || len(a.body) != 9 {
				t.Errorf("%q %v", raw, err)
			}
		},
		"not-json":   data(func(a reply) bool { return a.status == 200 && !json.Valid(a.body) }),
		"empty-json": data(func(a reply) bool { return a.status == 200 && string(a.body) == "{}" }),
		"wrong-hasmore": func(t *testing.T) {
			if p := c.page(page); !p.HasMore {
				t.Error("no more where there is none")
			}
			if p := c.page(ask(0, 1000, 1, 0, health.Steps)); p.HasMore {
				t.Error("more where there is more")
			}
		},
		"clock-skew:-26h": func(t *testing.T) {
			at, err := time.Parse(time.RFC3339, old.do("GET", pathStatus, "").json()["serverTime"].(string))
			if d := time.Since(at); err != nil || d < 25*time.Hour || d > 27*time.Hour {
				t.Errorf("%v %v", d, err)
			}
		},
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

func timeout(err error) error {
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return err
	}
	return errors.New("no timeout")
}

func TestFaultsAreChecked(t *testing.T) {
	for _, bad := range []string{"", "nonsense", "locked:x", "cut-page:", "cut-page:x", "cut-page:-1", "permission-lost", "clock-skew:later", "http:99", "revoked:html", "reset:later"} {
		var e *FaultError
		if _, err := New(Options{Faults: []string{bad}}); !errors.As(err, &e) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	p, err := New(Options{Faults: []string{"locked"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.SetFaults("reset", "nonsense"); err == nil || !p.faults.Load().has("locked") {
		t.Errorf("%v: the faults in force were changed", err)
	}
}

// Faults that are there from the start are in the payload too.
func TestFaultsBeforePairing(t *testing.T) {
	c := start(t, Options{Protocol: 1, Faults: []string{"expired-server-cert", "expired-code"}})
	p, err := c.phone.Payload("")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := c.dial()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if cert := conn.ConnectionState().PeerCertificates[0]; pki.FingerprintOf(cert) != p.Leaf || time.Now().Before(cert.NotAfter) {
		t.Errorf("%v", cert.NotAfter)
	}
	if !p.Expired(time.Now()) {
		t.Errorf("the code is good until %v", p.ExpiresAt)
	}
}

// A script decides request by request.
func TestScript(t *testing.T) {
	var calls atomic.Int64
	c := start(t, Options{Protocol: 1, Script: func(r Request) []string {
		calls.Add(1)
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
	for _, want := range []int{503, 200} {
		if a := c.do("GET", pathTypes, ""); a.status != want {
			t.Errorf("%s", a.line)
		}
	}
	if a := c.do("POST", pathData, ask(0, 1, 1, 0, health.Steps)); a.status != 423 {
		t.Errorf("%s", a.line)
	}
	if a := c.do("GET", "/bad", ""); a.status != 500 || calls.Load() != 5 {
		t.Errorf("%s after %d calls", a.line, calls.Load())
	}
}
