package store_test

import (
	"context"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"healthsync/sync/health"
	"healthsync/sync/store"
)

// mix is a history of ten types, as a Watch and an iPhone fill it.
var mix = []struct {
	t       health.Type
	percent int
	unit    string
	whole   bool // the values are whole numbers
}{
	{health.HeartRate, 30, "count/min", true},
	{health.ActiveEnergyBurned, 20, "kcal", false},
	{health.Steps, 15, "count", true},
	{health.DistanceWalkingRunning, 14, "m", false},
	{health.BasalEnergyBurned, 10, "kcal", false},
	{health.BloodOxygen, 3, "%", false},
	{health.RespiratoryRate, 3, "count/min", true},
	{health.SleepAnalysis, 3, "category", true},
	{health.HeartRateVariability, 1, "s", false},
	{health.FlightsClimbed, 1, "count", true},
}

// history gives n samples of five years to page, up to 10,000 at a time: type
// by type, each newest first. Page's memory is used again.
func history(n int, page func([]health.Sample)) {
	r := rand.New(rand.NewPCG(7, 7))
	buf := make([]health.Sample, 0, health.MaxLimit)
	sources := []string{"Ana's Apple Watch", "Ana's iPhone"}
	for _, m := range mix {
		left := n * m.percent / 100
		gap := 5 * 365 * 86400 / float64(left)
		at := float64(now)
		for left > 0 {
			buf = buf[:0]
			for len(buf) < health.MaxLimit && left > 0 {
				left--
				at -= r.ExpFloat64() * gap
				s := health.Sample{Type: m.t, Start: int64(at), Unit: m.unit, Source: sources[r.IntN(8)/7]}
				s.ID = randomUUID(r)
				s.End = s.Start
				if r.IntN(3) == 0 {
					s.End += int64(r.IntN(600))
				}
				s.Value = r.Float64() * 50
				if m.whole {
					s.Value = float64(r.IntN(200))
				}
				if m.t == health.SleepAnalysis {
					stage := health.SleepStage(r.IntN(6))
					s.Value, s.Metadata = float64(stage), stages[stage]
				}
				buf = append(buf, s)
			}
			page(buf)
		}
	}
}

var stages = []string{
	`{"sleepStage":"inBed"}`, `{"sleepStage":"asleep"}`, `{"sleepStage":"awake"}`,
	`{"sleepStage":"core"}`, `{"sleepStage":"deep"}`, `{"sleepStage":"rem"}`,
}

const now = 1_780_000_000

func randomUUID(r *rand.Rand) (u health.UUID) {
	a, b := r.Uint64(), r.Uint64()
	for i := range 8 {
		u[i], u[8+i] = byte(a>>(8*i)), byte(b>>(8*i))
	}
	return u
}

func processorTime() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// meter sums up the processor and wall time of what is between start and stop.
type meter struct{ cpu, wall, cpu0, wall0 time.Duration }

func (m *meter) start() { m.cpu0, m.wall0 = processorTime(), time.Duration(time.Now().UnixNano()) }

func (m *meter) stop() {
	m.cpu += processorTime() - m.cpu0
	m.wall += time.Duration(time.Now().UnixNano()) - m.wall0
}

func (m *meter) report(b *testing.B, n int) {
	b.ReportMetric(float64(m.cpu.Nanoseconds())/float64(n*b.N), "cpu-ns/sample")
	b.ReportMetric(float64(m.wall.Nanoseconds())/float64(n*b.N), "wall-ns/sample")
	b.ReportMetric(0, "ns/op")
}

// million is the history that the benchmarks store; HEALTHSYNC_STORE_BENCH
// asks for another number of samples.
func million(b *testing.B) int {
	n := 1_000_000
	if v := os.Getenv("HEALTHSYNC_STORE_BENCH"); v != "" {
		var err error
		if n, err = strconv.Atoi(v); err != nil {
			b.Fatal(err)
		}
	}
	return n
}

// applyPage stores a page as the engine does.
func applyPage(b *testing.B, s *store.Store, page []health.Sample) store.Outcome {
	out, err := s.Apply(context.WithoutCancel(b.Context()), &store.Change{Samples: page, Covered: []store.Covered{{
		Type: page[0].Type, At: now, Span: store.Span{From: page[len(page)-1].Start, To: now},
	}}})
	if err != nil {
		b.Fatal(err)
	}
	return out
}

func sizeOf(b *testing.B, path string) float64 {
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	return float64(info.Size())
}

// BenchmarkApply stores a history of a million samples into a new file, page
// by page, newest first per type: what the first synchronisation does. The
// closing of the file belongs to it.
func BenchmarkApply(b *testing.B) {
	n := million(b)
	var m meter
	for b.Loop() {
		s := fresh(b)
		history(n, func(page []health.Sample) {
			m.start()
			out := applyPage(b, s, page)
			m.stop()
			if out.Added != len(page) {
				b.Fatal(out.Counts)
			}
		})
		m.start()
		s.Close()
		m.stop()
		b.ReportMetric(sizeOf(b, s.Path())/float64(n), "B/sample")
	}
	m.report(b, n)
}

// BenchmarkApplyDaily stores the same history as it grows over the years: all
// types of one day in a page, oldest day first, each day read whole.
func BenchmarkApplyDaily(b *testing.B) {
	n := million(b) / 5
	var every []health.Sample
	history(n, func(page []health.Sample) { every = append(every, page...) })
	slices.SortStableFunc(every, func(x, y health.Sample) int { return int(y.Start - x.Start) })
	var m meter
	for b.Loop() {
		s := fresh(b)
		for end := len(every); end > 0; {
			start := end
			for start > 0 && every[start-1].Start/86400 == every[end-1].Start/86400 {
				start--
			}
			c := store.Change{Samples: every[start:end]}
			begin := every[start].Start / 86400 * 86400
			for _, kind := range mix {
				c.Covered = append(c.Covered, during(kind.t, begin, begin+86400))
			}
			m.start()
			out, err := s.Apply(b.Context(), &c)
			m.stop()
			if err != nil || out.Added != end-start || out.Late > 0 {
				b.Fatal(out.Counts, err)
			}
			end = start
		}
		s.Close()
		b.ReportMetric(sizeOf(b, s.Path())/float64(n), "B/sample")
	}
	m.report(b, n)
}

// BenchmarkApplyKnown brings pages that are stored already, with their spans
// to reconcile: what the look-back of every synchronisation does.
func BenchmarkApplyKnown(b *testing.B) {
	n := million(b) / 5
	s := fresh(b)
	history(n, func(page []health.Sample) { applyPage(b, s, page) })
	var m meter
	for b.Loop() {
		history(n, func(page []health.Sample) {
			c := store.Change{Samples: page, Reconcile: []store.Covered{{
				Type: page[0].Type, Span: store.Span{From: page[len(page)-1].Start + 1, To: page[0].Start + 1},
			}}}
			m.start()
			out, err := s.Apply(b.Context(), &c)
			m.stop()
			if err != nil || out.Writes() != 0 {
				b.Fatal(out.Counts, err)
			}
		})
	}
	m.report(b, n)
}

// BenchmarkQuery reads a history of ten types in the order of time.
func BenchmarkQuery(b *testing.B) {
	n := million(b) / 5
	s := fresh(b)
	history(n, func(page []health.Sample) { applyPage(b, s, page) })
	var m meter
	for b.Loop() {
		seen := 0
		m.start()
		err := s.Query(b.Context(), store.Filter{}, func(*health.Sample) error { seen++; return nil })
		m.stop()
		if err != nil || seen != n {
			b.Fatal(seen, err)
		}
	}
	m.report(b, n)
}
