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

// checkP256 refuses every other key: both protocol versions use ECDSA on P-256.
func checkP256(pub crypto.PublicKey) error {
	k, ok := pub.(*ecdsa.PublicKey)
	if !ok || k == nil || k.Curve != elliptic.P256() {
		return errors.New("the key is not an ECDSA key on P-256")
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
// it asks for and that the key is P-256.
func CheckCSR(in []byte) (*x509.CertificateRequest, error) {
	der := in
	if bytes.HasPrefix(bytes.TrimSpace(in), []byte("-----")) {
		var err error
		if der, err = decodeOne(in, blockCSR); err != nil {
			return nil, err
		}
	}
	if len(der) > maxDER {
		return nil, fmt.Errorf("certificate request refused: %d bytes are too many", len(der))
	}
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, fmt.Errorf("certificate request refused: unreadable: %w", err)
	}
	if err := checkP256(csr.PublicKey); err != nil {
		return nil, fmt.Errorf("certificate request refused: wrong key: %w", err)
	}
	if err := csr.CheckSignature(); err != nil {
		return nil, fmt.Errorf("certificate request refused: not signed by its own key: %w", err)
	}
	return csr, nil
}
