package store_test

import (
	"testing"

	"healthsync/sync/health"
	"healthsync/sync/store"
)

// own gives what the iPhone that is synced now has.
func own(t *testing.T, s *store.Store) []health.Sample {
	t.Helper()
	return query(t, s, store.Filter{OldestFirst: true, Own: true})
}

func changePhone(t *testing.T, s *store.Store, name string, keep bool) {
	t.Helper()
	must(t, s.ChangePhone(t.Context(), map[string]string{"phone": name, "engine": ""}, keep))
}

// page is a page of heart rates that is all there is from 0 to 1000.
func page(samples ...health.Sample) store.Change {
	span := []store.Covered{{Type: health.HeartRate, Span: store.Span{From: 0, To: 1000}, At: 1000}}
	return store.Change{Samples: samples, Covered: span, Reconcile: span, State: map[string]string{"engine": "x"}}
}

func TestChangePhone(t *testing.T) {
	s := fresh(t)
	a1, a2, b1, b2 := heart(1, 100), heart(2, 200), heart(11, 150), heart(12, 200)
	apply(t, s, page(a1, a2))

	changePhone(t, s, "b", true)
	if c, err := s.Coverage(t.Context()); err != nil || len(c) != 0 {
		t.Errorf("what another iPhone had read counts as read: %v, %v", c, err)
	}
	if v, _, err := s.State(t.Context(), "phone"); err != nil || v != "b" {
		t.Errorf("phone %q, %v", v, err)
	}
	if _, ok, _ := s.State(t.Context(), "engine"); ok {
		t.Error("the engine's memory of the other iPhone stays")
	}
	if len(own(t, s)) != 0 {
		t.Error("samples of a count as b's")
	}

	// What b does not have of a's is no deletion, now and later.
	for range 2 {
		if out := apply(t, s, page(b1, b2)); out.Deleted != 0 {
			t.Errorf("%d of a's samples were marked", out.Deleted)
		}
	}
	same(t, all(t, s), []health.Sample{a1, b1, a2, b2})
	same(t, own(t, s), []health.Sample{b1, b2})
	// What b had itself and has no more is one.
	if out := apply(t, s, page(b1)); out.Deleted != 1 {
		t.Errorf("%d samples were marked, want b's one", out.Deleted)
	}
	same(t, all(t, s), []health.Sample{a1, b1, a2})

	// Back to a: nobody need say again that two are in here.
	changePhone(t, s, "a", false)
	if out := apply(t, s, page(a1, a2)); out.Deleted != 0 || out.Known != 2 {
		t.Errorf("back to a: %+v", out.Counts)
	}
	same(t, own(t, s), []health.Sample{a1, a2})
	// A sample that a serves is its own again.
	if out := apply(t, s, page(a1)); out.Deleted != 1 {
		t.Errorf("%d samples were marked, want a's one", out.Deleted)
	}
	same(t, all(t, s), []health.Sample{a1, b1})
	sound(t, s)
}

// A row that the iPhone serves at another time only moved, whoever brought it.
func TestForeignMoves(t *testing.T) {
	s := fresh(t)
	a := heart(1, 100)
	apply(t, s, page(a))
	changePhone(t, s, "b", true)
	a.Start, a.End = 120, 125
	if out := apply(t, s, page(a)); out.Changed != 1 || out.Added != 0 || out.Deleted != 0 {
		t.Errorf("%+v", out.Counts)
	}
	same(t, all(t, s), []health.Sample{a})
	same(t, own(t, s), []health.Sample{a})
	if left := reader(t, s.Path(), "SELECT count(*) FROM foreign_sample"); left != "0" {
		t.Errorf("%s samples count as the other iPhone's, want none", left)
	}
	sound(t, s)
}

// The same person's iPhone with a new identity: it is compared as any other.
func TestChangePhoneWithoutKeep(t *testing.T) {
	s := fresh(t)
	a1, a2 := heart(1, 100), heart(2, 200)
	apply(t, s, page(a1, a2))
	changePhone(t, s, "b", false)
	if out := apply(t, s, page(a1)); out.Deleted != 1 || out.Known != 1 || out.Late != 0 {
		t.Errorf("%+v", out.Counts)
	}
	same(t, own(t, s), []health.Sample{a1})
	sound(t, s)
}

// More rows than are compared at once.
func TestForeignMany(t *testing.T) {
	s := fresh(t)
	var many []health.Sample
	for i := range 9000 {
		many = append(many, heart(i+1, int64(i)/10))
	}
	apply(t, s, page(many...))
	changePhone(t, s, "b", true)
	b := heart(90001, 500)
	if out := apply(t, s, page(b)); out.Deleted != 0 || out.Added != 1 {
		t.Errorf("%+v", out.Counts)
	}
	if n := len(all(t, s)); n != 9001 {
		t.Errorf("%d samples are live", n)
	}
	same(t, own(t, s), []health.Sample{b})
	sound(t, s)
}
