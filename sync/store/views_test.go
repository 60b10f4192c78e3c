package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"healthsync/sync/health"
	"healthsync/sync/store"
)

// July 2026 in Berlin is two hours ahead of UTC.
const (
	june30Noon = 1782813600 // 2026-06-30 10:00 UTC, 12:00 in Berlin
	hour       = 3600
)

// diary is a day and a night of two devices.
func diary(t *testing.T) *store.Store {
	s := fresh(t)
	n := 0
	add := func(kind health.Type, start, seconds int64, value float64, unit, source, metadata string) health.Sample {
		n++
		return health.Sample{
			ID: id(0xabc000 + n), Type: kind, Start: start, End: start + seconds,
			Value: value, Unit: unit, Source: source, Metadata: metadata,
		}
	}
	watch, phone := "Ana's Watch", "Ana's iPhone"
	night := june30Noon + 11*hour // 23:00 in Berlin
	gone := add(health.HeartRate, june30Noon-60, 0, 99, "count/min", watch, "")
	read := during(health.Steps, june30Noon-86400, june30Noon+86400)
	read.At = june30Noon + 86400
	apply(t, s, store.Change{Samples: []health.Sample{
		add(health.Steps, june30Noon, 60, 100, "count", watch, ""),
		add(health.Steps, june30Noon, 60, 90, "count", phone, ""),
		add(health.Steps, june30Noon+11*hour+1800, 60, 30, "count", watch, ""), // 23:30 in Berlin
		add(health.Steps, june30Noon+12*hour+1800, 60, 7, "count", watch, ""),  // 00:30 on 1 July
		gone,
		add(health.HeartRate, june30Noon, 0, 61.5, "count/min", watch, ""),
		add(health.HeartRate, june30Noon+600, 0, 64.5, "count/min", watch, ""),
		add(health.SleepAnalysis, int64(night), 8*hour, 0, "category", phone, stages[health.StageInBed]),
		add(health.SleepAnalysis, int64(night), hour, 3, "category", watch, stages[health.StageCore]),
		add(health.SleepAnalysis, int64(night)+hour, 2*hour, 4, "category", watch, stages[health.StageDeep]),
		add(health.SleepAnalysis, int64(night)+3*hour, 600, 2, "category", watch, stages[health.StageAwake]),
		add(health.SleepAnalysis, int64(night)+3*hour+600, hour, 5, "category", watch, stages[health.StageREM]),
		add(health.Workouts, june30Noon+6*hour, 1900, 1800, "s", watch,
			`{"activityType":"running","durationSeconds":"1800","totalDistanceMeters":"5012.40"}`),
	}, Covered: []store.Covered{read}})
	apply(t, s, store.Change{Reconcile: []store.Covered{during(health.HeartRate, june30Noon-100, june30Noon)}})
	if err := s.RecordRun(t.Context(), &store.Run{
		Started: june30Noon, Ended: june30Noon + 5, Outcome: store.RunOK, Phone: "Ana's iPhone", Requests: 2,
		Counts: store.Counts{Added: 12},
	}); err != nil {
		t.Fatal(err)
	}
	return s
}

// The views as SQLite's own command line reads them, with Berlin's clock.
func TestViews(t *testing.T) {
	s := diary(t)
	for _, c := range []struct{ query, want string }{
		// The promise, column by column.
		{
			"SELECT name FROM pragma_table_info('samples')",
			"id\ntype\nstart_date\nend_date\nvalue\nunit\nsource\nmetadata",
		},
		{
			"SELECT * FROM samples WHERE type = 'heartRate' ORDER BY start_date LIMIT 1",
			"00000000-0000-0000-0000-000000ABC006|heartRate|2026-06-30T10:00:00Z|2026-06-30T10:00:00Z|" +
				"61.5|count/min|Ana's Watch|",
		},
		{
			"SELECT start_date, end_date, typeof(value), metadata FROM samples WHERE type = 'sleepAnalysis' AND value = 4",
			`2026-06-30T22:00:00Z|2026-07-01T00:00:00Z|real|{"sleepStage":"deep"}`,
		},
		{"SELECT count(*), count(metadata), count(DISTINCT id) FROM samples", "12|6|12"},
		{
			"SELECT id, type, start, stop, duration, value, unit, source FROM samples_unix " +
				"WHERE type = 'steps' AND start > unixepoch('2026-06-30 22:00')",
			"00000000-0000-0000-0000-000000ABC005|steps|1782858600|1782858660|60|7.0|count|Ana's Watch",
		},
		{
			"SELECT type, samples, deleted, first_date, last_date, unit FROM types",
			"heartRate|2|1|2026-06-30T10:00:00Z|2026-06-30T10:10:00Z|count/min\n" +
				"sleepAnalysis|5|0|2026-06-30T21:00:00Z|2026-07-01T00:10:00Z|category\n" +
				"steps|4|0|2026-06-30T10:00:00Z|2026-06-30T22:30:00Z|count\n" +
				"workouts|1|0|2026-06-30T16:00:00Z|2026-06-30T16:00:00Z|s",
		},
		{"SELECT start_date, value FROM latest WHERE type = 'steps'", "2026-06-30T22:30:00Z|7.0"},
		{"SELECT count(*) FROM latest", "4"},
		{
			"SELECT day, source, samples, total FROM daily_by_source WHERE type = 'steps' ORDER BY day, source",
			"2026-06-30|Ana's Watch|2|130.0\n2026-06-30|Ana's iPhone|1|90.0\n2026-07-01|Ana's Watch|1|7.0",
		},
		{"SELECT day, average, minimum, maximum FROM daily WHERE type = 'heartRate'", "2026-06-30|63.0|61.5|64.5"},
		{
			"SELECT night, stage, start_local, minutes FROM sleep WHERE stage = 'rem'",
			"2026-07-01|rem|2026-07-01 02:10:00|60.0",
		},
		{
			"SELECT night, source, start_local, end_local, asleep, core, deep, rem, awake, in_bed FROM nights ORDER BY source",
			"2026-07-01|Ana's Watch|2026-06-30 23:00:00|2026-07-01 03:10:00|240.0|60.0|120.0|60.0|10.0|0.0\n" +
				"2026-07-01|Ana's iPhone|2026-06-30 23:00:00|2026-07-01 07:00:00|0.0|0.0|0.0|0.0|0.0|480.0",
		},
		{
			"SELECT start_local, activity, minutes, kilocalories IS NULL, meters FROM workouts",
			"2026-06-30 18:00:00|running|30.0|1|5012.4",
		},
		{"SELECT type, value, deleted_date LIKE '20%Z' FROM deleted_samples", "heartRate|99.0|1"},
		{"SELECT * FROM coverage", "steps|2026-06-29T10:00:00Z|2026-07-01T10:00:00Z|2026-07-01T10:00:00Z"},
		{"SELECT * FROM runs", "2026-06-30T10:00:00Z|2026-06-30T10:00:05Z|ok|Ana's iPhone|2|12|0|0|0|0"},
	} {
		if got := reader(t, s.Path(), c.query); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.query, got, c.want)
		}
	}
}

// The queries that people make find their rows by the key: SQLite's plan for them
// searches, and scans nothing but the tables of types.
func TestQueryPlans(t *testing.T) {
	s := diary(t)
	for _, c := range []struct{ query, has, hasNot string }{
		{"samples WHERE type = 'steps'", "PRIMARY KEY (type=?)", ""},
		{"samples_unix WHERE type = 'steps' AND start >= unixepoch('2026-07-01')", "PRIMARY KEY (type=? AND start>?)", ""},
		{"samples_unix WHERE type = 'steps' AND start BETWEEN 5 AND 9", "PRIMARY KEY (type=? AND start>? AND start<?)", ""},
		{"samples_unix WHERE type IN ('steps', 'heartRate') AND start >= 5", "PRIMARY KEY (type=? AND start>?)", ""},
		{"samples_unix WHERE type = 'steps' ORDER BY start DESC LIMIT 5", "PRIMARY KEY (type=?)", "TEMP B-TREE"},
		{"daily WHERE type = 'steps'", "PRIMARY KEY (type=?)", ""},
		{"daily_by_source WHERE type = 'steps' AND day > '2026'", "PRIMARY KEY (type=?)", ""},
		{"daily_totals WHERE type = 'steps' AND day >= '2026-07-01'", "PRIMARY KEY (type=?)", ""},
		{"daily_totals WHERE type = 'steps' ORDER BY day DESC LIMIT 14", "PRIMARY KEY (type=?)", ""},
		{"daily_totals WHERE day = '2026-07-07'", "PRIMARY KEY (type=?)", ""},
		{"nights WHERE night > '2026'", "PRIMARY KEY (type=?)", ""},
		{"workouts", "PRIMARY KEY (type=?)", ""},
		{"latest", "PRIMARY KEY (type=? AND start=?)", ""},
		{"types", "PRIMARY KEY (type=?)", ""},
	} {
		got := reader(t, s.Path(), "EXPLAIN QUERY PLAN SELECT * FROM "+c.query)
		scans := regexp.MustCompile(`SCAN [sd]\b`).MatchString(got)
		if scans || !strings.Contains(got, c.has) || c.hasNot != "" && strings.Contains(got, c.hasNot) {
			t.Errorf("%s\n%s", c.query, got)
		}
	}
}

// Every query that docs/database.md shows runs, and has an answer.
func TestDocumentedQueries(t *testing.T) {
	text, err := os.ReadFile("../../docs/database.md")
	must(t, err)
	s := diary(t)
	blocks := regexp.MustCompile("(?s)```sql\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) < 8 {
		t.Errorf("only %d examples", len(blocks))
	}
	for _, b := range blocks {
		if reader(t, s.Path(), b[1]) == "" {
			t.Errorf("no answer to\n%s", b[1])
		}
	}
	// And every table, view and column is in it.
	columns := reader(t, s.Path(), `SELECT DISTINCT s.name || ' ' || c.name
		FROM sqlite_schema s, pragma_table_info(s.name) c
		WHERE s.type IN ('table', 'view') AND s.name NOT LIKE 'sqlite%'`)
	for line := range strings.Lines(columns) {
		table, column, _ := strings.Cut(strings.TrimSpace(line), " ")
		for _, name := range []string{table, column} {
			if !strings.Contains(string(text), "`"+name+"`") {
				t.Errorf("docs/database.md does not have %s of %s", name, line)
			}
		}
	}
}

// Samples that are deleted and come back, over and over, leave the file as
// large as it was: the room of what goes is used again, without VACUUM.
func TestChurn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "health.db")
	s := open(t, path)
	var page []health.Sample
	for i := range 1000 {
		page = append(page, heart(i, int64(1000*i)))
	}
	span := []store.Covered{{Type: health.HeartRate, Span: store.Span{From: 0, To: 1 << 40}}}
	pages := func() (n int) {
		fmt.Sscan(reader(t, path, "PRAGMA page_count"), &n)
		return n
	}
	early := 0
	for i := range 40 {
		apply(t, s, store.Change{Samples: page, Reconcile: span})
		apply(t, s, store.Change{Samples: page[:100], Reconcile: span})
		if i == 4 {
			early = pages()
		}
	}
	apply(t, s, store.Change{Samples: page, Reconcile: span})
	same(t, all(t, s), page)
	s.Close()
	if late := pages(); early == 0 || late > early+early/10 {
		t.Errorf("%d pages after 5 rounds, %d after 41", early, late)
	}
	if log, err := os.Stat(path + "-wal"); err == nil && log.Size() > 32<<20 {
		t.Errorf("the log has %d bytes", log.Size())
	}
	s = open(t, path)
	sound(t, s)
	if got := fmt.Sprint(reader(t, path, "SELECT live, deleted FROM type")); got != "1000|0" {
		t.Error(got)
	}
}
