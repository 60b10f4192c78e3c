package engine

import "healthsync/sync/store"

// This file makes requests smaller that the phone cannot answer.

const (
	// unanswered is how many questions in a row a phone may be unable to answer:
	// it takes some thirty to close in on one second, and one a type to find the
	// sample in it. A phone that can answer none would be asked for every second
	// there is.
	unanswered = 64
	// longReach is the time from which a type is read without bounds again
	// behind what could not be served.
	longReach = 30 * day
)

// narrow notes that the phone cannot answer r and makes the next request for
// it smaller: fewer types, then less time. A single second that cannot be
// served is given up and returned.
func (p *planner) narrow(r request) (lost store.Span, gaveUp bool) {
	full := r.tracks[0].full != nil
	for _, t := range r.tracks {
		t.partial, t.full = nil, nil
	}
	n := len(r.tracks)
	if p.together && n > 1 {
		p.shorten(r)
		return store.Span{}, false
	}
	if n > 1 {
		p.groups += 2
		for i, t := range r.tracks {
			t.group = p.groups - 1
			if i >= n/2 {
				t.group = p.groups
			}
		}
		return store.Span{}, false
	}
	t := r.tracks[0]
	length := min(r.query.End, max(p.now, r.query.Start+1)) - r.query.Start
	if t.reach == 0 && !full {
		t.reach = p.longest(t)
	} else if length <= 1 {
		lost = store.Span{From: r.query.Start, To: r.query.End}
		t.todo = t.todo.Minus(lost)
		return lost, true
	}
	t.reach = max(min(t.reach, length)/2, 1)
	return store.Span{}, false
}

// shorten is narrow for types that stay together: less time, and within one
// second one type after the other.
func (p *planner) shorten(r request) {
	length := min(r.query.End, max(p.now, r.query.Start+1)) - r.query.Start
	if length <= 1 {
		fill(r, r.query.Start, r.query.End)
		return
	}
	for _, t := range r.tracks {
		if t.reach == 0 {
			t.reach = min(length, p.longest(t))
		}
		t.reach = max(min(t.reach, length)/2, 1)
	}
}

// longest is the time that a page of a type covers, and not less than a month.
func (p *planner) longest(t *track) int64 {
	if r := t.lately.perSecond(); r > 0 {
		return int64(max(p.size()/r, longReach))
	}
	return End - Beginning
}
