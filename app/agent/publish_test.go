package agent

import (
	"log/slog"
	"testing"
	"time"

	"healthsync/app/config"
	"healthsync/app/state"
	"healthsync/sync/engine"
)

// States go out ten times a second at most; a slow reader gets the latest, once.
func TestPublish(t *testing.T) {
	a := New(Options{Paths: config.Paths{Data: t.TempDir()}, Log: slog.New(slog.DiscardHandler)})
	defer a.notes.close()
	changed, cancel := a.Subscribe()
	defer cancel()
	told := func() int {
		n := 0
		for {
			select {
			case <-changed:
				n++
			default:
				return n
			}
		}
	}
	read := func(samples int64) {
		a.core.seen.At = time.Now()
		a.core.sync = &state.Progress{Progress: engine.Progress{Samples: samples}}
		a.publish()
	}
	read(1)
	if told() != 1 || a.State().Sync.Samples != 1 {
		t.Fatal("the first State did not go out")
	}
	a.published = time.Now().Add(time.Hour) // just now, however slow this machine is
	for n := range int64(50) {
		read(n)
	}
	if told() != 0 || !a.unsent || a.State().Sync.Samples != 1 {
		t.Errorf("a State went out at once: %+v", a.State().Sync)
	}
	for n := range int64(3) {
		a.published = time.Time{} // long ago
		read(100 + n)
	}
	if n := told(); n != 1 || a.unsent || a.State().Sync.Samples != 102 {
		t.Errorf("who was slow was told %d times, of %+v", n, a.State().Sync)
	}
	a.published = time.Time{}
	a.publish()
	if told() != 0 {
		t.Error("a State that is the same went out again")
	}
}
