package engine

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"healthsync/sync/health"
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

// history makes what a phone has measured.
type history struct {
	name string
	make func(r *rand.Rand, p *fakePhone)
	// heavy ones have half a million samples and more.
	heavy bool
	// synthetic ones are bursts as nobody has them, drawn to be hard to foresee:
	// what they cost is told and not bounded.
	synthetic bool
	// empty ones have nothing to be up to date with.
	empty bool
}

// again is the most requests of a sync of what is up to date.
func (h history) again() int {
	if h.empty {
		return 3
	}
	return 2
}

func ago(y float64) int64 { return benchNow - int64(y*year) }

var histories = []history{
	{name: "1 million, 10 types, 10 years", make: func(r *rand.Rand, p *fakePhone) {
		for _, t := range benchTypes[:10] {
			p.set(t, spread(r, 100000, ago(10), benchNow))
		}
	}, heavy: true},
	{name: "1 million, 10 types, 5 years, lifelike shares", make: func(r *rand.Rand, p *fakePhone) {
		for i, n := range []int{380000, 240000, 150000, 90000, 70000, 40000, 20000, 9000, 900, 100} {
			p.set(benchTypes[i], spread(r, n, ago(5), benchNow))
		}
	}, heavy: true},
	{name: "1 million, 25 types, lifelike", make: func(r *rand.Rand, p *fakePhone) {
		for i, t := range benchTypes[:25] {
			p.set(t, spread(r, int(350000*math.Pow(0.65, float64(i))), ago(6), benchNow))
		}
	}, heavy: true},
	{name: "sparse: 31 types of 0 to 300 in 15 years", make: func(r *rand.Rand, p *fakePhone) {
		for _, t := range benchTypes[:31] {
			p.set(t, spread(r, r.IntN(300), ago(15*r.Float64()), benchNow))
		}
	}},
	{name: "31 types of 100", make: func(r *rand.Rand, p *fakePhone) {
		for _, t := range benchTypes[:31] {
			p.set(t, spread(r, 100, ago(10), benchNow))
		}
	}},
	{name: "one type of 5 million, 24 sparse", make: func(r *rand.Rand, p *fakePhone) {
		p.set(benchTypes[9], spread(r, 5000000, ago(10), benchNow))
		for i, t := range benchTypes[:25] {
			if i != 9 {
				p.set(t, spread(r, 30*i, ago(10), benchNow))
			}
		}
	}, heavy: true},
	{synthetic: true, name: "bursty: all 10 types at once on 2% of the days", make: func(r *rand.Rand, p *fakePhone) {
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
	}, heavy: true},
	{synthetic: true, name: "bursty: 31 types, each on days of its own", make: func(r *rand.Rand, p *fakePhone) {
		for _, t := range benchTypes[:31] {
			at := spread(r, 1000, ago(8), benchNow)
			for d := ago(8); d < benchNow; d += day {
				if r.IntN(100) == 0 {
					at = append(at, spread(r, 1000, d, d+day)...)
				}
			}
			p.set(t, at)
		}
	}, heavy: true},
	{synthetic: true, name: "bursty: 31 types at once, 15,000 each", make: func(r *rand.Rand, p *fakePhone) {
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
	{name: "workouts: heart rate each second for an hour a day", make: func(r *rand.Rand, p *fakePhone) {
		for i, t := range benchTypes[:4] {
			at := spread(r, 50000, ago(1), benchNow)
			for d := ago(1); d < benchNow && i < 3; d += day {
				at = append(at, spread(r, 1200*(3-i), d+60000, d+63600)...)
			}
			p.set(t, at)
		}
	}, heavy: true},
	{name: "gaps of years", make: func(r *rand.Rand, p *fakePhone) {
		for _, t := range benchTypes[:10] {
			var at []int64
			at = append(at, spread(r, 20000, ago(2), ago(1.3))...)
			at = append(at, spread(r, 20000, ago(5), ago(4.5))...)
			at = append(at, spread(r, 20000, ago(9), ago(7.5))...)
			p.set(t, at)
		}
	}, heavy: true},
	{name: "gaps: a week, then nothing for 8 years", make: func(r *rand.Rand, p *fakePhone) {
		for _, t := range benchTypes[:25] {
			at := spread(r, 20, benchNow-7*day, benchNow)
			at = append(at, spread(r, 10000, ago(12), ago(8))...)
			p.set(t, at)
		}
	}},
	{name: "31 types of 15,000", make: func(r *rand.Rand, p *fakePhone) {
		for _, t := range benchTypes[:31] {
			p.set(t, spread(r, 15000, ago(10), benchNow))
		}
	}, heavy: true},
	{name: "31 types of 10,001", make: func(r *rand.Rand, p *fakePhone) {
		for _, t := range benchTypes[:31] {
			p.set(t, spread(r, 10001, ago(10), benchNow))
		}
	}},
	{name: "31 types of 5,000 to 30,000", make: func(r *rand.Rand, p *fakePhone) {
		for _, t := range benchTypes[:31] {
			p.set(t, spread(r, 5000+r.IntN(25000), ago(10), benchNow))
		}
	}, heavy: true},
	{name: "2 types of 12,000", make: func(r *rand.Rand, p *fakePhone) {
		for _, t := range benchTypes[:2] {
			p.set(t, spread(r, 12000, ago(4), benchNow))
		}
	}},
	{name: "nothing", make: func(r *rand.Rand, p *fakePhone) {
		for _, t := range benchTypes[:31] {
			p.set(t, nil)
		}
	}, empty: true},
	{name: "one sample", make: func(r *rand.Rand, p *fakePhone) {
		for _, t := range benchTypes[:31] {
			p.set(t, nil)
		}
		p.set(benchTypes[3], []int64{ago(7) * 1000})
	}},
	{name: "exactly 10,000 of one type", make: func(r *rand.Rand, p *fakePhone) { p.set(benchTypes[0], spread(r, 10000, ago(3), benchNow)) }},
	{name: "exactly 20,000 in two types", make: func(r *rand.Rand, p *fakePhone) {
		p.set(benchTypes[0], spread(r, 10000, ago(3), benchNow))
		p.set(benchTypes[1], spread(r, 10000, ago(3), benchNow))
	}},
	{name: "1 million in 30 days", make: func(r *rand.Rand, p *fakePhone) {
		for _, t := range benchTypes[:10] {
			p.set(t, spread(r, 100000, benchNow-30*day, benchNow))
		}
	}, heavy: true},
	{name: "300,000 in 3 days", make: func(r *rand.Rand, p *fakePhone) {
		for _, t := range benchTypes[:10] {
			p.set(t, spread(r, 30000, benchNow-3*day, benchNow))
		}
	}},
	{name: "a year of watch, ten of phone", make: func(r *rand.Rand, p *fakePhone) {
		for i, t := range benchTypes[:12] {
			at := spread(r, 2000*(i%4), ago(10), benchNow)
			if i < 6 {
				at = append(at, spread(r, 120000, ago(1), benchNow)...)
			}
			p.set(t, at)
		}
	}, heavy: true},
	{name: "dense only long ago", make: func(r *rand.Rand, p *fakePhone) {
		for i, t := range benchTypes[:12] {
			at := spread(r, 600, ago(10), benchNow)
			if i < 6 {
				at = append(at, spread(r, 120000, ago(8), ago(7))...)
			}
			p.set(t, at)
		}
	}, heavy: true},
	{name: "types that come and go", make: func(r *rand.Rand, p *fakePhone) {
		for i, t := range benchTypes[:20] {
			a := 10 * r.Float64()
			b := a * r.Float64()
			p.set(t, spread(r, 1000+r.IntN(5000*(1+i)), ago(a), ago(b)))
		}
	}, heavy: true, synthetic: true},
	{name: "many in one second: imports of 50 to 3,000", make: func(r *rand.Rand, p *fakePhone) {
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
	}, heavy: true},
	{name: "many in one second: 300 every hour", make: func(r *rand.Rand, p *fakePhone) {
		for _, t := range benchTypes[:5] {
			var at []int64
			for h := ago(0.1); h < benchNow; h += 3600 {
				for range 300 {
					at = append(at, h*1000)
				}
			}
			p.set(t, at)
		}
	}, heavy: true},
	{name: "more than 10,000 in one second", make: func(r *rand.Rand, p *fakePhone) {
		for i, t := range benchTypes[:10] {
			at := spread(r, 50000, ago(6), benchNow)
			if i < 2 {
				for range 12000 + 9000*i {
					at = append(at, ago(3)*1000+r.Int64N(1000))
				}
			}
			p.set(t, at)
		}
	}, heavy: true},
	{name: "samples of the future", make: func(r *rand.Rand, p *fakePhone) {
		for i, t := range benchTypes[:10] {
			at := spread(r, 20000, ago(6), benchNow)
			if i < 3 {
				at = append(at, spread(r, 40, benchNow+year, benchNow+2*year)...)
			}
			p.set(t, at)
		}
	}},
}

// The bounds on a first sync: requests, that for the types included, and samples
// that the phone has to read.
const (
	requestsPerPage = 1.05
	requestsMore    = 15
	readsPerSample  = 1.15
)

// TestBounds prints and checks what a first sync of each history costs, and a
// second one right after it. SEED draws other histories; with REQUESTS it lists
// every request.
func TestBounds(t *testing.T) {
	seed := uint64(7)
	_, _ = fmt.Sscan(os.Getenv("SEED"), &seed)
	var out strings.Builder
	fmt.Fprintf(&out, "%-53s %8s %15s %7s %7s %6s\n", "history", "samples", "requests/bound", "ratio", "reads", "again")
	for i, h := range histories {
		if raceEnabled && h.heavy {
			continue // minutes under the race detector, and nothing to race
		}
		t.Run(h.name, func(t *testing.T) {
			phone := newFakePhone()
			h.make(rand.New(rand.NewPCG(seed, uint64(i))), phone)
			n := phone.total()
			db := newTallyStore()
			res, err := Sync(t.Context(), phone, db, Options{Now: clock(benchNow)})
			if err != nil {
				t.Fatal(err)
			}
			if !res.Complete || len(res.Silent) > 0 {
				t.Errorf("complete %v, silent %v", res.Complete, res.Silent)
			}
			for typ, s := range phone.data {
				if got := len(db.starts[typ]); got < len(s.at) {
					t.Errorf("%s: %d of %d", typ, got, len(s.at))
				}
			}
			requests, reads := phone.requests, phone.reads
			if _, err := Sync(t.Context(), phone, db, Options{Now: clock(benchNow + 60)}); err != nil {
				t.Fatal(err)
			}
			again := phone.requests - requests
			pages := (n + health.MaxLimit - 1) / health.MaxLimit
			bound := requestsPerPage*float64(pages) + requestsMore
			most := readsPerSample*float64(n) + health.MaxLimit
			fmt.Fprintf(&out, "%-53s %8d %8d/%6.1f %7.3f %7.3f %6d\n", h.name, n, requests, bound,
				float64(requests)/float64(max(pages, 1)), float64(reads)/float64(max(n, 1)), again)
			over := float64(requests) > bound || float64(reads) > most
			if over && !h.synthetic || again > h.again() {
				t.Errorf("%d requests (bound %.1f), %d reads of %d samples, %d requests again", requests, bound, reads, n, again)
			}
			if len(os.Getenv("REQUESTS")) > 0 {
				for _, l := range phone.log {
					t.Log(l)
				}
			}
		})
	}
	t.Log("\n" + out.String())
}

func date(at int64) string {
	return (&health.Sample{Start: at}).StartTime().Format("2006-01-02T15:04:05")
}
