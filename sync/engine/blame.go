package engine

import (
	"context"
	"slices"

	"healthsync/sync/health"
	"healthsync/sync/store"
)

// This file finds out over which type the phone goes away.

const (
	// quarantine is how often a type that makes the phone go away is tried
	// again, doubling up to maxQuarantine.
	quarantine    = day
	maxQuarantine = 30 * day
	// blamed is the number of strikes, the last one over a request for nothing
	// else, from which a type is known to be the one: a phone goes away for
	// many reasons.
	blamed = 3
)

// banned reports types that are not asked for in this run, because the phone
// went away over them again and again.
func (s *session) banned(t health.Type, tm *typeMemory) bool {
	from := blamed
	if slices.Contains(fragile, t) && !tm.Alive {
		from = 1
	}
	if tm.Strikes < from || !tm.Single || s.o.Full {
		return false
	}
	wait := min(int64(quarantine)<<min(tm.Strikes-from, 10), maxQuarantine)
	if s.began >= tm.Struck+wait || s.began < tm.Struck {
		return false
	}
	s.res.Unreadable = append(s.res.Unreadable, Unreadable{
		Type: t, Span: store.Span{From: Beginning, To: End}, Retry: tm.Struck + wait,
	})
	return true
}

// fragile are the types known to bring version 1.0.0 of the app down: it asks
// Apple's stand time, which is minutes, as a count
// (HealthSampleMapper.unitForQuantityType), and HealthKit stops a program that
// does so. Until a phone has served one they are read last and by themselves.
var fragile = []health.Type{health.StandHours}

// spared reports a fragile type that the phone has never served: it would need
// a request of its own, and gets one once a day.
func (s *session) spared(t health.Type, tm *typeMemory) bool {
	return !s.deep && !tm.Alive && len(s.wanted) > 1 && slices.Contains(fragile, t)
}

// teams keeps types over which the phone went away from the others, in halves
// of halves until the culprit is alone.
func (s *session) teams(tracks []*track) {
	by := map[int][]*track{}
	for _, t := range tracks {
		tm := s.mem.of(t.typ)
		switch {
		case tm.Strikes == 1 && tm.Single:
			// A phone that leaves in the middle of a long way back, most likely.
		case tm.Strikes > 0:
			by[tm.Strikes] = append(by[tm.Strikes], t)
		case !tm.Alive && len(tracks) > 1 && slices.Contains(fragile, t.typ):
			t.team = last
		}
	}
	team := 0
	strikes := make([]int, 0, len(by))
	for n := range by {
		strikes = append(strikes, n)
	}
	slices.Sort(strikes)
	for _, n := range strikes {
		list := by[n]
		half := max(len(list)>>min(n, 8), 1)
		for i, t := range list {
			if i%half == 0 {
				team++
			}
			t.team = team
		}
	}
}

// struck writes down that the phone went away over requests; of several on the
// wire each may be the one.
func (s *session) struck(ctx context.Context, gone ...request) error {
	if err := s.barrier(ctx); err != nil {
		return err
	}
	for _, r := range gone {
		for _, t := range r.tracks {
			tm := s.mem.of(t.typ)
			tm.Strikes++
			tm.Single = len(r.tracks) == 1
			tm.Struck = s.now().Unix()
		}
	}
	state, err := s.mem.state()
	if err != nil {
		return err
	}
	_, err = s.db.Apply(context.WithoutCancel(ctx), &store.Change{State: state})
	return err
}
