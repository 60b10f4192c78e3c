package wake

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// A clock that has run on while the monotonic one stood still was asleep; one
// that was set back or by a moment was not.
func TestWoke(t *testing.T) {
	wall, mono := time.Now().Round(0), time.Duration(0)
	w := watcher{wall: wall, network: fingerprint(), files: stamps(nil)}
	for _, step := range []struct {
		wall, mono time.Duration
		woke       bool
	}{
		{Every, Every, false}, {time.Hour, Every, true}, {Every, Every, false}, {Every + asleep, Every, false}, {-time.Hour, Every, false}, {9 * time.Hour, 0, true},
	} {
		wall, mono = wall.Add(step.wall), mono+step.mono
		if e := w.look(Event{}, wall, mono, nil); e.Woke != step.woke {
			t.Errorf("%s by the wall, %s by the other: %+v", step.wall, step.mono, e)
		}
	}
}

func TestFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.json")
	files := []string{path, path + ".missing"}
	w := watcher{network: fingerprint(), files: stamps(files)}
	if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if e := w.look(Event{}, time.Time{}, 0, files); !e.Files {
		t.Errorf("a new file: %+v", e)
	}
	if e := w.look(Event{}, time.Time{}, 0, files); e.Files {
		t.Errorf("nothing new: %+v", e)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if e := w.look(Event{}, time.Time{}, 0, files); !e.Files {
		t.Errorf("a file gone: %+v", e)
	}
}

// A notice of the system's is passed on at once, and Watch ends with ctx.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		kicks, got := make(chan Event), make(chan Event, 8)
		done := make(chan struct{})
		go func() {
			Watch(ctx, kicks, nil, func(e Event) { got <- e })
			close(done)
		}()
		kicks <- Event{Network: true}
		if e := <-got; !e.Network {
			t.Errorf("%+v", e)
		}
		time.Sleep(time.Minute)
		select {
		case e := <-got:
			t.Errorf("without a reason: %+v", e)
		default:
		}
		cancel()
		<-done
	})
}
