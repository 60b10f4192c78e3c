package engine

import (
	"slices"

	"healthsync/sync/health"
	"healthsync/sync/store"
)

// This file is about the second in which a page breaks off, and about seconds
// that hold more than a page.

const (
	// smallEdge is how many samples of the edge's second are simply read
	// again: 64 of 10,000 cost less than one percent of a page, and reading
	// the second whole needs no trust in the order of equals.
	smallEdge = 64
	// crowdedEdge is how many samples of several types in the edge's second
	// make it a crowd: an offset costs the phone as many reads of each type.
	crowdedEdge = 4000
	// edgeOverlap is how many samples behind an offset must be known ones.
	edgeOverlap = 8
	// maxRestarts is how often a second is begun anew whose samples moved
	// while it was read.
	maxRestarts = 3
)

// edge is the oldest second of a page that broke off in it. The phone serves
// whole seconds only, so the next request has to begin with that second again.
type edge struct {
	second int64
	// tracks are those of the request; served positions only mean something to
	// a request for the very same.
	tracks []*track
	seen   map[store.Key]struct{}
	// served counts the samples before which a request for [.., second+1) may
	// begin.
	served   int
	restarts int
	// stuck says that beginning with the second again brings nothing new.
	stuck bool
	// overlap is how many known samples a request behind an offset begins with.
	overlap int
}

// crowd is a second with more samples than a page.
type crowd struct {
	second int64
	// end is second+1, or the end of time for what is dated in the future.
	end int64
	// dense are the types that have many there; the others go together.
	dense []*track
}

// knows reports whether all samples were seen in the edge's second already;
// one at the very end of the request belongs to the second above.
func (e *edge) knows(samples []health.Sample, end int64) bool {
	for i := range samples {
		if samples[i].Start >= end {
			continue
		}
		if _, ok := e.seen[store.Key{Type: samples[i].Type, ID: samples[i].ID}]; !ok {
			return false
		}
	}
	return true
}

func (e *edge) keys() []store.Key {
	keys := make([]store.Key, 0, len(e.seen))
	for k := range e.seen {
		keys = append(keys, k)
	}
	return keys
}

func (e *edge) add(samples []health.Sample) (fresh int) {
	// A phone that gives less than it was asked for must still get on.
	e.overlap = min(max(len(samples)/4, 1), edgeOverlap, len(samples)-1)
	for i := len(samples) - 1; i >= 0 && samples[i].Start == e.second; i-- {
		k := store.Key{Type: samples[i].Type, ID: samples[i].ID}
		if _, ok := e.seen[k]; !ok {
			e.seen[k] = struct{}{}
			fresh++
		}
	}
	return fresh
}

// restart begins a second anew whose samples are not where they were, and
// gives it up after some times.
func (p *planner) restart(r request, f *finding) {
	e := r.edge
	e.restarts++
	e.served, e.overlap = 0, 0
	clear(e.seen)
	if e.restarts > maxRestarts {
		f.skipped = store.Span{From: e.second, To: e.second + 1}
		for _, t := range r.tracks {
			t.todo = t.todo.minus(f.skipped)
			t.edge = nil
		}
	}
}

// stay goes on within one second; false where there is no more of it.
func (p *planner) stay(r request, samples []health.Sample) bool {
	if r.edge != nil && len(samples) <= r.overlap {
		// hasMore, but there is nothing behind what is known.
		return false
	}
	// A phone that serves the very end of a range too may fill a page with it.
	second := min(samples[len(samples)-1].Start, r.query.End-1)
	e := r.edge
	if e == nil || e.second != second {
		e = r.tracks[0].edge
		if e == nil || e.second != second || !slices.Equal(e.tracks, r.tracks) {
			e = &edge{second: second, tracks: r.tracks, seen: map[store.Key]struct{}{}}
		}
	}
	e.add(samples)
	e.stuck = true
	e.served = r.query.Offset + len(samples)
	for _, t := range r.tracks {
		t.edge = e
	}
	if len(r.tracks) > 1 {
		p.part(r, e)
	}
	return true
}

// part divides a crowded second among the types of a request: an offset makes
// the phone read as many samples of each type, so each crowd goes by itself.
func (p *planner) part(r request, e *edge) {
	by := make(map[health.Type]map[store.Key]struct{})
	for k := range e.seen {
		if by[k.Type] == nil {
			by[k.Type] = map[store.Key]struct{}{}
		}
		by[k.Type][k] = struct{}{}
	}
	if len(by) == 0 {
		return // all of it lies at the very end of the range
	}
	c := &crowd{second: e.second, end: e.second + 1}
	for _, t := range r.tracks {
		t.edge, t.crowded = nil, c
		if n := len(by[t.typ]); n > len(e.seen)/20 {
			// The newest of a type in a page of all types are its newest.
			t.edge = &edge{second: e.second, tracks: []*track{t}, seen: by[t.typ], served: n}
			c.dense = append(c.dense, t)
		}
	}
}

// crowdLane takes from a lane at a crowded second those to be read next.
func crowdLane(lane []*track) []*track {
	c := lane[0].crowded
	if c == nil {
		return nil
	}
	var light []*track
	for _, t := range lane {
		if t.crowded != c || t.top() != c.end {
			continue
		}
		if slices.Contains(c.dense, t) {
			return []*track{t}
		}
		light = append(light, t)
	}
	return light
}
