package pairing

import (
	"crypto/x509"
	"time"

	"healthsync/pki/trust"
)

// NoteVerified notes that the iPhone of r proved to be itself at remote.
func NoteVerified(s *Computer, r *Record, remote string) {
	s.verified(r)(&trust.Report{Remote: remote, Peer: []*x509.Certificate{{Raw: r.Server}}})
}

// SetLockLimit changes how long a change of the pairing waits for another, and
// gives what it was.
func SetLockLimit(d time.Duration) (before time.Duration) {
	before, lockLimit = lockLimit, d
	return before
}
