package phone

import (
	"context"
	"sync"
	"time"
)

// The shipping app answers 429 to the 61st request that a token makes within
// a sliding 60 seconds (NetworkServer.isRateLimited); it names no time to come
// back at.
const (
	phoneLimit  = 60
	phoneWindow = 60 * time.Second

	// paceLimit leaves four requests of the phone's budget to another process
	// of the same pairing: a `healthsync status` typed while the menu-bar app
	// brings over a history must not fail for it.
	paceLimit = phoneLimit - 4
	// paceWindow is a little longer than the phone's, for clocks that do not
	// run at one speed.
	paceWindow = phoneWindow + 500*time.Millisecond
)

// PerMinute is how many requests a minute a paced client makes in the long run.
const PerMinute = int(paceLimit * time.Minute / paceWindow)

// Pacer keeps the requests of one pairing within the phone's budget, so that
// the phone never has to refuse. All clients of one pairing in a process share
// one. It knows only this process: a refusal that happens all the same (the
// budget is shared by every program that holds the token) is reported to it,
// and the next request waits.
type Pacer struct {
	limit  int
	window time.Duration

	mu      sync.Mutex
	past    []time.Time   // when the phone had counted a request, oldest first
	pending int           // requests without an answer yet
	changed chan struct{} // closed when a slot may have come free
}

// NewPacer paces for the shipping app's budget of 60 requests in 60 seconds,
// leaving a few of them to other processes.
func NewPacer() *Pacer {
	return &Pacer{limit: paceLimit, window: paceWindow, changed: make(chan struct{})}
}

// Unpaced never waits: for a phone that counts no requests, such as a
// simulated one that is measured.
func Unpaced() *Pacer { return &Pacer{} }

// slot is the right to one request. It is ended by exactly one of counted,
// refused and unsent.
type slot struct{ p *Pacer }

// wait blocks until a request fits into the budget. A wait longer than most, or
// than ctx has time, gives *RateLimitedError at once. Before it sleeps it tells
// notify, which may be nil, for how long at least.
func (p *Pacer) wait(ctx context.Context, most time.Duration, notify func(time.Duration)) (slot, error) {
	for {
		if err := ctx.Err(); err != nil {
			return slot{}, err
		}
		d, changed, ok := p.try()
		if ok {
			return slot{p}, nil
		}
		deadline, limited := ctx.Deadline()
		if d > most || limited && time.Until(deadline) < d {
			return slot{}, &RateLimitedError{RetryAfter: d}
		}
		if notify != nil && d > 0 {
			notify(d)
		}
		timer := time.NewTimer(d)
		if d == 0 { // it waits for requests without an answer only
			timer.Stop()
		}
		select {
		case <-timer.C:
		case <-changed:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// try takes a slot, or says after what time one comes free by itself; 0 means
// when a request is answered.
func (p *Pacer) try() (d time.Duration, changed <-chan struct{}, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.limit <= 0 {
		p.pending++
		return 0, nil, true
	}
	now := time.Now()
	p.drop(now)
	if len(p.past)+p.pending < p.limit {
		p.pending++
		return 0, nil, true
	}
	if len(p.past) > 0 {
		d = max(p.past[0].Add(p.window).Sub(now), time.Millisecond)
	}
	return d, p.changed, false
}

// drop forgets what has left the window.
func (p *Pacer) drop(now time.Time) {
	n := 0
	for n < len(p.past) && now.Sub(p.past[n]) >= p.window {
		n++
	}
	p.past = append(p.past[:0], p.past[n:]...)
}

// counted ends a slot whose request was answered. It counts from the answer on,
// since the phone counted no later: so a slot never comes free too early,
// however slow the network was.
func (s slot) counted() { s.end(1, 0) }

// unsent ends a slot whose request never left.
func (s slot) unsent() { s.end(0, 0) }

// refused ends a slot whose request the phone answered by 429. The phone did
// not count it, but the budget is used up: what is missing to the limit was
// used by someone else, at the latest now.
func (s slot) refused() { s.end(0, s.p.limit) }

// end counts so many requests, or as many as the budget lacks to hold fill.
func (s slot) end(count, fill int) {
	p := s.p
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pending--
	if p.limit <= 0 {
		return
	}
	now := time.Now()
	p.drop(now)
	for n := max(count, fill-len(p.past)); n > 0; n-- {
		p.past = append(p.past, now)
	}
	close(p.changed)
	p.changed = make(chan struct{})
}
