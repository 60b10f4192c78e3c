package pki

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// The block types that HealthSync reads and writes. A private key is never
// among them.
const (
	blockCertificate = "CERTIFICATE"
	blockCSR         = "CERTIFICATE REQUEST"
)

// maxPEM and maxDER bound, in bytes, what is parsed. A certificate of ours has
// about 500 bytes of DER; the bound leaves room for one with many names and
// keeps a hostile answer from costing time.
const (
	maxPEM = 24 << 10
	maxDER = 16 << 10
)

// PEMError says why a text is not the one PEM block that was expected. It does
// not repeat the text.
type PEMError struct {
	// Want is the block type expected, such as CERTIFICATE.
	Want string
	// Err says what is wrong with the text.
	Err error
}

func (e *PEMError) Error() string { return "not a PEM " + e.Want + ": " + e.Err.Error() }

func (e *PEMError) Unwrap() error { return e.Err }

// EncodeCertificate gives a certificate's PEM form.
func EncodeCertificate(cert *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: blockCertificate, Bytes: cert.Raw})
}

// EncodeCSR gives the PEM form of a certificate request's DER.
func EncodeCSR(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: blockCSR, Bytes: der})
}

// DecodeCertificate reads exactly one certificate: white space around the
// block is allowed, a second block, headers or other text is not. The error is
// a [*PEMError].
func DecodeCertificate(text []byte) (*x509.Certificate, error) {
	der, err := decodeOne(text, blockCertificate)
	if err != nil {
		return nil, err
	}
	cert, err := ParseCertificate(der)
	if err != nil {
		return nil, &PEMError{Want: blockCertificate, Err: fmt.Errorf("unreadable: %w", err)}
	}
	return cert, nil
}

// ParseCertificate reads one certificate's DER of at most [maxDER] bytes.
func ParseCertificate(der []byte) (*x509.Certificate, error) {
	if len(der) > maxDER {
		return nil, fmt.Errorf("a certificate of %d bytes is too large", len(der))
	}
	return x509.ParseCertificate(der)
}

// decodeOne gives the DER of the one block in text.
func decodeOne(text []byte, want string) ([]byte, error) {
	if len(text) > maxPEM {
		return nil, &PEMError{want, fmt.Errorf("%d bytes are too many", len(text))}
	}
	text = bytes.TrimSpace(text)
	block, rest := pem.Decode(text)
	reason := ""
	switch begin := []byte("-----BEGIN "); {
	case len(text) == 0:
		reason = "empty"
	case !bytes.HasPrefix(text, begin): // pem.Decode skips it
		reason = "text before the block"
	case block == nil:
		reason = "no complete block"
	case block.Type != want:
		reason = fmt.Sprintf("the block is a %.40q", block.Type)
	case len(block.Headers) > 0:
		reason = "the block has headers"
	case len(bytes.TrimSpace(rest)) > 0:
		reason = "something follows the block"
	case bytes.Count(text, begin) != 1: // pem.Decode skips a block that it cannot read
		reason = "more than one block"
	default:
		return block.Bytes, nil
	}
	return nil, &PEMError{want, errors.New(reason)}
}
