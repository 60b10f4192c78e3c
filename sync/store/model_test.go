package store_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"healthsync/sync/health"
	"healthsync/sync/store"
)

// model is what the store should be, in a few maps.
type model struct {
	live, deleted map[store.Key]health.Sample
}

func (m *model) apply(c *store.Change) (n store.Counts) {
	here := make(map[store.Key]health.Sample)
	latest := make(map[store.Key]int)
	for i, s := range c.Samples {
		k := store.Key{Type: s.Type, ID: s.ID}
		here[k], latest[k] = s, i
	}
	for _, k := range c.Also {
		if _, ok := here[k]; !ok {
			here[k] = m.live[k]
		}
	}
	for k, s := range m.live {
		if _, ok := here[k]; ok {
			continue
		}
		for _, r := range c.Reconcile {
			if r.Type == s.Type && r.Span.Contains(s.Start) {
				n.Deleted++
				m.deleted[k] = s
				delete(m.live, k)
				break
			}
		}
	}
	for i, s := range c.Samples {
		k := store.Key{Type: s.Type, ID: s.ID}
		if latest[k] != i {
			continue
		}
		old, live := m.live[k]
		_, dead := m.deleted[k]
		switch {
		case live && old == s:
			n.Known++
		case live:
			n.Changed++
		case dead:
			n.Revived++
			delete(m.deleted, k)
		default:
			n.Added++
		}
		m.live[k] = s
	}
	return n
}

// Any sequence of changes leaves the store as it leaves the model, and says
// the same of it.
func TestAgainstModel(t *testing.T) {
	s := fresh(t)
	checks := 0
	rapid.Check(t, func(rt *rapid.T) {
		// Types of its own for each check: opening a file costs more.
		checks++
		types := []health.Type{health.Type(fmt.Sprint("a", checks)), health.Type(fmt.Sprint("b", checks))}
		m := &model{live: map[store.Key]health.Sample{}, deleted: map[store.Key]health.Sample{}}
		// A sample's start is bound to its identity, as HealthKit has it.
		sample := rapid.Custom(func(rt *rapid.T) health.Sample {
			n := rapid.IntRange(0, 60).Draw(rt, "n")
			x := heart(n, int64(n/3))
			x.Type = rapid.SampledFrom(types).Draw(rt, "type")
			x.Value = float64(rapid.IntRange(0, 1).Draw(rt, "value"))
			return x
		})
		span := rapid.Custom(func(rt *rapid.T) store.Covered {
			from := rapid.Int64Range(-1, 21).Draw(rt, "from")
			return store.Covered{
				Type: rapid.SampledFrom(types).Draw(rt, "type"),
				Span: store.Span{From: from, To: from + rapid.Int64Range(0, 10).Draw(rt, "length")},
			}
		})
		for range rapid.IntRange(1, 6).Draw(rt, "changes") {
			c := store.Change{
				Samples:   rapid.SliceOfN(sample, 0, 40).Draw(rt, "samples"),
				Reconcile: rapid.SliceOfN(span, 0, 3).Draw(rt, "reconcile"),
			}
			for _, x := range rapid.SliceOfN(sample, 0, 5).Draw(rt, "also") {
				c.Also = append(c.Also, store.Key{Type: x.Type, ID: x.ID})
			}
			want := m.apply(&c)
			out, err := s.Apply(t.Context(), &c)
			if err != nil {
				rt.Fatal(err)
			}
			if out.Counts != want {
				rt.Fatalf("counts %+v, want %+v", out.Counts, want)
			}
		}
		got := all(t, s, types...)
		live := slices.SortedFunc(maps.Values(m.live), byKey)
		if !slices.Equal(got, live) {
			rt.Fatalf("stored %v, want %v", got, live)
		}
	})
	sound(t, s)
}
