package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"healthsync/sync/health"
	"healthsync/sync/store"
)

// walked reads a range and checks that it comes in order and nothing twice.
func walked(t interface{ Fatalf(string, ...any) }, phone Phone, r Range) map[store.Key]int64 {
	got := map[store.Key]int64{}
	before := End + 1
	r.Now = clock(benchNow)
	err := Walk(context.Background(), phone, r, func(samples []health.Sample) error {
		for _, s := range samples {
			key := store.Key{Type: s.Type, ID: s.ID}
			if _, twice := got[key]; twice {
				t.Fatalf("%v comes twice", key)
			}
			if s.Start > before {
				t.Fatalf("%v starts at %d, after %d: not newest first", key, s.Start, before)
			}
			before = s.Start
			got[key] = s.Start
		}
		return nil
	})
	if err != nil {
		t.Fatalf("walk: %v", err)
	}
	return got
}

// inRange is what the phone has of a range.
func inRange(f *fakePhone, r Range) map[store.Key]int64 {
	all := map[store.Key]int64{}
	for _, typ := range r.Types {
		s := f.data[typ]
		for i, at := range s.at {
			if start := floorSecond(at); start >= r.From && (r.To == 0 || start < r.To) {
				all[store.Key{Type: typ, ID: fakeID(typ, s.id[i])}] = start
			}
		}
	}
	return all
}

func sameKeys(t interface{ Fatalf(string, ...any) }, got, want map[store.Key]int64) {
	for k, at := range want {
		if _, ok := got[k]; !ok {
			t.Fatalf("%v at %s is missing (%d of %d)", k, date(at), len(got), len(want))
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%d samples, want %d", len(got), len(want))
	}
}

func TestWalkCosts(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		name  string
		types map[health.Type][]int64
		from  int64
		// the most requests beyond the bound, and reads per sample
		requests int
		reads    float64
	}{
		{"nothing for thirty years", map[health.Type][]int64{health.Steps: nil, health.Weight: nil}, ago(30), 8, 0},
		{"a week of everything", map[health.Type][]int64{health.Steps: spread(r, 700, benchNow-7*day, benchNow), health.HeartRate: spread(r, 9000, benchNow-7*day, benchNow), health.Weight: spread(r, 5, benchNow-7*day, benchNow)}, benchNow - 7*day, 0, 1},
		{"five dense years", map[health.Type][]int64{health.Steps: spread(r, 60000, ago(5), benchNow), health.HeartRate: spread(r, 200000, ago(5), benchNow)}, ago(20), 6, 1.1},
		{"dense long ago", map[health.Type][]int64{health.Steps: spread(r, 50000, ago(9), ago(8)), health.Weight: spread(r, 300, ago(10), benchNow)}, ago(10), 10, 1.4},
		{"one type, 25,000 in one second", map[health.Type][]int64{health.Steps: spread(r, 25000, benchNow-60, benchNow-59)}, benchNow - day, 1, 2.3},
	} {
		f := newFakePhone()
		rg := Range{From: c.from, To: benchNow}
		for typ, at := range c.types {
			f.set(typ, at)
			rg.Types = append(rg.Types, typ)
		}
		want := inRange(f, rg)
		sameKeys(t, walked(t, f, rg), want)
		bound := (len(want) + health.MaxLimit - 1) / health.MaxLimit
		each := float64(f.reads) / float64(max(1, len(want)))
		t.Logf("%-32s %7d samples, %3d requests (bound %2d), %.2f reads a sample", c.name, len(want), f.requests, bound, each)
		if f.requests > bound*103/100+c.requests || len(want) > 0 && each > c.reads {
			t.Errorf("%s costs too much", c.name)
		}
	}
}

// A limit makes the phone read no more than is wanted.
func TestWalkLimit(t *testing.T) {
	f := newFakePhone()
	r := rand.New(rand.NewPCG(3, 4))
	f.set(health.HeartRate, spread(r, 100000, ago(1), benchNow))
	f.set(health.Steps, spread(r, 100000, ago(1), benchNow))
	both := []health.Type{health.HeartRate, health.Steps}
	if got := walked(t, f, Range{Types: both, Limit: 11}); len(got) != 11 || f.requests != 1 || f.reads > 24 {
		t.Errorf("%d samples for a limit of 11, %d requests, %d read", len(got), f.requests, f.reads)
	}
	f.requests, f.reads = 0, 0
	if got := walked(t, f, Range{Types: both, Limit: 25000}); len(got) != 25000 || f.requests > 6 || f.reads > 34000 {
		t.Errorf("%d samples for a limit of 25,000, %d requests, %d read", len(got), f.requests, f.reads)
	}
}

// The stages of sleep are views of one type; asking for them themselves would
// lose samples.
func TestWalkSleep(t *testing.T) {
	f := newFakePhone()
	var at []int64
	for i := range int64(600) {
		at = append(at, (benchNow-100000+i*60)*1000)
	}
	f.set(health.SleepAnalysis, at)
	f.stage = func(id uint32) float64 { return float64(id % 6) }
	got := walked(t, f, Range{Types: []health.Type{health.SleepDeep, health.SleepREM}})
	by := map[health.Type]int{}
	for k := range got {
		by[k.Type]++
	}
	if by[health.SleepDeep] != 100 || by[health.SleepREM] != 100 || len(got) != 200 {
		t.Errorf("%v", by)
	}
	if got := walked(t, f, Range{Types: []health.Type{health.SleepDeep, health.SleepAnalysis}}); len(got) != 700 {
		t.Errorf("%d samples", len(got))
	}
}

func TestWalkErrors(t *testing.T) {
	f := newFakePhone()
	f.set(health.Steps, spread(rand.New(rand.NewPCG(5, 6)), 30000, benchNow-1000000, benchNow))
	rg := Range{Types: []health.Type{health.Steps}, From: benchNow - 2000000, To: benchNow}
	broken := errors.New("broken")
	none := func([]health.Sample) error { return nil }

	f.before = func(health.Query) error { return broken }
	if err := Walk(t.Context(), f, rg, none); !errors.Is(err, broken) {
		t.Errorf("without a reaction: %v", err)
	}
	n := 0
	f.before = func(health.Query) error {
		if n++; n%3 == 0 {
			return broken
		}
		return nil
	}
	rg.React = func(context.Context, error, int) Reaction { return Again }
	if got := walked(t, f, rg); len(got) != 30000 {
		t.Errorf("asked again: %d samples", len(got))
	}
	f.before = func(q health.Query) error {
		if q.End-q.Start > 5000 {
			return broken
		}
		return nil
	}
	rg.React = func(context.Context, error, int) Reaction { return Narrow }
	if got := walked(t, f, rg); len(got) != 30000 {
		t.Errorf("narrowed: %d samples", len(got))
	}
	f.before = nil
	enough := errors.New("enough")
	if err := Walk(t.Context(), f, rg, func([]health.Sample) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("an error of yield: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Walk(ctx, f, rg, none); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// One sample that the phone cannot serve costs its second of its type, and is
// reported.
func TestWalkPoison(t *testing.T) {
	f := newFakePhone()
	r := rand.New(rand.NewPCG(7, 8))
	f.set(health.Steps, spread(r, 3000, ago(1), benchNow))
	f.set(health.HeartRate, spread(r, 3000, ago(1), benchNow))
	bad := f.data[health.Steps].at[1500]
	f.insert(health.HeartRate, bad, 5000)
	rg := Range{Types: []health.Type{health.Steps, health.HeartRate}, Now: clock(benchNow), React: fakeReact}
	n := 0
	err := Walk(t.Context(), &poisoned{f, health.Steps, bad}, rg, func(s []health.Sample) error {
		n += len(s)
		return nil
	})
	var u *UnreadableError
	if !errors.As(err, &u) || len(u.Parts) != 1 || u.Parts[0].Type != health.Steps || !u.Parts[0].Span.Contains(floorSecond(bad)) {
		t.Errorf("%v", err)
	}
	if n != 6000 {
		t.Errorf("%d samples, want 6000", n)
	}
}

// Whatever the history, the range and the phone's habits: everything, once, in
// order.
func TestWalkProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		rg := Range{Types: w.phone.types}
		if rapid.Bool().Draw(t, "bounded") {
			rg.From = benchNow - rapid.Int64Range(1, 10*year).Draw(t, "back")
			rg.To = rg.From + rapid.Int64Range(1, 5*year).Draw(t, "length")
		}
		sameKeys(t, walked(t, w.phone, rg), inRange(w.phone, rg))
	})
}

func ExampleWalk() {
	phone := newFakePhone()
	phone.set(health.Weight, []int64{ago(1) * 1000, ago(2) * 1000})
	_ = Walk(context.Background(), phone, Range{Types: []health.Type{health.Weight}}, func(samples []health.Sample) error {
		for _, s := range samples {
			fmt.Println(s.Type, s.StartTime().Format("2006-01-02"))
		}
		return nil
	})
	// Output:
	// weight 2025-07-23
	// weight 2024-07-23
}
