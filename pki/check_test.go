package pki

import (
	"bytes"
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestCheckIssued(t *testing.T) {
	now := guideDay.Add(time.Minute)
	f := newFamily(t, guideDay)
	stranger := newFamily(t, guideDay)
	good := Expected{PublicKey: f.clientKey.Public(), CA: FingerprintOf(f.ca), Server: f.server, Now: now}
	if err := CheckIssued(f.client, f.ca, good); err != nil {
		t.Fatalf("a right answer is refused: %v", err)
	}
	tampered := bytes.Clone(f.client.Raw)
	tampered[len(tampered)-5] ^= 1
	changed, err := x509.ParseCertificate(tampered)
	if err != nil {
		t.Fatal(err)
	}
	// What makes something else of the CA needs the same key, so that nothing
	// but the point in question is wrong.
	same := *f
	oldCA := same.newCA(t, guideDay, CommonNameCA, guideDay.AddDate(-6, 0, 0), guideDay.AddDate(-1, 0, 0))
	namedCA := same.newCA(t, guideDay, "somebody-ca", guideDay, guideDay.AddDate(5, 0, 0))
	same.ca = namedCA
	asCA := func(c *x509.Certificate) {
		c.BasicConstraintsValid, c.IsCA, c.KeyUsage, c.ExtKeyUsage = true, true, x509.KeyUsageCertSign, nil
	}
	issuedCA := same.issue(t, CommonNameCA, guideDay, f.caKey, asCA)
	self := same.issue(t, CommonNameV1, guideDay, f.caKey, func(c *x509.Certificate) { c.KeyUsage, c.ExtKeyUsage, same.ca = 0, nil, c })
	clientCA := f.issueClient(t, guideDay, func(c *x509.Certificate) {
		c.BasicConstraintsValid, c.IsCA, c.KeyUsage = true, true, c.KeyUsage|x509.KeyUsageCertSign
	})
	noSignature := f.issueClient(t, guideDay, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyAgreement })

	pinned := func(ca *x509.Certificate) Expected {
		e := good
		e.CA = FingerprintOf(ca)
		e.Server = nil
		return e
	}
	with := func(change func(*Expected)) Expected { e := good; change(&e); return e }
	for _, c := range []struct {
		name       string
		client, ca *x509.Certificate
		want       Expected
		reason     string
	}{
		{"no client certificate", nil, f.ca, good, "there is no"},
		{"no CA", f.client, nil, good, "there is no"},
		{"another CA", stranger.client, stranger.ca, good, "instead of"},
		{"no fingerprint known", f.client, f.ca, with(func(e *Expected) { e.CA = Fingerprint{} }), "instead of"},
		{"the leaf in place of the CA", f.client, f.client, pinned(f.client), "may not sign other"},
		{"a version 1 certificate as CA", f.client, self, pinned(self), "may not sign other"},
		{"a CA below another", f.client, issuedCA, pinned(issuedCA), "has not signed itself"},
		{"an expired CA", f.client, oldCA, pinned(oldCA), "healthsync-ca ended"},
		{"a CA of another name", f.client, namedCA, pinned(namedCA), "is named"},
		{"another client name", f.issueClient(t, guideDay, func(c *x509.Certificate) { c.Subject.CommonName = "healthsync-admin" }), f.ca, good, "is named"},
		{"somebody else's key", f.client, f.ca, with(func(e *Expected) { e.PublicKey = stranger.clientKey.Public() }), "another key"},
		{"no key", f.client, f.ca, with(func(e *Expected) { e.PublicKey = nil }), "another key"},
		{"issued by a namesake", func() *x509.Certificate { s := *stranger; s.clientKey = f.clientKey; return s.issueClient(t, guideDay) }(), f.ca, good, "is not signed by the CA"},
		{"signature changed", changed, f.ca, good, "is not signed by the CA"},
		{"for servers", f.issueClient(t, guideDay, func(c *x509.Certificate) { c.ExtKeyUsage = f.server.ExtKeyUsage }), f.ca, good, "clientAuth"},
		{"a client that is a CA", clientCA, f.ca, good, "is a CA"},
		{"no digitalSignature", noSignature, f.ca, good, "digitalSignature"},
		{"expired", f.issueClient(t, guideDay, between(guideDay.AddDate(-1, 0, 0), guideDay)), f.ca, good, "healthsync-client ended"},
		{"not yet valid", f.issueClient(t, now.Add(ClockLeeway+time.Second)), f.ca, good, "not yet valid"},
		{"ends before it begins", f.issueClient(t, guideDay, between(now, now.Add(-time.Hour))), f.ca, good, "ends before it begins"},
		{"the server has another CA", f.client, f.ca, with(func(e *Expected) { e.Server = stranger.server }), "the server's certificate"},
		{"a clock that is seconds behind", f.issueClient(t, now.Add(30*time.Second)), f.ca, good, ""},
	} {
		err := CheckIssued(c.client, c.ca, c.want)
		var typed *IssuedError
		if c.reason == "" && err == nil {
			continue
		}
		if !errors.As(err, &typed) || c.reason == "" || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: %v, want %q", c.name, err, c.reason)
		}
	}
}
