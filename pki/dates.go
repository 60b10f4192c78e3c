package pki

import (
	"crypto/x509"
	"fmt"
	"strings"
	"time"
)

const day = 24 * time.Hour

// ClockLeeway is how far in the future a certificate may begin and still be
// taken as begun. The iPhone stamps a new certificate by its own clock, and a
// Mac whose clock is seconds behind must be able to use it at once. The end of
// a certificate has no leeway.
const ClockLeeway = 5 * time.Minute

// RenewBefore is how long before its end a certificate is renewed by itself.
const RenewBefore = 30 * day

// Status is the verdict on one certificate at one moment.
type Status int

// The verdicts, worst last; where several apply the worst is given.
const (
	StatusMissing Status = iota
	StatusValid
	StatusExpired
	StatusNotYetValid
	StatusUntrusted
	StatusRevoked
)

// String gives the word that `cert info` prints.
func (s Status) String() string {
	return [...]string{"Missing", "Valid", "Expired", "Not yet valid", "Untrusted", "Revoked"}[s]
}

// MarshalText gives the form for JSON: lower case, underscores for spaces.
func (s Status) MarshalText() ([]byte, error) {
	return []byte(strings.ReplaceAll(strings.ToLower(s.String()), " ", "_")), nil
}

// StatusAt judges a certificate by its dates alone, with [ClockLeeway] at the
// beginning: missing (nil), valid, expired or not yet valid.
func StatusAt(cert *x509.Certificate, now time.Time) Status {
	switch {
	case cert == nil:
		return StatusMissing
	case now.After(cert.NotAfter):
		return StatusExpired
	case now.Add(ClockLeeway).Before(cert.NotBefore):
		return StatusNotYetValid
	}
	return StatusValid
}

// checkDates gives the verdict of [StatusAt] as an error.
func checkDates(cert *x509.Certificate, now time.Time) error {
	var problem string
	var at time.Time
	switch s := StatusAt(cert, now); {
	case cert.NotAfter.Before(cert.NotBefore):
		problem, at = "ends before it begins", cert.NotAfter
	case s == StatusExpired:
		problem, at = "ended", cert.NotAfter
	case s == StatusNotYetValid:
		problem, at = "is not yet valid", cert.NotBefore
	default:
		return nil
	}
	return fmt.Errorf("%.60s %s: %s", cert.Subject.CommonName, problem, at.UTC().Format(time.RFC3339))
}

// DaysLeft counts the whole days of 24 hours from now to notAfter: 364 just
// after a certificate of a year was made, 0 on the last day, and negative from
// one whole day past the end. Whether a certificate with 0 days left is still
// good is for [StatusAt] to say.
func DaysLeft(notAfter, now time.Time) int {
	return int(notAfter.Sub(now) / day)
}

// RenewDue reports whether a certificate should be renewed: it is still good
// and ends within [RenewBefore]. For a certificate that lives less than three
// times that, the last third of its life counts, so that a short-lived one is
// not renewed over and over.
func RenewDue(cert *x509.Certificate, now time.Time) bool {
	if StatusAt(cert, now) != StatusValid {
		return false
	}
	before := min(RenewBefore, cert.NotAfter.Sub(cert.NotBefore)/3)
	return !now.Before(cert.NotAfter.Add(-before))
}
