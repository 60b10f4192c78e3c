package engine

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"

	"healthsync/sync/health"
	"healthsync/sync/store"
)

// twoTypes is a phone with 500 samples of each of two types.
func twoTypes() *fakePhone {
	f := newFakePhone()
	r := rand.New(rand.NewPCG(7, 8))
	f.set(health.Steps, spread(r, 500, ago(1), benchNow))
	f.set(health.HeartRate, spread(r, 500, ago(1), benchNow))
	return f
}

// A phone that answers every question with nothing is not asked for every
// second, and nothing is given up for it.
func TestBarren(t *testing.T) {
	f := twoTypes()
	f.before = func(q health.Query) error {
		if len(q.Types) == 0 {
			return nil
		}
		return errEmpty
	}
	err := Walk(t.Context(), f, Range{Types: f.types, Now: clock(benchNow), React: fakeReact}, func([]health.Sample) error { return nil })
	if !errors.Is(err, errEmpty) || f.requests > 100 {
		t.Errorf("a walk: %v after %d requests", err, f.requests)
	}
	f.requests = 0
	db := newFakeStore()
	if _, err := Sync(t.Context(), f, db, Options{Now: clock(benchNow), React: fakeReact}); !errors.Is(err, errEmpty) || f.requests > 100 {
		t.Fatalf("a sync: %v after %d requests", err, f.requests)
	}
	f.before = nil
	if res := run(t, f, db, benchNow, Options{}); res.Added != 1000 {
		t.Errorf("%d added when it answers again", res.Added)
	}
}

// A database that fails ends the run, at whatever change, and nothing is lost by
// that. A page that arrived as the run was cancelled is stored.
func TestStoreFailsOrCancelled(t *testing.T) {
	failed := errors.New("fake store: busy")
	for nth := 1; nth <= 12; nth++ {
		for _, cancelled := range []bool{false, true} {
			f, db := twoTypes(), newFakeStore()
			ctx, cancel := context.WithCancel(t.Context())
			n, want := 0, failed
			db.before = func() error {
				if n++; n == nth && !cancelled {
					return failed
				}
				return nil
			}
			if cancelled {
				want = context.Canceled
				asked := 0
				f.before = func(health.Query) error {
					if asked++; asked == nth+1 {
						cancel()
					}
					return nil
				}
			}
			o := Options{Now: clock(benchNow), page: 100}
			if _, err := Sync(ctx, f, db, o); !errors.Is(err, want) {
				t.Errorf("change %d of %d: %v", nth, n, err)
			}
			if cancelled && len(db.live) < f.served-nth { // pages begin with the second the one before ended in
				t.Errorf("%d served, %d stored", f.served, len(db.live))
			}
			db.before, f.before = nil, nil
			if res, err := Sync(t.Context(), f, db, o); err != nil || len(db.live) != 1000 || !res.Complete {
				t.Errorf("after change %d: %v, %d of 1000", nth, err, len(db.live))
			}
			cancel()
		}
	}
}

// With a database that holds another phone's samples, only what this one brought
// is the engine's business: a type that only the other has is not silent.
func TestSyncBesideAnotherPhone(t *testing.T) {
	db, err := store.Open(t.Context(), t.TempDir()+"/health.db", store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	other := twoTypes()
	run(t, other, db, benchNow, Options{})
	if err := db.ChangePhone(t.Context(), Forgotten(), true); err != nil {
		t.Fatal(err)
	}
	phone := newFakePhone()
	phone.set(health.Steps, nil)
	phone.set(health.Weight, spread(rand.New(rand.NewPCG(1, 1)), 300, ago(2), benchNow))
	for i, most := range []int{8, 2} {
		res := run(t, phone, db, benchNow+int64(i)*60, Options{})
		if len(res.Silent) > 0 || !res.Complete || res.Deleted > 0 || res.Requests > most {
			t.Errorf("run %d: %+v", i, res)
		}
	}
}
