package cli_test

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"healthsync/sync/health"
	"healthsync/sync/store"
	"healthsync/sync/testenv"
)

// BenchmarkGrowth is a first sync of more and more samples, and one more when
// all is there: time in proportion, memory flat. HEALTHSYNC_BENCH_LARGE adds ten
// million (the simulated iPhone alone takes a gigabyte then).
func BenchmarkGrowth(b *testing.B) {
	sizes := []int{1, 2, 5}
	if os.Getenv("HEALTHSYNC_BENCH_LARGE") != "" {
		sizes = append(sizes, 10)
	}
	for _, n := range sizes {
		b.Run(fmt.Sprintf("%dM", n), func(b *testing.B) { benchmarkGrowth(b, n*1_000_000) })
	}
}

func benchmarkGrowth(b *testing.B, n int) {
	p := newBenchPhoneOf(b, shares(n), 0)
	for b.Loop() {
		home := b.TempDir()
		p.pairWith(b, home)
		before := p.Meters()
		wall, cpu, rss := child(b, home, io.Discard, "sync", "--no-pacing")
		after := p.Meters()
		requests, reads := after.Requests-before.Requests, after.SamplesRead-before.SamplesRead
		size := fileSize(b, filepath.Join(home, "health.db"))
		bound := 1.03*float64((p.n+health.MaxLimit-1)/health.MaxLimit) + 12
		again, _, againRSS := child(b, home, io.Discard, "sync", "--no-pacing")
		news := p.Meters().Requests - after.Requests
		if float64(requests) > bound || float64(reads) > 1.15*float64(p.n) || news > 2 {
			b.Errorf("%d requests (bound %.0f), %d reads of %d, %d requests again", requests, bound, reads, p.n, news)
		}
		if n <= 5_000_000 && (rss > 64<<20 || againRSS > 64<<20) {
			b.Errorf("peak memory %d MB, then %d MB", rss>>20, againRSS>>20)
		}
		b.ReportMetric(wall.Seconds(), "sync-s")
		b.ReportMetric(float64(cpu.Nanoseconds())/float64(p.n), "cpu-ns/sample")
		b.ReportMetric(float64(rss)/(1<<20), "RSS-MB")
		b.ReportMetric(float64(requests), "requests")
		b.ReportMetric(bound, "bound")
		b.ReportMetric(float64(reads)/float64(p.n), "reads/N")
		b.ReportMetric(float64(size)/float64(p.n), "bytes/sample")
		b.ReportMetric(float64(again.Milliseconds()), "again-ms")
		b.ReportMetric(float64(news), "again-requests")
		b.ReportMetric(float64(againRSS)/(1<<20), "again-RSS-MB")
	}
	runtime.KeepAlive(p)
}

// BenchmarkImport is the yardstick for the processor time of a sync: the
// sqlite3 shell imports the same rows, in the order in which they came, into a
// table of the same shape.
func BenchmarkImport(b *testing.B) {
	testenv.NeedTool(b, "sqlite3", "sqlite3")
	p := newBenchPhone(b, 0)
	home := b.TempDir()
	p.pairWith(b, home)
	_, cpu, _ := child(b, home, io.Discard, "sync", "--no-pacing")
	csv := filepath.Join(b.TempDir(), "rows.csv")
	writeRows(b, filepath.Join(home, "health.db"), csv)
	for b.Loop() {
		cmd := exec.Command("sqlite3", "-batch", filepath.Join(b.TempDir(), "import.db"))
		cmd.Stdin = strings.NewReader(`PRAGMA page_size=8192;
PRAGMA journal_mode=WAL;
PRAGMA synchronous=NORMAL;
PRAGMA cache_size=-6144;
CREATE TABLE sample (type INTEGER NOT NULL, start INTEGER NOT NULL, id TEXT NOT NULL, duration INTEGER NOT NULL, value REAL NOT NULL, origin INTEGER NOT NULL, metadata INTEGER, PRIMARY KEY (type, start, id)) STRICT, WITHOUT ROWID;
.mode csv
.import "` + csv + `" sample
`)
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		imported := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		b.ReportMetric(float64(imported.Nanoseconds())/float64(p.n), "import-cpu-ns/row")
		b.ReportMetric(float64(cpu.Nanoseconds())/float64(p.n), "sync-cpu-ns/sample")
		b.ReportMetric(cpu.Seconds()/imported.Seconds(), "sync/import")
	}
}

// writeRows writes what is stored as the shell imports it: type by type, newest
// first, an ID as sixteen characters.
func writeRows(b *testing.B, db, csv string) {
	b.Helper()
	s, err := store.Open(b.Context(), db, store.Options{ReadOnly: true})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	f, err := os.Create(csv)
	if err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriter(f)
	for i, t := range health.Types() {
		err = s.Query(b.Context(), store.Filter{Types: []health.Type{t}}, func(x *health.Sample) error {
			_, err := fmt.Fprintf(w, "%d,%d,%s,%d,%v,%d,1\n", i, x.Start, base64.RawURLEncoding.EncodeToString(x.ID[4:]),
				x.End-x.Start, x.Value, 1)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
}
