package pairing_test

import (
	"sync"
	"testing"

	"healthsync/app/pairing"
	"healthsync/sync/store"
)

func (b *bench) trustLog() []store.Trusted {
	b.Helper()
	got, err := b.computer.TrustLog(b.Context())
	must(b, err)
	return got
}

func (b *bench) makeDatabase() {
	b.Helper()
	db, err := store.Open(b.Context(), b.computer.Paths.Database(), store.Options{})
	must(b, err)
	db.Close()
}

// A place at which the iPhone proved to be itself is in the trust log once, as
// soon as there is a database; one where somebody else did not is not.
func TestTrustLog(t *testing.T) {
	for _, protocol := range []int{1, 2} {
		b := newBench(t, protocol)
		r := b.pair()
		if got := b.trustLog(); len(got) != 0 {
			t.Errorf("protocol %d: without a database: %+v", protocol, got)
		}
		b.makeDatabase()
		for range 3 {
			must(t, b.works())
		}
		got := b.trustLog()
		if len(got) != 1 || got[0].Pairing != r.ID || got[0].Port != b.phone.Port() || got[0].Host != "127.0.0.1" ||
			got[0].Certificate != r.Leaf().Hex() || got[0].Protocol != protocol || got[0].At == 0 {
			t.Errorf("protocol %d: %+v", protocol, got)
		}
		other := newBench(t, protocol)
		l := b.link()
		if _, err := l.Verify(t.Context(), pairing.Place{Host: "127.0.0.1", Port: other.phone.Port()}, 0); err == nil {
			t.Error("another iPhone was trusted")
		}
		if _, err := b.computer.Unpair(t.Context()); err != nil {
			t.Fatal(err)
		}
		if now := b.trustLog(); len(now) != 1 || now[0] != got[0] {
			t.Errorf("protocol %d: after a stranger, and unpairing: %+v", protocol, now)
		}
	}
}

// Several connections at once are one entry.
func TestTrustLogManyWriters(t *testing.T) {
	t.Parallel()
	b := newBench(t, 1)
	b.pair()
	b.makeDatabase()
	r := b.link().Record
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 30 {
				pairing.NoteVerified(b.computer, r, "10.0.0.2:8443")
			}
		})
	}
	all.Wait()
	if got := b.trustLog(); len(got) != 1 {
		t.Errorf("%+v", got)
	}
}
