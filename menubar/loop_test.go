package menubar

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// mainLoop is a loop as AppKit's: setters wait for it while it runs, and for
// ever afterwards.
type mainLoop struct {
	ended chan struct{}
	mu    sync.Mutex
	did   []string
}

func (m *mainLoop) note(what string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.did = append(m.did, what)
}

func (m *mainLoop) set(t *testing.T) {
	time.Sleep(time.Second) // the main thread is busy
	select {
	case <-m.ended:
		t.Error("drawn after the loop has ended: this would hang")
	default:
		m.note("set")
	}
}

func TestLoop(t *testing.T) {
	for name, c := range map[string]struct {
		quitAfter, logoutAfter time.Duration
		want                   []string
	}{
		"quit while it draws":     {quitAfter: settled + time.Second/2, want: []string{"build", "set", "quit"}},
		"quit at once":            {quitAfter: settled / 2, want: []string{"build", "quit"}},
		"logout, and no quit":     {logoutAfter: 5 * time.Second, want: []string{"build", "set"}},
		"quit before it is ready": {quitAfter: -1, want: []string{"build", "quit"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			m := &mainLoop{ended: make(chan struct{})}
			run := func(ready, exit func()) {
				ready()
				if c.logoutAfter > 0 {
					time.AfterFunc(c.logoutAfter, func() { exit(); close(m.ended) })
				}
				<-m.ended
			}
			switch {
			case c.quitAfter > 0:
				time.AfterFunc(c.quitAfter, cancel)
			case c.quitAfter < 0:
				cancel()
			}
			loop(ctx, run, func() { m.note("quit"); close(m.ended) }, func() { m.note("build") }, func(ctx context.Context) {
				m.set(t)
				<-ctx.Done()
			})
			m.mu.Lock()
			defer m.mu.Unlock()
			if !slices.Equal(m.did, c.want) {
				t.Errorf("%s: %q, want %q", name, m.did, c.want)
			}
			m.ended = make(chan struct{}) // quit of a logout comes to nobody
		})
	}
}
