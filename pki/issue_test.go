package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// The table of protocol version 2, row by row.
func TestCertificatesOfTheProtocol(t *testing.T) {
	f := newFamily(t, guideDay)
	day := func(t time.Time) string { return t.UTC().Format(time.DateOnly) }
	for _, c := range []struct {
		cert            *x509.Certificate
		subject, from   string
		until           string
		ca              bool
		usage           []string
		names           []string
		criticalOIDs    []string
		extensionsCount int
	}{
		{f.ca, "CN=healthsync-ca", "2026-01-07", "2031-01-07", true, []string{"keyCertSign", "cRLSign"}, nil, []string{"2.5.29.15", "2.5.29.19"}, 3},
		{f.server, "CN=healthsync-server", "2026-01-07", "2027-01-07", false, []string{"digitalSignature", "serverAuth"}, []string{"Anas-iPhone.local", "192.168.1.42", "fe80::1"}, []string{"2.5.29.15"}, 4},
		{f.client, "CN=healthsync-client", "2026-01-07", "2027-01-07", false, []string{"digitalSignature", "clientAuth"}, nil, []string{"2.5.29.15"}, 3},
	} {
		i := Inspect(c.cert, guideDay, InspectOptions{Issuer: f.ca})
		if c.cert.Subject.String() != c.subject || i.Issuer != "healthsync-ca" {
			t.Errorf("%s: subject %s, issuer %s", c.subject, c.cert.Subject, i.Issuer)
		}
		if day(i.NotBefore) != c.from || day(i.NotAfter) != c.until || i.Status != StatusValid {
			t.Errorf("%s: %s to %s, %s", c.subject, i.NotBefore, i.NotAfter, i.Status)
		}
		if i.CA != c.ca || !slices.Equal(i.Usage, c.usage) || !slices.Equal(i.SANs, c.names) {
			t.Errorf("%s: CA %v, usage %v, names %v", c.subject, i.CA, i.Usage, i.SANs)
		}
		if i.KeyAlgorithm != "ECDSA P-256" || i.Signature != "ECDSA-SHA256" || c.cert.Version != 3 {
			t.Errorf("%s: %s, %s, version %d", c.subject, i.KeyAlgorithm, i.Signature, c.cert.Version)
		}
		var critical []string
		for _, e := range c.cert.Extensions {
			if e.Critical {
				critical = append(critical, e.Id.String())
			}
		}
		slices.Sort(critical)
		if !slices.Equal(critical, c.criticalOIDs) || len(c.cert.Extensions) != c.extensionsCount {
			t.Errorf("%s: critical %v of %d extensions", c.subject, critical, len(c.cert.Extensions))
		}
		if c.cert.SerialNumber.Sign() <= 0 || c.cert.SerialNumber.BitLen() > 159 {
			t.Errorf("%s: serial %x", c.subject, c.cert.SerialNumber)
		}
	}
}

// OpenSSL must take them as they are.
func TestOpenSSLAgrees(t *testing.T) {
	now := time.Now()
	f := newFamily(t, now)
	ca := writeFile(t, "ca.pem", EncodeCertificate(f.ca))
	server := writeFile(t, "server.pem", EncodeCertificate(f.server))
	client := writeFile(t, "client.pem", EncodeCertificate(f.client))
	openssl(t, "verify", "-x509_strict", "-purpose", "sslserver", "-verify_ip", "192.168.1.42", "-verify_hostname", "anas-iphone.local", "-CAfile", ca, server)
	openssl(t, "verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", ca, client)
	text := openssl(t, "x509", "-in", ca, "-noout", "-text")
	for _, want := range []string{"CA:TRUE", "Certificate Sign, CRL Sign", "X509v3 Basic Constraints: critical", "ASN1 OID: prime256v1", "ecdsa-with-SHA256"} {
		if !strings.Contains(text, want) {
			t.Errorf("openssl does not see %q in\n%s", want, text)
		}
	}
	printed := strings.TrimSpace(openssl(t, "x509", "-in", server, "-noout", "-fingerprint", "-sha256"))
	if got, err := ParseFingerprint(printed); err != nil || got != FingerprintOf(f.server) {
		t.Errorf("openssl prints %s, we have %s (%v)", printed, FingerprintOf(f.server), err)
	}
	der, err := NewCSR(f.clientKey, CommonNameClient)
	if err != nil {
		t.Fatal(err)
	}
	out := openssl(t, "req", "-in", writeFile(t, "csr.pem", EncodeCSR(der)), "-noout", "-verify", "-subject")
	if !strings.Contains(out, "healthsync-client") {
		t.Errorf("openssl req: %s", out)
	}
}

func TestOtherKeysAreRefused(t *testing.T) {
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	f := newFamily(t, guideDay)
	if _, err := NewCA(p384, guideDay); !errors.Is(err, ErrNotP256) {
		t.Errorf("a CA on P-384: %v", err)
	}
	if _, err := IssueServer(f.ca, f.caKey, rsaKey.Public(), nil, nil, guideDay); !errors.Is(err, ErrNotP256) {
		t.Errorf("a server with RSA: %v", err)
	}
	if _, err := NewSelfSignedV1(p384, guideDay); !errors.Is(err, ErrNotP256) {
		t.Errorf("version 1 on P-384: %v", err)
	}
	if _, err := NewCSR(rsaKey, CommonNameClient); !errors.Is(err, ErrNotP256) {
		t.Errorf("a request with RSA: %v", err)
	}
}

func TestIssueClientTakesOnlyTheKey(t *testing.T) {
	f := newFamily(t, guideDay)
	der, err := NewCSR(f.clientKey, CommonNameServer)
	if err != nil {
		t.Fatal(err)
	}
	csr, err := CheckCSR(der)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := IssueClient(f.ca, f.caKey, csr, guideDay)
	if err != nil {
		t.Fatal(err)
	}
	if cert.Subject.CommonName != CommonNameClient || !f.clientKey.PublicKey.Equal(cert.PublicKey) {
		t.Errorf("got %s", cert.Subject)
	}
}
