package phone

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// window is what the app does (NetworkServer.isRateLimited): a request is
// refused when 60 were counted in the 60 seconds before it.
type window struct {
	mu     sync.Mutex
	counts []time.Time
}

func (w *window) request() (ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	kept := w.counts[:0]
	for _, at := range w.counts {
		if now.Sub(at) < phoneWindow {
			kept = append(kept, at)
		}
	}
	w.counts = kept
	if len(w.counts) >= phoneLimit {
		return false
	}
	w.counts = append(w.counts, now)
	return true
}

// run makes one request on a network of that delay each way.
func (w *window) run(t *testing.T, p *Pacer, there, back time.Duration) {
	t.Helper()
	s, err := p.wait(t.Context(), anyWait, nil)
	if err != nil {
		t.Error(err)
		return
	}
	time.Sleep(there)
	if !w.request() {
		t.Error("the phone had to refuse")
	}
	time.Sleep(back)
	s.counted()
}

func TestPacerKeepsTheBudget(t *testing.T) {
	for _, c := range []struct {
		name        string
		there, back func(i int) time.Duration
	}{
		{"no delay", func(int) time.Duration { return 0 }, func(int) time.Duration { return 0 }},
		{"slow there once", func(i int) time.Duration { return time.Duration(i&1) * 3 * time.Second },
			func(int) time.Duration { return 0 }},
		{"slow back once", func(int) time.Duration { return 0 },
			func(i int) time.Duration { return time.Duration(i%3) * time.Second }},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, w := NewPacer(), new(window)
				began := time.Now()
				for i := range 300 {
					w.run(t, p, c.there(i), c.back(i))
				}
				if c.name == "no delay" {
					// 56 at once, then 56 a window.
					if took := time.Since(began); took != 5*paceWindow {
						t.Errorf("300 requests took %v", took)
					}
				}
			})
		})
	}
}

func TestPacerSharedByMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, w := NewPacer(), new(window)
		var wg sync.WaitGroup
		for i := range 200 {
			wg.Go(func() { w.run(t, p, time.Duration(i%7)*100*time.Millisecond, time.Duration(i%5)*time.Second) })
		}
		wg.Wait()
	})
}

// take makes n requests that may not wait, each ended by end.
func take(t *testing.T, p *Pacer, n int, end func(slot)) {
	t.Helper()
	for range n {
		s, err := p.wait(t.Context(), 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		end(s)
	}
}

// A request that never left takes nothing of the budget, and a phone that counts
// none has no budget.
func TestPacerNeverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		take(t, NewPacer(), 500, slot.unsent)
		take(t, Unpaced(), 1000, slot.counted)
	})
}

// Another program has used the budget up: the next request waits until one of
// ours leaves the window, or for the whole window if there is none.
func TestPacerRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer()
		take(t, p, 1, slot.counted)
		time.Sleep(20 * time.Second)
		take(t, p, 1, slot.refused)
		var told time.Duration
		began := time.Now()
		s, err := p.wait(t.Context(), anyWait, func(d time.Duration) { told = max(told, d) })
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != paceWindow-20*time.Second || told <= 0 {
			t.Errorf("waited %v, told %v", took, told)
		}
		s.refused() // no: theirs are younger than ours was
		began = time.Now()
		s, err = p.wait(t.Context(), anyWait, nil)
		if took := time.Since(began); err != nil || took != 20*time.Second {
			t.Errorf("waited %v, %v", took, err)
		}
		s.counted()
	})
}

func TestPacerWaitLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer()
		take(t, p, paceLimit, slot.counted)
		time.Sleep(10 * time.Second)
		began := time.Now()
		var limited *RateLimitedError
		if _, err := p.wait(t.Context(), 5*time.Second, nil); !errors.As(err, &limited) ||
			limited.RetryAfter != paceWindow-10*time.Second {
			t.Errorf("got %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if _, err := p.wait(ctx, anyWait, nil); !errors.As(err, &limited) {
			t.Errorf("got %v", err)
		}
		if time.Since(began) != 0 {
			t.Error("it slept all the same")
		}
		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(5*time.Second, cancel)
		if _, err := p.wait(ctx, anyWait, nil); !errors.Is(err, context.Canceled) || time.Since(began) != 5*time.Second {
			t.Errorf("got %v after %v", err, time.Since(began))
		}
	})
}
