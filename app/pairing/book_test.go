package pairing_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"healthsync/app/pairing"
	"healthsync/sync/store"
)

func (b *bench) journal() string { return filepath.Join(b.station.Paths.Data, "trusted.jsonl") }

func (b *bench) book() []store.Trusted {
	b.Helper()
	got, err := b.station.TrustLog(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	return got
}

func (b *bench) database() *store.Store {
	b.Helper()
	db, err := store.Open(b.Context(), b.station.Paths.Database(), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	return db
}

func times(book []store.Trusted) (n int64) {
	for _, e := range book {
		n += e.Count
	}
	return n
}

// Every connection on which the iPhone proved to be itself is in the book once,
// whoever reads it when; one on which somebody else did not is not.
func TestBook(t *testing.T) {
	for _, protocol := range []int{1, 2} {
		b := newBench(t, protocol)
		r := b.pair()
		after := times(b.book())
		if after < 2 { // the pairing itself, and the first status
			t.Errorf("protocol %d: %d connections in the book after pairing", protocol, after)
		}
		for range 3 {
			if err := b.works(); err != nil {
				t.Fatal(err)
			}
		}
		want := after + 3
		got := b.book()
		if len(got) != 1 || times(got) != want || got[0].Pairing != r.ID || got[0].Port != b.phone.Port() || got[0].Host != "127.0.0.1" ||
			got[0].Certificate != r.Leaf().Hex() || got[0].Protocol != protocol {
			t.Errorf("protocol %d: %+v, want %d connections", protocol, got, want)
		}
		db := b.database()
		if err := b.station.FileTrusted(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(b.journal()); !os.IsNotExist(err) {
			t.Errorf("protocol %d: the journal is still there: %v", protocol, err)
		}
		if got := b.book(); len(got) != 1 || times(got) != want {
			t.Errorf("protocol %d: after it went over: %+v", protocol, got)
		}
		other := newBench(t, protocol)
		l := b.link()
		if _, err := l.Verify(t.Context(), pairing.Place{Host: "127.0.0.1", Port: other.phone.Port()}, 0); err == nil {
			t.Error("another iPhone was trusted")
		}
		if got := times(b.book()); got != want {
			t.Errorf("protocol %d: a stranger is in the book: %d", protocol, got)
		}
		// The book stays when the pairing ends.
		if _, err := b.station.Unpair(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := b.book(); len(got) != 1 || got[0].Pairing != r.ID {
			t.Errorf("protocol %d: after unpairing: %+v", protocol, got)
		}
	}
}

// A process may die at any step between the journal and the database.
func TestBookHandedOverOnce(t *testing.T) {
	b := newBench(t, 1)
	b.pair()
	want := times(b.book())
	raw, err := os.ReadFile(b.journal())
	if err != nil {
		t.Fatal(err)
	}
	db := b.database()
	file := func(what string) {
		t.Helper()
		if err := b.station.FileTrusted(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		if got := times(b.book()); got != want {
			t.Errorf("%s: %d, want %d", what, got, want)
		}
	}
	// It died after it had put the journal aside.
	aside := b.journal() + ".handing-0123abcd"
	if err := os.Rename(b.journal(), aside); err != nil {
		t.Fatal(err)
	}
	file("put aside")
	// It died after the database had it and before the file was gone.
	if err := os.WriteFile(aside, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := times(b.book()); got != want {
		t.Errorf("in both: %d, want %d", got, want)
	}
	file("handed in twice")
	// It died in the middle of a line.
	if err := b.works(); err != nil {
		t.Fatal(err)
	}
	want++
	f, err := os.OpenFile(b.journal(), os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString("\n{\"pairing\":\"x\",\"ho")
	f.Close()
	if err := b.works(); err != nil {
		t.Fatal(err)
	}
	want++
	file("half a line")
}

// Who reads the book changes nothing: not the database, whose totals are of the
// zone of the last sync, and not the journal.
func TestBookReadOnly(t *testing.T) {
	b := newBench(t, 1)
	b.pair()
	path := b.station.Paths.Database()
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), path, store.Options{Zone: tokyo})
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
	files := func() (out [2]string) {
		for i, name := range []string{path, b.journal()} {
			raw, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			out[i] = string(raw)
		}
		return out
	}
	before := files()
	if times(b.book()) < 2 {
		t.Errorf("%+v", b.book())
	}
	if files() != before {
		t.Error("the book was read, and the database or the journal is another")
	}
}

// Many at once lose nothing, and a journal that nobody reads stays small.
func TestBookManyWriters(t *testing.T) {
	b := newBench(t, 1)
	b.pair()
	before := times(b.book())
	var all sync.WaitGroup
	const writers, each = 8, 300
	for range writers {
		all.Go(func() {
			l := b.link()
			for range each {
				pairing.NoteVerified(b.station, l.Record, "10.0.0.2:8443")
			}
		})
	}
	db := b.database()
	for range 20 {
		if err := b.station.FileTrusted(t.Context(), db); err != nil {
			t.Error(err)
		}
	}
	all.Wait()
	if got := times(b.book()); got != before+writers*each {
		t.Errorf("%d verifications in the book, want %d", got, before+writers*each)
	}
	r := b.link().Record
	for range 2000 {
		pairing.NoteVerified(b.station, r, "10.0.0.3:8443")
	}
	info, err := os.Stat(b.journal())
	if err != nil || info.Size() > 2*128<<10 {
		t.Errorf("the journal has %d bytes (%v)", info.Size(), err)
	}
}

// Nothing of the vault, and nothing about health, gets into it.
func TestBookHoldsNoSecret(t *testing.T) {
	b := newBench(t, 1)
	b.pair()
	raw, err := os.ReadFile(b.journal())
	if err != nil {
		t.Fatal(err)
	}
	token, err := b.vault.Get(t.Context(), b.items()[0])
	if err != nil || len(token) == 0 {
		t.Fatal(err)
	}
	if bytes.Contains(raw, token) {
		t.Error("the token is in it")
	}
	for line := range strings.Lines(string(raw)) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil || len(fields) != 9 {
			t.Errorf("%v %s", err, line)
		}
	}
	if info, err := os.Stat(b.journal()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
}

func BenchmarkVerifiedNoted(b *testing.B) {
	dir := b.TempDir()
	s := pairing.StationForBench(dir)
	r := &pairing.Record{ID: "0123abcd", Protocol: 2, Name: "Ana's iPhone"}
	for i := 0; b.Loop(); i++ {
		pairing.NoteVerified(s, r, fmt.Sprintf("10.0.0.%d:8443", i%100))
	}
}
