package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"healthsync/sync/health"
	"healthsync/sync/store"
)

// The queries that people make find their rows by the key: SQLite's plan for
// them searches, and scans nothing but the table of types.
func TestPlans(t *testing.T) {
	s := fresh(t)
	apply(t, s, store.Change{Samples: []health.Sample{heart(1, 100), heart(2, 1_780_000_000)}})
	for _, sql := range []string{
		"SELECT * FROM samples WHERE type = 'heartRate'",
		"SELECT * FROM samples_unix WHERE type = 'heartRate' AND start >= unixepoch('2026-06-30') AND start < unixepoch('2026-07-01')",
		"SELECT * FROM samples_unix WHERE type = 'heartRate' ORDER BY start DESC LIMIT 1",
		"SELECT * FROM samples_unix WHERE type IN ('steps', 'heartRate') AND start >= 1780000000",
		"SELECT * FROM daily_totals WHERE type = 'steps'",
		"SELECT * FROM daily_totals WHERE type = 'steps' AND day >= '2026-07-01' AND day < '2026-08-01'",
		"SELECT * FROM daily_totals WHERE day = '2026-07-07'",
		"SELECT * FROM daily_totals WHERE type = 'steps' ORDER BY day DESC LIMIT 14",
		"SELECT * FROM latest WHERE type = 'heartRate'",
		"SELECT * FROM latest",
		"SELECT * FROM types",
		"SELECT * FROM daily WHERE type = 'heartRate'",
	} {
		for line := range strings.Lines(reader(t, s.Path(), "EXPLAIN QUERY PLAN "+sql)) {
			if strings.Contains(line, "SCAN") && !strings.Contains(line, "SCAN t") && !strings.Contains(line, "SCAN daily") {
				t.Errorf("%s\n  %s", sql, line)
			}
			if strings.Contains(line, "SEARCH") && (strings.Contains(line, " s ") || strings.Contains(line, " d ")) && !strings.Contains(line, "type=?") {
				t.Errorf("%s\n  %s", sql, line)
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
	for i := range 4000 {
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
	if got := fmt.Sprint(reader(t, path, "SELECT live, deleted FROM type")); got != "4000|0" {
		t.Error(got)
	}
}
