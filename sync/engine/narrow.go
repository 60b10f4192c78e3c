package engine

import "healthsync/sync/store"

// This file makes requests smaller that the phone cannot answer.

// narrow notes that the phone cannot answer r and makes the next request for
// it smaller: fewer types, then less time. A single second that cannot be
// served is given up and returned.
func (p *planner) narrow(r request) (lost store.Span, gaveUp bool) {
	crowded := r.tracks[0].crowded != nil
	for _, t := range r.tracks {
		t.edge, t.crowded = nil, nil
	}
	n := len(r.tracks)
	if p.together && n > 1 {
		p.shorten(r)
		return store.Span{}, false
	}
	if n > 1 {
		p.teams += 2
		for i, t := range r.tracks {
			t.team = p.teams - 1
			if i >= n/2 {
				t.team = p.teams
			}
		}
		return store.Span{}, false
	}
	t := r.tracks[0]
	length := min(r.query.End, max(p.now, r.query.Start+1)) - r.query.Start
	if t.reach == 0 && !crowded {
		t.reach = p.longest(t)
	} else if length <= 1 {
		lost = store.Span{From: r.query.Start, To: r.query.End}
		t.todo = t.todo.minus(lost)
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
		c := &crowd{second: r.query.Start, end: r.query.End, dense: r.tracks}
		for _, t := range r.tracks {
			t.crowded = c
		}
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
	if r := t.rate(); r > 0 {
		return int64(max(p.size()/r, 30*day))
	}
	return End - Beginning
}
