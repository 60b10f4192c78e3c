package bonjour

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// EventKind says what has changed.
type EventKind int

// The kinds of events.
const (
	// Appeared: an instance that was not there.
	Appeared EventKind = iota
	// Changed: another port, host, text, or set of addresses.
	Changed
	// Gone: not seen in several windows.
	Gone
	// Trouble: the network cannot be searched; Err says why. What was there is
	// not taken for gone meanwhile.
	Trouble
	// Recovered: it can be searched again.
	Recovered
	// Again: an instance that is known was named once more, by itself or in
	// answer to somebody. A [Listener] alone reports it.
	Again
)

// String gives the name used in logs.
func (k EventKind) String() string {
	return [...]string{"appeared", "changed", "gone", "trouble", "recovered", "again"}[k]
}

// Event is one change. Err is set for Trouble, Instance for the others.
type Event struct {
	Kind     EventKind
	Instance Instance
	Err      error
}

// WatchOptions says how closely to watch. The zero value is for a screen that
// somebody looks at; a program that watches all day makes Pause longer, since
// each window wakes the radios of every phone around.
type WatchOptions struct {
	// Window is the length of one search; 0 means 3 s.
	Window time.Duration
	// Pause is the time between two; 0 means none.
	Pause time.Duration
	// Misses is the number of windows in a row in which an instance, or one of
	// its addresses, must be missing before it counts as gone; 0 means 3.
	Misses int
	// Poke ends a pause: the network has changed, or somebody is in a hurry.
	Poke <-chan struct{}
}

// Watch reports what changes until ctx is done, and then returns its error. An
// instance is reported when it is seen, not when a window ends; what a phone
// says by itself is reported when it says it. report is called from one
// goroutine at a time and must not block.
func (b *Browser) Watch(ctx context.Context, o WatchOptions, report func(Event)) error {
	if o.Window <= 0 {
		o.Window = 3 * time.Second
	}
	if o.Misses <= 0 {
		o.Misses = 3
	}
	var turn sync.Mutex // of r and report
	r := roster{misses: o.Misses}
	tell := func(events ...Event) {
		for _, e := range events {
			report(e)
		}
	}
	listening, stop := b.listen(ctx, func(n news) {
		turn.Lock()
		defer turn.Unlock()
		tell(r.hear(n)...)
	})
	defer stop()
	troubled := false
	for ctx.Err() == nil {
		err := b.rounds(ctx, o.Window, listening, func(i Instance) {
			turn.Lock()
			defer turn.Unlock()
			if e, ok := r.see(i); ok {
				report(e)
			}
		})
		turn.Lock()
		switch {
		case ctx.Err() != nil:
			turn.Unlock()
			continue
		case err != nil:
			if !troubled {
				report(Event{Kind: Trouble, Err: err})
			}
			troubled = true
			turn.Unlock()
			sleepOr(ctx, apart, o.Poke)
			continue
		case troubled:
			troubled = false
			report(Event{Kind: Recovered})
		}
		tell(r.endWindow()...)
		turn.Unlock()
		sleepOr(ctx, o.Pause, o.Poke)
	}
	return ctx.Err()
}

func sleepOr(ctx context.Context, d time.Duration, poke <-chan struct{}) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-poke:
	case <-ctx.Done():
	}
}

// roster is what is there, as far as a watch knows.
type roster struct {
	misses int
	known  map[string]*entry
}

type entry struct {
	instance Instance
	missed   int // windows in a row, up to the last complete one
	seen     bool
	// unseen counts for each address as missed does for the instance. A packet
	// need not hold all addresses of a host, so one that is missing once has
	// not gone.
	unseen map[netip.Addr]int
}

// see notes an instance; the event says what is new about it.
func (r *roster) see(i Instance) (Event, bool) {
	if r.known == nil {
		r.known = map[string]*entry{}
	}
	e := r.known[identity(i)]
	if e == nil {
		if len(r.known) >= maxInstances {
			return Event{}, false
		}
		e = &entry{instance: i, seen: true, unseen: map[netip.Addr]int{}}
		for _, a := range i.Addrs {
			e.unseen[a] = -1
		}
		r.known[identity(i)] = e
		return Event{Kind: Appeared, Instance: i}, true
	}
	e.seen = true
	for _, a := range i.Addrs {
		e.unseen[a] = -1 // seen in this window
	}
	// What was seen just now comes first: it is the better guess.
	for _, a := range e.instance.Addrs {
		if !slices.Contains(i.Addrs, a) && len(i.Addrs) < 2*maxAddrs {
			i.Addrs = append(slices.Clone(i.Addrs), a)
		}
	}
	changed := !i.equal(e.instance)
	e.instance = i
	return Event{Kind: Changed, Instance: i}, changed
}

// hear notes what an instance said of itself: other than what is seen in an
// answer it is the whole truth, and an end is told at once.
func (r *roster) hear(n news) []Event {
	key := identity(n.instance)
	e := r.known[key]
	switch {
	case n.gone && e == nil:
		return nil
	case n.gone:
		delete(r.known, key)
		return []Event{{Kind: Gone, Instance: e.instance}}
	}
	was := Instance{}
	if e != nil {
		was = e.instance
	}
	event, told := r.see(n.instance)
	if e = r.known[key]; e == nil {
		return nil
	}
	e.instance.Addrs = slices.DeleteFunc(slices.Clone(e.instance.Addrs), func(a netip.Addr) bool { return slices.Contains(n.lost, a) })
	for _, a := range n.lost {
		delete(e.unseen, a)
	}
	if event.Instance = e.instance; event.Kind == Changed {
		told = !e.instance.equal(was)
	}
	if !told {
		return nil
	}
	return []Event{event}
}

// endWindow counts what was missing in a complete window.
func (r *roster) endWindow() []Event {
	var events []Event
	names := make([]string, 0, len(r.known))
	for name := range r.known {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		e := r.known[name]
		if !e.seen {
			if e.missed++; e.missed >= r.misses {
				delete(r.known, name)
				events = append(events, Event{Kind: Gone, Instance: e.instance})
			}
			continue
		}
		e.seen, e.missed = false, 0
		var left []netip.Addr
		for _, a := range e.instance.Addrs {
			if e.unseen[a]++; e.unseen[a] < r.misses {
				left = append(left, a)
			} else {
				delete(e.unseen, a)
			}
		}
		if len(left) < len(e.instance.Addrs) {
			e.instance.Addrs = left
			events = append(events, Event{Kind: Changed, Instance: e.instance})
		}
	}
	return events
}
