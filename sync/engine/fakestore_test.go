package engine

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"

	"healthsync/sync/health"
	"healthsync/sync/store"
)

// notes are what a store keeps beside samples.
type notes struct {
	covered map[health.Type]store.Spans
	state   map[string]string
}

func newNotes() notes { return notes{map[health.Type]store.Spans{}, map[string]string{}} }

func (n notes) note(c *store.Change) {
	for _, v := range c.Covered {
		n.covered[v.Type] = n.covered[v.Type].Plus(v.Span)
	}
	maps.Copy(n.state, c.State)
}

func (n notes) Coverage(context.Context) (map[health.Type][]store.Span, error) {
	out := map[health.Type][]store.Span{}
	for t, c := range n.covered {
		out[t] = slices.Clone(c)
	}
	return out, nil
}

func (n notes) State(_ context.Context, key string) (string, bool, error) {
	v, ok := n.state[key]
	return v, ok, nil
}

// fakeStore does with a Change what sync/store promises to do, in memory.
type fakeStore struct {
	live, dead map[store.Key]health.Sample
	days       map[health.Type]map[int64]map[health.UUID]struct{}
	notes
	// foreign are another phone's samples, until this one serves them.
	foreign map[store.Key]bool
	applied int
	// before is asked before a change is stored, after when it is: an error is
	// a crash at that moment.
	before, after func() error
}

var _ Store = (*fakeStore)(nil)

var errCrash = errors.New("fake store: crash")

func newFakeStore() *fakeStore {
	return &fakeStore{
		live: map[store.Key]health.Sample{}, dead: map[store.Key]health.Sample{},
		days:  map[health.Type]map[int64]map[health.UUID]struct{}{},
		notes: newNotes(),
	}
}

func dayOf(at int64) int64 {
	if at < 0 {
		return at/day - 1
	}
	return at / day
}

func (f *fakeStore) put(x health.Sample) {
	f.live[store.Key{Type: x.Type, ID: x.ID}] = x
	d := f.days[x.Type]
	if d == nil {
		d = map[int64]map[health.UUID]struct{}{}
		f.days[x.Type] = d
	}
	if d[dayOf(x.Start)] == nil {
		d[dayOf(x.Start)] = map[health.UUID]struct{}{}
	}
	d[dayOf(x.Start)][x.ID] = struct{}{}
}

func (f *fakeStore) take(k store.Key) {
	delete(f.days[k.Type][dayOf(f.live[k].Start)], k.ID)
	delete(f.live, k)
}

func (f *fakeStore) Apply(_ context.Context, c *store.Change) (store.Outcome, error) {
	if f.before != nil {
		if err := f.before(); err != nil {
			return store.Outcome{}, err
		}
	}
	out := store.Outcome{ByType: map[health.Type]store.Counts{}}
	add := func(t health.Type, n store.Counts) {
		out.Counts = out.Counts.Plus(n)
		out.ByType[t] = out.ByType[t].Plus(n)
	}
	here := map[store.Key]bool{}
	for _, x := range c.Samples {
		k := store.Key{Type: x.Type, ID: x.ID}
		here[k] = true
		delete(f.foreign, k)
		old, ok := f.live[k]
		_, was := f.dead[k]
		switch {
		case ok && old == x:
			add(x.Type, store.Counts{Known: 1})
			continue
		case ok:
			f.take(k)
			add(x.Type, store.Counts{Changed: 1})
		case was:
			delete(f.dead, k)
			add(x.Type, store.Counts{Revived: 1})
		default:
			add(x.Type, store.Counts{Added: 1})
		}
		f.put(x)
	}
	for _, k := range c.Also {
		here[k] = true
	}
	for _, r := range c.Reconcile {
		for d, ids := range f.days[r.Type] {
			if d < dayOf(r.Span.From) || d > dayOf(r.Span.To) {
				continue
			}
			for id := range maps.Clone(ids) {
				k := store.Key{Type: r.Type, ID: id}
				if x := f.live[k]; r.Span.Contains(x.Start) && !here[k] && !f.foreign[k] {
					f.take(k)
					f.dead[k] = x
					add(r.Type, store.Counts{Deleted: 1})
				}
			}
		}
	}
	f.note(c)
	f.applied++
	if f.after != nil {
		if err := f.after(); err != nil {
			return store.Outcome{}, err
		}
	}
	return out, nil
}

func (f *fakeStore) Types(context.Context) ([]store.TypeStat, error) {
	starts := map[health.Type][]int64{}
	for k, x := range f.live {
		starts[k.Type] = append(starts[k.Type], x.Start)
	}
	return stats(starts), nil
}

func stats(starts map[health.Type][]int64) (list []store.TypeStat) {
	for t, at := range starts {
		list = append(list, store.TypeStat{Type: t, Count: int64(len(at)), First: slices.Min(at), Last: slices.Max(at)})
	}
	return list
}

func (f *fakeStore) Query(_ context.Context, q store.Filter, yield func(*health.Sample) error) error {
	var list []health.Sample
	for k, x := range f.live {
		if len(q.Types) > 0 && !slices.Contains(q.Types, k.Type) || q.Span != (store.Span{}) && !q.Span.Contains(x.Start) {
			continue
		}
		list = append(list, x)
	}
	slices.SortFunc(list, func(a, b health.Sample) int {
		if q.OldestFirst {
			return cmp.Compare(a.Start, b.Start)
		}
		return cmp.Compare(b.Start, a.Start)
	})
	if q.Limit > 0 {
		list = list[:min(q.Limit, len(list))]
	}
	for i := range list {
		if err := yield(&list[i]); err != nil {
			return err
		}
	}
	return nil
}

func (f *fakeStore) CountOwn(_ context.Context, t health.Type, from int64) (n int64, err error) {
	for k, x := range f.live {
		if k.Type == t && x.Start >= from && !f.foreign[k] {
			n++
		}
	}
	return n, nil
}

// changePhone does what store.ChangePhone promises; keep says that the phone is
// another person's.
func (f *fakeStore) changePhone(keep bool) {
	f.covered, f.foreign = map[health.Type]store.Spans{}, map[store.Key]bool{}
	for k := range f.live {
		f.foreign[k] = keep
	}
	maps.Copy(f.state, Forgotten())
}

// tallyStore keeps starts only, for histories of millions.
type tallyStore struct {
	starts map[health.Type][]int64
	sorted map[health.Type]bool
	notes
	// applied, where it is set, sees each change.
	applied func(*store.Change)
}

var _ Store = (*tallyStore)(nil)

func newTallyStore() *tallyStore {
	return &tallyStore{starts: map[health.Type][]int64{}, sorted: map[health.Type]bool{}, notes: newNotes()}
}

func (f *tallyStore) Apply(_ context.Context, c *store.Change) (store.Outcome, error) {
	if f.applied != nil {
		f.applied(c)
	}
	for i := range c.Samples {
		t := c.Samples[i].Type
		f.starts[t] = append(f.starts[t], c.Samples[i].Start)
		f.sorted[t] = false
	}
	f.note(c)
	return store.Outcome{Counts: store.Counts{Added: len(c.Samples)}}, nil
}

func (f *tallyStore) Types(context.Context) ([]store.TypeStat, error) {
	return stats(f.starts), nil
}

func (f *tallyStore) CountOwn(_ context.Context, t health.Type, from int64) (n int64, err error) {
	for _, at := range f.starts[t] {
		if at >= from {
			n++
		}
	}
	return n, nil
}

func (f *tallyStore) Query(_ context.Context, q store.Filter, yield func(*health.Sample) error) error {
	span := q.Span
	if span == (store.Span{}) {
		span = store.Span{From: Beginning, To: End}
	}
	var all []int64
	for _, t := range q.Types {
		list := f.starts[t]
		if !f.sorted[t] {
			slices.Sort(list)
			f.sorted[t] = true
		}
		lo, _ := slices.BinarySearch(list, span.From)
		hi, _ := slices.BinarySearch(list, span.To)
		list = list[lo:hi]
		if q.Limit > 0 && len(list) > q.Limit {
			if q.OldestFirst {
				list = list[:q.Limit]
			} else {
				list = list[len(list)-q.Limit:]
			}
		}
		all = append(all, list...)
	}
	slices.Sort(all)
	if !q.OldestFirst {
		slices.Reverse(all)
	}
	if q.Limit > 0 {
		all = all[:min(q.Limit, len(all))]
	}
	for _, at := range all {
		if err := yield(&health.Sample{Type: q.Types[0], Start: at}); err != nil {
			return err
		}
	}
	return nil
}
