package pki

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"strings"
	"testing"
)

// opaque is a key that cannot be taken out, as the one in a keychain.
type opaque struct{ key *ecdsa.PrivateKey }

func (o opaque) Public() crypto.PublicKey { return o.key.Public() }
func (o opaque) Sign(r io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return o.key.Sign(r, digest, opts)
}

func TestCSRFromAnOpaqueKey(t *testing.T) {
	key := newKey(t)
	der, err := NewCSR(opaque{key}, CommonNameClient)
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range [][]byte{der, EncodeCSR(der), append([]byte("\r\n "), EncodeCSR(der)...)} {
		csr, err := CheckCSR(in)
		if err != nil {
			t.Fatal(err)
		}
		if csr.Subject.CommonName != CommonNameClient || !key.PublicKey.Equal(csr.PublicKey) {
			t.Errorf("got %s", csr.Subject)
		}
	}
}

// OpenSSL reads our request and prints our fingerprint.
func TestOpenSSLAgrees(t *testing.T) {
	f := newFamily(t, guideDay)
	der, err := NewCSR(f.clientKey, CommonNameClient)
	if err != nil {
		t.Fatal(err)
	}
	out := openssl(t, "req", "-in", writeFile(t, "csr.pem", EncodeCSR(der)), "-noout", "-verify", "-subject")
	if !strings.Contains(out, "healthsync-client") {
		t.Errorf("openssl req: %s", out)
	}
	server := writeFile(t, "server.pem", EncodeCertificate(f.server))
	printed := strings.TrimSpace(openssl(t, "x509", "-in", server, "-noout", "-fingerprint", "-sha256"))
	if got, err := ParseFingerprint(printed); err != nil || got != FingerprintOf(f.server) {
		t.Errorf("openssl prints %s, we have %s (%v)", printed, FingerprintOf(f.server), err)
	}
}

func TestCheckCSRRefuses(t *testing.T) {
	key := newKey(t)
	good, err := NewCSR(key, CommonNameClient)
	if err != nil {
		t.Fatal(err)
	}
	tampered := bytes.Clone(good)
	tampered[len(tampered)-5] ^= 1 // within the signature
	renamed := bytes.Replace(good, []byte("healthsync-client"), []byte("healthsync-server"), 1)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewCSR(p384, CommonNameClient); err == nil {
		t.Errorf("a request for P-384: %v", err)
	}
	otherCurve, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, p384)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		in   []byte
		want string
	}{
		"empty":         {nil, "unreadable"},
		"signature":     {tampered, "not signed by its own key"},
		"subject":       {renamed, "not signed by its own key"},
		"curve":         {otherCurve, "wrong key"},
		"trailing":      {append(bytes.Clone(good), 0), "unreadable"},
		"huge":          {make([]byte, maxDER+1), "too many"},
		"other block":   {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: good}), "the block is"},
		"two blocks":    {append(EncodeCSR(good), EncodeCSR(good)...), "follows"},
		"not a request": {[]byte("-----BEGIN CERTIFICATE REQUEST-----\nAAAA"), "no complete block"},
	} {
		_, err := CheckCSR(c.in)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

func TestDecodeCertificate(t *testing.T) {
	f := newFamily(t, guideDay)
	good := EncodeCertificate(f.server)
	crlf := bytes.ReplaceAll(good, []byte("\n"), []byte("\r\n"))
	for _, in := range [][]byte{good, crlf, []byte("\n\n" + string(good) + "\n \n")} {
		if cert, err := DecodeCertificate(in); err != nil || !cert.Equal(f.server) {
			t.Errorf("%q: %v", in, err)
		}
	}
	withHeader := &pem.Block{Type: "CERTIFICATE", Headers: map[string]string{"a": "b"}, Bytes: f.server.Raw}
	broken := []byte("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n")
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("secret")})
	for name, c := range map[string]struct {
		in   []byte
		want string
	}{
		"empty":           {nil, "empty"},
		"white space":     {[]byte(" \n"), "empty"},
		"text before":     {append([]byte("Certificate:\n"), good...), "text before"},
		"text after":      {append(bytes.Clone(good), "more"...), "follows"},
		"two":             {append(bytes.Clone(good), good...), "follows"},
		"broken, then ok": {append(broken, good...), "more than one"},
		"cut":             {good[:len(good)/2], "no complete block"},
		"headers":         {pem.EncodeToMemory(withHeader), "headers"},
		"a key":           {key, `the block is a "PRIVATE KEY"`},
		"garbage DER":     {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte{1, 2, 3}}), "unreadable"},
		"huge":            {bytes.Repeat([]byte("A"), maxPEM+1), "too many"},
	} {
		_, err := DecodeCertificate(c.in)
		var typed *PEMError
		if !errors.As(err, &typed) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}
