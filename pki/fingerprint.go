package pki

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
)

// Fingerprint is the SHA-256 of a certificate's DER: the identity that a
// pairing code carries. The zero value belongs to no certificate.
type Fingerprint [sha256.Size]byte

// FingerprintOf returns the fingerprint of a parsed certificate, the zero
// Fingerprint for nil.
func FingerprintOf(cert *x509.Certificate) Fingerprint {
	if cert == nil {
		return Fingerprint{}
	}
	return sha256.Sum256(cert.Raw)
}

// FingerprintOfDER returns the fingerprint of a certificate's DER encoding.
func FingerprintOfDER(der []byte) Fingerprint { return sha256.Sum256(der) }

// maxFingerprintText bounds what ParseFingerprint looks at: 64 digits with a
// separator after each, a prefix and some white space.
const maxFingerprintText = 256

// digestName is what tools write before the digits: "SHA256:", "SHA-256 ",
// openssl's "sha256 Fingerprint=".
var digestName = regexp.MustCompile(`^(?i)\s*(sha-?256)?[ \t]*(fingerprint)?[:= \t]*`)

// ParseFingerprint reads a fingerprint as people and programs write it: 64
// hexadecimal digits in either case, with or without colons, spaces, dashes or
// line breaks between them, and with or without the name of the digest before
// them. The error does not repeat the text.
func ParseFingerprint(s string) (Fingerprint, error) {
	var f Fingerprint
	if len(s) > maxFingerprintText {
		return f, fmt.Errorf("not a certificate fingerprint: %d characters are too many", len(s))
	}
	digits := strings.Map(func(r rune) rune {
		if strings.ContainsRune(":- \t\r\n\u00a0", r) {
			return -1
		}
		return r
	}, s[len(digestName.FindString(s)):])
	if rest := strings.TrimLeft(digits, "0123456789abcdefABCDEF"); rest != "" {
		return f, fmt.Errorf("not a certificate fingerprint: %q is not a hexadecimal digit", []rune(rest)[0])
	}
	if len(digits) != 2*len(f) {
		return f, fmt.Errorf("not a certificate fingerprint: %d hexadecimal digits instead of 64", len(digits))
	}
	_, err := hex.Decode(f[:], []byte(digits))
	return f, err
}

// String gives the form for people: upper-case pairs joined by colons, as
// openssl prints a fingerprint.
func (f Fingerprint) String() string {
	return strings.ReplaceAll(fmt.Sprintf("% X", f[:]), " ", ":")
}

// Hex gives the 64 lower-case digits that the pairing code carries.
func (f Fingerprint) Hex() string { return hex.EncodeToString(f[:]) }

// Short gives the first twelve digits and an ellipsis: enough to tell two
// apart by eye, not enough to prove anything.
func (f Fingerprint) Short() string { return hex.EncodeToString(f[:6]) + "…" }

// LogValue keeps logs short.
func (f Fingerprint) LogValue() slog.Value { return slog.StringValue(f.Short()) }

// IsZero reports whether f belongs to no certificate.
func (f Fingerprint) IsZero() bool { return f == Fingerprint{} }

// Equal compares in constant time. Two zero fingerprints are not equal: what
// was never set must match nothing.
func (f Fingerprint) Equal(g Fingerprint) bool {
	return !f.IsZero() && subtle.ConstantTimeCompare(f[:], g[:]) == 1
}

// MarshalText writes the lower-case digits, and nothing for the zero value.
func (f Fingerprint) MarshalText() ([]byte, error) {
	if f.IsZero() {
		return []byte{}, nil
	}
	return []byte(f.Hex()), nil
}

// UnmarshalText reads what [ParseFingerprint] reads, and the zero value from
// an empty text.
func (f *Fingerprint) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*f = Fingerprint{}
		return nil
	}
	g, err := ParseFingerprint(string(text))
	if err != nil {
		return err
	}
	*f = g
	return nil
}
