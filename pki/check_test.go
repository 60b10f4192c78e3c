package pki

import (
	"bytes"
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"time"
)

// wantIssued checks an answer and expects it to be refused for a reason, or taken
// if there is none.
func wantIssued(t *testing.T, name string, client, ca *x509.Certificate, want Expected, reason string) {
	t.Helper()
	err := CheckIssued(client, ca, want)
	var typed *IssuedError
	switch {
	case reason == "" && err == nil:
	case reason == "" || !errors.As(err, &typed) || !strings.Contains(err.Error(), reason):
		t.Errorf("%s: %v, want %q", name, err, reason)
	}
}

func TestCheckIssued(t *testing.T) {
	now := guideDay.Add(time.Minute)
	f, stranger := newFamily(t, guideDay), newFamily(t, guideDay)
	good := Expected{PublicKey: f.clientKey.Public(), CA: FingerprintOf(f.ca), Server: f.server, Now: now}
	wantIssued(t, "in order", f.client, f.ca, good, "")
	wantIssued(t, "no client certificate", nil, f.ca, good, "there is no client")
	wantIssued(t, "no CA", f.client, nil, good, "there is no CA")
	wantIssued(t, "another CA", stranger.client, stranger.ca, good, "instead of")

	for _, c := range []struct {
		name   string
		change func(*Expected)
		reason string
	}{
		{"no fingerprint known", func(e *Expected) { e.CA = Fingerprint{} }, "instead of"},
		{"somebody else's key", func(e *Expected) { e.PublicKey = stranger.clientKey.Public() }, "another key"},
		{"no key", func(e *Expected) { e.PublicKey = nil }, "another key"},
		{"the server has another CA", func(e *Expected) { e.Server = stranger.server }, "the server's certificate"},
	} {
		want := good
		c.change(&want)
		wantIssued(t, c.name, f.client, f.ca, want, c.reason)
	}

	for _, c := range []struct {
		name   string
		change func(*x509.Certificate)
		reason string
	}{
		{"another name", func(c *x509.Certificate) { c.Subject.CommonName = "healthsync-admin" }, "is named"},
		{"for servers", func(c *x509.Certificate) { c.ExtKeyUsage = f.server.ExtKeyUsage }, "clientAuth"},
		{"no digitalSignature", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyAgreement }, "digitalSignature"},
		{"a client that is a CA", func(c *x509.Certificate) { c.BasicConstraintsValid, c.IsCA = true, true }, "is a CA"},
		{"expired", between(guideDay.AddDate(-1, 0, 0), guideDay), "healthsync-client ended"},
		{"not yet valid", between(now.Add(ClockLeeway+time.Second), now.AddDate(1, 0, 0)), "not yet valid"},
		{"a clock that is seconds behind", between(now.Add(30*time.Second), now.AddDate(1, 0, 0)), ""},
		{"ends before it begins", between(now, now.Add(-time.Hour)), "ends before it begins"},
	} {
		wantIssued(t, c.name, f.issueClient(t, guideDay, c.change), f.ca, good, c.reason)
	}
	namesake := *stranger
	namesake.clientKey = f.clientKey
	wantIssued(t, "issued by a namesake", namesake.issueClient(t, guideDay), f.ca, good, "is not signed by the CA")
	tampered := bytes.Clone(f.client.Raw)
	tampered[len(tampered)-5] ^= 1
	changed, err := x509.ParseCertificate(tampered)
	if err != nil {
		t.Fatal(err)
	}
	wantIssued(t, "signature changed", changed, f.ca, good, "is not signed by the CA")
}

// What makes something else of the CA needs the same key, so that nothing but the
// point in question is wrong.
func TestCheckIssuedCA(t *testing.T) {
	f := newFamily(t, guideDay)
	same := *f
	old := same.newCA(t, guideDay, CommonNameCA, guideDay.AddDate(-6, 0, 0), guideDay.AddDate(-1, 0, 0))
	named := same.newCA(t, guideDay, "somebody-ca", guideDay, guideDay.AddDate(5, 0, 0))
	same.ca = named
	below := same.issue(t, CommonNameCA, guideDay, f.caKey, func(c *x509.Certificate) {
		c.BasicConstraintsValid, c.IsCA, c.KeyUsage, c.ExtKeyUsage = true, true, x509.KeyUsageCertSign, nil
	})
	self := same.issue(t, CommonNameV1, guideDay, f.caKey, func(c *x509.Certificate) {
		c.KeyUsage, c.ExtKeyUsage, same.ca = 0, nil, c
	})
	for _, c := range []struct {
		name   string
		ca     *x509.Certificate
		reason string
	}{
		{"the leaf in place of the CA", f.client, "may not sign other"},
		{"a version 1 certificate as CA", self, "may not sign other"},
		{"a CA below another", below, "has not signed itself"},
		{"an expired CA", old, "healthsync-ca ended"},
		{"a CA of another name", named, "is named"},
	} {
		want := Expected{PublicKey: f.clientKey.Public(), CA: FingerprintOf(c.ca), Now: guideDay}
		wantIssued(t, c.name, f.client, c.ca, want, c.reason)
	}
}
