package pki

import (
	"crypto/x509"
	"time"
)

const day = 24 * time.Hour

// RenewBefore is how long before its end a certificate is renewed by itself.
const RenewBefore = 30 * day

// DaysLeft counts the whole days of 24 hours from now to notAfter: 364 just
// after a certificate of a year was made, 0 on the last day, and negative from
// one whole day past the end. Whether a certificate with 0 days left is still
// good is for [StatusAt] to say.
func DaysLeft(notAfter, now time.Time) int {
	return int(notAfter.Sub(now) / day)
}

// Expiring returns the smallest of the thresholds, in days, that has been
// reached: with 30, 7, 1 and 0 it gives 30 from thirty days before the end, 7
// from seven, 1 from one, and 0 from the end on. It reports false while none
// has been reached.
func Expiring(notAfter, now time.Time, thresholds ...int) (int, bool) {
	left := notAfter.Sub(now)
	best, reached := 0, false
	for _, t := range thresholds {
		if left <= time.Duration(t)*day && (!reached || t < best) {
			best, reached = t, true
		}
	}
	return best, reached
}

// RenewDue reports whether a certificate should be renewed: it is still good
// and ends within [RenewBefore]. For a certificate that lives less than three
// times that, the last third of its life counts, so that a short-lived one is
// not renewed over and over.
func RenewDue(cert *x509.Certificate, now time.Time) bool {
	if cert == nil || StatusAt(cert, now) != StatusValid {
		return false
	}
	before := min(RenewBefore, cert.NotAfter.Sub(cert.NotBefore)/3)
	return !now.Before(cert.NotAfter.Add(-before))
}
