package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"healthsync/sync/daily"
	"healthsync/sync/health"
	"healthsync/sync/store"
	"healthsync/sync/testenv"
)

// schema1 is a database that the program wrote when its schema was the first:
// 240 samples of three types, eight of them deleted, and a run.
func schema1(t *testing.T) string {
	t.Helper()
	raw := testenv.Unzipped(t, "testdata/schema1.db.gz")
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

// asOf makes a database of an older schema, by the statements of that time, of
// what is in one of today's.
func asOf(t *testing.T, schema int, today string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "old.db")
	sql := ";" // sqlite3 takes a text that begins with a comment for an option
	for i := range schema {
		text, err := os.ReadFile(fmt.Sprintf("schema/%04d.sql", i+1))
		if err != nil {
			t.Fatal(err)
		}
		sql += string(text)
	}
	sql += fmt.Sprintf("ATTACH '%s' AS today;", today)
	for _, table := range []string{"origin", "metadata", "sample", "deleted_sample", "covered", "run"} {
		sql += fmt.Sprintf("INSERT INTO main.%s SELECT * FROM today.%[1]s;", table)
	}
	sql += `INSERT INTO main.state SELECT * FROM today.state WHERE key <> 'totals';
		INSERT INTO main.type (id, name, live, deleted) SELECT id, name, live, deleted FROM today.type;`
	if schema >= 3 {
		// Its hashes had 64 bits, its totals other columns.
		sql += `INSERT INTO main.state SELECT key, json_set(value, '$.v', 2) FROM today.state WHERE key = 'totals';
			INSERT INTO main.ledger (type, day, count, hash) SELECT type, day, count, hash + (day % 100 << 48) FROM today.ledger;
			UPDATE main.type SET late = (SELECT late FROM today.type x WHERE x.id = type.id);
			INSERT INTO main.day_total SELECT t.id, day, unit, samples, total, nullif(uncorrected, total), average, minimum, maximum
				FROM today.daily_totals d JOIN today.type t ON t.name = d.type;`
	}
	if schema >= 4 {
		sql += "INSERT INTO main.foreign_sample SELECT * FROM today.foreign_sample;"
	}
	if schema >= 5 {
		sql += "UPDATE main.type SET longest = x.longest, zoned = x.zoned FROM today.type x WHERE x.id = type.id;"
	}
	meddle(t, path, sql+fmt.Sprintf("PRAGMA application_id = 0x4853796e; PRAGMA user_version = %d", schema))
	return path
}

// schemas is today's.
func schemas(t *testing.T) int {
	files, err := filepath.Glob("schema/*.sql")
	if err != nil || len(files) < 6 {
		t.Fatal(files, err)
	}
	return len(files)
}

// From every earlier schema: all is as if the samples had come today, the order of
// the sources is kept, and what is altered is found as before.
func TestUpgradeFromEach(t *testing.T) {
	for old := 1; old < schemas(t); old++ {
		today := filepath.Join(t.TempDir(), "health.db")
		s, err := store.Open(t.Context(), today, store.Options{Priority: &daily.Priority{Names: []string{"Ring"}}})
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(8, uint64(old)))
		var samples []health.Sample
		for i := range 600 {
			m := walked(i, -10*86400+r.Int64N(40*86400), []string{"", tokyo}[r.IntN(2)])
			m.Source, m.Value = []string{"Watch", "Ring", "iPhone"}[r.IntN(3)], float64(r.IntN(2000))/8
			switch r.IntN(6) {
			case 0:
				m.Type, m.Unit = health.HeartRate, []string{"count/min", "Hz"}[r.IntN(2)]
			case 1:
				m.Type, m.Unit, m.Value = health.SleepAnalysis, "category", float64(r.IntN(6))
			case 2:
				m.End += r.Int64N(3 * 86400)
			}
			samples = append(samples, m)
		}
		apply(t, s, store.Change{Samples: samples})
		gone := []store.Covered{{Type: health.Steps, Span: store.Span{From: 0, To: 4 * 3600}}}
		apply(t, s, store.Change{Covered: gone, Reconcile: gone, State: map[string]string{"next": "1"}})
		sound(t, s)
		s.Close()
		path := asOf(t, old, today)
		const first = " WHERE (type, start, id) = (SELECT type, start, id FROM sample ORDER BY start LIMIT 1)"
		if old >= 3 {
			meddle(t, path, "UPDATE sample SET value = value + 1"+first)
		}
		s = open(t, path)
		if old >= 3 {
			if got := audit(t, s); got == "" {
				t.Errorf("from %d: what was altered is not found", old)
			}
			meddle(t, path, "UPDATE sample SET value = value - 1"+first+"; UPDATE state SET value = json_set(value, '$.v', 0) WHERE key = 'totals'")
			s.Close()
			s = open(t, path)
		}
		sound(t, s)
		queries := []string{
			everything, "SELECT name, day, count, hash FROM ledger JOIN type ON type = id ORDER BY 1, 2", "PRAGMA user_version",
			"SELECT * FROM daily_totals ORDER BY 1, 2, 3", "SELECT * FROM type",
		}
		if old < 3 { // which had no order of the sources
			queries = queries[:3]
		}
		for _, sql := range queries {
			if got, want := reader(t, path, sql), reader(t, today, sql); got != want || got == "" {
				t.Errorf("from %d: %s: %s\nwant\n%s", old, sql, got, want)
			}
		}
		apply(t, s, store.Change{Samples: []health.Sample{walked(9999, 86_400, tokyo)}})
		sound(t, s)
	}
}

// Samples that name their zone count on the day that it was there: before an
// upgrade from any schema, after it, and when another comes to that day.
func TestUpgradeZoned(t *testing.T) {
	for old := 1; old < schemas(t); old++ {
		path := filepath.Join(t.TempDir(), "health.db")
		s := open(t, path)
		evening := int64(1_780_000_000)/86400*86400 + 20*3600 // the next day in Tokyo
		apply(t, s, store.Change{Samples: []health.Sample{walked(1, evening, tokyo), heart(2, evening)}})
		s.Close()
		path = asOf(t, old, path)
		s = open(t, path)
		if got := reader(t, path, "SELECT name, longest, zoned FROM type ORDER BY 1"); got != "heartRate|5|0\nsteps|60|1" {
			t.Errorf("from %d: %s", old, got)
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
	old := "DROP TABLE foreign_sample; DROP VIEW trust_log; DROP TABLE trusted; DROP VIEW daily_totals; DROP TABLE ledger; DROP TABLE day_total; DROP TABLE unit; DELETE FROM state WHERE key = 'totals'; " +
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
