package engine

import (
	"cmp"
	"slices"

	"healthsync/sync/health"
)

// This file is about the samples that the phone may read in vain, and about
// types of which too little is known to plan for. Where one type after the other
// turns out to be dense that looked sparse, by bursts or because it begins there,
// windows for all that are left cost much and bring little: each is too long or
// too short. A type alone from an open start costs the phone nothing in vain, and
// not even a request if it holds a page. So it is asked for on a guess.

const (
	// sureBet is how often in a row that must have been so for a bet.
	sureBet = 1
	// poor is the part of a page below which a bet was lost.
	poor = 0.25
	// spareShare is the share of all samples that the phone may read in vain:
	// less than what readsPerSample in TestBounds allows, since it is only
	// estimated.
	spareShare = 0.08
)

// stake gives the type to ask for instead of r, or nil.
func (p *planner) stake(r request) *track {
	t := r.tracks[0]
	switch {
	case p.together, len(r.tracks) < 2, r.packed, t.crowded != nil, t.top() > p.fresh:
		return nil
	case p.bets < sureBet, !r.jump && p.miss <= surprise:
		return nil
	}
	t = slices.MaxFunc(r.tracks, func(a, b *track) int { return cmp.Compare(a.rate(), b.rate()) })
	t.alone, t.bet = true, true
	return t
}

// settle counts what speaks for bets, a jump that found one type alone, and
// begins anew after what speaks against them: a bet that was lost, or a jump
// that found several types or the end. split counts types that grew dense.
func (p *planner) settle(r request, samples []health.Sample, f finding) {
	t := r.tracks[0]
	switch n := float64(len(samples)); {
	case t.bet:
		t.bet = false
		if n < poor*p.size() {
			p.bets = 0
		}
	case r.jump && len(r.tracks) > 1:
		if len(samples) == r.query.Limit && float64(slices.Max(f.counts)) >= 0.9*n {
			p.bets++
		} else {
			p.bets = 0
		}
	}
}

// account estimates what the phone read in vain for a page that came back full:
// the rest of its time is thought to be as dense, and each type is read up to
// the limit at most.
func (p *planner) account(r request, samples []health.Sample, f finding) {
	n := float64(len(samples))
	p.served += n
	if len(r.tracks) < 2 || len(samples) < r.query.Limit {
		return
	}
	vain := n * float64(len(r.tracks)-1)
	if start := max(r.query.Start, p.floor); start > Beginning && f.read.From > start {
		seen := max(min(r.query.End, p.now)-f.read.From, 1)
		vain = min(vain, n*float64(f.read.From-start)/float64(seen))
	}
	p.vain += vain
}

// spare is how many samples the phone may still read in vain.
func (p *planner) spare() float64 { return spareShare*p.served - p.vain }
