package engine

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"healthsync/sync/health"
	"healthsync/sync/store"
)

// track is one type's way from now back to its beginning.
type track struct {
	typ health.Type
	// todo is what is still to be read; its newest span is read next.
	todo spans
	// n samples in tau seconds is what was seen lately; tau is 0 as long as
	// nothing was.
	n, tau float64
	// alone says that the type is read by itself: it is dense enough to fill
	// pages, and then an open start costs the phone not one sample too many.
	alone bool
	// jump says that the windows before came back all but empty: ask where the
	// next samples are.
	jump bool
	// edge is the second in which the last page broke off.
	edge *edge
	// crowded is a second that holds more than a page of the types read
	// together: it is read by itself, and the types that crowd it one by one.
	crowded *crowd
	// seen counts the samples served, oldest is the start of the oldest.
	seen   int64
	oldest int64
	// team keeps types apart that must not spoil each other's requests: only
	// those of one team go together, and lower ones go first.
	team int
	// reach is the longest window to ask for, in seconds; 0 means any. It
	// closes in on what the phone cannot serve.
	reach int64
	// resume is what was known at the second where an earlier run left off.
	resume *resumption
}

// last is the team that goes when everything else is read.
const last = 1 << 20

// resumption is how dense a type was where an earlier run left off.
type resumption struct {
	at     int64
	n, tau float64
	alone  bool
}

func (t *track) rate() float64 {
	if t.tau <= 0 {
		return 0
	}
	return t.n / t.tau
}

func (t *track) top() int64 {
	s, ok := t.todo.newest()
	if !ok {
		return Beginning
	}
	return s.To
}

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

// request is the next question and why it is asked.
type request struct {
	query  health.Query
	tracks []*track
	// edge is continued behind what it has seen; overlap of the first samples
	// are to be known.
	edge    *edge
	overlap int
	// expect is how many samples are thought to be there; below 0 unknown.
	expect float64
	// left is how many the tracks were thought to have left; 0 unknown.
	left float64
	jump bool
	// packed says that the tracks are thought to be near their beginnings.
	packed bool
	// probe asks beside the plan.
	probe bool
}

// finding is what a page proves.
type finding struct {
	// read is the span that is now read whole for the tracks of the request;
	// empty where nothing is.
	read store.Span
	// counts are the page's samples by track.
	counts []int
	// also names the samples of read that were in earlier pages and are not in
	// this one.
	also []store.Key
	// skipped is a second that could not be read whole.
	skipped store.Span
}

// planner decides what to ask next. It is a pure state machine: next gives a
// request, received takes its page. It knows neither phone nor database.
type planner struct {
	tracks []*track
	// now is the Mac's clock when the run began. It is a guess at where the
	// newest samples are and nothing that is promised depends on it.
	now int64
	// together keeps the samples of all types in order of time (Walk): no type
	// is read apart from the others.
	together bool
	// fresh is the second down to which all types are read together: the user
	// sees the last days of everything first.
	fresh int64
	// again is how many samples a first request down to fresh should bring; 0
	// where that is not known.
	again float64
	// miss is how wrong the last predictions were (mean of |ln|).
	miss float64
	// floor is where finished types began; 0 as long as none has. What lies at
	// or above bar is no floor: samples below it were met.
	floor, bar int64
	// lift raises predictions for types read together that were too low: those
	// that burst leave them one by one, and the others are due to.
	lift float64
	// bias corrects estimates of what is left by how wrong the last were.
	bias float64
	// served counts all samples.
	served int64
	// page is the number of samples to ask for: health.MaxLimit but in tests.
	page int
	// teams is the highest team in use.
	teams int
	index map[health.Type]*track
}

func newPlanner(now int64, tracks []*track) *planner {
	p := &planner{tracks: tracks, now: now, fresh: End, bar: End, bias: 1, lift: 1, page: health.MaxLimit, index: map[health.Type]*track{}}
	for _, t := range tracks {
		p.index[t.typ] = t
		if t.team < last {
			p.teams = max(p.teams, t.team)
		}
	}
	return p
}

// next gives the next request; false when everything is read.
func (p *planner) next() (request, bool) {
	c := p.lane()
	if len(c.tracks) == 0 {
		return request{}, false
	}
	r := p.window(c)
	r.query.Types = make([]health.Type, len(r.tracks))
	for i, t := range r.tracks {
		r.query.Types[i] = t.typ
	}
	if e := r.tracks[0].edge; e != nil && (e.served > smallEdge || e.stuck) && r.query.End == e.second+1 && slices.Equal(e.tracks, r.tracks) {
		r.edge = e
		r.overlap = e.overlap
		r.query.Offset = e.served - r.overlap
	}
	return r, true
}

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

// received takes the page that answers r: samples as served, newest first.
func (p *planner) received(r request, samples []health.Sample, hasMore bool) (finding, error) {
	f := finding{counts: make([]int, len(r.tracks))}
	for i := range samples {
		if i > 0 && samples[i].Start > samples[i-1].Start {
			return f, &OrderError{Query: r.query, At: i}
		}
	}
	count(r.tracks, samples, f.counts)
	for j, t := range r.tracks {
		t.seen += int64(f.counts[j])
	}
	p.served += int64(len(samples))
	if r.edge != nil && !r.edge.knows(samples[:min(r.overlap, len(samples))], r.query.End) {
		p.restart(r, &f)
		return f, nil
	}
	from := r.query.Start
	if n := len(samples); n > 0 && (n >= r.query.Limit || hasMore) {
		from = max(from, samples[n-1].Start+1)
	}
	if from > r.query.Start && from >= r.query.End {
		// Not one second was finished.
		if p.stay(r, samples) {
			return f, nil
		}
		from = r.query.Start
	}
	f.read = store.Span{From: min(from, r.query.End), To: r.query.End}
	if r.edge != nil {
		f.also = r.edge.keys()
	}
	if r.tracks[0].crowded == nil {
		p.learn(r, samples, f)
	}
	p.cut(r, samples, f)
	p.split(r.tracks)
	return f, nil
}

// count counts samples by track.
func count(tracks []*track, samples []health.Sample, counts []int) {
	last, lastType := -1, health.Type("")
	for i := range samples {
		if t := samples[i].Type; i == 0 || t != lastType {
			lastType = t
			last = slices.IndexFunc(tracks, func(x *track) bool { return x.typ == t })
		}
		if last >= 0 {
			counts[last]++
		}
	}
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

// cut takes what is read from the tracks and keeps the new edge.
func (p *planner) cut(r request, samples []health.Sample, f finding) {
	for _, t := range r.tracks {
		t.todo = t.todo.minus(f.read)
		t.edge = nil
		if t.crowded != nil && t.top() <= t.crowded.second {
			t.crowded = nil
		}
		if t.reach > 0 {
			if t.reach *= 2; t.reach > 30*day {
				t.reach = 0
			}
		}
		if t.resume != nil && t.top() <= t.resume.at {
			t.n, t.tau, t.alone = t.resume.n, t.resume.tau, t.resume.alone
			t.resume = nil
		}
	}
	if f.read.From > r.query.Start {
		e := &edge{second: f.read.From - 1, tracks: r.tracks, seen: map[store.Key]struct{}{}}
		e.served = e.add(samples)
		for _, t := range r.tracks {
			t.edge = e
		}
		if len(r.tracks) > 1 && e.served > crowdedEdge {
			p.part(r, e)
		}
	}
	var oldest int64
	if n := len(samples); n > 0 {
		oldest = samples[n-1].Start
	}
	if r.left > 0 && f.read.From == r.query.Start && len(samples) > 0 {
		p.bias *= math.Sqrt(min(max(float64(len(samples))/r.left, 0.2), 5))
		p.bias = min(max(p.bias, 0.2), 5)
	}
	if r.packed && f.read.From > r.query.Start {
		// There is more than the floor promised.
		if said := r.left * float64(r.query.End-f.read.From) / float64(max(r.query.End-p.floor, 1)); said > 0 {
			p.bias = min(max(p.bias*math.Sqrt(float64(len(samples))/said), 0.2), 5)
		}
		p.floor, p.bar = 0, oldest
	}
	for j, t := range r.tracks {
		if f.counts[j] > 0 && (t.oldest == 0 || oldest < t.oldest) {
			t.oldest = oldest
		}
		if len(t.todo) == 0 && t.seen >= 50 && t.oldest < p.bar && (p.floor == 0 || t.oldest < p.floor) {
			p.floor = t.oldest
		}
	}
}

// reopen adds a span to what is to be read of a type.
func (p *planner) reopen(typ health.Type, span store.Span) {
	t := p.index[typ]
	if t == nil {
		return
	}
	t.todo = t.todo.plus(span)
	t.edge, t.crowded, t.alone = nil, nil, false
}

// drop takes a type out of the plan.
func (p *planner) drop(typ health.Type) {
	if t := p.index[typ]; t != nil {
		t.todo, t.edge, t.crowded = nil, nil, nil
	}
}

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

// OrderError says that a page was not newest first. Nothing can be concluded
// from such a page.
type OrderError struct {
	Query health.Query
	// At is the index of the first sample that is newer than the one before.
	At int
}

func (e *OrderError) Error() string {
	return fmt.Sprintf("the phone's page is not newest first: sample %d is newer than the one before", e.At)
}

func byTop(a, b *track) int { return cmp.Compare(b.top(), a.top()) }
