package simulator

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"healthsync/sync/health"
)

func TestInsertAndDelete(t *testing.T) {
	h := NewHistory()
	if n := h.Insert(sample(1, health.Steps, 300, 1), sample(2, health.Steps, 100, 2),
		sample(3, health.Weight, 200, 3)); n != 3 {
		t.Errorf("%d are new", n)
	}
	if n := h.Insert(sample(4, health.Steps, 200, 4), sample(1, health.Steps, 50, 5),
		sample(4, health.Steps, 210, 6)); n != 1 {
		t.Errorf("%d are new, one replaces and one is double", n)
	}
	starts := func() (at []int64) {
		for _, s := range h.Samples(health.Steps) {
			at = append(at, s.Start)
		}
		return at
	}
	if got := starts(); !slices.Equal(got, []int64{210, 100, 50}) {
		t.Errorf("%v", got)
	}
	if n := h.Delete(health.Steps, id(2), id(99)); n != 1 || !slices.Equal(starts(), []int64{210, 50}) {
		t.Errorf("%d deleted: %v", n, starts())
	}
	if n := h.Delete(health.HeartRate, id(1)); n != 0 {
		t.Errorf("%d deleted", n)
	}
	// A stage is stored as the sleep that it is.
	h.Insert(sample(7, health.SleepREM, 400, float64(health.StageREM)),
		sample(8, health.SleepAnalysis, 500, float64(health.StageDeep)))
	if h.Len(health.SleepAnalysis) != 2 || h.Len(health.SleepREM) != 1 || h.Len(health.SleepCore) != 0 ||
		h.Samples(health.SleepREM)[0].Type != health.SleepREM {
		t.Error("sleep")
	}
	if got := h.Types(); !slices.Equal(got, []health.Type{health.Steps, health.SleepAnalysis, health.Weight}) {
		t.Errorf("%v", got)
	}
	if n := h.Delete(health.SleepREM, id(7)); n != 1 || h.Len(health.SleepREM) != 0 {
		t.Errorf("%d", n)
	}
	if h.Samples("nothing") != nil || h.Len("nothing") != 0 {
		t.Error("nothing")
	}
}

// Late samples land where they belong, whatever the order they come in; those
// of equal start keep the order of their arrival.
func TestInsertAnywhere(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	h := NewHistory()
	type row struct {
		at int64
		n  int
	}
	var all []row
	for n := 0; n < 3000; {
		var batch []health.Sample
		for range 1 + r.IntN(40) {
			at := r.Int64N(500)
			all = append(all, row{at, n})
			batch = append(batch, sample(n, health.HeartRate, at, float64(n)))
			n++
		}
		h.Insert(batch...)
	}
	slices.SortStableFunc(all, func(a, b row) int { return int(a.at - b.at) })
	slices.Reverse(all)
	for i, s := range h.Samples(health.HeartRate) {
		if s.Start != all[i].at || s.Value != float64(all[i].n) {
			t.Fatalf("at %d: %v, want %v", i, s, all[i])
		}
	}
}

// Samples come and go while pages are served; run with -race.
func TestChangesWhileServing(t *testing.T) {
	h := NewHistory()
	c := start(t, Options{Protocol: 1, History: h, NoRateLimit: true}).paired()
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := range 2000 {
			h.Insert(sample(n, health.Steps, int64(n%100), 1))
			if n%3 == 0 {
				h.Delete(health.Steps, id(n/2))
			}
		}
	})
	for range 2 {
		wg.Go(func() {
			for range 15 {
				raw, err := c.raw(c.request("POST", pathData, ask(0, 1000, 500, 0, health.Steps)))
				if a, perr := parseAnswer(raw); err != nil || perr != nil || a.json()["status"] != "ok" {
					t.Errorf("%v %v", err, perr)
				}
			}
		})
	}
	wg.Wait()
}
