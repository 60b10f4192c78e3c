package pki

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"log/slog"
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

// FingerprintError says why a text is not a fingerprint. It does not repeat
// the text.
type FingerprintError struct {
	// Reason completes the sentence "not a certificate fingerprint: ".
	Reason string
}

func (e *FingerprintError) Error() string { return "not a certificate fingerprint: " + e.Reason }

// maxFingerprintText bounds what ParseFingerprint looks at: 64 digits with a
// separator after each, a prefix and some white space.
const maxFingerprintText = 256

// ParseFingerprint reads a fingerprint as people and programs write it: 64
// hexadecimal digits in either case, with or without colons, spaces, dashes or
// line breaks between them, and with or without a leading "SHA256:",
// "SHA-256", or openssl's "sha256 Fingerprint=". The error is a
// [*FingerprintError].
func ParseFingerprint(s string) (Fingerprint, error) {
	var f Fingerprint
	if len(s) > maxFingerprintText {
		return f, &FingerprintError{Reason: fmt.Sprintf("%d characters are too many", len(s))}
	}
	s = trimDigestName(strings.TrimSpace(s))
	var digits [2 * sha256.Size]byte
	n := 0
	for _, r := range s {
		switch {
		case '0' <= r && r <= '9' || 'a' <= r && r <= 'f' || 'A' <= r && r <= 'F':
			if n == len(digits) {
				return Fingerprint{}, &FingerprintError{Reason: "more than 64 hexadecimal digits"}
			}
			digits[n] = byte(r)
			n++
		case strings.ContainsRune(":- \t\r\n\u00a0", r):
		default:
			return Fingerprint{}, &FingerprintError{Reason: fmt.Sprintf("%q is not a hexadecimal digit", r)}
		}
	}
	if n != len(digits) {
		return Fingerprint{}, &FingerprintError{Reason: fmt.Sprintf("%d hexadecimal digits instead of 64", n)}
	}
	if _, err := hex.Decode(f[:], digits[:]); err != nil {
		return Fingerprint{}, &FingerprintError{Reason: err.Error()}
	}
	return f, nil
}

// trimDigestName takes "SHA256:", "SHA-256 ", "sha256 Fingerprint=" and the
// like off the front. "SHA256" holds hexadecimal digits, so it must go before
// digits are picked out.
func trimDigestName(s string) string {
	lower := strings.ToLower(s)
	for _, name := range []string{"sha256", "sha-256"} {
		if strings.HasPrefix(lower, name) {
			s, lower = s[len(name):], lower[len(name):]
			break
		}
	}
	s, lower = strings.TrimLeft(s, " \t"), strings.TrimLeft(lower, " \t")
	if strings.HasPrefix(lower, "fingerprint") {
		s = s[len("fingerprint"):]
	}
	return strings.TrimLeft(s, ":= \t")
}

// String gives the form for people: upper-case pairs joined by colons, as
// openssl prints a fingerprint.
func (f Fingerprint) String() string {
	var b strings.Builder
	b.Grow(3 * len(f))
	for i, c := range f {
		if i > 0 {
			b.WriteByte(':')
		}
		const digits = "0123456789ABCDEF"
		b.WriteByte(digits[c>>4])
		b.WriteByte(digits[c&15])
	}
	return b.String()
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
