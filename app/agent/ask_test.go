package agent

import (
	"io"
	"log/slog"
	"testing"
	"time"

	"healthsync/app/config"
	"healthsync/app/problem"
	"healthsync/app/state"
)

// A question while a look or a sync is under way gets the answer of the next
// look, which begins when that is over, whatever the plan says.
func TestAskedMeanwhile(t *testing.T) {
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	dir := t.TempDir()
	a := New(Options{Paths: config.Paths{Config: dir, Data: dir, Log: dir}, Now: func() time.Time { return now }, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	looks := func(effects []Effect) (online, offline int) {
		for _, e := range effects {
			if l, ok := e.(Look); ok && l.Offline {
				offline++
			} else if ok {
				online++
			}
		}
		return online, offline
	}
	seen := func(offline bool) Looked {
		m := Looked{Offline: offline, State: state.State{At: now, Paired: true, PairedAt: now, Link: state.LinkConnected, LastSync: now, SharedTypes: 31}}
		return m
	}
	ask := func() chan state.State {
		reply := make(chan state.State, 1)
		a.handle(askedFor{reply})
		return reply
	}
	answered := func(what string, ch chan state.State, want bool) {
		t.Helper()
		select {
		case <-ch:
			if !want {
				t.Errorf("%s: answered too early", what)
			}
		default:
			if want {
				t.Errorf("%s: no answer", what)
			}
		}
	}
	a.core.begin(now)
	a.handle(seen(true)) // the first look on the net has begun
	during := ask()
	if on, _ := looks(a.handle(seen(false))); on != 1 {
		t.Errorf("after the look that was under way: %d looks", on)
	}
	answered("by a look of before", during, false)
	a.handle(seen(false))
	answered("by its own look", during, true)

	// While a sync runs the iPhone is not asked; what is known is the answer.
	a.handle(Clicked{problem.Action{Name: problem.ActSync}})
	syncing := ask()
	a.handle(seen(true))
	answered("while a sync runs", syncing, true)

	// The sync ends between the question and the answer: now it is asked.
	between := ask()
	a.handle(SyncDone{})
	a.handle(seen(true))
	answered("by what was known before the sync ended", between, false)
	a.handle(seen(true))
	a.handle(seen(false))
	answered("after the sync", between, true)
}
