package engine

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"healthsync/sync/health"
	"healthsync/sync/store"
)

const benchNow = int64(1784764800) // 2026-07-23

// spread gives n moments in [from, to) seconds with a day's rhythm.
func spread(r *rand.Rand, n int, from, to int64) []int64 {
	at := make([]int64, n)
	for i := range at {
		for {
			x := from*1000 + r.Int64N((to-from)*1000)
			// Asleep for a third of the day: a tenth as much.
			if (x/1000)%day < day/3 && r.IntN(10) > 0 {
				continue
			}
			at[i] = x
			break
		}
	}
	return at
}

var benchTypes = func() (ts []health.Type) {
	for _, t := range health.Types() {
		if !t.IsSleepStage() {
			ts = append(ts, t)
		}
	}
	for i := 0; i < 6; i++ {
		ts = append(ts, health.Type(fmt.Sprintf("future%d", i)))
	}
	return ts
}()

type history struct {
	name string
	make func(r *rand.Rand, p *fakePhone)
}

func ago(y float64) int64 { return benchNow - int64(y*year) }

var histories = []history{
	{"1 million, 10 types, 10 years", func(r *rand.Rand, p *fakePhone) {
		for _, t := range benchTypes[:10] {
			p.set(t, spread(r, 100000, ago(10), benchNow))
		}
	}},
	{"1 million, 10 types, 5 years, lifelike shares", func(r *rand.Rand, p *fakePhone) {
		for i, n := range []int{380000, 240000, 150000, 90000, 70000, 40000, 20000, 9000, 900, 100} {
			p.set(benchTypes[i], spread(r, n, ago(5), benchNow))
		}
	}},
	{"1 million, 25 types, lifelike", func(r *rand.Rand, p *fakePhone) {
		for i, t := range benchTypes[:25] {
			p.set(t, spread(r, int(350000*math.Pow(0.65, float64(i))), ago(6), benchNow))
		}
	}},
	{"sparse: 31 types of 0 to 300 in 15 years", func(r *rand.Rand, p *fakePhone) {
		for _, t := range benchTypes[:31] {
			p.set(t, spread(r, r.IntN(300), ago(15*r.Float64()), benchNow))
		}
	}},
	{"31 types of 100", func(r *rand.Rand, p *fakePhone) {
		for _, t := range benchTypes[:31] {
			p.set(t, spread(r, 100, ago(10), benchNow))
		}
	}},
	{"one type of 5 million, 24 sparse", func(r *rand.Rand, p *fakePhone) {
		p.set(benchTypes[9], spread(r, 5000000, ago(10), benchNow))
		for i, t := range benchTypes[:25] {
			if i != 9 {
				p.set(t, spread(r, 30*i, ago(10), benchNow))
			}
		}
	}},
	{"bursty: all 10 types at once on 2% of the days", func(r *rand.Rand, p *fakePhone) {
		var days []int64
		for d := ago(10); d < benchNow; d += day {
			if r.IntN(50) == 0 {
				days = append(days, d)
			}
		}
		for _, t := range benchTypes[:10] {
			at := spread(r, 10000, ago(10), benchNow)
			for _, d := range days {
				at = append(at, spread(r, 1500, d, d+day)...)
			}
			p.set(t, at)
		}
	}},
	{"bursty: 31 types, each on days of its own", func(r *rand.Rand, p *fakePhone) {
		for _, t := range benchTypes[:31] {
			at := spread(r, 1000, ago(8), benchNow)
			for d := ago(8); d < benchNow; d += day {
				if r.IntN(100) == 0 {
					at = append(at, spread(r, 1000, d, d+day)...)
				}
			}
			p.set(t, at)
		}
	}},
	{"bursty: 31 types at once, 15,000 each", func(r *rand.Rand, p *fakePhone) {
		var days []int64
		for d := ago(8); d < benchNow; d += day {
			if r.IntN(100) == 0 {
				days = append(days, d)
			}
		}
		for _, t := range benchTypes[:31] {
			var at []int64
			for _, d := range days {
				at = append(at, spread(r, 15000/len(days), d, d+day)...)
			}
			p.set(t, at)
		}
	}},
	{"workouts: heart rate each second for an hour a day", func(r *rand.Rand, p *fakePhone) {
		for i, t := range benchTypes[:4] {
			at := spread(r, 50000, ago(1), benchNow)
			for d := ago(1); d < benchNow && i < 3; d += day {
				at = append(at, spread(r, 1200*(3-i), d+60000, d+63600)...)
			}
			p.set(t, at)
		}
	}},
	{"gaps of years", func(r *rand.Rand, p *fakePhone) {
		for _, t := range benchTypes[:10] {
			var at []int64
			at = append(at, spread(r, 20000, ago(2), ago(1.3))...)
			at = append(at, spread(r, 20000, ago(5), ago(4.5))...)
			at = append(at, spread(r, 20000, ago(9), ago(7.5))...)
			p.set(t, at)
		}
	}},
	{"gaps: a week, then nothing for 8 years", func(r *rand.Rand, p *fakePhone) {
		for _, t := range benchTypes[:25] {
			at := spread(r, 20, benchNow-7*day, benchNow)
			at = append(at, spread(r, 10000, ago(12), ago(8))...)
			p.set(t, at)
		}
	}},
	{"31 types of 15,000", func(r *rand.Rand, p *fakePhone) {
		for _, t := range benchTypes[:31] {
			p.set(t, spread(r, 15000, ago(10), benchNow))
		}
	}},
	{"31 types of 10,001", func(r *rand.Rand, p *fakePhone) {
		for _, t := range benchTypes[:31] {
			p.set(t, spread(r, 10001, ago(10), benchNow))
		}
	}},
	{"31 types of 5,000 to 30,000", func(r *rand.Rand, p *fakePhone) {
		for _, t := range benchTypes[:31] {
			p.set(t, spread(r, 5000+r.IntN(25000), ago(10), benchNow))
		}
	}},
	{"2 types of 12,000", func(r *rand.Rand, p *fakePhone) {
		for _, t := range benchTypes[:2] {
			p.set(t, spread(r, 12000, ago(4), benchNow))
		}
	}},
	{"nothing", func(r *rand.Rand, p *fakePhone) {
		for _, t := range benchTypes[:31] {
			p.set(t, nil)
		}
	}},
	{"one sample", func(r *rand.Rand, p *fakePhone) {
		for _, t := range benchTypes[:31] {
			p.set(t, nil)
		}
		p.set(benchTypes[3], []int64{ago(7) * 1000})
	}},
	{"exactly 10,000 of one type", func(r *rand.Rand, p *fakePhone) { p.set(benchTypes[0], spread(r, 10000, ago(3), benchNow)) }},
	{"exactly 20,000 in two types", func(r *rand.Rand, p *fakePhone) {
		p.set(benchTypes[0], spread(r, 10000, ago(3), benchNow))
		p.set(benchTypes[1], spread(r, 10000, ago(3), benchNow))
	}},
	{"1 million in 30 days", func(r *rand.Rand, p *fakePhone) {
		for _, t := range benchTypes[:10] {
			p.set(t, spread(r, 100000, benchNow-30*day, benchNow))
		}
	}},
	{"300,000 in 3 days", func(r *rand.Rand, p *fakePhone) {
		for _, t := range benchTypes[:10] {
			p.set(t, spread(r, 30000, benchNow-3*day, benchNow))
		}
	}},
	{"a year of watch, ten of phone", func(r *rand.Rand, p *fakePhone) {
		for i, t := range benchTypes[:12] {
			at := spread(r, 2000*(i%4), ago(10), benchNow)
			if i < 6 {
				at = append(at, spread(r, 120000, ago(1), benchNow)...)
			}
			p.set(t, at)
		}
	}},
	{"dense only long ago", func(r *rand.Rand, p *fakePhone) {
		for i, t := range benchTypes[:12] {
			at := spread(r, 600, ago(10), benchNow)
			if i < 6 {
				at = append(at, spread(r, 120000, ago(8), ago(7))...)
			}
			p.set(t, at)
		}
	}},
	{"types that come and go", func(r *rand.Rand, p *fakePhone) {
		for i, t := range benchTypes[:20] {
			a := 10 * r.Float64()
			b := a * r.Float64()
			p.set(t, spread(r, 1000+r.IntN(5000*(1+i)), ago(a), ago(b)))
		}
	}},
	{"many in one second: imports of 50 to 3,000", func(r *rand.Rand, p *fakePhone) {
		for _, t := range benchTypes[:10] {
			at := spread(r, 40000, ago(6), benchNow)
			for len(at) < 80000 {
				when := ago(6*r.Float64()) * 1000
				for n := 50 + r.IntN(2950); n > 0; n-- {
					at = append(at, when+r.Int64N(1000))
				}
			}
			p.set(t, at)
		}
	}},
	{"many in one second: 300 every hour", func(r *rand.Rand, p *fakePhone) {
		for _, t := range benchTypes[:5] {
			var at []int64
			for h := ago(0.1); h < benchNow; h += 3600 {
				for range 300 {
					at = append(at, h*1000)
				}
			}
			p.set(t, at)
		}
	}},
	{"more than 10,000 in one second", func(r *rand.Rand, p *fakePhone) {
		for i, t := range benchTypes[:10] {
			at := spread(r, 50000, ago(6), benchNow)
			if i < 2 {
				for range 12000 + 13000*i {
					at = append(at, ago(3)*1000+r.Int64N(1000))
				}
			}
			p.set(t, at)
		}
	}},
	{"samples of the future", func(r *rand.Rand, p *fakePhone) {
		for i, t := range benchTypes[:10] {
			at := spread(r, 20000, ago(6), benchNow)
			if i < 3 {
				at = append(at, spread(r, 40, benchNow+year, benchNow+2*year)...)
			}
			p.set(t, at)
		}
	}},
}

// plan drives the planner alone to its end.
func drain(t testing.TB, phone *fakePhone, p *planner) {
	var page health.Page
	for {
		rq, ok := p.next()
		if !ok {
			return
		}
		if err := phone.Samples(t.Context(), rq.query, &page); err != nil {
			t.Fatal(err)
		}
		if _, err := p.received(rq, page.Samples, page.HasMore); err != nil {
			t.Fatal(err)
		}
		if phone.requests > 100000 {
			t.Fatal("the planner does not come to an end")
		}
	}
}

func TestPlanRaw(t *testing.T) {
	for i, h := range histories {
		t.Run(h.name, func(t *testing.T) {
			phone := newFakePhone()
			seed := uint64(7)
			fmt.Sscan(os.Getenv("SEED"), &seed)
			h.make(rand.New(rand.NewPCG(seed, uint64(i))), phone)
			n := phone.total()
			var tracks []*track
			for _, typ := range phone.types {
				tracks = append(tracks, &track{typ: typ, todo: spans{store.Span{From: Beginning, To: End}}})
			}
			p := newPlanner(benchNow, tracks)
			p.fresh = benchNow - 7*day
			phone.requests = 1
			drain(t, phone, p)
			ceil := (n + 9999) / 10000
			bound := 1.03*float64(ceil) + 12
			mark := ""
			if float64(phone.requests) > bound {
				mark += " REQUESTS"
			}
			if float64(phone.reads) > 1.15*float64(n) {
				mark += " READS"
			}
			fmt.Printf("%-52s %8d %5d/%5.0f (%.3f) %.3f%s\n", h.name, n, phone.requests, bound, float64(phone.requests)/float64(max(ceil, 1)), float64(phone.reads)/float64(max(n, 1)), mark)
			if testing.Verbose() {
				for _, l := range phone.log {
					t.Logf("%2d types %s..%s (%d s) limit %d offset %d: reads %d gave %d", len(l.q.Types), date(l.q.Start), date(l.q.End), l.q.End-l.q.Start, l.q.Limit, l.q.Offset, l.reads, l.gave)
				}
			}
		})
	}
}

func date(at int64) string {
	return (&health.Sample{Start: at}).StartTime().Format("2006-01-02T15:04:05")
}
