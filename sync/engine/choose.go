package engine

import (
	"cmp"
	"slices"
	"sort"

	"healthsync/sync/health"
)

// This file chooses the next question.
//
// For one type from an open start the phone reads 10,001 samples for 10,000,
// whatever lies in between: gaps, bursts and density do not matter. So below the
// newest days there is one rule: take the type that is furthest behind, which is
// the one whose newest unread second is the latest. If more than a page should
// be left of it, ask for it alone from an open start; else fill the request with
// others that should fit into the same page.
//
// Windows of time, for which density does matter, are for the newest days and
// for a walk, where all types go together.

const (
	// The first look at an unknown phone: one day, and not more than this of
	// it. Nobody knows yet how much a week is.
	firstWindow = day
	firstLimit  = 2500
	// smallWindow is a span that is asked for as a whole without knowing.
	smallWindow = 8 * day
	// growth is how much longer than what is known a window may be.
	growth = 8
	// fullness is how many pages a window is made for: one that is not full costs a
	// part of a request, a full one a few reads.
	fullness = 1.02
	// longHistory is how long a history is thought to be until a type was read
	// to its beginning.
	longHistory = 10 * year

	// leastPseudo and mostPseudo bound planner.pseudo: half a sample as long as
	// the types do as they did before, and so many that each goes alone where
	// they do not.
	leastPseudo = 0.5
	mostPseudo  = 4000
	// calmer is by how much less is thought to be unseen after a type that went
	// alone brought next to nothing.
	calmer = 8
	// leastLimit is the limit of a request for types of which next to nothing was
	// seen: they may all be dense.
	leastLimit = 1000
)

// size is the number of samples of a full page.
func (p *planner) size() float64 { return float64(p.page) }

// clip makes a limit of an estimate.
func (p *planner) clip(n float64) int { return int(min(n, p.size())) }

// choose gives the next request without its types.
func (p *planner) choose() (request, bool) {
	open := p.turn()
	if len(open) == 0 {
		return request{}, false
	}
	slices.SortStableFunc(open, func(a, b *track) int { return cmp.Compare(b.top(), a.top()) })
	newest := open[:1]
	for len(newest) < len(open) && open[len(newest)].top() == open[0].top() {
		newest = open[:len(newest)+1]
	}
	newest = slices.Clone(newest)
	if i := slices.IndexFunc(newest, func(t *track) bool { return t.full != nil }); i >= 0 {
		q := health.Query{Start: newest[i].full.second, End: newest[i].top(), Limit: p.page}
		return request{tracks: newest[i : i+1], query: q}, true
	}
	if p.together || open[0].top() > p.fresh {
		return p.window(newest), true
	}
	if i := slices.IndexFunc(newest, func(t *track) bool { return t.reach > 0 }); i >= 0 {
		return p.window(newest[i : i+1]), true
	}
	return p.rest(open), true
}

// turn gives the tracks whose turn it is: group by group, the newest days of all
// groups before the rest of any, but for those that go last in any case.
func (p *planner) turn() (open []*track) {
	group, fresh := lastGroup+1, false
	for _, t := range p.tracks {
		if len(t.todo) == 0 {
			continue
		}
		f := t.top() > p.fresh && t.group < lastGroup
		if f && !fresh || f == fresh && t.group < group {
			group, fresh = t.group, f
		}
	}
	for _, t := range p.tracks {
		if len(t.todo) > 0 && t.group == group && (!fresh || t.top() > p.fresh) {
			open = append(open, t)
		}
	}
	return open
}

// rest asks from an open start: for the type that is furthest behind, and for
// those of which so little should be left that all of it fits into the page.
func (p *planner) rest(open []*track) request {
	slices.SortStableFunc(open, func(a, b *track) int {
		return cmp.Or(cmp.Compare(b.top(), a.top()), cmp.Compare(p.left(b), p.left(a)))
	})
	first := open[0]
	tracks := []*track{first}
	left, seen := p.left(first), p.expected(first)
	for _, t := range open[1:] {
		if left >= p.size() {
			break
		}
		n := p.left(t)
		again := t.lately.perSecond() * float64(first.top()-t.top()) // what was read already
		if t.reach > 0 || t.full != nil || t.bottom() != first.bottom() || left+n > p.size() || again > n/2+100 {
			continue
		}
		tracks, left, seen = append(tracks, t), left+n, seen+p.expected(t)
	}
	q := health.Query{Start: first.bottom(), End: first.top(), Limit: p.page}
	if len(tracks) > 1 && first.partial == nil {
		q.Limit = p.clip(max(2*seen, leastLimit))
	}
	return request{tracks: tracks, left: left, query: q}
}

// expected is how many samples a type is thought to have left in its newest
// span, by what was seen of it.
func (p *planner) expected(t *track) float64 { return p.estimate(t, 0) }

// left is the same and a little more: what was not seen may yet come.
func (p *planner) left(t *track) float64 { return p.estimate(t, p.pseudo) }

func (p *planner) estimate(t *track, unseen float64) float64 {
	s, _ := t.todo.Newest()
	length := float64(max(min(s.To, p.now)-max(s.From, p.beginning(s.To)), 0))
	return length * (p.density(t) + unseen/p.known(t))
}

// beginning is where the history is thought to begin, looked at from a second.
func (p *planner) beginning(from int64) int64 {
	if p.begin != 0 {
		return p.begin
	}
	return min(p.now-longHistory, from-year)
}

// known is for how many seconds a type was read.
func (p *planner) known(t *track) float64 { return float64(max(p.now-t.todo[0].To, day)) }

// density is the samples per second of a type, as it was lately or all the time,
// whichever is more.
func (p *planner) density(t *track) float64 {
	return max(t.lately.perSecond(), float64(t.seen)/p.known(t))
}

// window asks for types that go together, as far back as a page should reach.
func (p *planner) window(tracks []*track) request {
	top, lo := tracks[0].top(), Beginning
	rate, known := 0.0, 0.0
	for _, t := range tracks {
		lo = max(lo, t.bottom())
		rate += t.lately.perSecond()
		known = max(known, t.lately.seconds)
	}
	r := request{tracks: tracks, query: health.Query{Start: lo, End: top, Limit: p.page}}
	if reach := tracks[0].reach; reach > 0 {
		r.query.Start = max(lo, top-reach)
		if top > p.now && p.now > lo {
			r.query.Start = p.now // first what is dated in the future
		}
		return r
	}
	if len(tracks) == 1 || p.together && p.page*len(tracks) <= health.MaxLimit {
		return r // the phone reads no more than a page
	}
	from := min(top, max(p.now, lo))
	unknown := from-lo > smallWindow
	if p.fresh < top {
		lo = max(lo, p.fresh)
		r.query.Start = lo
	}
	if top == End && p.again > 0 && p.again <= 0.95*p.size() {
		return r
	}
	if known == 0 {
		if unknown {
			r.query.Start = max(lo, from-firstWindow)
			r.query.Limit = p.clip(firstLimit)
		}
		return r
	}
	length := growth * known
	if rate > 0 {
		length = min(length, fullness*p.size()/rate)
	}
	if float64(from-lo) > length {
		r.query.Start = from - int64(length)
	}
	return r
}

// learn keeps how dense the types were in what was read.
func (p *planner) learn(r request, samples []health.Sample, f finding) {
	// The second in which the page broke off is not whole.
	n := sort.Search(len(samples), func(i int) bool { return samples[i].Start < f.read.From })
	from, to := f.read.From, min(f.read.To, p.now)
	if n > 0 && from == Beginning {
		from = samples[n-1].Start
	}
	if n == 0 && from == Beginning {
		return
	}
	if p.fresh < min(to, End) && n > 0 {
		// Newest days that are too many are not all read together.
		p.fresh = max(p.fresh, to-int64(3*p.size()*float64(max(to-from, 1))/float64(n)))
	}
	newest := 0
	if n >= 1000 { // the older half lies where the next request begins
		newest, to = n/2, samples[n/2].Start
	}
	counts := make([]int, len(r.tracks))
	count(r.tracks, samples[newest:n], counts)
	keep := 0.5
	if n == 0 {
		keep = 1.0 / growth // a gap: what came before it says little
	}
	for j, t := range r.tracks {
		t.lately.samples = keep*t.lately.samples + float64(counts[j])
		t.lately.seconds = keep*t.lately.seconds + float64(max(to-from, 1))
	}
	p.judge(r, len(samples), f)
}

// judge compares a page of the rest with what was thought to be left.
func (p *planner) judge(r request, n int, f finding) {
	if r.left == 0 {
		return
	}
	all := f.read.From == r.query.Start
	begin, top := p.beginning(r.query.End), min(r.query.End, p.now)
	switch {
	case len(r.tracks) > 1 && !all && 2*(top-f.read.From) < top-max(begin, r.query.Start):
		p.pseudo = mostPseudo // twice as many as was thought, or more
	case len(r.tracks) == 1 && all && float64(n) < p.size()/4:
		p.pseudo = max(p.pseudo/calmer, leastPseudo) // a request for next to nothing
	}
}
