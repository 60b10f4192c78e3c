package pki

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
)

// The block types that HealthSync reads and writes. A private key is never
// among them.
const (
	blockCertificate = "CERTIFICATE"
	blockCSR         = "CERTIFICATE REQUEST"
)

// MaxPEM and MaxDER bound, in bytes, what is parsed. A certificate of ours has
// about 500 bytes of DER; the bound leaves room for one with many names and
// keeps a hostile answer from costing time.
const (
	MaxPEM = 24 << 10
	MaxDER = 16 << 10
)

// PEMError says why a text is not the one PEM block that was expected. It does
// not repeat the text.
type PEMError struct {
	// Want is the block type expected, such as CERTIFICATE.
	Want string
	// Reason completes the sentence "not a PEM CERTIFICATE: ".
	Reason string
	// Err is what the parser said, if it came that far.
	Err error
}

func (e *PEMError) Error() string {
	s := "not a PEM " + e.Want + ": " + e.Reason
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

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
		return nil, &PEMError{Want: blockCertificate, Reason: "unreadable", Err: err}
	}
	return cert, nil
}

// ParseCertificate reads one certificate's DER of at most [MaxDER] bytes.
func ParseCertificate(der []byte) (*x509.Certificate, error) {
	if len(der) > MaxDER {
		return nil, fmt.Errorf("a certificate of %d bytes is too large", len(der))
	}
	return x509.ParseCertificate(der)
}

func decodeOne(text []byte, want string) ([]byte, error) {
	fail := func(reason string) ([]byte, error) { return nil, &PEMError{Want: want, Reason: reason} }
	if len(text) > MaxPEM {
		return fail(fmt.Sprintf("%d bytes are too many", len(text)))
	}
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return fail("empty")
	}
	// pem.Decode skips whatever stands before the first block, and blocks that
	// it cannot read.
	if !bytes.HasPrefix(text, []byte("-----BEGIN ")) {
		return fail("text before the block")
	}
	block, rest := pem.Decode(text)
	switch {
	case block == nil:
		return fail("no complete block")
	case block.Type != want:
		return fail(fmt.Sprintf("the block is a %.40q", block.Type))
	case len(block.Headers) > 0:
		return fail("the block has headers")
	case len(bytes.TrimSpace(rest)) > 0:
		return fail("something follows the block")
	case bytes.Count(text, []byte("-----BEGIN ")) != 1:
		return fail("more than one block")
	case len(block.Bytes) > MaxDER:
		return fail(fmt.Sprintf("%d bytes of DER are too many", len(block.Bytes)))
	}
	return block.Bytes, nil
}
