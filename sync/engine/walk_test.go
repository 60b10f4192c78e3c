package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"healthsync/sync/health"
	"healthsync/sync/store"
)

// inOrder checks that samples come newest first, and stand time after the rest.
func inOrder(t interface{ Fatalf(string, ...any) }) func(health.Sample) {
	before, late := End+1, false
	return func(x health.Sample) {
		if slices.Contains(fragile, x.Type) != late {
			if late {
				t.Fatalf("%s comes after stand time", x.Type)
			}
			before, late = End+1, true
		}
		if x.Start > before {
			t.Fatalf("%s starts at %d, after %d: not newest first", x.Type, x.Start, before)
		}
		before = x.Start
	}
}

// walked reads a range and checks that it comes in order and nothing twice.
func walked(t interface{ Fatalf(string, ...any) }, phone Phone, r Range) map[store.Key]int64 {
	got := map[store.Key]int64{}
	ordered := inOrder(t)
	r.Now = clock(benchNow)
	err := Walk(context.Background(), phone, r, func(samples []health.Sample) error {
		for _, s := range samples {
			key := store.Key{Type: s.Type, ID: s.ID}
			if _, twice := got[key]; twice {
				t.Fatalf("%v comes twice", key)
			}
			ordered(s)
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
		{"a week of everything", map[health.Type][]int64{
			health.Steps:     spread(r, 700, benchNow-7*day, benchNow),
			health.HeartRate: spread(r, 9000, benchNow-7*day, benchNow),
			health.Weight:    spread(r, 5, benchNow-7*day, benchNow),
		}, benchNow - 7*day, 0, 1},
		{"five dense years", map[health.Type][]int64{
			health.Steps:     spread(r, 60000, ago(5), benchNow),
			health.HeartRate: spread(r, 200000, ago(5), benchNow),
		}, ago(20), 6, 1.1},
		{"dense long ago", map[health.Type][]int64{
			health.Steps:  spread(r, 50000, ago(9), ago(8)),
			health.Weight: spread(r, 300, ago(10), benchNow),
		}, ago(10), 10, 1.4},
		{"one type, 25,000 in one second", map[health.Type][]int64{
			health.Steps: spread(r, 25000, benchNow-60, benchNow-59),
		}, benchNow - day, 1, 2.3},
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
	if !errors.As(err, &u) || len(u.Parts) != 1 || u.Parts[0].Type != health.Steps ||
		!u.Parts[0].Span.Contains(floorSecond(bad)) {
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

// crashing makes the fake phone go away over each question that has a sample of
// one of the types in it.
func crashing(f *fakePhone, counts map[health.Type]int, types ...health.Type) func(health.Query) error {
	return func(q health.Query) error {
		for _, typ := range types {
			s := f.data[typ]
			i, _ := slices.BinarySearch(s.at, q.Start*1000)
			if slices.Contains(q.Types, typ) && i < len(s.at) && s.at[i] < q.End*1000 {
				counts[typ]++
				return errAway
			}
		}
		return nil
	}
}

// The types over which the app crashes are found out; all the rest comes, in
// order, and the error names them.
func TestWalkCrashingTypes(t *testing.T) {
	all := []health.Type{
		health.Steps, health.HeartRate, health.StandHours, health.Weight,
		health.VO2Max, health.SleepAnalysis, health.Height, health.BloodOxygen,
	}
	for _, c := range []struct {
		bad     []health.Type
		crashes int // at most
	}{
		{[]health.Type{health.StandHours}, 1},
		{[]health.Type{health.VO2Max}, 2},
		{[]health.Type{health.Steps}, 2},
		{[]health.Type{health.Steps, health.HeartRate}, 3},
		{[]health.Type{health.StandHours, health.BloodOxygen}, 3},
	} {
		f := newFakePhone()
		r := rand.New(rand.NewPCG(7, 8))
		rg := Range{Types: all, From: ago(1), To: benchNow, Now: clock(benchNow), React: fakeReact}
		for _, typ := range all {
			f.set(typ, spread(r, 2500, ago(1), benchNow))
		}
		counts := map[health.Type]int{}
		f.before = crashing(f, counts, c.bad...)
		n, ordered := 0, inOrder(t)
		err := Walk(t.Context(), f, rg, func(s []health.Sample) error {
			for _, x := range s {
				ordered(x)
			}
			n += len(s)
			return nil
		})
		var u *UnreadableError
		if !errors.As(err, &u) {
			t.Fatalf("%v: %v", c.bad, err)
		}
		var got []health.Type
		for _, p := range u.Parts {
			got = append(got, p.Type)
		}
		slices.Sort(got)
		want := slices.Sorted(slices.Values(c.bad))
		if !slices.Equal(got, want) || n != 2500*(len(all)-len(c.bad)) {
			t.Errorf("%v: %v are named, %d samples", c.bad, got, n)
		}
		sum := 0
		for _, k := range counts {
			sum += k
		}
		if sum > c.crashes {
			t.Errorf("%v: the app crashed %d times, want %d at most", c.bad, sum, c.crashes)
		}
	}
}

// A phone that can serve stand time serves it last, and the limit holds.
func TestWalkStandTimeLast(t *testing.T) {
	f := newFakePhone()
	r := rand.New(rand.NewPCG(7, 8))
	for _, typ := range []health.Type{health.StandHours, health.Steps} {
		f.set(typ, spread(r, 15000, ago(1), benchNow))
	}
	for limit, want := range map[int]int{0: 30000, 20000: 20000, 7: 7} {
		var order []health.Type
		n := 0
		rg := Range{Types: f.types, From: ago(1), To: benchNow, Now: clock(benchNow), Limit: limit}
		err := Walk(t.Context(), f, rg, func(s []health.Sample) error {
			n += len(s)
			for _, x := range s {
				if len(order) == 0 || order[len(order)-1] != x.Type {
					order = append(order, x.Type)
				}
			}
			return nil
		})
		if err != nil || n != want || order[0] != health.Steps || len(order) > 2 {
			t.Errorf("limit %d: %d samples in the order %v, %v", limit, n, order, err)
		}
	}
	got := walked(t, f, Range{Types: []health.Type{health.StandHours}, From: ago(1), To: benchNow})
	if len(got) != 15000 {
		t.Errorf("by itself: %d", len(got))
	}
}

// A phone that goes away over everything, that stays away, or that is alone with
// one type, is told as it is; one that goes away by chance is asked again.
func TestWalkGoneForOtherReasons(t *testing.T) {
	types := []health.Type{health.Steps, health.HeartRate, health.Weight, health.VO2Max, health.Height}
	rg := Range{Types: types, From: ago(1), To: benchNow, Now: clock(benchNow), React: fakeReact}
	fresh := func() *fakePhone {
		f := newFakePhone()
		r := rand.New(rand.NewPCG(7, 8))
		for _, typ := range types {
			f.set(typ, spread(r, 5000, ago(1), benchNow))
		}
		return f
	}
	count := func(f *fakePhone, rg Range) (n int, err error) {
		err = Walk(t.Context(), f, rg, func(s []health.Sample) error { n += len(s); return nil })
		return n, err
	}
	var u *UnreadableError

	f := fresh()
	f.before = func(q health.Query) error {
		if len(q.Types) > 0 {
			return errAway
		}
		return nil
	}
	if _, err := count(f, rg); !errors.Is(err, errAway) || errors.As(err, &u) || f.requests > 20 {
		t.Errorf("over everything: %v after %d requests", err, f.requests)
	}
	one := rg
	one.Types = types[:1]
	if _, err := count(f, one); !errors.Is(err, errAway) || errors.As(err, &u) {
		t.Errorf("one type: %v", err)
	}

	f = fresh()
	f.before = func(health.Query) error { return errAway }
	if _, err := count(f, rg); !errors.Is(err, errAway) || errors.As(err, &u) || f.requests > 3 {
		t.Errorf("it stays away: %v after %d requests", err, f.requests)
	}

	f = fresh()
	n := 0
	f.before = func(q health.Query) error {
		if n++; len(q.Types) > 0 && n%9 == 0 {
			return errAway
		}
		return nil
	}
	if got, err := count(f, rg); err != nil || got != 25000 {
		t.Errorf("by chance: %d samples, %v", got, err)
	}
}
