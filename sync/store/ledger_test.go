package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"healthsync/sync/health"
	"healthsync/sync/store"
	"healthsync/sync/testenv"
)

// meddle changes the file as someone does who has sqlite3 at hand.
func meddle(t *testing.T, path, sql string) {
	t.Helper()
	out, err := exec.Command(testenv.NeedTool(t, "sqlite3", "sqlite3"), "-batch", path, sql).CombinedOutput()
	if err != nil {
		t.Fatalf("%v %s", err, out)
	}
}

func audit(t *testing.T, s *store.Store) string {
	t.Helper()
	days, err := s.Audit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, d := range days {
		out = append(out, fmt.Sprint(d.Type, " ", d.Date(), " ", d.Served, "/", d.Stored))
	}
	return strings.Join(out, ", ")
}

// Whatever is done to a row by another program is found, on its day; and once
// the phone has served the day again, nothing is left of it.
func TestAltered(t *testing.T) {
	samples := []health.Sample{heart(1, 100), heart(2, 200), heart(3, 86_400), heart(4, -1)}
	steps := health.Sample{ID: id(5), Type: health.Steps, Start: 86_399, End: 86_500, Value: 40, Unit: "count", Source: "Watch", Metadata: `{"a":"b"}`}
	samples = append(samples, steps)
	whole := func(types ...health.Type) (c store.Change) {
		c.Samples = samples
		for _, typ := range types {
			span := store.Span{From: -1000, To: 200_000}
			c.Covered = append(c.Covered, store.Covered{Type: typ, Span: span})
			c.Reconcile = append(c.Reconcile, store.Covered{Type: typ, Span: span})
		}
		return c
	}
	for _, c := range []struct{ sql, found string }{
		{"UPDATE sample SET value = value + 1 WHERE start = 200", "heartRate 1970-01-01 2/2"},
		{"UPDATE sample SET duration = 6 WHERE start = 86400", "heartRate 1970-01-02 1/1"},
		{"UPDATE sample SET metadata = NULL WHERE metadata IS NOT NULL", "steps 1970-01-01 1/1"},
		{"UPDATE origin SET source = 'Clock' WHERE unit = 'count'", "steps 1970-01-01 1/1"},
		{"UPDATE metadata SET json = '{}'", "steps 1970-01-01 1/1"},
		{"UPDATE sample SET start = start + 90000 WHERE start = -1", "heartRate 1969-12-31 1/0, heartRate 1970-01-02 1/2"},
		{"DELETE FROM sample WHERE start IN (100, 86400)", "heartRate 1970-01-01 2/1, heartRate 1970-01-02 1/0"},
		{"INSERT INTO sample SELECT type, start + 7, randomblob(16), duration, value, origin, metadata FROM sample WHERE start = 86400", "heartRate 1970-01-02 1/2"},
		{"UPDATE sample SET id = randomblob(16) WHERE start = 100", "heartRate 1970-01-01 2/2"},
		{"UPDATE sample SET value = 1 WHERE start = 100; UPDATE sample SET value = 2 WHERE start = 200", "heartRate 1970-01-01 2/2"},
		{"UPDATE ledger SET hash = hash + 1 WHERE type = (SELECT id FROM type WHERE name = 'steps')", "steps 1970-01-01 1/1"},
		{"DELETE FROM ledger", "heartRate 1969-12-31 0/1, heartRate 1970-01-01 0/2, heartRate 1970-01-02 0/1, steps 1970-01-01 0/1"},
	} {
		path := filepath.Join(t.TempDir(), "health.db")
		s := open(t, path)
		apply(t, s, whole(health.HeartRate, health.Steps))
		if got := audit(t, s); got != "" {
			t.Fatalf("before: %s", got)
		}
		s.Close()
		meddle(t, path, c.sql)
		s = open(t, path)
		if got := audit(t, s); got != c.found {
			t.Errorf("%s\nfound %q, want %q", c.sql, got, c.found)
		}
		days, err := s.Audit(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		// Read again as a whole and compared, the rows are the phone's.
		apply(t, s, whole(health.HeartRate, health.Steps))
		if _, err := s.Reledger(t.Context(), days); err != nil {
			t.Fatal(err)
		}
		if got := audit(t, s); got != "" {
			t.Errorf("%s\nafter reading again: %s", c.sql, got)
		}
		same(t, all(t, s), samples)
		sound(t, s)
	}
}

// An ordinary change that undoes one meddling leaves the ledger right by
// itself: what was served stays what was served.
func TestUndone(t *testing.T) {
	for _, sql := range []string{
		"UPDATE sample SET value = 99 WHERE start = 200", "DELETE FROM sample WHERE start = 200", "UPDATE sample SET start = 300 WHERE start = 200",
		"INSERT INTO sample SELECT type, 300, randomblob(16), duration, value, origin, metadata FROM sample WHERE start = 200",
	} {
		path := filepath.Join(t.TempDir(), "health.db")
		s := open(t, path)
		span := []store.Covered{{Type: health.HeartRate, Span: store.Span{From: 0, To: 1000}}}
		c := store.Change{Samples: []health.Sample{heart(1, 100), heart(2, 200)}, Covered: span, Reconcile: span, Detail: true}
		apply(t, s, c)
		s.Close()
		meddle(t, path, sql)
		s = open(t, path)
		out := apply(t, s, c)
		if got := audit(t, s); got != "" || len(out.Days) != 1 || out.Days[0].Writes() == 0 {
			t.Errorf("%s: %s, %+v", sql, got, out)
		}
		same(t, all(t, s), c.Samples)
		sound(t, s)
	}
}

// What another program did and ordinary pages undid in part is right again once
// one of them has the whole day: then the rows are what the phone served. A page
// of a part of the day does not say so.
func TestUndoneInPart(t *testing.T) {
	day := store.Span{From: 0, To: 86_400}
	for _, c := range []struct {
		sql   string
		part  []health.Sample // what a page brings of it
		span  store.Span      // what the next one has whole
		right bool
	}{
		{"DELETE FROM sample WHERE start IN (200, 300)", []health.Sample{heart(2, 200)}, day, true},
		{"DELETE FROM sample WHERE start IN (200, 300)", []health.Sample{heart(2, 200)}, store.Span{From: 0, To: 80_000}, false},
		{"UPDATE sample SET value = 1 WHERE start IN (200, 300)", []health.Sample{heart(2, 200)}, store.Span{From: -86_400, To: 2 * 86_400}, true},
		{"DELETE FROM sample WHERE start = 200; INSERT INTO sample SELECT type, 400, randomblob(16), duration, value, origin, metadata FROM sample WHERE start = 300",
			[]health.Sample{heart(2, 200)}, day, true},
	} {
		path := filepath.Join(t.TempDir(), "health.db")
		s := open(t, path)
		whole := []health.Sample{heart(1, 100), heart(2, 200), heart(3, 300)}
		apply(t, s, store.Change{Samples: whole, Covered: []store.Covered{{Type: health.HeartRate, Span: day}}})
		s.Close()
		meddle(t, path, c.sql)
		s = open(t, path)
		apply(t, s, store.Change{Samples: c.part})
		if audit(t, s) == "" {
			t.Errorf("%s: right after the first page", c.sql)
		}
		apply(t, s, store.Change{Samples: whole, Reconcile: []store.Covered{{Type: health.HeartRate, Span: c.span}}})
		same(t, all(t, s), whole)
		if got := audit(t, s); (got == "") != c.right {
			t.Errorf("%s, then %v: %q", c.sql, c.span, got)
		}
		if c.right {
			sound(t, s)
		}
	}
}

// What this iPhone has of a whole day says nothing of another iPhone's rows: one
// of those that was taken out stays lost.
func TestAlteredForeign(t *testing.T) {
	span := []store.Covered{{Type: health.HeartRate, Span: store.Span{From: 0, To: 86_400}}}
	path := filepath.Join(t.TempDir(), "health.db")
	s := open(t, path)
	apply(t, s, store.Change{Samples: []health.Sample{heart(1, 100), heart(2, 200)}, Covered: span})
	changePhone(t, s, "", true)
	apply(t, s, store.Change{Samples: []health.Sample{heart(3, 300)}, Covered: span})
	s.Close()
	meddle(t, path, "DELETE FROM sample WHERE start = 200")
	s = open(t, path)
	apply(t, s, store.Change{Samples: []health.Sample{heart(3, 300), heart(4, 400)}, Reconcile: span})
	same(t, all(t, s), []health.Sample{heart(1, 100), heart(3, 300), heart(4, 400)})
	if got, want := audit(t, s), "heartRate 1970-01-01 4/3"; got != want {
		t.Errorf("%q, want %q: the other iPhone's lost row", got, want)
	}
}

// The hashes in the file are part of the schema, their 48 bits and sign, too.
func TestLedgerStored(t *testing.T) {
	s := fresh(t)
	m := health.Sample{ID: health.UUID{1, 15: 2}, Type: health.HeartRate, Start: 1_780_000_000, End: 1_780_000_005, Value: 60.5, Unit: "count/min", Source: "Watch", Metadata: `{"a":"b"}`}
	next := m
	next.ID, next.Start, next.End = health.UUID{5}, m.Start+86_400, m.End+86_400
	apply(t, s, store.Change{Samples: []health.Sample{m, next}})
	const want = "20601|1|63051493080294\n20602|1|-79916444185257"
	if got := reader(t, s.Path(), "SELECT day, count, hash FROM ledger ORDER BY day"); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// The totals of days that someone else changed, and of which the phone has
// nothing new to say, are those of the rows once these count as served.
func TestReledgerTotals(t *testing.T) {
	path := filepath.Join(t.TempDir(), "health.db")
	s := open(t, path)
	long := walked(3, 86_400-30, "")
	apply(t, s, store.Change{Samples: []health.Sample{walked(1, 100, ""), walked(2, 5*86_400, ""), long}})
	s.Close()
	meddle(t, path, "DELETE FROM sample WHERE start < 86400")
	s = open(t, path)
	days, err := s.Audit(t.Context())
	if err != nil || len(days) != 1 {
		t.Fatal(days, err)
	}
	if _, err := s.Reledger(t.Context(), days); err != nil {
		t.Fatal(err)
	}
	sound(t, s)
}

// The ledger is the same in whatever order and pieces samples come, and after
// any of them were changed, deleted and served again.
func TestLedgerOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var samples []health.Sample
	for i := range 400 {
		m := heart(i, r.Int64N(5*86400))
		m.Type = []health.Type{health.HeartRate, health.Steps}[i%2]
		m.Value, m.Metadata = float64(r.IntN(3))-1, []string{"", `{"a":"1"}`}[r.IntN(2)]
		samples = append(samples, m)
	}
	ledger := func(s *store.Store) string {
		return reader(t, s.Path(), "SELECT name, day, count, hash FROM ledger JOIN type ON type = id ORDER BY name, day")
	}
	a := fresh(t)
	apply(t, a, store.Change{Samples: samples})
	b := fresh(t)
	shuffled := slices.Clone(samples)
	r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	for page := range slices.Chunk(shuffled, 37) {
		other := slices.Clone(page)
		for i := range other {
			other[i].Value += float64(r.IntN(2))
		}
		apply(t, b, store.Change{Samples: other[:len(other)/2]})
		apply(t, b, store.Change{Samples: page})
	}
	span := store.Span{From: 86400, To: 2 * 86400}
	apply(t, b, store.Change{Reconcile: []store.Covered{{Type: health.Steps, Span: span}, {Type: health.HeartRate, Span: span}}})
	if ledger(b) == ledger(a) {
		t.Error("a day without samples has the ledger of one with")
	}
	apply(t, b, store.Change{Samples: samples})
	if got, want := ledger(b), ledger(a); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	sound(t, a)
	sound(t, b)
}

// Rows that another program takes out are altered, not damage, and a copy can be
// made of them; once the days were read again, the counts are right, too.
func TestMiscounted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "health.db")
	s := open(t, path)
	whole := page(heart(1, 100), heart(2, 200), heart(3, 300))
	apply(t, s, whole)
	s.Close()
	meddle(t, path, "DELETE FROM sample WHERE start < 300; INSERT INTO deleted_sample SELECT type, randomblob(16), start, duration, value, origin, metadata, 1 FROM sample")
	s = open(t, path)
	var altered *store.AlteredError
	if err := s.Check(t.Context()); !errors.As(err, &altered) || len(altered.Days) != 1 || len(altered.Miscounted) != 1 {
		t.Errorf("%v", err)
	}
	info, err := s.Backup(t.Context(), filepath.Join(t.TempDir(), "copy.db"), store.BackupOptions{})
	if err != nil || info.Samples != 1 || info.Deleted != 1 || fmt.Sprint(info.Miscounted) != "[heartRate]" {
		t.Errorf("%+v %v", info, err)
	}
	// One of the two comes back, then the other: neither makes the day whole
	// again alone.
	apply(t, s, store.Change{Samples: []health.Sample{heart(1, 100)}})
	apply(t, s, whole)
	days, err := s.Audit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Reledger(t.Context(), days); err != nil {
		t.Fatal(err)
	}
	sound(t, s)
	if stats, err := s.Types(t.Context()); err != nil || stats[0].Count != 3 || stats[0].Deleted != 1 {
		t.Errorf("%+v %v", stats, err)
	}
	if info, err := s.Backup(t.Context(), filepath.Join(t.TempDir(), "copy.db"), store.BackupOptions{}); err != nil || info.Miscounted != nil {
		t.Errorf("%+v %v", info, err)
	}
}
