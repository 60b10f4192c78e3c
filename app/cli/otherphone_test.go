package cli_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"healthsync/sync/health"
	"healthsync/sync/simulator"
	"healthsync/sync/store"
)

// history makes a person's.
func history(t *testing.T, seed uint64, days int) *simulator.History {
	t.Helper()
	now := time.Now()
	h, err := simulator.Generate(simulator.Plan{Seed: seed, From: now.AddDate(0, 0, -days), To: now, Location: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// swap puts another iPhone, of a new identity, in the place of this one, and
// pairs it.
func (w *world) swap(protocol int, h *simulator.History) {
	w.t.Helper()
	w.phone.Stop()
	p, err := simulator.New(simulator.Options{Protocol: protocol, History: h, NoRateLimit: true})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := p.Start("127.0.0.1:0"); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(p.Stop)
	w.phone = p
	w.pairUp()
}

func (w *world) pairUp() {
	w.t.Helper()
	png, _ := w.showCode()
	w.must("scan", "--file", png)
}

// held gives how many samples of an iPhone's history are live and how many are
// marked as gone.
func (w *world) held(h *simulator.History) (live, gone, all int) {
	w.t.Helper()
	db, err := store.Open(w.t.Context(), filepath.Join(w.vars["HEALTHSYNC_HOME"], "health.db"),
		store.Options{ReadOnly: true})
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	got := map[store.Key]bool{}
	err = db.Query(w.t.Context(), store.Filter{}, func(x *health.Sample) error {
		got[store.Key{Type: x.Type, ID: x.ID}] = true
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	types, err := db.Types(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, t := range types {
		gone += int(t.Deleted)
		for _, x := range h.Samples(t.Type) {
			all++
			if got[store.Key{Type: x.Type, ID: x.ID}] {
				live++
			}
		}
	}
	if err := db.Check(w.t.Context()); err != nil {
		w.t.Error(err)
	}
	return live, gone, all
}

func (w *world) wantWhole(whose string, h *simulator.History) {
	w.t.Helper()
	w.wantHeld(whose, h, 0)
}

// wantHeld wants all of a history to be live, and so many samples marked as gone.
func (w *world) wantHeld(whose string, h *simulator.History, want int) {
	w.t.Helper()
	if live, gone, all := w.held(h); live != all || gone != want || all == 0 {
		w.t.Errorf("%s: %d of %d samples are live, %d are marked as gone, want %d", whose, live, all, gone, want)
	}
}

// Another person's iPhone neither mixes with what is stored nor buries it; with
// --merge both are there whole, whatever is synced afterwards.
func TestAnotherPersonsPhone(t *testing.T) {
	w := newWorld(t, 2)
	ana, ben := history(t, 11, 10), history(t, 12, 15)
	// Ben shares his weight as well, and has none: that is no permission taken away.
	for _, x := range ben.Samples(health.Weight) {
		ben.Delete(x.Type, x.ID)
	}
	w.swap(2, ana)
	w.must("sync")
	w.wantWhole("Ana", ana)

	w.swap(2, ben)
	for _, args := range [][]string{{"sync"}, {"sync", "--full"}, {"sync", "--types", "steps"}} {
		if a := w.run(args...); a.exit != 16 || !strings.Contains(a.stderr, "STORE_OTHER_PHONE") {
			t.Fatalf("%v ended with %d:\n%s", args, a.exit, a.all())
		}
	}
	w.wantWhole("Ana, after Ben was refused", ana)

	w.must("sync", "--merge")
	for _, args := range [][]string{{"sync"}, {"sync", "--full"}} {
		w.wantWhole("Ana, merged", ana)
		w.wantWhole("Ben, merged", ben)
		if a := w.must(args...); strings.Contains(a.all(), "warning") {
			t.Errorf("%v: %s", args, a.all())
		}
	}
	// What Ben deletes is marked, of his alone.
	steps := ben.Samples(health.Steps)
	ben.Delete(health.Steps, steps[len(steps)-2].ID)
	w.must("sync", "--full")
	if _, gone, _ := w.held(ben); gone != 1 {
		t.Errorf("%d samples are marked as gone, want the one that Ben deleted", gone)
	}
	if live, _, all := w.held(ana); live != all {
		t.Errorf("Ana has %d of %d", live, all)
	}

	// Back to Ana's: her data is known, so nobody need be asked.
	w.swap(1, ana)
	if a := w.must("sync"); !strings.Contains(a.stderr, "everything is read again") {
		t.Errorf("said:\n%s", a.all())
	}
	for _, h := range []*simulator.History{ana, ben} {
		w.wantHeld("back to Ana", h, 1)
	}
}

// The same person's iPhone with new certificates is read again as a whole, and
// a run that was stopped on the way is carried on with.
func TestSamePersonsPhonePairedAnew(t *testing.T) {
	w := newWorld(t, 1)
	h := history(t, 11, 12)
	w.swap(1, h)
	w.must("sync")
	w.phone.Stop()
	// Meanwhile something was deleted long ago, and something came late.
	old := h.Samples(health.HeartRate)[3]
	h.Delete(old.Type, old.ID)
	late := h.Samples(health.Steps)[5]
	late.ID[0] ^= 0xff
	h.Insert(late)

	w.swap(2, h)
	a := w.must("sync", "--types", "steps")
	if !strings.Contains(a.stderr, "the iPhone has a new identity and the same data: everything is read again and compared") {
		t.Errorf("said:\n%s", a.all())
	}
	a = w.must("sync")
	if strings.Contains(a.stderr, "identity") {
		t.Errorf("said again:\n%s", a.all())
	}
	w.wantHeld("paired anew", h, 1)
	if a := w.must("sync"); !strings.Contains(a.stdout, "Up to date") {
		t.Errorf("said:\n%s", a.all())
	}
}

// --merge for the same person's iPhone makes it no other's: what was deleted
// before is seen all the same.
func TestSamePersonsPhoneMerged(t *testing.T) {
	w := newWorld(t, 1)
	h := history(t, 11, 40)
	w.swap(1, h)
	w.must("sync")
	w.phone.Stop()
	old := h.Samples(health.HeartRate)[3]
	h.Delete(old.Type, old.ID)
	w.swap(2, h)
	w.must("sync", "--merge")
	w.wantHeld("paired anew", h, 1)
}

// A database from before the identity was noted goes on with the iPhone of the day.
func TestDatabaseWithoutIdentity(t *testing.T) {
	w := newWorld(t, 2)
	h := history(t, 11, 3)
	w.swap(2, h)
	w.must("sync")
	db, err := store.Open(t.Context(), filepath.Join(w.vars["HEALTHSYNC_HOME"], "health.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Apply(t.Context(), &store.Change{State: map[string]string{"phone": ""}}); err != nil {
		t.Fatal(err)
	}
	db.Close()
	if a := w.must("sync"); strings.Contains(a.stderr, "identity") {
		t.Errorf("said:\n%s", a.all())
	}
	w.swap(2, history(t, 12, 3))
	if a := w.run("sync"); a.exit != 16 {
		t.Errorf("ended with %d:\n%s", a.exit, a.all())
	}
}

// An iPhone that gives nothing is refused, too, with the permission as the reason.
func TestAnotherPhoneThatGivesNothing(t *testing.T) {
	w := newWorld(t, 2)
	w.swap(2, history(t, 11, 3))
	w.must("sync")
	w.swap(2, &simulator.History{})
	a := w.run("sync")
	if a.exit != 16 || !strings.Contains(a.stderr, "permission") {
		t.Errorf("ended with %d:\n%s", a.exit, a.all())
	}
}
