package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"healthsync/sync/health"
	"healthsync/sync/store"
)

var (
	errCut    = fakeError("fake phone: cut short")
	errLocked = fakeError("fake phone: 423")
	errBusy   = fakeError("fake phone: 429")
	errEmpty  = fakeError("fake phone: {}")
	errAway   = fakeError("fake phone: gone")

	errEndless = fakeError("fake phone: it is asked without end")
)

// fakeReact is the caller's judgement of the fake phone's errors.
func fakeReact(_ context.Context, err error, attempt int) Reaction {
	switch {
	case errors.Is(err, errEndless):
		return Stop
	case errors.Is(err, errNotEnabled):
		return AskTypes
	case errors.Is(err, errEmpty):
		return Narrow
	case errors.Is(err, errAway):
		return Gone
	case errors.Is(err, errLocked):
		return Stop
	case attempt < 3:
		return Again
	}
	return Stop
}

// world is a phone, a database and a clock that a property draws.
type world struct {
	t      *rapid.T
	phone  *fakePhone
	db     *fakeStore
	now    int64
	nextID uint32
	page   int
	// app is the version of the app: another one gives each type that was blamed
	// for a failure another chance.
	app string
	// strict checks after each change that what counts as read is stored.
	strict bool
	// lateID is the first id of the samples that came later.
	lateID uint32
	// faulty makes the phone and the database fail now and then.
	faulty bool
	// change is called before each request.
	change func()
	// luck draws what happens while a run is under way.
	luck *rand.Rand
	// deleted are the samples that were really deleted.
	deleted map[store.Key]bool
}

func drawWorld(t *rapid.T) *world {
	w := &world{t: t, phone: newFakePhone(), db: newFakeStore(), now: benchNow, nextID: 1, deleted: map[store.Key]bool{}}
	w.luck = rand.New(rand.NewPCG(1, rapid.Uint64().Draw(t, "luck")))
	pool := []health.Type{"steps", "heartRate", "weight", "standHours", "sleepAnalysis", "tomorrow"}
	n := rapid.IntRange(1, len(pool)).Draw(t, "types")
	for _, typ := range pool[:n] {
		w.phone.set(typ, nil)
		for range rapid.IntRange(0, 4).Draw(t, "clusters") {
			w.cluster(typ)
		}
	}
	w.page = rapid.IntRange(2, 60).Draw(t, "page")
	if rapid.IntRange(0, 3).Draw(t, "capped") == 0 {
		w.phone.cap = rapid.IntRange(2, 60).Draw(t, "cap")
	}
	w.phone.inclusive = rapid.Bool().Draw(t, "inclusive")
	return w
}

// cluster adds samples: some over a long or a short time, or in one second.
func (w *world) cluster(typ health.Type) {
	t := w.t
	end := w.now - int64(rapid.IntRange(0, 4000).Draw(t, "days ago"))*day - 1
	length := rapid.SampledFrom([]int64{1, 1, 10, 3600, day, 30 * day, year, 8 * year}).Draw(t, "length")
	for range rapid.IntRange(1, 40).Draw(t, "n") {
		at := (end-length)*1000 + rapid.Int64Range(0, length*1000).Draw(t, "at")
		if rapid.IntRange(0, 3).Draw(t, "whole") == 0 {
			at -= at % 1000
		}
		w.insert(typ, at)
	}
}

func (w *world) insert(typ health.Type, at int64) {
	w.phone.insert(typ, at, w.nextID)
	w.nextID++
}

func (w *world) remove(typ health.Type, i int) {
	s := w.phone.data[typ]
	w.deleted[store.Key{Type: typ, ID: fakeID(typ, s.id[i])}] = true
	w.phone.remove(typ, i)
}

// sync runs until a run ends without an error.
func (w *world) sync(o Options) Result {
	o.page, o.App = w.page, w.app
	o.Now = func() time.Time { return time.Unix(w.now, 0) }
	if o.React == nil {
		o.React = fakeReact
	}
	fresh := make(chan struct{}, 1)
	o.Fresh = fresh
	var begin, wanted int
	w.phone.before = func(q health.Query) error {
		w.now++
		if wanted < 8 && w.luck.IntN(30) == 0 { // somebody wants the newest days now
			wanted++
			select {
			case fresh <- struct{}{}:
			default:
			}
		}
		if w.phone.requests-begin > 3000 {
			return errEndless
		}
		if w.change != nil {
			w.change()
		}
		w.phone.flip = false
		if !w.faulty {
			return nil
		}
		w.phone.flip = w.luck.IntN(6) == 0 && w.phone.cap == 0
		switch w.luck.IntN(15) {
		case 0:
			return errCut
		case 1:
			return errLocked
		case 2:
			return errBusy
		case 3:
			return errAway
		}
		return nil
	}
	w.db.before = func() error {
		if w.faulty && w.luck.IntN(16) == 0 {
			return errCrash
		}
		return nil
	}
	w.db.after = func() error {
		if w.strict {
			w.promised()
		}
		if w.faulty && w.luck.IntN(16) == 0 {
			return errCrash
		}
		return nil
	}
	for i := 0; ; i++ {
		begin = w.phone.requests
		res, err := Sync(context.Background(), w.phone, w.db, o)
		if errors.Is(err, errEndless) {
			for _, l := range w.phone.log[len(w.phone.log)-20:] {
				w.t.Log(l)
			}
			w.t.Fatalf("more than 3000 requests in one run")
		}
		var order *OrderError
		if errors.As(err, &order) {
			w.t.Fatal(err)
		}
		if err == nil {
			return res
		}
		if i == 6 {
			w.faulty = false // enough of it
		}
		if i > 60 {
			w.t.Fatalf("does not come to an end: %v", err)
		}
		w.now += 60
	}
}

// promised checks that whatever counts as read is stored, but for what the
// engine itself is uncertain about.
func (w *world) promised() {
	var m memory
	if err := json.Unmarshal([]byte(w.db.state[stateKey]), &m); err != nil {
		w.t.Fatal(err)
	}
	for typ, s := range w.phone.data {
		tm := m.of(typ)
		for i := range s.at {
			at := floorSecond(s.at[i])
			if _, ok := w.db.live[store.Key{Type: typ, ID: fakeID(typ, s.id[i])}]; ok || s.id[i] >= w.lateID {
				continue
			}
			second := store.Span{From: at, To: at + 1}
			certain := len(tm.Quiet.Within(second))+len(tm.Uncertain.Within(second)) == 0 && tm.Alive
			if certain && len(w.db.covered[typ].Within(second)) > 0 {
				w.t.Fatalf("%s at %s counts as read and is missing; quiet %v, uncertain %v", typ, date(at), tm.Quiet, tm.Uncertain)
			}
		}
	}
}

// truth compares the database with the phone.
func (w *world) truth() {
	w.t.Helper()
	if testing.Verbose() {
		w.t.Logf("cap %d, inclusive %v", w.phone.cap, w.phone.inclusive)
		for _, l := range w.phone.log {
			w.t.Log(l)
		}
	}
	n := 0
	for typ, s := range w.phone.data {
		for i := range s.at {
			n++
			want := fakeSample(typ, s.at[i], s.id[i])
			k := store.Key{Type: typ, ID: want.ID}
			if got, ok := w.db.live[k]; !ok {
				_, dead := w.db.dead[k]
				w.t.Logf("covered %v; memory %s", w.db.covered[typ], w.db.state[stateKey])
				w.t.Fatalf("%s at %s is not in the database (tombstone: %v)", typ, date(want.Start), dead)
			} else if got != want {
				w.t.Fatalf("%v is stored as %v", want, got)
			}
		}
	}
	for k, x := range w.db.live {
		if w.deleted[k] {
			if len(w.phone.data[k.Type].at) == 0 {
				n++ // as silent as a type without permission: nothing is buried
				continue
			}
			w.t.Fatalf("%s at %s was deleted and is still there", k.Type, date(x.Start))
		}
	}
	if n != len(w.db.live) {
		w.t.Fatalf("the phone has %d samples, the database %d", n, len(w.db.live))
	}
	for k := range w.db.dead {
		if !w.deleted[k] {
			w.t.Fatalf("%v was never deleted", k)
		}
	}
}

// A history that does not change, a phone that fails in every way, a database
// that crashes before and after each change: all of it arrives, nothing twice,
// nothing buried.
func TestPropertyFaults(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		w.faulty = true
		w.sync(Options{})
		w.faulty = false
		w.now, w.app = w.now+2*day, "next"
		w.sync(Options{})
		w.truth()
	})
}

// Samples come and go within the look-back while a run is under way; one more
// run finds all of it.
func TestPropertyLookback(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		w.faulty = rapid.Bool().Draw(t, "faulty")
		w.sync(Options{})
		for range rapid.IntRange(0, 3).Draw(t, "runs") {
			w.now += rapid.Int64Range(0, 20*day).Draw(t, "later")
			from := w.now - 12*day
			w.change = func() { w.mutate(from, 4) }
			w.sync(Options{})
		}
		w.change, w.faulty, w.app = nil, false, "next"
		w.now += 2 * day
		w.sync(Options{})
		w.now += 2 * day
		w.sync(Options{})
		w.truth()
	})
}

// mutate inserts or deletes a sample that starts at from or later.
func (w *world) mutate(from int64, odds int) {
	if w.luck.IntN(odds) > 0 {
		return
	}
	typ := w.phone.types[w.luck.IntN(len(w.phone.types))]
	s := w.phone.data[typ]
	i, _ := slices.BinarySearch(s.at, from*1000)
	if w.luck.IntN(2) == 0 {
		if i < len(s.at) {
			w.remove(typ, i+w.luck.IntN(len(s.at)-i))
		}
		return
	}
	if from < w.now {
		w.insert(typ, from*1000+w.luck.Int64N((w.now-from)*1000))
	}
}

// Samples come and go anywhere; a full run finds all of it, and one that was
// ended early is taken up again.
func TestPropertyFull(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		w.sync(Options{})
		w.change = func() { w.mutate(ago(10), 2) }
		w.now += rapid.Int64Range(0, 100*day).Draw(t, "later")
		w.sync(Options{})
		w.change = nil
		w.faulty = true
		w.sync(Options{Full: true})
		w.faulty, w.app = false, "next"
		w.now += 8 * day
		w.sync(Options{Full: true})
		w.truth()
	})
}

// The permission for a type comes and goes, in the middle of runs too. Nothing
// is buried for it, and what was hidden arrives when it is back.
func TestPropertyPermission(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		w.strict, w.lateID = true, w.nextID
		flap := func() {
			if w.luck.IntN(7) == 0 {
				typ := w.phone.types[w.luck.IntN(len(w.phone.types))]
				w.phone.silent[typ] = !w.phone.silent[typ]
			}
		}
		w.change = flap
		for range rapid.IntRange(1, 4).Draw(t, "runs") {
			w.sync(Options{})
			w.now += rapid.Int64Range(0, 3*day).Draw(t, "later")
			if rapid.Bool().Draw(t, "new") {
				w.insert(rapid.SampledFrom(w.phone.types).Draw(t, "type"), w.now*1000-rapid.Int64Range(0, day*1000).Draw(t, "at"))
			}
		}
		for k := range w.db.dead {
			t.Fatalf("%v was buried though it was never deleted", k)
		}
		w.change = nil
		clear(w.phone.silent)
		for range 12 { // what was silent is proven by and by
			w.now += 2 * day
			w.sync(Options{})
		}
		w.truth()
	})
}

// Types are switched on and off in the app; each gets its whole history once
// it is on.
func TestPropertyTypes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		all := slices.Clone(w.phone.types)
		toggle := func() {
			if w.luck.IntN(6) > 0 {
				return
			}
			typ := all[w.luck.IntN(len(all))]
			if i := slices.Index(w.phone.types, typ); i >= 0 {
				if len(w.phone.types) > 1 {
					w.phone.types = slices.Delete(slices.Clone(w.phone.types), i, i+1)
				}
			} else {
				w.phone.types = append(slices.Clone(w.phone.types), typ)
			}
		}
		w.change = toggle
		for range 3 {
			w.sync(Options{})
			w.now += 3600
			if rapid.Bool().Draw(t, "new") {
				w.insert(rapid.SampledFrom(all).Draw(t, "type"), w.now*1000-1)
			}
		}
		w.change = nil
		w.phone.types = all
		w.now += 2 * day
		w.sync(Options{})
		w.truth()
	})
}

// The Mac's clock jumps, samples are dated in the future: nothing is lost.
func TestPropertyClock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		for range rapid.IntRange(0, 3).Draw(t, "future") {
			w.insert(rapid.SampledFrom(w.phone.types).Draw(t, "type"), (benchNow+rapid.Int64Range(0, 2*year).Draw(t, "ahead"))*1000)
		}
		real := benchNow
		for range rapid.IntRange(1, 4).Draw(t, "runs") {
			real += rapid.Int64Range(0, 10*day).Draw(t, "passed")
			// Samples of the time that has really passed.
			for range rapid.IntRange(0, 5).Draw(t, "n") {
				w.insert(rapid.SampledFrom(w.phone.types).Draw(t, "type"), real*1000-rapid.Int64Range(0, 2*day*1000).Draw(t, "at"))
			}
			w.now = real
			if rapid.Bool().Draw(t, "set back") {
				w.now = real - rapid.Int64Range(0, 2*year).Draw(t, "back")
			}
			w.sync(Options{})
		}
		w.now = real + day
		w.sync(Options{})
		w.truth()
	})
}

// Samples are measured while a run goes on, the Mac's clock is hours ahead, and
// the look-back is short or there is none: nothing is missed, although a sample
// that is served late in a run is newer than what was read of other types.
func TestPropertyMeasuredMeanwhile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		ahead := rapid.Int64Range(0, 12*3600).Draw(t, "ahead")
		slow := rapid.Int64Range(1, 1200).Draw(t, "slow")
		o := Options{Lookback: rapid.SampledFrom([]time.Duration{-1, time.Minute, time.Hour, 0}).Draw(t, "look-back")}
		w.now, w.page, w.phone.cap = w.now+ahead, max(w.page, 20), 0
		w.change = func() {
			w.now += 1 + w.luck.Int64N(slow)
			if w.nextID < 1000 {
				w.insert(w.phone.types[w.luck.IntN(len(w.phone.types))], (w.now-ahead)*1000)
			}
		}
		for range rapid.IntRange(1, 3).Draw(t, "runs") {
			w.sync(o)
			w.now += rapid.Int64Range(0, 3*day).Draw(t, "later")
		}
		w.change = nil
		w.now += day // stand time that was never served is asked for once a day
		w.sync(o)
		w.truth()
	})
}

// One sample that the phone cannot serve does not keep the others.
func TestPropertyPoison(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		w.phone.cap = 0
		typ := rapid.SampledFrom(w.phone.types).Draw(t, "type")
		s := w.phone.data[typ]
		if len(s.at) == 0 {
			t.Skip("no samples")
		}
		bad := s.at[rapid.IntRange(0, len(s.at)-1).Draw(t, "which")]
		phone := &poisoned{w.phone, typ, bad}
		res, err := Sync(context.Background(), phone, w.db, Options{Now: clock(w.now), React: fakeReact, page: w.page})
		if err != nil {
			t.Fatal(err)
		}
		if len(res.Unreadable) != 1 || res.Unreadable[0].Type != typ {
			t.Fatalf("unreadable: %v", res.Unreadable)
		}
		// At the end of a range HealthKit may serve the first moment of the next
		// second too: then a sample spoils two seconds.
		span := res.Unreadable[0].Span
		if n := span.To - span.From; n > 2 || n > 1 && !w.phone.inclusive {
			t.Fatalf("%d seconds are given up", n)
		}
		if !span.Contains(floorSecond(bad)) {
			t.Fatalf("%d is not in %v", floorSecond(bad), span)
		}
		for other, s := range w.phone.data {
			for i := range s.at {
				x := fakeSample(other, s.at[i], s.id[i])
				_, ok := w.db.live[store.Key{Type: other, ID: x.ID}]
				// HealthKit may serve the first moment of the next second too.
				if other == typ && (span.Contains(x.Start) || x.Start == span.To) {
					continue
				}
				if !ok {
					t.Fatalf("%s at %s is missing", other, date(x.Start))
				}
			}
		}
	})
}

// poisoned answers {} to every page that has one certain sample in it.
type poisoned struct {
	*fakePhone
	typ health.Type
	at  int64
}

func (p *poisoned) Samples(ctx context.Context, q health.Query, page *health.Page) error {
	if err := p.fakePhone.Samples(ctx, q, page); err != nil {
		return err
	}
	for _, x := range page.Samples {
		if x.Type == p.typ && x.Start == floorSecond(p.at) {
			return fmt.Errorf("%w", errEmpty)
		}
	}
	return nil
}
