package pairing

import (
	"crypto/x509"
	"io"
	"log/slog"
	"time"

	"healthsync/app/config"
	"healthsync/pki/trust"
)

// NoteVerified notes that the iPhone of r proved to be itself at remote.
func NoteVerified(s *Station, r *Record, remote string) {
	s.verified(r, &trust.Report{Remote: remote, Peer: []*x509.Certificate{{Raw: r.Server}}})
}

// StationForBench is one with its files in dir.
func StationForBench(dir string) *Station {
	return &Station{Paths: config.Paths{Config: dir, Data: dir, Log: dir}, Now: time.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
}

// SetTurnLimit has whoever waits for a turn give up sooner.
func SetTurnLimit(d time.Duration) { testOnlyTurnLimit = d }
