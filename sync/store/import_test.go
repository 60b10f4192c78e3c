package store_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"healthsync/sync/health"
	"healthsync/sync/testenv"
)

// importTable is the table sample as `.import` can fill it: not STRICT, as a
// CSV has no blobs. An id is 16 characters, so that a row is as long as ours.
const importTable = `PRAGMA page_size=8192; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-6144;
	CREATE TABLE sample (type INTEGER NOT NULL, start INTEGER NOT NULL, id TEXT NOT NULL, duration INTEGER NOT NULL,
	value REAL NOT NULL, origin INTEGER NOT NULL, metadata INTEGER, PRIMARY KEY (type, start, id)) WITHOUT ROWID;`

// BenchmarkImport is the yardstick: what `sqlite3 .import` of the same rows
// costs, in the order in which they come, and the store beside it. The ratio
// has a bound of 2.
func BenchmarkImport(b *testing.B) {
	sqlite := testenv.NeedTool(b, "sqlite3", "sqlite3")
	n := million(b)
	csv := filepath.Join(b.TempDir(), "rows.csv")
	f, err := os.Create(csv)
	if err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	types := map[health.Type]int{}
	history(n, func(page []health.Sample) {
		for i := range page {
			s := &page[i]
			if types[s.Type] == 0 {
				types[s.Type] = len(types) + 1
			}
			meta := ""
			if s.Metadata != "" {
				meta = "1"
			}
			fmt.Fprintf(w, "%d,%d,%.16s,%d,%v,%d,%s\n", types[s.Type], s.Start, fmt.Sprintf("%x", s.ID[:8]), s.End-s.Start, s.Value, 1, meta)
		}
	})
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	f.Close()
	best := func(old, d time.Duration) time.Duration {
		if old == 0 || d < old {
			return d
		}
		return old
	}
	var imported, stored time.Duration
	for b.Loop() {
		for range 3 {
			db := filepath.Join(b.TempDir(), "import.db")
			cmd := exec.Command(sqlite, "-batch", db, importTable, ".import --csv "+csv+" sample", "SELECT count(*) FROM sample")
			out, err := cmd.Output()
			if err != nil || !importedAll(string(out), n) {
				b.Fatalf("%v %s", err, out)
			}
			imported = best(imported, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
			os.Remove(db)
			var m meter
			s := fresh(b)
			history(n, func(page []health.Sample) {
				m.start()
				applyPage(b, s, page)
				m.stop()
			})
			m.start()
			s.Close()
			m.stop()
			stored = best(stored, m.cpu)
		}
	}
	b.ReportMetric(float64(imported.Nanoseconds())/float64(n), "import-ns/sample")
	b.ReportMetric(float64(stored.Nanoseconds())/float64(n), "store-ns/sample")
	b.ReportMetric(float64(stored)/float64(imported), "store/import")
	b.ReportMetric(0, "ns/op")
}

// importedAll reads what sqlite3 said: the journal's mode and the count.
func importedAll(out string, n int) bool {
	var wal string
	var got int
	_, err := fmt.Sscan(out, &wal, &got)
	return err == nil && got == n
}
