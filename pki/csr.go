package pki

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
)

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

// NewCSR makes a PKCS#10 request for the key behind signer and returns its
// DER; [EncodeCSR] turns it into what the wire carries. The private key stays
// where it is: the signer signs the request and nothing more.
func NewCSR(signer crypto.Signer, commonName string) ([]byte, error) {
	if err := checkP256(signer.Public()); err != nil {
		return nil, fmt.Errorf("make a certificate request: %w", err)
	}
	t := &x509.CertificateRequest{
		Subject:            pkix.Name{CommonName: commonName},
		SignatureAlgorithm: x509.ECDSAWithSHA256,
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, t, signer)
	if err != nil {
		return nil, fmt.Errorf("make a certificate request: %w", err)
	}
	return der, nil
}

// CheckCSR reads a request, PEM or DER, and checks that it is signed by the key
// it asks for and that the key is P-256. The error is a [*PEMError] or a
// [*CSRError].
func CheckCSR(in []byte) (*x509.CertificateRequest, error) {
	der := in
	if bytes.HasPrefix(bytes.TrimSpace(in), []byte("-----")) {
		var err error
		if der, err = decodeOne(in, blockCSR); err != nil {
			return nil, err
		}
	}
	if len(der) > MaxDER {
		return nil, &CSRError{Reason: fmt.Sprintf("%d bytes are too many", len(der))}
	}
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, &CSRError{Reason: "unreadable", Err: err}
	}
	if err := checkP256(csr.PublicKey); err != nil {
		return nil, &CSRError{Reason: "wrong key", Err: err}
	}
	if err := csr.CheckSignature(); err != nil {
		return nil, &CSRError{Reason: "not signed by its own key", Err: err}
	}
	return csr, nil
}

// CSRError says why a certificate request is refused.
type CSRError struct {
	Reason string
	Err    error
}

func (e *CSRError) Error() string {
	s := "certificate request refused: " + e.Reason
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *CSRError) Unwrap() error { return e.Err }
