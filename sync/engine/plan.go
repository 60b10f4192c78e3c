package engine

import (
	"fmt"
	"slices"

	"healthsync/sync/health"
	"healthsync/sync/store"
)

const (
	day  = 24 * 3600
	year = 365 * day
)

// The ends of time as the phone is asked for them. HealthKit takes any date;
// these are far enough for every sample and near enough for every date parser
// (four digits of year).
const (
	// Beginning is 1900-01-01T00:00:00Z: the start of an open request.
	Beginning int64 = -2208988800
	// End is 2200-01-01T00:00:00Z. Requests for the newest samples end here
	// and not at the Mac's clock, which may be wrong, and so may be the watch's
	// that dated a sample.
	End int64 = 7258118400
)

// track is what is left to read of one type, and what is known of it.
type track struct {
	typ health.Type
	// todo is still to be read; its newest span comes first.
	todo store.Spans
	// seen counts the samples that were served, in earlier runs too; oldest is
	// the start of the oldest.
	seen   int64
	oldest int64
	// lately is how dense the type was where it was read last.
	lately pace
	// partial is the second in which the last page broke off.
	partial *partial
	// full is a second with more samples than a page of several types: each of
	// them reads it by itself before they go on together.
	full *fullSecond
	// reach is the longest time to ask for, in seconds; 0 means any. It closes
	// in on what the phone cannot serve.
	reach int64
	// group keeps types apart: only those of one group share a request, and a
	// lower one goes first.
	group int
}

// lastGroup goes when everything else is read.
const lastGroup = 1 << 20

// pace is a number of samples in so many seconds.
type pace struct{ samples, seconds float64 }

func (p pace) perSecond() float64 {
	if p.seconds <= 0 {
		return 0
	}
	return p.samples / p.seconds
}

// top is the second below which the track goes on; Beginning when it is done.
func (t *track) top() int64 {
	s, ok := t.todo.Newest()
	if !ok {
		return Beginning
	}
	return s.To
}

// bottom is the second down to which its newest span reaches.
func (t *track) bottom() int64 {
	s, _ := t.todo.Newest()
	return s.From
}

// request is a question for some types, and what it goes on with.
type request struct {
	query  health.Query
	tracks []*track
	// partial is continued behind what was seen of it; the first overlap
	// samples are to be known ones.
	partial *partial
	overlap int
	// left is how many samples the tracks were thought to have left; 0 where
	// the question is not for all of it.
	left float64
	// check, where it is set, is why this is asked beside the plan.
	check *check
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
// request, received takes its page. It knows neither phone nor database, and
// gives the same requests for the same pages.
type planner struct {
	tracks []*track
	// now is the Mac's clock. It is a guess at where the newest samples are and
	// nothing that is promised depends on it.
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
	// begin is where the history is thought to begin, as a type did that was
	// read whole; 0 as long as none was. Below older there are samples for
	// certain, so it cannot begin there.
	begin, older int64
	// pseudo is how many samples more than were seen each type is thought to
	// have in a time as long as the one that was read: a pseudo-count, as
	// statistics add to a sample that is small.
	pseudo float64
	// page is the number of samples to ask for: health.MaxLimit but in tests.
	page int
	// groups is the highest group in use.
	groups int
}

func newPlanner(now int64, tracks []*track) *planner {
	p := &planner{tracks: tracks, now: now, fresh: End, older: End, pseudo: leastPseudo, page: health.MaxLimit}
	for _, t := range tracks {
		if t.group < lastGroup {
			p.groups = max(p.groups, t.group)
		}
	}
	return p
}

// track gives the track of a type, nil where it has none.
func (p *planner) track(typ health.Type) *track {
	i := slices.IndexFunc(p.tracks, func(t *track) bool { return t.typ == typ })
	if i < 0 {
		return nil
	}
	return p.tracks[i]
}

// next gives the next request; false when everything is read.
func (p *planner) next() (request, bool) {
	r, ok := p.choose()
	if !ok {
		return r, false
	}
	r.query.Types = make([]health.Type, len(r.tracks))
	for i, t := range r.tracks {
		r.query.Types[i] = t.typ
	}
	r.resume()
	return r, true
}

// received takes the page that answers r: samples as served, newest first.
func (p *planner) received(r request, samples []health.Sample, hasMore bool) (finding, error) {
	f := finding{counts: make([]int, len(r.tracks))}
	if err := ordered(r.query, samples); err != nil {
		return f, err
	}
	count(r.tracks, samples, f.counts)
	for j, t := range r.tracks {
		t.seen += int64(f.counts[j])
	}
	if r.partial != nil && !r.partial.knows(samples[:min(r.overlap, len(samples))], r.query.End) {
		p.restart(r, &f)
		return f, nil
	}
	f.read = whole(r.query, samples, hasMore)
	if f.read.Empty() {
		// Not one second was finished.
		if p.stay(r, samples) {
			return f, nil
		}
		f.read = store.Span{From: r.query.Start, To: r.query.End}
	}
	if r.partial != nil {
		f.also = r.partial.keys()
	}
	if r.tracks[0].full == nil {
		p.learn(r, samples, f)
	}
	p.advance(r, samples, f)
	p.findBeginning(r, samples, f)
	return f, nil
}

// whole is the part of a query's span that its page proves to be read: all of
// it, or what lies above the second in which a full page breaks off. hasMore is
// only believed where it says that something was cut.
func whole(q health.Query, samples []health.Sample, hasMore bool) store.Span {
	from := q.Start
	if n := len(samples); n > 0 && (n >= q.Limit || hasMore) {
		from = max(from, samples[n-1].Start+1)
	}
	return store.Span{From: from, To: q.End}
}

// count counts samples by track.
func count(tracks []*track, samples []health.Sample, counts []int) {
	at, of := -1, health.Type("")
	for i := range samples {
		if t := samples[i].Type; i == 0 || t != of {
			of = t
			at = slices.IndexFunc(tracks, func(x *track) bool { return x.typ == t })
		}
		if at >= 0 {
			counts[at]++
		}
	}
}

// advance takes what is read from the tracks and keeps the second in which the
// page broke off.
func (p *planner) advance(r request, samples []health.Sample, f finding) {
	for _, t := range r.tracks {
		t.todo = t.todo.Minus(f.read)
		t.partial = nil
		if t.full != nil && t.top() <= t.full.second {
			t.full = nil
		}
		if t.reach > 0 {
			if t.reach *= 2; t.reach > longReach {
				t.reach = 0
			}
		}
	}
	if f.read.From <= r.query.Start {
		return
	}
	x := &partial{second: f.read.From - 1, tracks: r.tracks, seen: map[store.Key]struct{}{}}
	x.served = x.add(samples)
	for _, t := range r.tracks {
		t.partial = x
	}
}

// historySamples is how many samples make a history: one weight that was
// entered by hand for the year 1990 does not.
const historySamples = 50

// findBeginning keeps where the types began that are read whole.
func (p *planner) findBeginning(r request, samples []health.Sample, f finding) {
	if len(samples) == 0 {
		return
	}
	oldest := samples[len(samples)-1].Start
	if oldest < p.begin && f.read.From > r.query.Start {
		p.begin, p.older = 0, oldest
	}
	for j, t := range r.tracks {
		if f.counts[j] > 0 && (t.oldest == 0 || oldest < t.oldest) {
			t.oldest = oldest
		}
		if len(t.todo) == 0 {
			p.began(t)
		}
	}
}

// began notes where a type began that is read whole.
func (p *planner) began(t *track) {
	if t.seen >= historySamples && t.oldest < p.older && (p.begin == 0 || t.oldest < p.begin) {
		p.begin = t.oldest
	}
}

// reopen adds a span to what is to be read of a type.
func (p *planner) reopen(typ health.Type, span store.Span) {
	if t := p.track(typ); t != nil {
		t.todo = t.todo.Plus(span)
		t.partial, t.full = nil, nil
	}
}

// refresh has the newest days of all types read before everything else.
func (p *planner) refresh(now int64, newest store.Span) {
	p.now, p.fresh = now, newest.From
	for _, t := range p.tracks {
		p.reopen(t.typ, newest)
	}
}

// drop takes a type out of the plan.
func (p *planner) drop(typ health.Type) {
	p.tracks = slices.DeleteFunc(slices.Clone(p.tracks), func(t *track) bool { return t.typ == typ })
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

func ordered(q health.Query, samples []health.Sample) error {
	for i := 1; i < len(samples); i++ {
		if samples[i].Start > samples[i-1].Start {
			return &OrderError{Query: q, At: i}
		}
	}
	return nil
}
