package store_test

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"healthsync/sync/health"
	"healthsync/sync/store"
)

// schema1 is a database that the program wrote when its schema was the first:
// 240 samples of three types, eight of them deleted, and a run.
func schema1(t *testing.T) string {
	t.Helper()
	f, err := os.Open("testdata/schema1.db.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "health.db")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const everything = `SELECT * FROM samples ORDER BY type, id; SELECT * FROM deleted_samples ORDER BY type, id;
	SELECT * FROM coverage ORDER BY type; SELECT * FROM runs; SELECT key, value FROM state WHERE key = 'next'`

// From the first schema: nothing is lost, and the ledger and the totals are
// what they would be had the samples come today.
func TestUpgrade(t *testing.T) {
	path := schema1(t)
	before := reader(t, path, everything)
	s := open(t, path)
	sound(t, s)
	if after := reader(t, path, everything); after != before || len(after) < 10_000 {
		t.Errorf("%d bytes before, %d after, or others", len(before), len(after))
	}
	stats, err := s.Types(t.Context())
	if err != nil || len(stats) != 3 || stats[0].Type != health.HeartRate || stats[0].Count != 52 || stats[0].Deleted != 8 {
		t.Errorf("%+v %v", stats, err)
	}
	f := fresh(t)
	apply(t, f, store.Change{Samples: all(t, s)})
	for _, sql := range []string{
		"SELECT name, day, count, hash FROM ledger JOIN type ON type = id ORDER BY 1, 2", "SELECT * FROM daily_totals ORDER BY 1, 2",
		"SELECT name, longest FROM type ORDER BY 1",
	} {
		if got, want := reader(t, path, sql), reader(t, f.Path(), sql); got != want || got == "" {
			t.Errorf("%s: %s\nwant\n%s", sql, got, want)
		}
	}
	// And it goes on from there.
	apply(t, s, store.Change{Samples: []health.Sample{heart(1, 1_780_000_100)}})
	sound(t, s)
}

const tokyo = `{"HKTimeZone":"Asia/Tokyo"}`

// walked are steps at a moment, in the night where the reader is.
func walked(n int, start int64, metadata string) health.Sample {
	return health.Sample{ID: id(n), Type: health.Steps, Start: start, End: start + 60, Value: 40, Unit: "count", Source: "Watch", Metadata: metadata}
}

// Samples that name their zone count on the day that it was there: before an
// upgrade from any schema, after it, and when another comes to that day.
func TestUpgradeZoned(t *testing.T) {
	for _, old := range []string{"1", "4"} {
		path := filepath.Join(t.TempDir(), "health.db")
		s := open(t, path)
		evening := int64(1_780_000_000)/86400*86400 + 20*3600 // the next day in Tokyo
		apply(t, s, store.Change{Samples: []health.Sample{walked(1, evening, tokyo), heart(2, evening)}})
		if old == "1" {
			if err := s.ToSchema1(t.Context()); err != nil {
				t.Fatal(err)
			}
			s.Close()
		} else {
			s.Close()
			meddle(t, path, "UPDATE type SET zoned = 0, longest = 0; PRAGMA user_version = "+old)
		}
		s = open(t, path)
		if got := reader(t, path, "SELECT name, longest, zoned FROM type ORDER BY 1"); got != "heartRate|5|0\nsteps|60|1" {
			t.Errorf("from %s: %s", old, got)
		}
		apply(t, s, store.Change{Samples: []health.Sample{walked(3, evening+12*3600, "")}})
		sound(t, s)
	}
}

// Read as it is, an old database gives what it has, says of the rest that it
// is older, and is not touched.
func TestOldForReading(t *testing.T) {
	path := schema1(t)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), path, store.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(all(t, s)); n != 232 {
		t.Errorf("%d samples", n)
	}
	if stats, err := s.Types(t.Context()); err != nil || len(stats) != 3 {
		t.Errorf("%v %v", stats, err)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	var older *store.OlderError
	if _, err := s.Audit(t.Context()); !errors.As(err, &older) || older.Schema != 1 {
		t.Errorf("Audit: %v", err)
	}
	if _, err := s.DayTotals(t.Context(), "", "", "9"); !errors.As(err, &older) {
		t.Errorf("DayTotals: %v", err)
	}
	copied := filepath.Join(t.TempDir(), "copy.db")
	if _, err := s.Backup(t.Context(), copied, store.BackupOptions{}); err != nil {
		t.Error(err)
	}
	s.Close()
	if now, err := os.ReadFile(path); err != nil || !slices.Equal(raw, now) {
		t.Errorf("the file was touched: %v", err)
	}
	if n := len(all(t, open(t, copied))); n != 232 { // opened, and so upgraded
		t.Errorf("%d samples in the copy", n)
	}
}

// A process killed in the midst of the upgrade leaves the old schema whole or
// the new one; the next goes on.
func TestUpgradeKilled(t *testing.T) {
	path := schema1(t)
	s := open(t, path) // to grow
	r := rand.New(rand.NewPCG(3, 3))
	var page []health.Sample
	for range 60_000 {
		m := heart(0, 1_700_000_000+r.Int64N(300*86400))
		m.ID = randomUUID(r)
		page = append(page, m)
	}
	apply(t, s, store.Change{Samples: page})
	s.Close()
	want := reader(t, path, "SELECT count(*), sum(start) FROM sample")
	old := "DROP TABLE foreign_sample; DROP VIEW trust_log; DROP TABLE trusted; DROP VIEW daily_totals; DROP TABLE ledger; DROP TABLE day_total; DELETE FROM state WHERE key = 'totals'; " +
		"ALTER TABLE type DROP COLUMN late; ALTER TABLE type DROP COLUMN longest; ALTER TABLE type DROP COLUMN zoned; PRAGMA user_version = 1"
	meddle(t, path, old) // and back to the first
	began := time.Now()
	if out, err := child("upgrade", path).Output(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	took := time.Since(began)
	meddle(t, path, old)
	killed := 0
	for i := 0; i < 60 && killed < 5; i++ {
		cmd := child("upgrade", path)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(r.Int64N(int64(took))), func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait() // which of the two it was, the file says
		timer.Stop()
		if reader(t, path, "PRAGMA user_version") == "1" {
			killed++
		} else { // through: once more from the beginning
			meddle(t, path, old)
		}
	}
	if killed < 5 {
		t.Errorf("only %d kills met the upgrade", killed)
	}
	s = open(t, path)
	sound(t, s)
	if got := reader(t, path, "SELECT count(*), sum(start) FROM sample"); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// BenchmarkUpgrade brings a million samples from the first schema to today's.
func BenchmarkUpgrade(b *testing.B) {
	n := million(b)
	s := fresh(b)
	history(n, func(page []health.Sample) { applyPage(b, s, page) })
	path := s.Path()
	var m meter
	for b.Loop() {
		if err := s.ToSchema1(context.Background()); err != nil {
			b.Fatal(err)
		}
		s.Close()
		m.start()
		s = open(b, path)
		m.stop()
	}
	m.report(b, n)
}

// BenchmarkAudit compares a million rows with the ledger.
func BenchmarkAudit(b *testing.B) {
	n := million(b)
	s := fresh(b)
	history(n, func(page []health.Sample) { applyPage(b, s, page) })
	var m meter
	for b.Loop() {
		m.start()
		days, err := s.Audit(b.Context())
		m.stop()
		if err != nil || len(days) > 0 {
			b.Fatal(days, err)
		}
	}
	m.report(b, n)
}
