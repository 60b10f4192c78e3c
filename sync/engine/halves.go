package engine

import (
	"healthsync/sync/health"
	"healthsync/sync/store"
)

// This file finds a second question for the phone while the first is on the
// wire: one that is worth asking whatever the first one's answer is.
//
// Types that are read apart give it for nothing. Where one type, or one lane of
// them, is all that is left, its time is cut in two far below, and both parts
// are read downwards at the same time. That costs one request that does not
// come back full, where the upper part ends, and not one sample read twice.

const (
	// fewestHalved is how many pages must be left for a cut, furthest how many
	// lie above it at most: the newest first.
	fewestHalved = 10
	furthest     = 40
	// proven is how many answers must have told how dense a type is there.
	proven = 2
	// amply is how many pages a type must be thought to have left, where that is
	// known, to be asked for beside another: such estimates are often too high.
	amply = 1.6
)

// sent notes that a request is on the wire.
func (p *planner) sent(r request) {
	p.air++
	for _, t := range r.tracks {
		t.busy = true
	}
}

// landed notes that it is not any more, after its answer was received.
func (p *planner) landed(r request) {
	p.air--
	for _, t := range r.tracks {
		t.busy = false
		t.todo = t.todo.without(t.over)
		for _, x := range t.later {
			p.reopen(t.typ, x)
		}
		t.later, t.over = nil, nil
	}
}

// beside reports whether a request may be asked while another is on the wire:
// it must be sure to come back about full. What is near its beginning waits,
// because others may go with it then; and so does what a type was suspected of,
// because it must be clear over which request the phone goes away.
func (p *planner) beside(r request) bool {
	if p.together || r.edge != nil || r.jump || r.packed || r.tracks[0].top() > p.fresh {
		return false
	}
	if r.left > 0 && r.left < amply*p.size() {
		return false
	}
	// Where the history may begin it is found by one request, not by two.
	ends := p.floor == 0 && p.sure != 0 && r.tracks[0].top() <= p.sure
	for _, t := range p.tracks {
		// A crowded second is read before the types of its lane part.
		if t.crowded != nil || t.busy && (t.team > 0 || ends && t.top() <= p.sure) {
			return false
		}
	}
	for _, t := range r.tracks {
		if t.team > 0 || t.reach > 0 {
			return false
		}
	}
	return len(r.tracks) == 1 || r.expect >= 0.5*p.size()
}

// halve cuts the time of a type that is on the wire by itself in two, where
// enough is left; it reports whether it did. Several types would each pay for it
// as soon as one of them bursts.
func (p *planner) halve() bool {
	var lane []*track
	for _, t := range p.tracks {
		if t.busy {
			lane = append(lane, t)
		}
	}
	if p.together || len(lane) != 1 {
		return false
	}
	t := lane[0]
	if t.team > 0 || t.crowded != nil || t.reach > 0 || t.top() > p.fresh || t.answers < proven {
		return false
	}
	if n := len(t.todo); n > 1 {
		p.cutAt(t, t.todo[n-2].To) // it is in parts already
		return true
	}
	at, ok := p.middle(t)
	if ok {
		p.cutAt(t, at)
	}
	return ok
}

// middle finds a second that is half of what is left away, or a number of
// pages.
func (p *planner) middle(t *track) (at int64, ok bool) {
	lo, top, none := t.todo[0].From, min(t.top(), p.now), p.index[t.typ].none
	rate := min(t.rate(), p.mean(t))
	if rate <= 0 || top <= lo {
		return 0, false
	}
	left := func(bottom int64) float64 { return rate * float64(top-bottom) / p.size() }
	pages := 0.0
	switch {
	case p.floor != 0 || p.sure != 0 || lo > Beginning:
		bottom := lo
		if p.floor != 0 {
			bottom = max(bottom, p.floor)
		} else if p.sure != 0 {
			bottom = max(bottom, p.sure)
		}
		pages = left(bottom) / 2
	default: // as far as it has come
		pages = float64(t.seen) / p.size()
		if none != 0 {
			pages = min(pages, left(none)/2)
		}
	}
	if pages < fewestHalved/2 {
		return 0, false
	}
	at = top - int64(min(pages, furthest)*p.size()/rate)
	return at, at > lo && at > none
}

// cutAt gives what a track has below a second to a track of its own.
func (p *planner) cutAt(t *track, at int64) {
	low := store.Span{From: Beginning, To: at}
	b := &track{typ: t.typ, todo: t.todo.within(low), n: t.n, tau: t.tau, alone: t.alone, below: t.below, born: at}
	t.todo, t.below = t.todo.minus(low), b
	if r := t.resume; r != nil {
		if b.n, b.tau, b.alone = r.n, r.tau, r.alone; r.at < at {
			b.resume, t.resume = r, nil
			b.n, b.tau, b.alone = t.n, t.tau, t.alone
		}
	}
	p.tracks = append(p.tracks, b)
}

// overrun takes what an answer brought from below its track out of the tracks
// there.
func (t *track) overrun(read store.Span) {
	for b := t.below; b != nil; b = b.below {
		if b.busy {
			b.over = b.over.plus(read)
		} else {
			b.todo = b.todo.minus(read)
		}
	}
}

// glance puts the newest days before everything else that is to be read.
func (p *planner) glance(now int64, newest store.Span, rate func(health.Type) float64) {
	p.now, p.fresh = now, newest.From
	for _, t := range p.tracks {
		if t.born != 0 || p.index[t.typ] != t {
			continue
		}
		if t.resume == nil && len(t.todo) > 0 {
			t.resume = &resumption{at: t.top(), n: t.n, tau: t.tau, alone: t.alone}
		}
		if r := rate(t.typ); r > 0 {
			t.tau = day
			t.n = r * day
		}
		t.edge, t.crowded = nil, nil
		t.todo = t.todo.plus(newest)
	}
}

// rest is the first of a type's tracks that is not done, or nil.
func (t *track) rest() *track {
	i := t
	for i != nil && len(i.todo) == 0 {
		i = i.below
	}
	return i
}
