package store_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"healthsync/sync/health"
	"healthsync/sync/store"
)

func TestApply(t *testing.T) {
	hr := health.HeartRate
	span := func(from, to int64) []store.Covered {
		return []store.Covered{{Type: hr, Span: store.Span{From: from, To: to}, At: 500}}
	}
	with := func(m health.Sample, f func(*health.Sample)) health.Sample { f(&m); return m }
	nine := with(heart(1, 100), func(m *health.Sample) { m.Value = 9 })
	steps := with(heart(1, 100), func(m *health.Sample) { m.Type = health.Steps })
	altered := []health.Sample{
		with(heart(5, 50), func(m *health.Sample) { m.Value = 61 }),
		with(heart(4, 40), func(m *health.Sample) { m.Unit = "Hz" }),
		with(heart(3, 30), func(m *health.Sample) { m.Source = "Strap" }),
		with(heart(2, 20), func(m *health.Sample) { m.Metadata = `{"a":"b"}` }),
		with(heart(1, 10), func(m *health.Sample) { m.End++ }),
	}
	odd := []health.Sample{
		heart(1, -5_000_000_000), heart(2, 64_092_211_200),
		with(heart(3, 7), func(m *health.Sample) { m.End = 3; m.Value = -1e300 }),
		with(heart(4, 8), func(m *health.Sample) { m.Value = math.MaxFloat64; m.Source = "Ana's \x00 ⌚" }),
	}
	// Each case applies its changes in turn; want is what the last one did.
	for _, c := range []struct {
		name    string
		changes []store.Change
		want    store.Counts
		stored  []health.Sample
		deleted int64
	}{
		{
			name:    "nothing",
			changes: []store.Change{{}},
		},
		{
			name:    "new",
			changes: []store.Change{{Samples: []health.Sample{heart(2, 200), heart(1, 100)}}},
			want:    store.Counts{Added: 2},
			stored:  []health.Sample{heart(1, 100), heart(2, 200)},
		},
		{
			name: "known",
			changes: []store.Change{
				{Samples: []health.Sample{heart(2, 200), heart(1, 100)}},
				{Samples: []health.Sample{heart(3, 300), heart(2, 200), heart(1, 100)}},
			},
			want:   store.Counts{Added: 1, Known: 2},
			stored: []health.Sample{heart(1, 100), heart(2, 200), heart(3, 300)},
		},
		{
			name: "changed value, unit, source, metadata, end",
			changes: []store.Change{
				{Samples: []health.Sample{heart(5, 50), heart(4, 40), heart(3, 30), heart(2, 20), heart(1, 10)}},
				{Samples: altered},
			},
			want:   store.Counts{Changed: 5},
			stored: altered,
		},
		{
			name:    "twice in one change: the later counts",
			changes: []store.Change{{Samples: []health.Sample{heart(1, 100), heart(2, 90), nine}}},
			want:    store.Counts{Added: 2},
			stored:  []health.Sample{heart(2, 90), nine},
		},
		{
			name:    "twice in one change under two starts",
			changes: []store.Change{{Samples: []health.Sample{heart(1, 100), heart(2, 90), heart(1, 80)}}},
			want:    store.Counts{Added: 2},
			stored:  []health.Sample{heart(1, 80), heart(2, 90)},
		},
		{
			name:    "one ID under two types is two samples",
			changes: []store.Change{{Samples: []health.Sample{heart(1, 100), steps}}},
			want:    store.Counts{Added: 2},
			stored:  []health.Sample{heart(1, 100), steps},
		},
		{
			name: "late arrival in a covered span",
			changes: []store.Change{
				{Samples: []health.Sample{heart(1, 100)}, Covered: span(0, 200)},
				{Samples: []health.Sample{heart(4, 200), heart(3, 199), heart(2, 50)}},
			},
			want:   store.Counts{Added: 3, Late: 2},
			stored: []health.Sample{heart(1, 100), heart(2, 50), heart(3, 199), heart(4, 200)},
		},
		{
			name: "reconciled: what is missing is marked",
			changes: []store.Change{
				{Samples: []health.Sample{heart(3, 300), heart(2, 200), heart(1, 100)}},
				{Samples: []health.Sample{heart(3, 300)}, Reconcile: span(200, 301)},
			},
			want:    store.Counts{Known: 1, Deleted: 1},
			stored:  []health.Sample{heart(1, 100), heart(3, 300)},
			deleted: 1,
		},
		{
			name: "reconciled: the ends of a span",
			changes: []store.Change{
				{Samples: []health.Sample{heart(4, 300), heart(3, 299), heart(2, 200), heart(1, 199)}},
				{Reconcile: span(200, 300)},
			},
			want:    store.Counts{Deleted: 2},
			stored:  []health.Sample{heart(1, 199), heart(4, 300)},
			deleted: 2,
		},
		{
			name: "reconciled: Also was seen before",
			changes: []store.Change{
				{Samples: []health.Sample{heart(3, 300), heart(2, 200), heart(1, 100)}},
				{
					Samples: []health.Sample{heart(1, 100)}, Reconcile: span(0, 400),
					Also: []store.Key{{Type: hr, ID: id(2)}, {Type: health.Steps, ID: id(3)}},
				},
			},
			want:    store.Counts{Known: 1, Deleted: 1},
			stored:  []health.Sample{heart(1, 100), heart(2, 200)},
			deleted: 1,
		},
		{
			name: "reconciled: other types are left alone",
			changes: []store.Change{
				{Samples: []health.Sample{steps}},
				{Reconcile: span(0, 400)},
			},
			stored: []health.Sample{steps},
		},
		{
			name: "revived",
			changes: []store.Change{
				{Samples: []health.Sample{heart(2, 200), heart(1, 100)}, Covered: span(0, 300)},
				{Reconcile: span(0, 300)},
				{Samples: []health.Sample{heart(3, 210), heart(2, 200)}},
			},
			want:    store.Counts{Added: 1, Revived: 1, Late: 1},
			stored:  []health.Sample{heart(2, 200), heart(3, 210)},
			deleted: 1,
		},
		{
			name: "revived at another start",
			changes: []store.Change{
				{Samples: []health.Sample{heart(1, 100)}},
				{Reconcile: span(0, 300)},
				{Samples: []health.Sample{heart(1, 900)}},
			},
			want:   store.Counts{Revived: 1},
			stored: []health.Sample{heart(1, 900)},
		},
		{
			name: "another start within a reconciled span: moved, not doubled",
			changes: []store.Change{
				{Samples: []health.Sample{heart(2, 200), heart(1, 100)}, Covered: span(0, 300)},
				{Samples: []health.Sample{heart(2, 200), heart(1, 101)}, Reconcile: span(0, 300)},
			},
			want:   store.Counts{Known: 1, Changed: 1},
			stored: []health.Sample{heart(1, 101), heart(2, 200)},
		},
		{
			name: "another start, from a reconciled span to outside of it",
			changes: []store.Change{
				{Samples: []health.Sample{heart(1, 100)}},
				{Samples: []health.Sample{heart(1, 400)}, Reconcile: span(0, 300)},
			},
			want:   store.Counts{Changed: 1},
			stored: []health.Sample{heart(1, 400)},
		},
		{
			name: "spans that overlap and are empty",
			changes: []store.Change{
				{Samples: []health.Sample{heart(1, 100), heart(2, 200)}},
				{Samples: []health.Sample{heart(2, 200)}, Reconcile: slices.Concat(span(50, 150), span(100, 220), span(7, 7))},
			},
			want:    store.Counts{Known: 1, Deleted: 1},
			stored:  []health.Sample{heart(2, 200)},
			deleted: 1,
		},
		{
			name:    "times before 1970 and after 2038, negative durations, odd values",
			changes: []store.Change{{Samples: odd}},
			want:    store.Counts{Added: 4},
			stored:  odd,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := fresh(t)
			var out store.Outcome
			for _, ch := range c.changes {
				out = apply(t, s, ch)
			}
			if out.Counts != c.want {
				t.Errorf("counts %+v, want %+v", out.Counts, c.want)
			}
			same(t, all(t, s), c.stored)
			types, err := s.Types(t.Context())
			must(t, err)
			var live, deleted int64
			for _, st := range types {
				live, deleted = live+st.Count, deleted+st.Deleted
			}
			if live != int64(len(c.stored)) || deleted != c.deleted {
				t.Errorf("%d live and %d deleted, want %d and %d", live, deleted, len(c.stored), c.deleted)
			}
			sound(t, s)
			// The last change again brings nothing new.
			last := c.changes[len(c.changes)-1]
			if out := apply(t, s, last); out.Writes() != 0 && c.name != "twice in one change under two starts" {
				t.Errorf("the same change again: %+v", out.Counts)
			}
		})
	}
}

func TestApplyByType(t *testing.T) {
	s := fresh(t)
	steps := heart(9, 50)
	steps.Type = health.Steps
	out := apply(t, s, store.Change{Samples: []health.Sample{heart(1, 100), steps, heart(2, 90)}})
	want := map[health.Type]store.Counts{health.HeartRate: {Added: 2}, health.Steps: {Added: 1}}
	if !maps.Equal(out.ByType, want) {
		t.Errorf("by type %v, want %v", out.ByType, want)
	}
}

// Whatever goes wrong within a change, nothing of it is stored.
func TestApplyWholeOrNot(t *testing.T) {
	s := fresh(t)
	apply(t, s, store.Change{Samples: []health.Sample{heart(1, 100)}, State: map[string]string{"cursor": "1"}})
	valued := func(v float64) health.Sample {
		m := heart(3, 300)
		m.Value = v
		return m
	}
	nameless := heart(4, 400)
	nameless.Type = ""
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx    context.Context
		sample health.Sample
	}{
		"not a number": {t.Context(), valued(math.NaN())},
		"infinite":     {t.Context(), valued(math.Inf(1))},
		"minus that":   {t.Context(), valued(math.Inf(-1))},
		"no type":      {t.Context(), nameless},
		"cancelled":    {cancelled, heart(5, 500)},
	} {
		_, err := s.Apply(c.ctx, &store.Change{
			Samples: []health.Sample{heart(2, 200), c.sample},
			State:   map[string]string{"cursor": "2"},
		})
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	same(t, all(t, s), []health.Sample{heart(1, 100)})
	if v, ok, err := s.State(t.Context(), "cursor"); v != "1" || !ok || err != nil {
		t.Errorf("state %q %v %v", v, ok, err)
	}
	// And the store goes on.
	other := heart(2, 200)
	other.Source = "A source that only the failed changes knew"
	apply(t, s, store.Change{Samples: []health.Sample{other}})
	sound(t, s)
}

// More rows are stored than are compared at once, and vanish from between rows
// that stay.
func TestReconcileMany(t *testing.T) {
	s := fresh(t)
	const n = 10_000
	var page, rest []health.Sample
	for i := range n {
		m := heart(i, int64(n-i)/3) // three in each second
		page = append(page, m)
		if i%10 == 0 {
			rest = append(rest, m)
		}
	}
	apply(t, s, store.Change{Samples: page})
	out := apply(t, s, store.Change{Samples: rest, Reconcile: []store.Covered{during(health.HeartRate, 0, n)}})
	if want := (store.Counts{Known: n / 10, Deleted: n - n/10}); out.Counts != want {
		t.Errorf("%+v, want %+v", out.Counts, want)
	}
	same(t, all(t, s), rest)
	out = apply(t, s, store.Change{Samples: page})
	if want := (store.Counts{Known: n / 10, Revived: n - n/10}); out.Counts != want {
		t.Errorf("%+v, want %+v", out.Counts, want)
	}
	sound(t, s)
}

func TestClosed(t *testing.T) {
	s := fresh(t)
	must(t, s.Close())
	must(t, s.Close())
	if _, err := s.Apply(t.Context(), &store.Change{}); err == nil {
		t.Error("Apply after Close: no error")
	}
	if _, err := s.Types(t.Context()); err == nil {
		t.Error("Types after Close: no error")
	}
}

var errEnough = errors.New("enough")

func TestQuery(t *testing.T) {
	s := fresh(t)
	kinds := []health.Type{health.Steps, health.HeartRate, health.SleepAnalysis}
	var want []health.Sample
	for i := range 300 {
		m := heart(i, int64(i/4))
		m.Type = kinds[i%3]
		m.Source = fmt.Sprint("source ", i%2)
		if i%5 == 0 {
			m.Metadata = fmt.Sprintf(`{"n":"%d"}`, i%20)
		}
		want = append(want, m)
	}
	apply(t, s, store.Change{Samples: want})
	same(t, all(t, s), want)
	down := query(t, s, store.Filter{})
	up := all(t, s)
	slices.Reverse(down)
	if !slices.Equal(up, down) {
		t.Error("newest first is not oldest first turned around")
	}
	count := func(f store.Filter) int { return len(query(t, s, f)) }
	for name, c := range map[string]struct {
		f    store.Filter
		want int
	}{
		"a type":            {store.Filter{Types: kinds[:1]}, 100},
		"two types":         {store.Filter{Types: kinds[:2]}, 200},
		"an unknown type":   {store.Filter{Types: []health.Type{"mood"}}, 0},
		"a span":            {store.Filter{Span: store.Span{From: 10, To: 12}}, 8},
		"an empty span":     {store.Filter{Span: store.Span{From: 10, To: 10}}, 0},
		"a limit":           {store.Filter{Limit: 7}, 7},
		"a limit above all": {store.Filter{Limit: 1000, OldestFirst: true}, 300},
	} {
		if got := count(c.f); got != c.want {
			t.Errorf("%s: %d samples, want %d", name, got, c.want)
		}
	}
	seen := 0
	err := s.Query(t.Context(), store.Filter{}, func(*health.Sample) error {
		if seen++; seen == 3 {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) || seen != 3 {
		t.Errorf("%v after %d", err, seen)
	}
	for range 8 { // more often than there are connections
		ctx, cancel := context.WithCancel(t.Context())
		err = s.Query(ctx, store.Filter{}, func(*health.Sample) error {
			cancel()
			time.Sleep(time.Millisecond) // for the interrupt to come
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		if got := count(store.Filter{}); got != 300 {
			t.Errorf("after a cancelled query: %d samples", got)
		}
	}
}

// A query sees one moment, and changes need not wait for it.
func TestQueryDuringChanges(t *testing.T) {
	s := fresh(t)
	apply(t, s, store.Change{Samples: hearts(500)})
	n := 0
	err := s.Query(t.Context(), store.Filter{}, func(*health.Sample) error {
		if n++; n%100 == 0 {
			apply(t, s, store.Change{
				Samples:   []health.Sample{heart(100_000+n, int64(n))},
				Reconcile: []store.Covered{during(health.HeartRate, 0, 600)},
			})
		}
		return nil
	})
	if err != nil || n != 500 {
		t.Errorf("%d samples, %v", n, err)
	}
	sound(t, s)
}

// Who reads while a change is refused shares nothing with it: by the race
// detector.
func TestReadersAndRefusedChanges(t *testing.T) {
	s := fresh(t)
	apply(t, s, store.Change{Samples: []health.Sample{heart(1, 100), heart(2, 200)}})
	refused := make(chan struct{})
	go func() {
		defer close(refused)
		for i := range 100 {
			bad := heart(3, 300)
			bad.Source, bad.Value = fmt.Sprint("source ", i), math.NaN()
			if _, err := s.Apply(context.Background(), &store.Change{Samples: []health.Sample{bad}}); err == nil {
				t.Error("not a number: no error")
			}
		}
	}()
	for done := false; !done; {
		select {
		case <-refused:
			done = true
		default:
		}
		if n := len(all(t, s)); n != 2 {
			t.Errorf("%d samples", n)
		}
		if _, err := s.Day(t.Context(), health.HeartRate, 0); err != nil {
			t.Error(err)
		}
	}
}
