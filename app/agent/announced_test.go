package agent_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"healthsync/app/agent"
	"healthsync/app/pairing"
	"healthsync/app/problem"
	"healthsync/app/state"
	"healthsync/sync/bonjour"
)

// announcements is a Listener.
func (m *mac) announcements(ctx context.Context, _ <-chan struct{}, report func(bonjour.Event)) error {
	for {
		select {
		case x := <-m.say:
			report(x)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// nobody is announced when the app itself listens for seconds.
type nobody struct{}

func (nobody) Find(context.Context, time.Duration, func(bonjour.Instance) bool) (bonjour.Instance, bool, error) {
	return bonjour.Instance{}, false, nil
}

func (nobody) Watch(ctx context.Context, _ bonjour.WatchOptions, _ func(bonjour.Event)) error {
	<-ctx.Done()
	return ctx.Err()
}

func (m *mac) announced(kind bonjour.EventKind) bonjour.Event {
	return bonjour.Event{Kind: kind, Instance: bonjour.Instance{
		Name: m.phone.Name(), Host: "anas-iphone.local", Port: m.phone.Port(), Addrs: []netip.Addr{netip.MustParseAddr("127.0.0.1")},
	}}
}

// An iPhone that shares at another port is followed when it says so, notified
// once, and the sync that was waiting for it goes on.
func TestAgentFollowsAnnouncements(t *testing.T) {
	t.Parallel()
	m := syncedMac(t)
	was := m.phone.Port()
	m.phone.Stop()
	m.ahead.Store(int64(2 * time.Hour)) // a sync is due
	m.a.Tell(agent.Ticked{})
	m.until("the sync waiting", func(s state.State) bool { return s.Link == state.LinkNotSharing && !s.FailingSince.IsZero() })
	must(t, m.phone.Start("127.0.0.1:0"))
	before := m.a.State().LastSync
	said := time.Now()
	m.say <- m.announced(bonjour.Changed)
	s := m.until("the iPhone at its new port", func(s state.State) bool { return s.Link == state.LinkConnected && s.Port == m.phone.Port() })
	t.Logf("connected %v after the announcement", time.Since(said).Round(time.Millisecond))
	if s.Menu.Moved == nil || !strings.HasSuffix(s.Menu.Moved.To, m.phone.Addr().String()) || was == m.phone.Port() {
		t.Errorf("moved: %+v", s.Menu.Moved)
	}
	m.until("the sync that waited, there", func(s state.State) bool { return s.LastSync.After(before) && s.Sync == nil && s.FailingSince.IsZero() })
	for range 5 {
		m.say <- m.announced(bonjour.Again)
	}
	m.mu.Lock()
	moved := 0
	for _, n := range m.notes {
		if strings.HasPrefix(n.Key, "moved") {
			moved++
		}
	}
	m.mu.Unlock()
	if n := strings.Count(m.log.String(), "followed the iPhone"); n != 1 || moved > 1 {
		t.Errorf("followed %d times, told %d times", n, moved)
	}
}

// An iPhone that moves in the middle of the first sync is followed, and the sync
// goes on until all is read.
func TestAgentFollowsWhileSyncing(t *testing.T) {
	t.Parallel()
	m := newMac(t)
	m.pair()
	m.listen, m.links = m.announcements, pairing.LinkOptions{Finder: nobody{}}
	h := m.holdAfter(2)
	m.start(nil)
	m.until("a sync that moves", func(s state.State) bool { return s.Sync != nil && s.Sync.Samples > 0 })
	stopped := make(chan struct{})
	go func() { m.phone.Stop(); close(stopped) }()
	h.release()
	<-stopped
	m.until("the end of that sync", func(s state.State) bool { return s.Link != state.LinkConnected && s.Sync == nil })
	must(t, m.phone.Start("127.0.0.1:0"))
	m.say <- m.announced(bonjour.Changed)
	m.until("the whole history", func(s state.State) bool { return connected(s) && s.Samples == int64(m.whole()) })
}

// An iPhone that was away and announces itself where it was is asked at once,
// not when the plan says so.
func TestAgentFollowsItHome(t *testing.T) {
	t.Parallel()
	m := syncedMac(t)
	at := m.phone.Addr().String()
	m.phone.Stop()
	m.do(problem.ActCheck, "")
	m.until("it not sharing", func(s state.State) bool { return s.Link == state.LinkNotSharing })
	must(t, m.phone.Start(at))
	m.say <- m.announced(bonjour.Again)
	m.until("it connected", func(s state.State) bool { return s.Link == state.LinkConnected })
}

// Where Bonjour does not work, that is logged once, and the iPhone is asked all the same.
func TestAgentWithoutBonjour(t *testing.T) {
	t.Parallel()
	m := newMac(t)
	m.pair()
	m.listen = func(ctx context.Context, _ <-chan struct{}, report func(bonjour.Event)) error {
		for range 3 {
			report(bonjour.Event{Kind: bonjour.Failed, Err: &bonjour.NetworkError{Err: errors.New("the port is taken")}})
			report(bonjour.Event{Kind: bonjour.Recovered})
		}
		<-ctx.Done()
		return ctx.Err()
	}
	m.start(nil)
	m.until("the iPhone connected", func(s state.State) bool { return s.Link == state.LinkConnected })
	if n := strings.Count(m.log.String(), "Bonjour does not work"); n != 1 {
		t.Errorf("said %d times", n)
	}
}
