package engine

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"healthsync/sync/health"
	"healthsync/sync/store"
)

// slowPhone takes a second for each answer, for several questions at once, as
// the shipping app does; or serial, one after the other.
type slowPhone struct {
	*fakePhone
	serial bool
	// fail may give an error for a question, by its number from 1, and how long
	// it takes in place of a second.
	fail func(n int) (time.Duration, error)

	turn  chan struct{} // a mutex that a synctest bubble knows to wait
	mu    sync.Mutex
	n     int
	seen  map[*health.Page]bool
	busy  int
	most  int
	asked []health.Query
}

func (s *slowPhone) Samples(ctx context.Context, q health.Query, p *health.Page) error {
	s.mu.Lock()
	if s.seen == nil {
		s.seen = map[*health.Page]bool{}
	}
	s.seen[p] = true
	s.n++
	n := s.n
	s.busy++
	s.most = max(s.most, s.busy)
	s.asked = append(s.asked, q)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.busy--
		s.mu.Unlock()
	}()
	if s.serial {
		s.turn <- struct{}{}
		defer func() { <-s.turn }()
	}
	takes, failure := time.Second, error(nil)
	if s.fail != nil {
		takes, failure = s.fail(n)
	}
	select {
	case <-time.After(takes):
	case <-ctx.Done():
		return ctx.Err()
	}
	if failure != nil {
		return failure
	}
	return s.fakePhone.Samples(ctx, q, p)
}

func (s *slowPhone) onTheWire() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.busy
}

// slowStore takes so long for each change.
type slowStore struct {
	*fakeStore
	takes time.Duration
}

func (s *slowStore) Apply(ctx context.Context, c *store.Change) (store.Outcome, error) {
	time.Sleep(s.takes)
	return s.fakeStore.Apply(ctx, c)
}

// long gives a phone with one type or several that fill some hundred pages of
// 100 samples.
// It must be called within the bubble.
func long(types ...health.Type) *slowPhone {
	phone := newFakePhone()
	r := rand.New(rand.NewPCG(4, 4))
	for _, t := range types {
		phone.set(t, spread(r, 20000/len(types), ago(4), benchNow))
	}
	return &slowPhone{fakePhone: phone, turn: make(chan struct{}, 1)}
}

// While the phone makes an answer, the one before is decoded, the one before
// that stored, and another question waits: the phone is never idle, and a
// phone that serves two at a time serves two. There are four pages and no more.
func TestFlights(t *testing.T) {
	for name, types := range map[string][]health.Type{
		"one type": {health.HeartRate}, "three types": {health.HeartRate, health.Steps, health.ActiveEnergyBurned},
	} {
		for _, serial := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					slow := long(types...)
					slow.serial = serial
					begin := time.Now()
					res, err := Sync(t.Context(), slow, &slowStore{newFakeStore(), 400 * time.Millisecond}, Options{Now: clock(benchNow), testOnlyPage: 100})
					if err != nil || res.Added != slow.total() {
						t.Fatal(err, res.Added)
					}
					took := time.Since(begin).Seconds()
					most := float64(res.Requests) + 2
					if !serial {
						most = 0.65 * float64(res.Requests) // the first pages and the last ones go alone
					}
					if took > most {
						t.Errorf("serial %v: %d requests took %.1f seconds, want %.1f", serial, res.Requests, took, most)
					}
					// Probes have a page of their own pool only.
					if slow.most > inFlight || len(slow.seen) > poolPages {
						t.Errorf("%d questions at a time, %d pages", slow.most, len(slow.seen))
					}
				})
			})
		}
	}
}

// A run that is cancelled keeps what has arrived; only what is on the wire is
// lost.
func TestFlightsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := long(health.HeartRate, health.Steps, health.ActiveEnergyBurned)
		db := newFakeStore()
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			time.Sleep(20500 * time.Millisecond)
			if n := slow.onTheWire(); n == 0 {
				t.Error("nothing on the wire")
			}
			cancel()
		}()
		_, err := Sync(ctx, slow, &slowStore{db, 700 * time.Millisecond}, Options{Now: clock(benchNow), testOnlyPage: 100})
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if len(db.live) < slow.served-100 { // pages begin with the second the one before ended in
			t.Errorf("%d served, %d stored", slow.served, len(db.live))
		}
	})
}

// Of two questions on the wire one fails: the other's page is kept, whichever
// comes first; nothing is asked twice but what failed, and it is judged once.
func TestFlightsFail(t *testing.T) {
	for _, after := range []time.Duration{time.Millisecond, 10 * time.Second} {
		for _, reaction := range []Reaction{Stop, Again, Gone} {
			synctest.Test(t, func(t *testing.T) {
				slow := long(health.HeartRate, health.Steps, health.ActiveEnergyBurned)
				slow.fail = func(n int) (time.Duration, error) {
					if n == 30 {
						return after, errLocked
					}
					return time.Second, nil
				}
				db := newFakeStore()
				judged := 0
				react := func(_ context.Context, err error, attempt int) Reaction {
					if judged++; !errors.Is(err, errLocked) || attempt != 1 || slow.onTheWire() != 0 {
						t.Errorf("%v, attempt %d, %d on the wire", err, attempt, slow.onTheWire())
					}
					return reaction
				}
				res, err := Sync(t.Context(), slow, db, Options{Now: clock(benchNow), React: react, testOnlyPage: 100})
				if judged != 1 || (reaction == Again) != (err == nil) {
					t.Fatalf("%v: %v, judged %d times", reaction, err, judged)
				}
				if reaction == Again {
					if res.Added != slow.total() || res.Requests != slow.n+1 {
						t.Errorf("added %d, %d requests, %d questions", res.Added, res.Requests, slow.n)
					}
					return
				}
				if slow.n > 31 || len(db.live) < slow.served-100 {
					t.Errorf("%v: %d questions; %d served, %d stored", reaction, slow.n, slow.served, len(db.live))
				}
			})
		}
	}
}

// The phone goes away: of the questions on the wire each may be the one over
// which it did, and the types of no other are blamed.
func TestFlightsGone(t *testing.T) {
	both := 0
	for last := 40; last < 50; last++ {
		synctest.Test(t, func(t *testing.T) {
			slow := long(health.HeartRate, health.Steps, health.ActiveEnergyBurned)
			var gone []health.Type
			slow.fail = func(n int) (time.Duration, error) {
				if n < last {
					return time.Second, nil
				}
				slow.mu.Lock()
				defer slow.mu.Unlock()
				gone = append(gone, slow.asked[n-1].Types...)
				return time.Second, errAway
			}
			db := newFakeStore()
			_, err := Sync(t.Context(), slow, db, Options{Now: clock(benchNow), React: fakeReact, testOnlyPage: 100})
			if !errors.Is(err, errAway) {
				t.Fatal(err)
			}
			m, err := loadMemory(t.Context(), db)
			if err != nil {
				t.Fatal(err)
			}
			for typ, tm := range m.Types {
				n := 0
				for _, g := range gone {
					if g == typ {
						n++
					}
				}
				if tm.Strikes != n {
					t.Errorf("%s: %d strikes, want %d", typ, tm.Strikes, n)
				}
			}
			if len(gone) == 2 {
				both++
			}
		})
	}
	if both == 0 {
		t.Error("two were never on the wire")
	}
}

// A phone that answers every question with nothing is not asked for every
// second, and nothing is given up for it.
func TestSyncBarren(t *testing.T) {
	f := newFakePhone()
	r := rand.New(rand.NewPCG(7, 8))
	f.set(health.Steps, spread(r, 500, ago(1), benchNow))
	f.set(health.HeartRate, spread(r, 500, ago(1), benchNow))
	f.before = func(health.Query) error { return errEmpty }
	db := newFakeStore()
	_, err := Sync(t.Context(), f, db, Options{Now: clock(benchNow), React: fakeReact, Enabled: f.types})
	if !errors.Is(err, errEmpty) || f.requests > 150 {
		t.Fatalf("%v after %d requests", err, f.requests)
	}
	f.before = nil
	if res, err := Sync(t.Context(), f, db, Options{Now: clock(benchNow), React: fakeReact}); err != nil || res.Added != 1000 {
		t.Errorf("%v, %d added when it answers again", err, res.Added)
	}
}

// failingStore cannot store its nth change, and takes its time to find out.
type failingStore struct {
	*fakeStore
	nth, n int
}

var errStore = errors.New("fake store: busy")

func (s *failingStore) Apply(ctx context.Context, c *store.Change) (store.Outcome, error) {
	if s.n++; s.n == s.nth {
		time.Sleep(5 * time.Second)
		return store.Outcome{}, errStore
	}
	return s.fakeStore.Apply(ctx, c)
}

// A database that fails ends the run, whatever the run was about to do and
// however many pages waited: the sounding of the history's age once waited for
// ever for a page that nobody gave back.
func TestStoreFails(t *testing.T) {
	for nth := 1; nth <= 30; nth++ {
		synctest.Test(t, func(t *testing.T) {
			phone := newFakePhone() // as many as make the age of the history worth a few questions
			r := rand.New(rand.NewPCG(4, 4))
			for _, t := range []health.Type{health.HeartRate, health.Steps, health.ActiveEnergyBurned, health.FlightsClimbed} {
				phone.set(t, spread(r, 2000, ago(0.2), benchNow))
			}
			slow := &slowPhone{fakePhone: phone, turn: make(chan struct{}, 1)}
			db := &failingStore{fakeStore: newFakeStore(), nth: nth}
			if _, err := Sync(t.Context(), slow, db, Options{Now: clock(benchNow), testOnlyPage: 100, Progress: func(Progress) {}}); !errors.Is(err, errStore) {
				t.Errorf("change %d of %d: %v", nth, db.n, err)
			}
			res, err := Sync(t.Context(), slow, db, Options{Now: clock(benchNow), testOnlyPage: 100})
			if err != nil || len(db.live) != slow.total() || !res.Complete {
				t.Errorf("after change %d failed: %v, %d of %d", nth, err, len(db.live), slow.total())
			}
		})
	}
}
