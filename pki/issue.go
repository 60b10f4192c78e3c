package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"time"
)

// GenerateKey makes a P-256 key in memory: for the simulated iPhone and for
// tests. The Mac's own key is made by its vault.
func GenerateKey() (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a P-256 key: %w", err)
	}
	return key, nil
}

// Option changes what an issuing function makes.
type Option func(*issueOptions)

type issueOptions struct {
	from, until  time.Time
	commonName   string
	usage        []x509.ExtKeyUsage
	buddhistYear bool
}

// Valid replaces the usual lifetime, so that a test or the simulated iPhone can
// make certificates that are out of date.
func Valid(from, until time.Time) Option {
	return func(o *issueOptions) { o.from, o.until = from, until }
}

// CommonName replaces the subject's common name.
func CommonName(name string) Option { return func(o *issueOptions) { o.commonName = name } }

// Usage replaces a leaf's extended key usages.
func Usage(usage ...x509.ExtKeyUsage) Option { return func(o *issueOptions) { o.usage = usage } }

func collect(now time.Time, years int, opts []Option) issueOptions {
	// Certificates have whole seconds; cutting here keeps "valid from now" true.
	from := now.UTC().Truncate(time.Second)
	o := issueOptions{from: from, until: from.AddDate(years, 0, 0)}
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

// NewCA makes the certificate authority of one iPhone: self-signed,
// [CommonNameCA], [YearsCA] years, allowed to sign certificates and revocation
// lists and nothing else. The key must be P-256.
func NewCA(key crypto.Signer, now time.Time, opts ...Option) (*x509.Certificate, error) {
	o := collect(now, YearsCA, opts)
	t := &x509.Certificate{
		BasicConstraintsValid: true,
		IsCA:                  true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	return issue(t, CommonNameCA, o, nil, key.Public(), key)
}

// IssueServer makes the iPhone's server certificate for the names and
// addresses given; the zone of a link-local address does not go into a
// certificate. The key must be P-256.
func IssueServer(ca *x509.Certificate, caKey crypto.Signer, pub crypto.PublicKey, names []string, ips []netip.Addr, now time.Time, opts ...Option) (*x509.Certificate, error) {
	o := collect(now, YearsLeaf, opts)
	if o.usage == nil {
		o.usage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	t := &x509.Certificate{
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: o.usage,
		DNSNames:    names,
	}
	for _, ip := range ips {
		t.IPAddresses = append(t.IPAddresses, net.IP(ip.Unmap().AsSlice()))
	}
	return issue(t, CommonNameServer, o, ca, pub, caKey)
}

// IssueClient makes the Mac's client certificate for the key in a request that
// [CheckCSR] has passed. Nothing but the key is taken from the request: the
// subject is always [CommonNameClient].
func IssueClient(ca *x509.Certificate, caKey crypto.Signer, csr *x509.CertificateRequest, now time.Time, opts ...Option) (*x509.Certificate, error) {
	o := collect(now, YearsLeaf, opts)
	if o.usage == nil {
		o.usage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	}
	t := &x509.Certificate{
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: o.usage,
	}
	return issue(t, CommonNameClient, o, ca, csr.PublicKey, caKey)
}

// issue signs t; a nil parent means that the certificate signs itself.
func issue(t *x509.Certificate, name string, o issueOptions, parent *x509.Certificate, pub crypto.PublicKey, key crypto.Signer) (*x509.Certificate, error) {
	if err := checkP256(pub); err != nil {
		return nil, fmt.Errorf("issue %s: %w", name, err)
	}
	if err := checkP256(key.Public()); err != nil {
		return nil, fmt.Errorf("issue %s: the signing key: %w", name, err)
	}
	if o.commonName != "" {
		name = o.commonName
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	t.SerialNumber = serial
	t.Subject = pkix.Name{CommonName: name}
	t.NotBefore, t.NotAfter = o.from, o.until
	t.SignatureAlgorithm = x509.ECDSAWithSHA256
	if parent == nil {
		parent = t
	}
	der, err := x509.CreateCertificate(rand.Reader, t, parent, pub, key)
	if err != nil {
		return nil, fmt.Errorf("issue %s: %w", name, err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("issue %s: read back: %w", name, err)
	}
	return cert, nil
}

// newSerial draws 126 random bits with a leading one: positive, never zero and
// well within the 20 octets of RFC 5280 section 4.1.2.2.
func newSerial() (*big.Int, error) {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		return nil, fmt.Errorf("draw a serial number: %w", err)
	}
	b[0] = b[0]&0x3f | 0x40
	return new(big.Int).SetBytes(b[:]), nil
}

// ErrNotP256 says that a key is not an ECDSA key on P-256, the only kind that
// both protocol versions use.
var ErrNotP256 = errors.New("the key is not an ECDSA key on P-256")

func checkP256(pub crypto.PublicKey) error {
	k, ok := pub.(*ecdsa.PublicKey)
	if !ok || k == nil || k.Curve != elliptic.P256() {
		return ErrNotP256
	}
	return nil
}
