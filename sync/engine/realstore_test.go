package engine

import (
	"context"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"healthsync/sync/health"
	"healthsync/sync/store"
)

var _ Store = (*store.Store)(nil)

// The same with the real database: faults, runs that end anywhere, samples that
// come late and are deleted, and the file closed and opened again each time.
func TestSyncRealStore(t *testing.T) {
	for seed := range uint64(6) {
		r := rand.New(rand.NewPCG(seed, 9))
		phone := newFakePhone()
		for i, typ := range []health.Type{health.Steps, health.HeartRate, health.Weight, health.SleepAnalysis, "tomorrow"} {
			at := spread(r, 20+i*700, ago(3), benchNow)
			for range r.IntN(300) {
				at = append(at, (ago(1)+int64(i))*1000+r.Int64N(1000))
			}
			phone.set(typ, at)
		}
		phone.inclusive = seed%2 == 0
		path := filepath.Join(t.TempDir(), "health.db")
		now, faults, next := benchNow, 14, uint32(100000)
		for runs := 0; ; runs++ {
			if runs > 60 {
				t.Fatal("does not come to an end")
			}
			db, err := store.Open(t.Context(), path, store.Options{})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			phone.before = func(health.Query) error {
				now++
				if faults > 0 {
					switch r.IntN(8) {
					case 0:
						faults--
						return errCut
					case 1:
						faults--
						cancel()
					case 2:
						faults--
						return errLocked
					case 3:
						next++
						phone.insert(health.Steps, (now-r.Int64N(5*day))*1000, next)
						if s := phone.data["tomorrow"]; s.at[len(s.at)-5] > (benchNow-10*day)*1000 {
							phone.remove("tomorrow", len(s.at)-1-r.IntN(5))
						}
					}
				}
				return nil
			}
			_, err = Sync(ctx, phone, db, Options{Now: clock(now), React: fakeReact, page: 250})
			cancel()
			if e := db.Close(); e != nil {
				t.Fatal(e)
			}
			now += 60
			if err == nil && faults <= 0 {
				break
			}
			if err != nil && !errors.Is(err, errCut) && !errors.Is(err, errLocked) && !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}
		db, err := store.Open(t.Context(), path, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		now += 2 * day
		phone.before = nil
		if _, err := Sync(t.Context(), phone, db, Options{Now: clock(now)}); err != nil {
			t.Fatal(err)
		}
		n := phone.requests
		again, err := Sync(t.Context(), phone, db, Options{Now: clock(now + 60)})
		if err != nil || again.Writes() != 0 || phone.requests-n > 2 {
			t.Errorf("seed %d: up to date: %+v, %d requests, %v", seed, again.Counts, phone.requests-n, err)
		}
		got := map[store.Key]int64{}
		err = db.Query(t.Context(), store.Filter{}, func(x *health.Sample) error {
			got[store.Key{Type: x.Type, ID: x.ID}] = x.Start
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		sameKeys(t, got, inRange(phone, Range{Types: phone.types, From: Beginning}))
		if err := db.Check(t.Context()); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}
