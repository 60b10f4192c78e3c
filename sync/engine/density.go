package engine

import (
	"math"
	"slices"
	"sort"

	"healthsync/sync/health"
)

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
	// insuredLimit is the smallest limit of a page whose window reaches into
	// the unknown.
	insuredLimit = 1000
	insurance    = 120000
	jumpLimit    = 300

	longHistory = 20 * year
	// maxLift is how far predictions are raised at most that were too low.
	maxLift = 8
	// ancient is beyond what any phone has measured: a window that reaches as
	// far may as well reach to the beginning.
	ancient = 25 * year
	guess   = 10 * year
)

// choice is what to read next.
type choice struct {
	tracks []*track
	// left estimates what the tracks have left; 0 where that is not known.
	left float64
	// packed says that all of it should fit into one page.
	packed bool
}

// lane chooses the tracks to be read next: those whose newest span to do ends
// at the same second, unless they are read alone.
func (p *planner) lane() choice {
	open := p.turn()
	if len(open) == 0 {
		return choice{}
	}
	slices.SortStableFunc(open, byTop)
	top := open[0].top()
	if c := crowdLane(head(open, top)); c != nil {
		return choice{tracks: c}
	}
	if p.together || top > p.fresh {
		return choice{tracks: head(open, top)}
	}
	var best []*track
	for i := 0; i < len(open); {
		t := open[i]
		group := head(open[i:], t.top())
		i += len(group)
		var crowd []*track
		for _, g := range group {
			if g.alone {
				if best == nil {
					best = []*track{g}
				}
			} else {
				crowd = append(crowd, g)
			}
		}
		if len(crowd) == 0 {
			continue
		}
		// What is sparse is soon done: a few requests for all of it, and the
		// beginning of the history is known.
		if p.total(crowd, longHistory)+seen(crowd) <= 2*p.size() {
			return choice{tracks: crowd}
		}
		if best == nil {
			best = crowd
		}
	}
	return p.pack(best, open)
}

// turn gives the tracks whose turn it is: team by team, the newest days of all
// teams before the rest of any, but for those that go last in any case.
func (p *planner) turn() (open []*track) {
	team, fresh := last+1, false
	for _, t := range p.tracks {
		if len(t.todo) == 0 {
			continue
		}
		f := t.top() > p.fresh && t.team < last
		if f && !fresh || f == fresh && t.team < team {
			team, fresh = t.team, f
		}
	}
	for _, t := range p.tracks {
		if len(t.todo) > 0 && t.team == team && (!fresh || t.top() > p.fresh) {
			open = append(open, t)
		}
	}
	return open
}

func seen(lane []*track) (n float64) {
	for _, t := range lane {
		n += float64(t.seen)
	}
	return n
}

func head(sorted []*track, top int64) []*track {
	n := 0
	for n < len(sorted) && sorted[n].top() == top {
		n++
	}
	return slices.Clone(sorted[:n])
}

// pack adds to a track near its beginning others that are near theirs.
func (p *planner) pack(lane, open []*track) choice {
	top := lane[0].top()
	if p.floor == 0 {
		return choice{tracks: lane}
	}
	lo := lowest(lane)
	est := func(t *track) float64 {
		// Few samples make a poor estimate: rather too much.
		doubt := 1 + 15/math.Sqrt(float64(t.seen+1))
		return doubt*p.bias*p.mean(t)*float64(max(top-p.floor, 0)) + 20
	}
	sum := 0.0
	for _, t := range lane {
		sum += est(t)
	}
	room, big := 1.1*p.size(), 1
	if sum > room || lo > p.floor {
		return choice{tracks: lane, left: sum}
	}
	for _, t := range open {
		if slices.Contains(lane, t) || lowest([]*track{t}) != lo {
			continue
		}
		e := est(t)
		again := t.rate() * float64(top-t.top())
		if sum+e > room || again > 0.5*e+100 || e > tail && big == maxTails {
			continue
		}
		if e > tail {
			big++
		}
		lane = append(lane, t)
		sum += e
	}
	return choice{tracks: lane, left: sum, packed: true}
}

// mean is a type's samples per second over all of its history so far.
func (p *planner) mean(t *track) float64 {
	mean := float64(t.seen) / float64(max(p.now-t.top(), day))
	if t.seen < health.MaxLimit/2 {
		return max(mean, t.rate())
	}
	return mean
}

const (
	// maxTails is how many types with more than tail samples left are packed
	// into one request: the estimates may be wrong all at once.
	maxTails = 4
	tail     = 200
)

func lowest(lane []*track) int64 {
	lo := Beginning
	for _, t := range lane {
		s, _ := t.todo.newest()
		lo = max(lo, s.From)
	}
	return lo
}

// total estimates the samples that a lane has left if the history is as long
// as that.
func (p *planner) total(lane []*track, length int64) (sum float64) {
	for _, t := range lane {
		s, _ := t.todo.newest()
		left := min(s.To, p.now) - max(s.From, p.now-length)
		if p.floor != 0 {
			left = min(s.To, p.now) - max(s.From, p.floor)
		}
		sum += t.rate() * float64(max(left, 0))
	}
	return sum
}

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
		r.query.Limit = p.clip(2*c.left + 500)
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
	want := (1.02 + p.miss) * p.size()
	if p.miss > 0.12 {
		want = 1.14 * p.size()
	}
	length := math.Inf(1)
	if rate > 0 {
		length = want / rate
	}
	if limit := growth * tau; length > limit {
		if rate*longHistory <= p.size() && tau >= 6*day {
			r.query.Limit = p.insured(len(lane), 2*rate*guess)
			if 2*rate*guess < jumpLimit {
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
		t.n = keep*t.n + float64(counts[j])
		t.tau = keep*t.tau + w
		t.jump = empty
	}
}

const (
	// share of all samples from which a type is read alone.
	share = 0.15
	// pages that a type must be thought to fill for it.
	pages = 2.5
)

// split takes the dense types out of a lane.
func (p *planner) split(lane []*track) {
	if p.together || len(lane) < 2 {
		return
	}
	all := 0.0
	for _, t := range p.tracks {
		if len(t.todo) > 0 {
			all += t.rate()
		}
	}
	for _, t := range lane {
		total := t.rate() * guess
		if t.rate() >= share*all && total >= pages*p.size() ||
			p.miss > 0.3 && total >= p.size() {
			t.alone = true
		}
	}
}
