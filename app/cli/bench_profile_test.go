package cli_test

import (
	"path/filepath"
	"testing"

	"healthsync/pki/trust"
	"healthsync/sync/engine"
	"healthsync/sync/phone"
	"healthsync/sync/store"
)

// BenchmarkHotPath is a first sync within this process, for a profile:
//
//	go test ./app/cli -run '^$' -bench HotPath -benchtime 1x -cpuprofile cpu.out
func BenchmarkHotPath(b *testing.B) {
	p := newBenchPhone(b, 0)
	payload, err := p.Payload("127.0.0.1")
	if err != nil {
		b.Fatal(err)
	}
	cert, ca := p.clientCertificate(b)
	client, err := phone.New(phone.Config{
		Version: 2, Host: payload.Host, Port: payload.Port, Pacer: phone.Unpaced(),
		Dialer: &trust.Dialer{Trust: trust.Mutual(ca, trust.Certificate(&cert))},
	})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		db, err := store.Open(b.Context(), filepath.Join(b.TempDir(), "health.db"), store.Options{})
		if err != nil {
			b.Fatal(err)
		}
		res, err := engine.Sync(b.Context(), client, db, engine.Options{Progress: func(engine.Progress) {}})
		if err != nil || res.Added != p.n {
			b.Fatal(err, res.Added)
		}
		if err := db.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
