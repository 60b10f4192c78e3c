package store_test

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
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

// BenchmarkApply stores a history of a million samples into a new file, page
// by page, and tells the processor time and the file's size per sample.
func BenchmarkApply(b *testing.B) {
	const n = 1_000_000
	ctx := context.Background()
	for b.Loop() {
		path := filepath.Join(b.TempDir(), "health.db")
		s, err := store.Open(ctx, path, store.Options{})
		if err != nil {
			b.Fatal(err)
		}
		var cpu, wall time.Duration
		history(n, func(page []health.Sample) {
			c, w := processorTime(), time.Now()
			out, err := s.Apply(ctx, &store.Change{Samples: page, Covered: []store.Covered{{
				Type: page[0].Type, At: now, Span: store.Span{From: page[len(page)-1].Start, To: now},
			}}})
			cpu, wall = cpu+processorTime()-c, wall+time.Since(w)
			if err != nil || out.Added != len(page) {
				b.Fatal(out.Counts, err)
			}
		})
		c, w := processorTime(), time.Now()
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		cpu, wall = cpu+processorTime()-c, wall+time.Since(w)
		info, err := os.Stat(path)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(cpu.Nanoseconds())/n, "cpu-ns/sample")
		b.ReportMetric(float64(wall.Nanoseconds())/n, "wall-ns/sample")
		b.ReportMetric(float64(info.Size())/n, "B/sample")
		b.ReportMetric(0, "ns/op")
	}
}
