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
	// below is the track of the same type that reads what lies further back, and
	// born is where this one began, for one that lies below: see halves.go.
	below *track
	born  int64
	// none is a second below which there are no samples of the type; 0 where
	// that is not known.
	none int64
	// answers counts those that it was given.
	answers int
	// bet says that the type was asked for by itself on a guess (bets.go); was is
	// how many samples it was thought to have in all, before the last answer.
	bet bool
	was float64
	// busy says that a request for it is on the wire; later is to be read again
	// whatever its answer says, over was read from above meanwhile.
	busy        bool
	later, over spans
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
	// page is the number of samples to ask for: health.MaxLimit but in tests.
	page int
	// teams is the highest team in use.
	teams int
	// sure is a second before which there are samples; 0 where that is not
	// known.
	sure int64
	// bets is how often in a row a type that looked sparse was found to be dense.
	bets int
	// served counts the samples that came, vain estimates those that the phone
	// read beside them.
	served, vain float64
	// air is how many requests are on the wire.
	air int
	// index gives each type's newest track.
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

// next gives the next request; false when everything is read, or when what is
// left depends on the answers to those on the wire.
func (p *planner) next() (request, bool) {
	c := p.lane()
	if len(c.tracks) == 0 && p.air == 1 && p.halve() {
		c = p.lane()
	}
	if len(c.tracks) == 0 {
		return request{}, false
	}
	r := p.window(c)
	if t := p.stake(r); t != nil {
		r = p.window(choice{tracks: []*track{t}})
	}
	r.query.Types = make([]health.Type, len(r.tracks))
	for i, t := range r.tracks {
		r.query.Types[i] = t.typ
	}
	if e := r.tracks[0].edge; e != nil && (e.served > smallEdge || e.stuck) && r.query.End == e.second+1 && slices.Equal(e.tracks, r.tracks) {
		r.edge = e
		r.overlap = e.overlap
		r.query.Offset = e.served - r.overlap
	}
	return r, p.air == 0 || p.beside(r)
}

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
	p.account(r, samples, f)
	p.settle(r, samples, f)
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

// cut takes what is read from the tracks and keeps the new edge.
func (p *planner) cut(r request, samples []health.Sample, f finding) {
	for _, t := range r.tracks {
		t.answers++
		t.todo = t.todo.minus(f.read)
		t.overrun(f.read)
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
	if r.left > 0 && f.read.From == r.query.Start && r.query.Start <= p.floor && len(samples) > 0 {
		p.bias *= math.Sqrt(min(max(float64(len(samples))/r.left, 0.2), 5))
		p.bias = min(max(p.bias, 0.2), 5)
	}
	if r.packed && f.read.From > r.query.Start {
		// There is more than was thought, and maybe below the floor too.
		if said := r.left * float64(r.query.End-f.read.From) / float64(max(r.query.End-p.floor, 1)); said > 0 {
			p.bias = min(max(p.bias*math.Sqrt(float64(len(samples))/said), 0.2), 5)
		}
		if oldest < p.floor {
			p.floor, p.bar = 0, oldest
		}
	}
	for j, t := range r.tracks {
		if f.counts[j] > 0 && (t.oldest == 0 || oldest < t.oldest) {
			t.oldest = oldest
		}
		if len(t.todo) > 0 || t.below != nil {
			continue
		}
		if t.seen == 0 && t.born != 0 {
			p.index[t.typ].none = t.born
		}
		if t.seen >= 50 && t.oldest < p.bar && (p.floor == 0 || t.oldest < p.floor) {
			p.floor = t.oldest
		}
	}
}

// reopen adds a span to what is to be read of a type.
func (p *planner) reopen(typ health.Type, span store.Span) {
	t := p.index[typ]
	switch {
	case t == nil:
	case t.busy: // the request on the wire was put before
		t.later = t.later.plus(span)
	default:
		t.todo = t.todo.plus(span)
		t.edge, t.crowded, t.alone = nil, nil, false
	}
}

// drop takes a type out of the plan.
func (p *planner) drop(typ health.Type) {
	for t := p.index[typ]; t != nil; t = t.below {
		t.todo, t.edge, t.crowded = nil, nil, nil
	}
	delete(p.index, typ)
}

// met is how many samples of a type were served, and the start of the oldest.
func (p *planner) met(typ health.Type) (n, oldest int64) {
	for t := p.index[typ]; t != nil; t = t.below {
		if t.seen > 0 && (n == 0 || t.oldest < oldest) {
			oldest = t.oldest
		}
		n += t.seen
	}
	return n, oldest
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
