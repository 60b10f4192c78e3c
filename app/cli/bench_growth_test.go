package cli_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
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
		bound := requestBound(p.n)
		again, _, againRSS := child(b, home, io.Discard, "sync", "--no-pacing")
		news := p.Meters().Requests - after.Requests
		if int(requests) > bound || float64(reads) > 1.15*float64(p.n) || news > 2 {
			b.Errorf("%d requests (bound %d), %d reads of %d, %d requests again", requests, bound, reads, p.n, news)
		}
		if n <= 5_000_000 && (rss > 64<<20 || againRSS > 64<<20) {
			b.Errorf("peak memory %d MB, then %d MB", rss>>20, againRSS>>20)
		}
		b.ReportMetric(wall.Seconds(), "sync-s")
		b.ReportMetric(float64(cpu.Nanoseconds())/float64(p.n), "cpu-ns/sample")
		b.ReportMetric(float64(rss)/(1<<20), "RSS-MB")
		b.ReportMetric(float64(requests), "requests")
		b.ReportMetric(float64(bound), "bound")
		b.ReportMetric(float64(reads)/float64(p.n), "reads/N")
		b.ReportMetric(float64(size)/float64(p.n), "bytes/sample")
		b.ReportMetric(float64(again.Milliseconds()), "again-ms")
		b.ReportMetric(float64(news), "again-requests")
		b.ReportMetric(float64(againRSS)/(1<<20), "again-RSS-MB")
	}
	runtime.KeepAlive(p)
}
