package simulator

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"net"
	"net/netip"
	"time"

	"healthsync/pki"
)

// This file makes the certificates that an iPhone makes (spec/protocol.md).
// Every key must be P-256, as [GenerateKey] makes them.

// GenerateKey makes a P-256 key in memory.
func GenerateKey() (*ecdsa.PrivateKey, error) {
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

// Option changes a certificate before it is signed.
type Option func(*x509.Certificate)

// Valid replaces the usual lifetime.
func Valid(from, until time.Time) Option {
	return func(c *x509.Certificate) { c.NotBefore, c.NotAfter = from, until }
}

// CommonName replaces the subject's common name.
func CommonName(name string) Option {
	return func(c *x509.Certificate) { c.Subject.CommonName = name }
}

// Usage replaces a leaf's extended key usages.
func Usage(usage ...x509.ExtKeyUsage) Option {
	return func(c *x509.Certificate) { c.ExtKeyUsage = usage }
}

// template begins a certificate. Certificates have whole seconds: cutting here
// keeps "valid from now" true.
func template(name string, now time.Time) *x509.Certificate {
	from := now.UTC().Truncate(time.Second)
	return &x509.Certificate{
		Subject:   pkix.Name{CommonName: name},
		NotBefore: from, NotAfter: from.AddDate(1, 0, 0),
	}
}

// NewCA makes the certificate authority of one iPhone: self-signed, valid for
// five years, allowed to sign certificates and revocation lists only.
func NewCA(key crypto.Signer, now time.Time, opts ...Option) (*x509.Certificate, error) {
	t := template(pki.CommonNameCA, now)
	t.NotAfter = t.NotBefore.AddDate(5, 0, 0)
	t.BasicConstraintsValid, t.IsCA = true, true
	t.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	return issue(t, t, key.Public(), key, opts)
}

// IssueServer makes the iPhone's server certificate for these names and
// addresses, valid for a year. The zone of a link-local address does not go
// into a certificate.
func IssueServer(
	ca *x509.Certificate, caKey crypto.Signer, pub crypto.PublicKey,
	names []string, addrs []netip.Addr, now time.Time, opts ...Option,
) (*x509.Certificate, error) {
	t := template(pki.CommonNameServer, now)
	t.KeyUsage, t.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	t.DNSNames = names
	for _, a := range addrs {
		t.IPAddresses = append(t.IPAddresses, net.IP(a.Unmap().AsSlice()))
	}
	return issue(t, ca, pub, caKey, opts)
}

// IssueClient makes the Mac's client certificate, valid for a year. It takes
// nothing from the request but the key.
func IssueClient(
	ca *x509.Certificate, caKey crypto.Signer, csr *x509.CertificateRequest, now time.Time, opts ...Option,
) (*x509.Certificate, error) {
	t := template(pki.CommonNameClient, now)
	t.KeyUsage, t.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return issue(t, ca, csr.PublicKey, caKey, opts)
}

func issue(
	t, parent *x509.Certificate, pub crypto.PublicKey, key crypto.Signer, opts []Option,
) (*x509.Certificate, error) {
	for _, o := range opts {
		o(t)
	}
	der, err := x509.CreateCertificate(rand.Reader, t, parent, pub, key)
	if err != nil {
		return nil, fmt.Errorf("simulator: issue %s: %w", t.Subject.CommonName, err)
	}
	return x509.ParseCertificate(der)
}

// NewSelfSignedV1 makes the certificate of the shipping iPhone app
// (CertificateService.swift): valid for 365 days, without any extension and so
// without a name to verify, and ecdsa-with-SHA256 with an explicit NULL
// parameter. RFC 5758 section 3.2 forbids the NULL and crypto/x509 never
// writes it, so the parameter is put in afterwards and all is signed again.
func NewSelfSignedV1(key crypto.Signer, now time.Time, opts ...Option) (*x509.Certificate, error) {
	t := template(pki.CommonNameV1, now)
	t.NotAfter = t.NotBefore.AddDate(0, 0, 365)
	plain, err := issue(t, t, key.Public(), key, opts)
	if err != nil {
		return nil, err
	}
	// TBSCertificate of RFC 5280 section 4.1, as far as the app writes it.
	var tbs struct{ Version, Serial, Algorithm, Issuer, Validity, Subject, PublicKey asn1.RawValue }
	if _, err := asn1.Unmarshal(plain.RawTBSCertificate, &tbs); err != nil {
		return nil, err
	}
	oid := asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2} // ecdsa-with-SHA256
	algorithm := pkix.AlgorithmIdentifier{Algorithm: oid, Parameters: asn1.NullRawValue}
	if tbs.Algorithm.FullBytes, err = asn1.Marshal(algorithm); err != nil {
		return nil, err
	}
	signed, err := asn1.Marshal(tbs)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(signed)
	signature, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	der, err := asn1.Marshal(struct {
		TBS       asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}{asn1.RawValue{FullBytes: signed}, algorithm, asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}})
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}
