package engine

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"healthsync/sync/health"
	"healthsync/sync/store"
	"healthsync/sync/testenv"
)

var _ VerifyStore = (*store.Store)(nil)

func told(v Verification) string {
	var out []string
	for _, f := range v.Findings {
		out = append(out, fmt.Sprint(f.Type, " ", f.Date(), " -", f.Missing, " ~", f.Changed, " +", f.Extra))
	}
	return strings.Join(out, "\n")
}

// What another program did to the rows, and what the phone did beyond the
// look-back, is found by day and put right, whether the verification runs
// through or breaks off over and over; and then there is nothing more to find.
func TestVerify(t *testing.T) {
	sqlite := testenv.NeedTool(t, "sqlite3", "sqlite3")
	for _, broken := range []bool{false, true} {
		r := rand.New(rand.NewPCG(4, 4))
		phone := newFakePhone()
		for _, typ := range []health.Type{health.HeartRate, health.Steps, health.Weight} {
			phone.set(typ, spread(r, 3000, benchNow-100*day, benchNow-3600))
		}
		path := filepath.Join(t.TempDir(), "health.db")
		db, err := store.Open(t.Context(), path, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		o := Options{Now: clock(benchNow), page: 250, React: fakeReact}
		if _, err := Sync(t.Context(), phone, db, o); err != nil {
			t.Fatal(err)
		}
		if v, err := Verify(t.Context(), phone, db, o); err != nil || v.Days != 0 || !v.Complete || v.Known < 9000 || v.Compared != 9000 {
			t.Fatalf("%+v %v", v, err)
		}
		db.Close()
		at := func(days int64) int64 { return (benchNow/day - days) * day }
		out, err := exec.Command(sqlite, "-batch", path, fmt.Sprintf(`
			CREATE TEMP TABLE w AS SELECT s.type, s.start, s.id FROM sample s JOIN type t ON t.id = s.type
				WHERE t.name = 'heartRate' AND s.start >= %d AND s.start < %d ORDER BY s.start LIMIT 2;
			UPDATE sample SET value = value + 1 WHERE (type, start, id) IN (SELECT * FROM w);
			CREATE TEMP TABLE x AS SELECT s.type, s.start, s.id FROM sample s JOIN type t ON t.id = s.type
				WHERE t.name = 'steps' AND s.start >= %d AND s.start < %d ORDER BY s.start LIMIT 3;
			DELETE FROM sample WHERE (type, start, id) IN (SELECT * FROM x);`,
			at(50), at(49), at(40), at(39))).CombinedOutput()
		if err != nil {
			t.Fatalf("%v %s", err, out)
		}
		late := at(60)*1000 + 5000
		phone.insert(health.Steps, late, 900_001)
		steps := phone.data[health.Steps]
		gone := 100
		goneDay := floorSecond(steps.at[gone]) / day
		phone.remove(health.Steps, gone)
		phone.insert(health.Steps, (benchNow-60)*1000, 900_002) // new, no finding

		if db, err = store.Open(t.Context(), path, store.Options{}); err != nil {
			t.Fatal(err)
		}
		var v Verification
		runs := 0
		if broken {
			phone.before = func(health.Query) error {
				if r.IntN(14) == 0 {
					return errCut
				}
				return nil
			}
			o.React = nil
		}
		for ; runs < 200; runs++ {
			if v, err = Verify(t.Context(), phone, db, o); err == nil {
				break
			}
			if !errors.Is(err, errCut) {
				t.Fatal(err)
			}
		}
		phone.before = nil
		if broken && runs < 2 {
			t.Errorf("%d runs", runs)
		}
		date := func(d int64) string { return Finding{Day: d}.Date() }
		want := fmt.Sprintf("heartRate %s -0 ~2 +0\nsteps %s -0 ~0 +1\nsteps %s -1 ~0 +0\nsteps %s -3 ~0 +0",
			date(at(50)/day), date(goneDay), date(at(60)/day), date(at(40)/day))
		if got := told(v); got != want || v.Missing != 4 || v.Changed != 2 || v.Extra != 1 || v.Days != 4 {
			t.Errorf("broken off %v (%d runs):\n%s\nwant\n%s\n%+v", broken, runs, got, want, v)
		}
		if err := db.Check(t.Context()); err != nil {
			t.Error(err)
		}
		if v, err = Verify(t.Context(), phone, db, o); err != nil || v.Days != 0 || v.Writes() != 0 {
			t.Errorf("once more: %s %+v %v", told(v), v.Counts, err)
		}
		db.Close()
	}
}

// A type that the phone is not asked for stays as it was found.
func TestVerifySome(t *testing.T) {
	sqlite := testenv.NeedTool(t, "sqlite3", "sqlite3")
	r := rand.New(rand.NewPCG(5, 5))
	phone := newFakePhone()
	for _, typ := range []health.Type{health.HeartRate, health.Steps} {
		phone.set(typ, spread(r, 300, benchNow-20*day, benchNow-3600))
	}
	path := filepath.Join(t.TempDir(), "health.db")
	db, err := store.Open(t.Context(), path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Now: clock(benchNow)}
	if _, err := Sync(t.Context(), phone, db, o); err != nil {
		t.Fatal(err)
	}
	db.Close()
	if out, err := exec.Command(sqlite, path, "UPDATE sample SET duration = duration + 1").CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	if db, err = store.Open(t.Context(), path, store.Options{}); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	o.Types = []health.Type{health.Steps}
	v, err := Verify(t.Context(), phone, db, o)
	if err != nil || v.Changed != 300 {
		t.Errorf("%+v %v", v, err)
	}
	if names, err := Silent(t.Context(), db); err != nil || len(names) > 0 {
		t.Errorf("%v %v", names, err)
	}
	phone.silent[health.HeartRate] = true
	if _, err := Sync(t.Context(), phone, db, Options{Now: clock(benchNow + 2*day)}); err != nil {
		t.Fatal(err)
	}
	if names, err := Silent(t.Context(), db); err != nil || fmt.Sprint(names) != "[heartRate]" {
		t.Errorf("%v %v", names, err)
	}
}
