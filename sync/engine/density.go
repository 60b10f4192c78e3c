package engine

import (
	"math"
	"sort"

	"healthsync/sync/health"
)

// This file chooses how far back a request for a lane reaches, and learns from
// its page. The numbers were chosen by what TestBounds counts over many seeds;
// none of them decides what is stored, only what it costs.

const (
	day  = 24 * 3600
	year = 365 * day

	// The first look at an unknown phone: one day, and not more than this of
	// it. Nobody knows yet how much a week is.
	firstWindow = day
	firstLimit  = 2500
	// smallWindow is a span that is asked for as a whole without knowing.
	smallWindow = 8 * day

	// growth is how much longer than what is known a window may be.
	growth = 8
	// enough is how long a lane must be known for a guess at all of it.
	enough = 6 * day
	// guess and longHistory are how long a history is thought to be, likely and
	// at most; ancient is beyond what any phone has measured: a window that
	// reaches as far may as well reach to the beginning.
	guess       = 10 * year
	longHistory = 20 * year
	ancient     = 25 * year

	// insurance is what the phone may read for a window that reaches into the
	// unknown, should every type turn out to be dense there; insuredLimit is the
	// smallest limit of its page.
	insurance    = 120000
	insuredLimit = 1000
	// jumpLimit is the limit of a request that jumps a gap: enough to see how
	// dense it is behind it.
	jumpLimit = 300

	// A window is made for a little more than a page, by as much as the last
	// predictions were wrong: a full page costs some reads too many, one that is
	// not full a part of a request. Requests are dearer.
	overfill    = 1.02
	maxOverfill = 1.14
	// maxLift is how far predictions are raised at most that were too low.
	maxLift = 8
)

// window chooses how far back a request for the lane reaches, and its limit.
func (p *planner) window(c choice) request {
	lane := c.tracks
	top := lane[0].top()
	lo := Beginning
	var rate, tau float64
	jump := false
	for _, t := range lane {
		s, _ := t.todo.newest()
		lo = max(lo, s.From)
		rate += t.rate()
		tau = max(tau, t.tau)
		jump = jump || t.jump
	}
	rate *= p.lift
	if rate > 0 {
		tau = max(tau, p.sparse(lane, top))
	}
	r := request{tracks: lane, expect: -1, left: c.left}
	r.query = health.Query{Start: lo, End: top, Limit: p.page}
	if x := lane[0].crowded; x != nil {
		r.query.Start = x.second
		return r
	}
	if reach := lane[0].reach; reach > 0 {
		if top > p.now && p.now > lo {
			r.query.Start = p.now // first what is dated in the future
		} else {
			r.query.Start = max(lo, top-reach)
		}
		return r
	}
	if len(lane) == 1 {
		return r
	}
	if p.together && float64(p.page*len(lane)) <= health.MaxLimit {
		// So little that the phone reads no more than a page.
		return r
	}
	if c.packed {
		if lane[0].edge == nil { // else the last page broke off, and this one may be full
			r.query.Limit = p.clip(max(2*c.left+500, p.spare()/float64(len(lane))))
		}
		r.packed = true
		return r
	}
	from := min(top, max(p.now, lo))
	bounded := from-lo <= smallWindow
	if p.fresh < top {
		lo = max(lo, p.fresh)
		r.query.Start = lo
	}
	switch {
	case top == End && p.again > 0 && p.again <= 0.95*p.size():
		r.expect = p.again
		return r
	case tau == 0:
		if !bounded {
			r.query.Start = max(lo, from-firstWindow)
			r.query.Limit = p.clip(firstLimit)
		}
		return r
	case jump:
		r.jump = true
		r.query.Limit = p.clip(jumpLimit)
		return r
	}
	want := min(overfill+p.miss, maxOverfill) * p.size()
	length := math.Inf(1)
	if rate > 0 {
		length = want / rate
	}
	if limit := growth * tau; length > limit {
		if rate*longHistory <= p.size() && tau >= enough {
			r.query.Limit = p.insured(len(lane), 2*rate*guess)
			if 2*rate*guess < jumpLimit || p.bets > 0 { // they may be dense all at once
				r.query.Limit, r.jump = p.clip(jumpLimit), true
			}
			r.expect = rate * guess
			return r
		}
		length = limit
	}
	if float64(from-lo) > length && float64(p.now-from)+length < ancient {
		r.query.Start = from - int64(length)
	}
	r.expect = rate * float64(from-r.query.Start)
	if len(lane) > 3 && r.expect < 0.5*p.size() && float64(from-r.query.Start) > 2*tau {
		r.query.Limit = p.insured(len(lane), 4*r.expect)
	}
	return r
}

// sparse gives how long a lane is known to be sparse, if it always was: what was
// seen lately is not all that is known of it then.
func (p *planner) sparse(lane []*track, top int64) float64 {
	known, mean := float64(p.now-top), 0.0
	for _, t := range lane {
		mean += p.mean(t)
	}
	if known < 2*year || mean*longHistory >= 0.5*p.size() {
		return 0
	}
	return known
}

// size is the number of samples of a full page.
func (p *planner) size() float64 { return float64(p.page) }

// clip makes a limit of an estimate.
func (p *planner) clip(n float64) int { return int(min(n, p.size())) }

// insured is the limit of a window that reaches into the unknown: should each
// of the types turn out to be dense there, the phone reads that many of each.
func (p *planner) insured(types int, expect float64) int {
	return p.clip(max(expect, insurance/float64(types), insuredLimit))
}

// learn keeps how dense the types were in what was read.
func (p *planner) learn(r request, samples []health.Sample, f finding) {
	// The second in which the page broke off may be crowded; it is not whole.
	counts := f.counts
	n := sort.Search(len(samples), func(i int) bool { return samples[i].Start < f.read.From })
	if n < len(samples) {
		counts = make([]int, len(r.tracks))
		count(r.tracks, samples[:n], counts)
	}
	from, to := f.read.From, min(f.read.To, p.now)
	if n >= 50 {
		// A gap above the newest sample says nothing about what lies below it.
		to = min(to, samples[0].Start+1)
	}
	w := float64(max(to-from, 1))
	if from == Beginning {
		if n == 0 {
			return
		}
		w = float64(max(to-samples[n-1].Start, 1))
	}
	if p.fresh < End && p.fresh < to && n > 0 {
		p.fresh = max(p.fresh, to-int64(3*p.size()*w/float64(n)))
	}
	if r.expect >= 0 && !r.jump && from > Beginning {
		said := r.expect * float64(f.read.To-from) / float64(max(min(r.query.End, p.now)-r.query.Start, 1))
		if said >= 200 || n >= 200 {
			ratio := float64(max(n, 1)) / max(said, 1)
			p.miss = 0.5*p.miss + 0.5*min(math.Abs(math.Log(ratio)), 2)
			p.lift = min(max(p.lift*math.Sqrt(ratio), 1), maxLift)
		}
	}
	empty := r.expect >= 2000 && float64(n) < 0.1*r.expect && from == r.query.Start
	keep := 0.5
	if n >= 1000 && from > Beginning {
		// The older half lies where the next window begins. Where it is of
		// another density than the whole, it alone is believed.
		half := float64(max(samples[n/2].Start-from, 1))
		if q := (float64(n) / w) / (float64(n-n/2) / half); q > 1.4 || q < 0.7 {
			counts = make([]int, len(r.tracks))
			count(r.tracks, samples[n/2:n], counts)
			w, keep = half, 0
		}
	}
	if n > 0 && float64(min(f.read.To, p.now)-samples[0].Start) > 2*w {
		keep = 0 // behind a gap nothing is as it was before it
	}
	sum, old := 0.0, 0.0
	for j, t := range r.tracks {
		sum += float64(counts[j])
		old += t.rate()
	}
	if now := sum / w; now > 3*old || now < old/3 {
		keep *= 0.1
	}
	for j, t := range r.tracks {
		if t.was = t.rate() * guess; t.tau == 0 {
			t.was = math.Inf(1)
		}
		t.n = keep*t.n + float64(counts[j])
		t.tau = keep*t.tau + w
		t.jump = empty
	}
}
