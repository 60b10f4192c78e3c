package engine

import (
	"slices"

	"healthsync/sync/health"
	"healthsync/sync/store"
)

// This file is about the second in which a page breaks off, and about seconds
// that hold more than a page.

const (
	// fewInSecond is how many samples of a second are simply read again: 64 of
	// 10,000 cost less than one percent of a page, and reading the second whole
	// needs no trust in the order of equals.
	fewInSecond = 64
	// knownOverlap is how many samples behind an offset must be known ones.
	knownOverlap = 8
	// maxRestarts is how often a second is begun anew whose samples moved
	// while it was read.
	maxRestarts = 3
)

// partial is a second that is read in part: the oldest of a page that broke off
// in it. The phone serves whole seconds only, so the next request has to begin
// with that second again.
type partial struct {
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

// fullSecond is a second with more samples than a page of several types. end is
// the next one, or the end of time for what is dated in the future.
type fullSecond struct{ second, end int64 }

// resume has a request go on within the second in which the page before broke
// off, where reading all of it again would cost more.
func (r *request) resume() {
	x := r.tracks[0].partial
	if x == nil || r.query.End != x.second+1 || !slices.Equal(x.tracks, r.tracks) ||
		x.served <= fewInSecond && !x.stuck {
		return
	}
	r.partial, r.overlap = x, x.overlap
	r.query.Offset = x.served - x.overlap
}

// knows reports whether all samples were seen in the second already; one at the
// very end of the request belongs to the second above.
func (x *partial) knows(samples []health.Sample, end int64) bool {
	for i := range samples {
		if samples[i].Start >= end {
			continue
		}
		if _, ok := x.seen[store.Key{Type: samples[i].Type, ID: samples[i].ID}]; !ok {
			return false
		}
	}
	return true
}

func (x *partial) keys() []store.Key {
	keys := make([]store.Key, 0, len(x.seen))
	for k := range x.seen {
		keys = append(keys, k)
	}
	return keys
}

// add notes what a page has of the second.
func (x *partial) add(samples []health.Sample) (fresh int) {
	// A phone that gives less than it was asked for must still get on.
	x.overlap = min(max(len(samples)/4, 1), knownOverlap, len(samples)-1)
	for i := len(samples) - 1; i >= 0 && samples[i].Start == x.second; i-- {
		k := store.Key{Type: samples[i].Type, ID: samples[i].ID}
		if _, ok := x.seen[k]; !ok {
			x.seen[k] = struct{}{}
			fresh++
		}
	}
	return fresh
}

// restart begins a second anew whose samples are not where they were, and
// gives it up after some times.
func (p *planner) restart(r request, f *finding) {
	x := r.partial
	x.restarts++
	x.served, x.overlap = 0, 0
	clear(x.seen)
	if x.restarts > maxRestarts {
		f.skipped = store.Span{From: x.second, To: x.second + 1}
		for _, t := range r.tracks {
			t.todo = t.todo.Minus(f.skipped)
			t.partial = nil
		}
	}
}

// stay goes on within one second; false where there is no more of it.
func (p *planner) stay(r request, samples []health.Sample) bool {
	if len(samples) == 0 || r.partial != nil && len(samples) <= r.overlap {
		// hasMore, but there is nothing behind what is known.
		return false
	}
	// A phone that serves the very end of a range too may fill a page with it.
	second := min(samples[len(samples)-1].Start, r.query.End-1)
	x := r.partial
	if x == nil || x.second != second {
		x = r.tracks[0].partial
		if x == nil || x.second != second || !slices.Equal(x.tracks, r.tracks) {
			x = &partial{second: second, tracks: r.tracks, seen: map[store.Key]struct{}{}}
		}
	}
	x.add(samples)
	x.stuck = true
	x.served = r.query.Offset + len(samples)
	for _, t := range r.tracks {
		t.partial = x
	}
	if len(r.tracks) > 1 {
		fill(r, second, second+1)
	}
	return true
}

// fill has each type of a request read a full second by itself: an offset makes
// the phone read as many samples of each type.
func fill(r request, second, end int64) {
	full := &fullSecond{second, end}
	for _, t := range r.tracks {
		if t.partial = nil; t.top() == end {
			t.full = full
		}
	}
}
