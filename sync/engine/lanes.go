package engine

import (
	"math"
	"slices"

	"healthsync/sync/health"
)

// This file chooses the types that go together into the next request. Types
// whose newest span to do ends at the same second make a lane; dense ones leave
// it and go alone.

const (
	// share of all samples from which a type is read alone, if it is thought to
	// fill that many pages. Its last page will not be full: that is the price.
	share = 0.15
	pages = 2.5
	// surprise is how wrong predictions for a lane may be (mean of |ln|) before
	// its types go alone: bursts cannot be predicted, but a type alone from an
	// open start needs no prediction.
	surprise = 0.3
	// maxTails is how many types with more than tail samples left are packed
	// into one request: the estimates may be wrong all at once. Where little is
	// left of all of them, of a page fewTails at most, it may be manyTails.
	maxTails  = 4
	manyTails = 12
	fewTails  = 0.6
	tail      = 200
	// packed is how full the page may be that types near their beginning are
	// packed into, in pages; widely is the same for up to three of them as long
	// as the phone may read something in vain. Where it is too much, it costs
	// some reads, but no request: what is left goes into the next.
	packed = 1.1
	widely = 1.25
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
		if !p.may(t) {
			continue
		}
		f := t.top() > p.fresh && t.team < last
		if f && !fresh || f == fresh && t.team < team {
			team, fresh = t.team, f
		}
	}
	for _, t := range p.tracks {
		if p.may(t) && t.team == team && (!fresh || t.top() > p.fresh) {
			open = append(open, t)
		}
	}
	return open
}

// may reports whether a track may be asked for now. While a request is on the
// wire, one that was suspected of something waits.
func (p *planner) may(t *track) bool {
	return len(t.todo) > 0 && !t.busy && (p.air == 0 || t.team == 0)
}

// seen is how many samples a lane has served.
func seen(lane []*track) (n float64) {
	for _, t := range lane {
		n += float64(t.seen)
	}
	return n
}

// head gives the first tracks of a list sorted by top that have this top.
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
	room, big := packed*p.size(), 1
	if p.spare() > 0.5*p.size() {
		room = widely * p.size()
	}
	if sum > room || lo > p.floor {
		return choice{tracks: lane, left: sum}
	}
	for _, t := range open {
		if slices.Contains(lane, t) || lowest([]*track{t}) != lo {
			continue
		}
		e := est(t)
		again := t.rate() * float64(top-t.top())
		if len(lane) == 3 {
			room = packed * p.size()
		}
		most := maxTails
		if sum+e <= fewTails*p.size() {
			most = manyTails
		}
		if sum+e > room || again > 0.5*e+100 || e > tail && big >= most {
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
	from := p.now
	if t.born != 0 {
		from = t.born
	}
	mean := float64(t.seen) / float64(max(from-t.top(), day))
	if t.seen < health.MaxLimit/2 {
		return max(mean, t.rate())
	}
	return mean
}

// lowest is the second down to which all tracks of a lane want to be read.
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

// split takes the dense types out of a lane.
func (p *planner) split(lane []*track) {
	if p.together || len(lane) < 2 {
		return
	}
	all, found := 0.0, false
	for _, t := range p.tracks {
		if t.born != 0 {
			continue
		}
		if t = t.rest(); t != nil { // each type once
			all += t.rate()
		}
	}
	for _, t := range lane {
		total := t.rate() * guess
		if t.rate() >= share*all && total >= pages*p.size() ||
			p.miss > surprise && total >= p.size() {
			t.alone = true
			found = found || t.was < 0.5*p.size()
		}
	}
	if found {
		p.bets++
	}
}
