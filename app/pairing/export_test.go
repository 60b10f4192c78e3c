package pairing

import (
	"crypto/x509"
	"time"

	"healthsync/pki/trust"
)

// NoteVerified notes that the iPhone of r proved to be itself at remote.
func NoteVerified(s *Station, r *Record, remote string) {
	s.verified(r)(&trust.Report{Remote: remote, Peer: []*x509.Certificate{{Raw: r.Server}}})
}

// SetTurnLimit has whoever waits for a turn give up sooner.
func SetTurnLimit(d time.Duration) { testOnlyTurnLimit = d }
