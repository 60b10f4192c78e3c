package agent

import (
	"context"
	"fmt"
	"time"

	"healthsync/app/pairing"
	"healthsync/app/problem"
	"healthsync/app/state"
	"healthsync/sync/bonjour"
)

// Listener reports what iPhones announce until ctx ends. poke asks it to look
// again: the network may have changed.
type Listener func(ctx context.Context, poke <-chan struct{}, report func(bonjour.Event)) error

// Announced says that the iPhone has said where it is. Followed is set where
// that is elsewhere, it has proved to be itself there, and was followed.
type Announced struct{ Followed bool }

func (Announced) message() {}

// announced has the iPhone asked now: it has just woken, come home, or moved.
// While it is connected where it says to be, there is nothing to ask.
func (c *core) announced(m Announced, now time.Time) {
	if m.Followed || c.phase != Connected && c.phase != Syncing {
		c.plan.soon(now, 0)
	}
}

// How often an announcement is gone after. Anybody can announce anything, any
// number of times.
const (
	// inNameAgain is the least time between two looks at one place that is
	// announced in the iPhone's name, strangerAgain at one in another's: that
	// may be ours under a new name, but only while ours is not where it was.
	inNameAgain   = 3 * time.Second
	strangerAgain = 5 * time.Minute
	// atOneAddress is how many looks there are in ten seconds at one address that
	// is announced in the iPhone's name, whatever the port: who announces ten
	// ports a second must not have ten connections a second made.
	atOneAddress = 4
	aWhile       = 10 * time.Second
	// sameAgain is the least time between two looks because the iPhone said that
	// it is where it was.
	sameAgain = 10 * time.Second
	// maxLookedAt bounds what is remembered of them.
	maxLookedAt = 256
)

// follower checks announcements, in two goroutines: one receives, one connects.
type follower struct {
	*work
	events   chan bonjour.Event
	lookedAt map[string][]time.Time
	warned   bool // a failure was logged
}

// listen receives announcements and follows the iPhone until ctx ends.
func (w *work) listen(listen Listener, poke <-chan struct{}) {
	l := &follower{work: w, events: make(chan bonjour.Event, 32), lookedAt: map[string][]time.Time{}}
	go l.follow()
	_ = listen(w.ctx, poke, l.receive) // it ends with ctx
}

// receive queues an announcement. While the queue is full it is dropped: an
// iPhone announces itself again.
func (l *follower) receive(e bonjour.Event) {
	switch e.Kind {
	case bonjour.Appeared, bonjour.Changed, bonjour.Again:
		select {
		case l.events <- e:
		default:
		}
	case bonjour.Failed:
		if !l.warned {
			l.warned = true
			l.a.o.Log.Warn("Bonjour does not work; the iPhone is asked at intervals instead", "err", e.Err)
		}
	}
}

func (l *follower) follow() {
	for {
		select {
		case e := <-l.events:
			l.take(e.Instance, e.Kind == bonjour.Changed)
		case <-l.ctx.Done():
			return
		}
	}
}

// may reports that something of this name was done less than so many times in
// that time, and counts it.
func (l *follower) may(what string, times int, in time.Duration) bool {
	now := time.Now()
	at := l.lookedAt[what]
	for len(at) > 0 && now.Sub(at[0]) >= in {
		at = at[1:]
	}
	if len(at) >= times {
		return false
	}
	if len(l.lookedAt) >= maxLookedAt {
		clear(l.lookedAt)
	}
	l.lookedAt[what] = append(at, now)
	return true
}

func (l *follower) take(i bonjour.Instance, anew bool) {
	s, err := l.a.o.Computer()
	if err != nil {
		return // the next look tells
	}
	r, err := s.Record()
	if err != nil {
		return
	}
	host, port := s.Where(r, pairing.LinkOptions{})
	connected := l.a.State().Link == state.LinkConnected
	if pairing.AnnouncedAt(i, pairing.Place{Host: host, Port: port}) && (!anew || i.Name != r.Name) {
		if !connected && l.may("here", 1, sameAgain) {
			l.a.inbox.put(Announced{})
		}
		return
	}
	switch {
	case i.Name == r.Name:
		if !l.may("in name "+pairing.Where(i), 1, inNameAgain) ||
			!l.may(fmt.Sprint("at ", i.Addrs), atOneAddress, aWhile) {
			return
		}
	case connected || !l.may("other "+pairing.Where(i), 1, strangerAgain) ||
		!l.may(fmt.Sprint("other at ", i.Addrs), atOneAddress, aWhile):
		return
	}
	ctx, cancel := context.WithTimeout(l.ctx, lookLimit)
	defer cancel()
	link, err := s.Link(ctx, l.link())
	if err != nil {
		return
	}
	seen, here, err := link.CheckAnnouncement(ctx, i, anew)
	switch {
	case err != nil:
		l.a.o.Log.Warn("the iPhone was not followed", "err", err)
	case here && !connected:
		l.a.inbox.put(Announced{})
	case here:
	case seen.Identity == pairing.Yours:
		l.a.inbox.put(Announced{Followed: true})
	case seen.Identity == pairing.Impostor:
		l.a.o.Log.Warn("another device answers in the iPhone's name", "code", problem.HostUnverified, "at",
			seen.Place.String())
	case seen.Identity.Ours():
		// Its certificate is not for the new address yet: it will announce
		// itself again when it has another.
		l.a.o.Log.Warn("the iPhone is elsewhere and its certificate does not say so yet", "at", seen.Place.String())
	}
}
