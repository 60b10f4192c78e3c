package engine

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sort"

	"healthsync/sync/health"
)

// fakePhone answers as HealthKitService.fetchSamples does: for each type it
// reads limit+offset+1 samples of the range, newest first, joins them, sorts
// by start, drops offset and keeps limit; hasMore tells whether something was
// cut. It counts what that costs.
type fakePhone struct {
	types []health.Type // as the phone names them
	data  map[health.Type]*fakeSeries
	// inclusive serves a sample exactly at the end of the range too:
	// HealthKit's documents do not say that it does not.
	inclusive bool
	// shuffle serves samples of one moment in another order each time.
	shuffle func(n int, swap func(i, j int))
	// silent types give nothing, without an error.
	silent map[health.Type]bool
	// flip lies about hasMore.
	flip bool
	// before is asked before each request; an error is the answer.
	before func(q health.Query) error
	// stage gives a sleep sample its value.
	stage func(id uint32) float64
	// cap lowers every limit silently.
	cap int

	requests, reads, served int
	log                     []fakeLog
}

type fakeLog struct {
	q           health.Query
	reads, gave int
	more        bool
}

func (l fakeLog) String() string {
	return fmt.Sprintf("%d %v %s..%s (%d s) limit %d offset %d: reads %d gave %d, more %v", len(l.q.Types), l.q.Types[0],
		date(l.q.Start), date(l.q.End), l.q.End-l.q.Start, l.q.Limit, l.q.Offset, l.reads, l.gave, l.more)
}

// fakeSeries are a type's samples, oldest first: Unix milliseconds, as
// HealthKit has fractions that the app's dates do not show.
type fakeSeries struct {
	at []int64
	id []uint32
}

func newFakePhone() *fakePhone {
	return &fakePhone{data: map[health.Type]*fakeSeries{}, silent: map[health.Type]bool{}}
}

func fakeID(t health.Type, n uint32) (u health.UUID) {
	copy(u[:], t)
	binary.BigEndian.PutUint32(u[12:], n)
	return u
}

// set gives a type its samples (Unix milliseconds, any order).
func (f *fakePhone) set(t health.Type, at []int64) {
	slices.Sort(at)
	s := &fakeSeries{at: at, id: make([]uint32, len(at))}
	for i := range s.id {
		s.id[i] = uint32(i)
	}
	if _, ok := f.data[t]; !ok {
		f.types = append(f.types, t)
	}
	f.data[t] = s
}

func (f *fakePhone) insert(t health.Type, at int64, id uint32) {
	s := f.data[t]
	i, _ := slices.BinarySearch(s.at, at)
	s.at = slices.Insert(s.at, i, at)
	s.id = slices.Insert(s.id, i, id)
}

func (f *fakePhone) remove(t health.Type, i int) {
	s := f.data[t]
	s.at = slices.Delete(s.at, i, i+1)
	s.id = slices.Delete(s.id, i, i+1)
}

func (f *fakePhone) total() (n int) {
	for _, s := range f.data {
		n += len(s.at)
	}
	return n
}

func (f *fakePhone) Types(context.Context) ([]health.Type, error) {
	f.requests++
	if f.before != nil {
		if err := f.before(health.Query{}); err != nil {
			return nil, err
		}
	}
	return slices.Clone(f.types), nil
}

func floorSecond(ms int64) int64 {
	s := ms / 1000
	if ms%1000 < 0 {
		s--
	}
	return s
}

func (f *fakePhone) Samples(ctx context.Context, q health.Query, page *health.Page) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f.requests++
	if f.before != nil {
		if err := f.before(q); err != nil {
			return err
		}
	}
	if len(q.Types) == 0 || q.Limit < 1 || q.End < q.Start || q.Offset < 0 {
		return fmt.Errorf("fake phone: 400 %+v", q)
	}
	limit := min(q.Limit, health.MaxLimit)
	if f.cap > 0 {
		limit = min(limit, f.cap)
	}
	type run struct {
		t      health.Type
		s      *fakeSeries
		lo, hi int
	}
	var runs []run
	reads, all := 0, 0
	for _, t := range q.Types {
		s, ok := f.data[t]
		if !ok || !slices.Contains(f.types, t) {
			return errNotEnabled
		}
		if f.silent[t] {
			continue
		}
		lo := sort.Search(len(s.at), func(i int) bool { return s.at[i] >= q.Start*1000 })
		hi := sort.Search(len(s.at), func(i int) bool {
			if f.inclusive {
				return s.at[i] > q.End*1000
			}
			return s.at[i] >= q.End*1000
		})
		lo = max(lo, hi-(limit+q.Offset+1))
		reads += hi - lo
		all += hi - lo
		runs = append(runs, run{t, s, lo, hi})
	}
	page.Samples = page.Samples[:0]
	skip := q.Offset
	if f.shuffle != nil {
		f.shuffled(q, limit, page, func(yield func(t health.Type, at int64, id uint32)) {
			for _, r := range runs {
				for i := r.hi - 1; i >= r.lo; i-- {
					yield(r.t, r.s.at[i], r.s.id[i])
				}
			}
		})
	} else {
		for len(page.Samples) < limit {
			best := -1
			for i := range runs {
				r := &runs[i]
				if r.hi > r.lo && (best < 0 || r.s.at[r.hi-1] > runs[best].s.at[runs[best].hi-1]) {
					best = i
				}
			}
			if best < 0 {
				break
			}
			r := &runs[best]
			r.hi--
			if skip > 0 {
				skip--
				continue
			}
			x := fakeSample(r.t, r.s.at[r.hi], r.s.id[r.hi])
			if f.stage != nil {
				x.Value = f.stage(r.s.id[r.hi])
			}
			page.Samples = append(page.Samples, x)
		}
	}
	page.HasMore = all-q.Offset > limit
	if f.flip {
		page.HasMore = !page.HasMore
	}
	f.reads += reads
	f.served += len(page.Samples)
	f.log = append(f.log, fakeLog{q, reads, len(page.Samples), page.HasMore})
	return nil
}

func (f *fakePhone) shuffled(q health.Query, limit int, page *health.Page, each func(func(health.Type, int64, uint32))) {
	type one struct {
		t  health.Type
		at int64
		id uint32
	}
	var list []one
	each(func(t health.Type, at int64, id uint32) { list = append(list, one{t, at, id}) })
	f.shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	slices.SortStableFunc(list, func(a, b one) int { return int(b.at/1000 - a.at/1000) })
	list = list[min(q.Offset, len(list)):]
	for _, o := range list[:min(limit, len(list))] {
		page.Samples = append(page.Samples, fakeSample(o.t, o.at, o.id))
	}
}

func fakeSample(t health.Type, at int64, id uint32) health.Sample {
	s := floorSecond(at)
	return health.Sample{ID: fakeID(t, id), Type: t, Start: s, End: s + 60, Value: float64(id), Unit: "count", Source: "fake"}
}

type fakeError string

func (e fakeError) Error() string { return string(e) }

const errNotEnabled = fakeError("fake phone: 403 not enabled")
