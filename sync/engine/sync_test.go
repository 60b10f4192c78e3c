package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"healthsync/sync/health"
	"healthsync/sync/store"
)

func clock(at int64) func() time.Time { return func() time.Time { return time.Unix(at, 0) } }

// history of some types over two years, and a database.
func setUp(types ...health.Type) (*fakePhone, *fakeStore) {
	phone := newFakePhone()
	r := rand.New(rand.NewPCG(1, 1))
	for _, t := range types {
		phone.set(t, spread(r, 3000, ago(2), benchNow))
	}
	return phone, newFakeStore()
}

func run(t *testing.T, phone Phone, db Store, now int64, o Options) Result {
	t.Helper()
	o.Now, o.React = clock(now), fakeReact
	res, err := Sync(t.Context(), phone, db, o)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestSyncCounts(t *testing.T) {
	phone, db := setUp(health.Steps, health.Weight)
	res := run(t, phone, db, benchNow, Options{})
	if res.Added != 6000 || res.ByType[health.Steps].Added != 3000 || !res.Complete || res.Requests != phone.requests {
		t.Errorf("first: %+v, %d requests", res, phone.requests)
	}
	if res.To < benchNow-7*day || res.To > benchNow {
		t.Errorf("complete to %s", date(res.To))
	}
	res = run(t, phone, db, benchNow+60, Options{})
	if res.Writes() != 0 || res.Requests > 2 {
		t.Errorf("again: %+v", res)
	}
	// Three come late, one is deleted, one is new.
	s := phone.data[health.Steps]
	for i := range int64(3) {
		phone.insert(health.Steps, (benchNow-5*day+i)*1000, uint32(10000+i))
	}
	phone.remove(health.Steps, len(s.at)-2)
	phone.insert(health.Weight, (benchNow+100)*1000, 20000)
	res = run(t, phone, db, benchNow+120, Options{})
	if res.Added != 4 || res.Deleted != 1 || res.Requests > 2 {
		t.Errorf("changes: %+v", res)
	}
}

// The permission for a type is taken away: nothing is buried, it is said, and
// what was hidden comes when the permission is back.
func TestSyncSilentType(t *testing.T) {
	phone, db := setUp(health.Steps, health.HeartRate)
	run(t, phone, db, benchNow, Options{})
	phone.silent[health.HeartRate] = true
	for i := range int64(40) {
		phone.insert(health.HeartRate, (benchNow+i*day)*1000, uint32(10000+i))
		phone.insert(health.Steps, (benchNow+i*day)*1000, uint32(10000+i))
	}
	for i := range int64(39) {
		res := run(t, phone, db, benchNow+i*day+3600, Options{})
		if res.Deleted != 0 {
			t.Fatalf("day %d: %d buried", i, res.Deleted)
		}
		if i < 10 && !slices.Equal(res.Silent, []health.Type{health.HeartRate}) {
			t.Fatalf("day %d: silent %v", i, res.Silent)
		}
	}
	phone.silent[health.HeartRate] = false
	res := run(t, phone, db, benchNow+40*day, Options{})
	if res.ByType[health.HeartRate].Added != 40 || len(res.Silent) != 0 {
		t.Errorf("afterwards: %+v", res)
	}
}

// A phone that cannot answer what tells silence from deletion is asked that twice,
// and nothing is buried for it.
func TestSyncCheckUnanswered(t *testing.T) {
	phone, db := setUp(health.Steps, health.HeartRate)
	run(t, phone, db, benchNow, Options{})
	phone.silent[health.HeartRate] = true
	refused := 0
	phone.before = func(q health.Query) error {
		if q.Limit != checkLimit {
			return nil
		}
		refused++
		return errEmpty
	}
	o := Options{Now: clock(benchNow + 60), React: fakeReact}
	res, err := Sync(t.Context(), phone, db, o)
	if err != nil || res.Deleted != 0 || !slices.Equal(res.Silent, []health.Type{health.HeartRate}) || refused == 0 || refused > 4 {
		t.Errorf("%v after %d refused: %+v", err, refused, res)
	}
}

// One weight in the window, and it is deleted: the phone gives none of the type
// in the window, but has older ones, so it is a deletion.
func TestSyncDeletesTheOnlyOneOfItsType(t *testing.T) {
	phone, db := setUp(health.Steps)
	phone.set(health.Weight, []int64{ago(1) * 1000, (benchNow - day) * 1000})
	run(t, phone, db, benchNow, Options{})
	phone.remove(health.Weight, 1)
	res := run(t, phone, db, benchNow+60, Options{})
	if res.Deleted != 1 || len(res.Silent) != 0 || !res.Complete {
		t.Errorf("%+v", res)
	}
	if res = run(t, phone, db, benchNow+120, Options{}); res.Requests > 2 || res.Writes() != 0 {
		t.Errorf("again: %+v", res)
	}
}

func TestSyncChoosesTypes(t *testing.T) {
	phone, db := setUp(health.Steps, health.SleepAnalysis, health.SleepDeep, "tomorrow")
	phone.before = func(q health.Query) error {
		if slices.Contains(q.Types, health.SleepDeep) {
			t.Errorf("a sleep stage is asked for: %v", q.Types)
		}
		return nil
	}
	res := run(t, phone, db, benchNow, Options{})
	if len(res.Missing)+len(res.Skipped) != 0 || res.ByType["tomorrow"].Added != 3000 || res.Added != 9000 {
		t.Errorf("all: %+v", res)
	}
	res = run(t, phone, newFakeStore(), benchNow, Options{Types: []health.Type{health.SleepREM, health.Weight, health.Steps}})
	if res.ByType[health.SleepAnalysis].Added != 3000 || res.Added != 6000 || !slices.Equal(res.Missing, []health.Type{health.Weight}) {
		t.Errorf("some: %+v", res)
	}
	phone.types = []health.Type{health.Steps, health.SleepDeep}
	res = run(t, phone, newFakeStore(), benchNow, Options{})
	if !slices.Equal(res.Skipped, []health.Type{health.SleepDeep}) || res.Added != 3000 {
		t.Errorf("a stage alone: %+v", res)
	}
}

// A type that is switched on later gets its whole history, and costs the others
// nothing.
func TestSyncNewType(t *testing.T) {
	phone, db := setUp(health.Steps, health.Weight, health.HeartRate)
	all := phone.types
	phone.types = all[:2]
	run(t, phone, db, benchNow, Options{})
	phone.types = all
	phone.reads = 0
	res := run(t, phone, db, benchNow+60, Options{})
	if res.Added != 3000 || !res.Complete || phone.reads > 3400 {
		t.Errorf("%+v, %d reads", res, phone.reads)
	}
}

func TestSyncSince(t *testing.T) {
	phone, db := setUp(health.Steps)
	since := ago(1)
	run(t, phone, db, benchNow, Options{Since: since})
	for _, x := range db.live {
		if x.Start < since {
			t.Fatalf("%s is before", date(x.Start))
		}
	}
	if res := run(t, phone, db, benchNow+60, Options{Since: since}); res.Writes() != 0 || res.Requests > 2 {
		t.Errorf("again: %+v", res)
	}
	run(t, phone, db, benchNow+120, Options{})
	if len(db.live) != 3000 {
		t.Errorf("%d samples, want all 3000", len(db.live))
	}
}

// The last days of all types come within the first requests, also when a long
// way back is still to be gone.
func TestSyncFreshFirst(t *testing.T) {
	phone := newFakePhone()
	r := rand.New(rand.NewPCG(2, 2))
	for _, typ := range benchTypes[:10] {
		phone.set(typ, spread(r, 50000, ago(5), benchNow))
	}
	db := newFakeStore()
	gone := errors.New("gone")
	left := 4
	phone.before = func(health.Query) error {
		if left--; left < 0 {
			return gone
		}
		return nil
	}
	fresh := func(now int64) {
		t.Helper()
		for typ, s := range phone.data {
			for i := len(s.at) - 1; floorSecond(s.at[i]) >= now-7*day; i-- {
				if _, ok := db.live[store.Key{Type: typ, ID: fakeID(typ, s.id[i])}]; !ok && typ != health.StandHours {
					t.Fatalf("%s at %s is missing", typ, date(floorSecond(s.at[i])))
				}
			}
		}
	}
	if _, err := Sync(t.Context(), phone, db, Options{Now: clock(benchNow)}); !errors.Is(err, gone) {
		t.Fatal(err)
	}
	fresh(benchNow)
	for range 5 {
		later := benchNow + 3*day
		for i, typ := range benchTypes[:10] {
			phone.insert(typ, (later-int64(i))*1000, uint32(90000+i))
		}
		left = 3
		if _, err := Sync(t.Context(), phone, db, Options{Now: clock(later)}); !errors.Is(err, gone) {
			t.Fatal(err)
		}
		fresh(later)
	}
	// And the way back is gone on with, not begun anew.
	phone.before, phone.reads = nil, 0
	n := len(db.live)
	run(t, phone, db, benchNow+4*day, Options{})
	if missing := phone.total() - n; float64(phone.reads) > 1.1*float64(missing)+12000 {
		t.Errorf("%d reads for %d missing samples", phone.reads, missing)
	}
}

// Somebody wants the newest days in the middle of a long way back: they come
// with the next request, of all types, and the way back costs no more than
// without.
func TestSyncFreshNow(t *testing.T) {
	types := slices.DeleteFunc(slices.Clone(benchTypes[:11]), func(t health.Type) bool { return slices.Contains(fragile, t) })
	world := func() (*fakePhone, *tallyStore) {
		phone := newFakePhone()
		r := rand.New(rand.NewPCG(2, 2))
		for i, typ := range types {
			phone.set(typ, spread(r, 20000+i*i*1500, ago(5), benchNow))
		}
		return phone, newTallyStore()
	}
	phone, db := world()
	run(t, phone, db, benchNow, Options{})
	plain, plainReads := phone.requests, phone.reads

	phone, db = world()
	fresh := make(chan struct{}, 1)
	now := benchNow
	var wanted int
	var news []int64
	phone.before = func(q health.Query) error {
		now += 60
		if phone.requests == 30 {
			for i, typ := range types {
				news = append(news, now-int64(i))
				phone.insert(typ, (now-int64(i))*1000, uint32(900000+i))
			}
			wanted = phone.requests
			fresh <- struct{}{}
		}
		return nil
	}
	when := map[int64]int{}
	db.applied = func(c *store.Change) {
		for i := range c.Samples {
			if at := c.Samples[i].Start; slices.Contains(news, at) {
				when[at] = max(when[at], 1)
			}
		}
	}
	var seen []int
	o := Options{React: fakeReact, Fresh: fresh, Now: func() time.Time { return time.Unix(now, 0) }, Progress: func(p Progress) {
		if len(when) == len(types) && len(seen) == 0 {
			seen = append(seen, p.Requests)
		}
	}}
	res, err := Sync(t.Context(), phone, db, o)
	if err != nil || !res.Complete {
		t.Fatal(err)
	}
	// The one that was being asked, another in the air, and the one for the news.
	if len(seen) == 0 || seen[0] > wanted+1 {
		t.Errorf("wanted at request %d, stored at %v", wanted, seen)
	}
	for typ, s := range phone.data {
		if len(db.starts[typ]) < len(s.at) {
			t.Errorf("%s: %d of %d", typ, len(db.starts[typ]), len(s.at))
		}
	}
	// Three soundings for the progress, and one for the news.
	if phone.requests > plain+5 || phone.reads > plainReads+12000 {
		t.Errorf("%d requests and %d reads, without %d and %d", phone.requests, phone.reads, plain, plainReads)
	}
	// What came before the news is known to be read, too.
	if again := run(t, phone, db, now+60, Options{}); again.Requests > 2 {
		t.Errorf("again: %d requests", again.Requests)
	}
}

// A type over which the app stops costs two stops at most, and stand time, which
// is known for that, one: whether the app is there again at once or only when a
// person has opened it, and in a full run too. Everything else arrives; the type
// is said, and left alone until it is asked for by name or the app is another.
func TestSyncStoppingType(t *testing.T) {
	for _, typ := range []health.Type{health.StandHours, health.VO2Max} {
		for _, back := range []bool{true, false} {
			phone, db := setUp(health.Steps, health.HeartRate, health.Weight, health.BodyMassIndex, typ)
			stops, there := map[health.Type]int{}, true
			over := crashing(phone, stops, typ)
			phone.before = func(q health.Query) error {
				if !there {
					return errLocked
				}
				err := over(q)
				there = err == nil || back
				return err
			}
			o := Options{App: "1.0.0", React: fakeReact, Now: clock(benchNow)}
			var last Result
			runs := 0
			for err := error(errAway); err != nil; runs++ {
				there = true
				if last, err = Sync(t.Context(), phone, db, o); runs > 3 {
					t.Fatal(err)
				}
			}
			check := func(when string, most int) {
				t.Helper()
				if u := last.Unreadable; len(u) != 1 || u[0].Type != typ || u[0].Retry != 0 || last.Complete {
					t.Errorf("%s, %s: unreadable %+v", typ, when, u)
				}
				if stops[typ] > most || len(db.live) != 12000 {
					t.Errorf("%s, %s: the app stopped %d times, %d samples", typ, when, stops[typ], len(db.live))
				}
			}
			most := map[bool]int{true: 1, false: 2}[typ == health.StandHours]
			check("at first", most)
			for day := range int64(40) {
				o.Full = day%3 == 0
				last = run(t, phone, db, benchNow+day*86400, o)
				check("later", most)
			}
			o.Full, o.Named = false, []health.Type{typ}
			if there = true; back {
				last = run(t, phone, db, benchNow+50*day, o)
				check("by name", most+1)
			}
			phone.before, o.Named, o.App = nil, nil, "1.0.1"
			run(t, phone, db, benchNow+60*day, o)
			if len(db.live) != 15000 {
				t.Errorf("%s: %d samples of a new version of the app, want 15000", typ, len(db.live))
			}
		}
	}
}

// A phone that goes away over everything has no type to blame, and all arrives
// when it is well again.
func TestSyncStopsOverEverything(t *testing.T) {
	phone, db := setUp(health.Steps, health.HeartRate, health.Weight, health.BodyMassIndex, health.VO2Max)
	phone.before = func(q health.Query) error {
		if len(q.Types) > 0 {
			return errAway
		}
		return nil
	}
	for range 5 {
		if _, err := Sync(t.Context(), phone, db, Options{Now: clock(benchNow), React: fakeReact}); !errors.Is(err, errAway) {
			t.Fatal(err)
		}
	}
	if phone.requests > 50 {
		t.Errorf("%d requests", phone.requests)
	}
	phone.before = nil
	if res := run(t, phone, db, benchNow+60, Options{}); len(db.live) != 15000 || !res.Complete {
		t.Errorf("%d samples, %+v", len(db.live), res)
	}
}

// A phone that is not newest first proves nothing.
func TestSyncOrder(t *testing.T) {
	phone, db := setUp(health.Steps)
	_, err := Sync(t.Context(), &reversed{phone}, db, Options{Now: clock(benchNow)})
	var order *OrderError
	if !errors.As(err, &order) || len(db.live) != 0 {
		t.Errorf("%v, %d stored", err, len(db.live))
	}
}

type reversed struct{ *fakePhone }

func (r *reversed) Samples(ctx context.Context, q health.Query, p *health.Page) error {
	err := r.fakePhone.Samples(ctx, q, p)
	slices.Reverse(p.Samples)
	return err
}

// The picture of the way back: never more done than there is, known once the
// first type has ended, and the time left is not less than the phone allows.
func TestSyncProgress(t *testing.T) {
	phone := newFakePhone()
	r := rand.New(rand.NewPCG(3, 3))
	for i, typ := range benchTypes[:6] {
		phone.set(typ, spread(r, 100+i*i*20000, ago(5), benchNow))
	}
	var list []Progress
	now := benchNow
	_, err := Sync(t.Context(), phone, newTallyStore(), Options{
		Now:      func() time.Time { now++; return time.Unix(now, 0) },
		Progress: func(p Progress) { list = append(list, p) },
	})
	if err != nil {
		t.Fatal(err)
	}
	n := int64(phone.total())
	known := 0
	for i, p := range list {
		if i > 0 && p.Samples < list[i-1].Samples || p.Done > p.Types || p.Types != 6 {
			t.Errorf("%d: %+v", i, p)
		}
		if !p.Known {
			continue
		}
		known++
		if left := n - p.Samples; p.Remaining < left/2-20000 || p.Remaining > left*2+150000 {
			t.Errorf("%d: %d remaining, in truth %d", i, p.Remaining, left)
		}
		if p.Seconds < float64(p.Remaining)/health.MaxLimit {
			t.Errorf("%d: %.0f seconds for %d samples", i, p.Seconds, p.Remaining)
		}
	}
	if known < len(list)-8 || list[len(list)-1].Done != 6 {
		t.Errorf("known %d of %d times; at last %+v", known, len(list), list[len(list)-1])
	}
}

// A run is ended early, by whatever: the next one's picture goes on where the
// last one's was, with the total known from its first page.
func TestSyncProgressSurvives(t *testing.T) {
	phone := newFakePhone()
	r := rand.New(rand.NewPCG(3, 3))
	for i, typ := range benchTypes[:6] {
		phone.set(typ, spread(r, 100+i*i*20000, ago(5), benchNow))
	}
	db := newTallyStore()
	now := progressInRuns(t, phone, db, true)
	// What is up to date is no way back.
	_, err := Sync(t.Context(), phone, db, Options{Now: clock(now + 60), Progress: func(p Progress) {
		if p.Before != 0 || p.Remaining > 20000 {
			t.Errorf("up to date: %+v", p)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
}

// The same where the database goes on with another phone, whether it is the same
// person's, whose samples are stored already, or another's: what was brought
// before does not count, until this one serves it.
func TestSyncProgressOfAnotherPhone(t *testing.T) {
	for _, another := range []bool{false, true} {
		t.Run(fmt.Sprintf("another person's %v", another), func(t *testing.T) {
			db := newFakeStore()
			first := newFakePhone()
			r := rand.New(rand.NewPCG(3, 4))
			for i, typ := range benchTypes[:4] {
				first.set(typ, spread(r, 100+i*i*8000, ago(5), benchNow))
			}
			if _, err := Sync(t.Context(), first, db, Options{Now: clock(benchNow)}); err != nil {
				t.Fatal(err)
			}
			db.changePhone(another)
			phone := newFakePhone()
			phone.types, phone.data = first.types, first.data
			if another {
				for i, typ := range benchTypes[:4] {
					phone.set(typ, spread(r, 100+i*i*7000, ago(4), benchNow))
					for j := range phone.data[typ].id {
						phone.data[typ].id[j] += 1 << 24
					}
				}
			}
			progressInRuns(t, phone, db, false)
		})
	}
}

// progressInRuns syncs in runs that are ended early, holds their picture to the
// truth, and gives the time of the end. Long says that the history is long enough
// to be sounded: then the total stays known.
func progressInRuns(t *testing.T, phone *fakePhone, db Store, long bool) int64 {
	t.Helper()
	n := int64(phone.total())
	end := errors.New("the end")
	var have, runs int64
	var list []Progress
	now := benchNow
	for err := end; err != nil; runs++ {
		left := 12 + 5*int(runs)
		phone.before = func(health.Query) error {
			if left--; left < 0 {
				return end
			}
			return nil
		}
		list = list[:0]
		_, err = Sync(t.Context(), phone, db, Options{
			Now:      func() time.Time { now++; return time.Unix(now, 0) },
			Progress: func(p Progress) { list = append(list, p) },
		})
		if err != nil && !errors.Is(err, end) || runs > 30 {
			t.Fatal(err)
		}
		for i, p := range list {
			if p.Have() < have-have/1000 { // what a page's edge brought twice
				t.Errorf("run %d, page %d: %d here, %d before", runs, i, p.Have(), have)
			}
			have = p.Have()
			if long && runs > 0 && !p.Known {
				t.Errorf("run %d, page %d: the total is not known any more", runs, i)
			}
			if total := p.Have() + p.Remaining; p.Known && (total < n/2 || total > 2*n) {
				t.Errorf("run %d, page %d: a total of %d, in truth %d", runs, i, total, n)
			}
		}
	}
	if runs < 2 || have < n || have > n+n/20 { // seconds that are read again count twice in this store
		t.Errorf("%d runs; at last %d of %d", runs, have, n)
	}
	return now
}
