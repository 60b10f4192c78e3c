package engine

import (
	"context"
	"slices"
	"time"

	"healthsync/sync/health"
	"healthsync/sync/store"
)

// This file decides, at the beginning of a run, what is to be read.

// begin asks what is shared and what is known, and makes the plan.
func (s *session) begin(ctx context.Context) error {
	s.began = s.now().Unix()
	var err error
	if s.mem, err = loadMemory(ctx, s.db); err != nil {
		return err
	}
	if s.had, err = s.coverage(ctx); err != nil {
		return err
	}
	enabled := s.o.Enabled
	if enabled == nil {
		if enabled, err = types(ctx, s.phone, s.o.React, &s.res.Requests); err != nil {
			return err
		}
	}
	s.choose(enabled)
	s.deep = s.o.Full || s.mem.Deep == 0 || s.began-s.mem.Deep >= deepEvery || s.began < s.mem.Deep
	return s.layOut(ctx)
}

// choose sorts out which types are read.
func (s *session) choose(enabled []health.Type) {
	want := s.o.Types
	if len(want) == 0 {
		want = enabled
	}
	seen := map[health.Type]bool{}
	s.wanted, s.res.Missing, s.res.Skipped = nil, nil, nil
	for _, t := range want {
		shared := slices.Contains(enabled, t)
		if t.IsSleepStage() {
			// The stages are views of SleepAnalysis that cannot be paged
			// through: the phone filters them after the limit.
			switch {
			case slices.Contains(enabled, health.SleepAnalysis):
				t, shared = health.SleepAnalysis, true
				if len(s.o.Types) == 0 {
					continue // it is in the list itself
				}
			case shared:
				s.res.Skipped = append(s.res.Skipped, t)
				continue
			}
		}
		switch {
		case seen[t]:
		case shared:
			s.wanted = append(s.wanted, t)
		default:
			s.res.Missing = append(s.res.Missing, t)
		}
		seen[t] = true
	}
}

// coverage is what counts as read: for a full run only what that run has read.
func (s *session) coverage(ctx context.Context) (map[health.Type]store.Spans, error) {
	out := map[health.Type]store.Spans{}
	if s.o.Full {
		// A full run that did not note what it found is no verification.
		if f := s.mem.Full; f == nil || s.began-f.Began > fullLife || s.began < f.Began || s.verify && f.Found == nil {
			s.mem.Full = &fullMemory{Began: s.began, Done: map[health.Type]store.Spans{}}
			if s.verify {
				s.mem.Full.Found = &found{}
			}
		}
		s.full = s.mem.Full
		for t, done := range s.mem.Full.Done {
			out[t] = store.SpansOf(done...)
		}
		return out, nil
	}
	list, err := s.db.Coverage(ctx)
	for t, l := range list {
		out[t] = store.SpansOf(l...)
	}
	return out, err
}

// one gives the start of the first sample that f chooses.
func (s *session) one(ctx context.Context, f store.Filter) (at int64, ok bool, err error) {
	f.Limit, f.Own = 1, true
	err = s.db.Query(ctx, f, func(x *health.Sample) error {
		at, ok = x.Start, true
		return nil
	})
	return at, ok, err
}

// layOut decides what is to be read of each type.
func (s *session) layOut(ctx context.Context) error {
	top := Beginning
	for _, t := range s.wanted {
		if c, ok := s.had[t].Newest(); ok {
			top = max(top, c.To)
		}
	}
	// What is covered was served, so time has come that far, whatever the
	// Mac's clock says now.
	s.newest, s.future = top-1, max(s.began, top)
	recent := recent{back: s.lookback()}
	if top > Beginning {
		var err error
		if recent, err = s.recent(ctx, top, s.deep); err != nil {
			return err
		}
	}
	tracks, lowest := s.tracks(top, recent)
	s.plan = newPlanner(s.future, tracks)
	s.plan.page, s.plan.fresh = s.o.page, max(s.future-freshDays, s.floor)
	if top == Beginning && s.mem.Deep > 0 {
		s.plan.fresh, s.plan.again = s.floor, 1 // the phone had nothing: one look is enough
	}
	if lowest < End && recent.total <= 3*health.MaxLimit {
		s.plan.fresh, s.plan.again = lowest, recent.expected(s.future-max(top, s.mem.Ran))
	}
	if err := s.remember(ctx); err != nil {
		return err
	}
	return s.countBefore(ctx)
}

// tracks gives what is to be read, and the lowest second down to which it is the
// newest days again.
func (s *session) tracks(top int64, recent recent) (tracks []*track, lowest int64) {
	// Types that were last read at about the same time are read again from the
	// same second on.
	even, lowest := top, End
	near := max(day, min(s.lookback(), evenSamples*recent.back/int64(max(recent.total, 1))))
	for _, t := range s.wanted {
		if c, ok := s.had[t].Newest(); ok && top-c.To <= near {
			even = min(even, c.To)
		}
	}
	for _, t := range s.wanted {
		tm := s.mem.of(t)
		if s.leftAlone(t, tm) {
			continue
		}
		have := s.had[t]
		switch {
		case !s.deep:
			if len(tm.Uncertain) > 0 {
				s.uncertain[t] = tm.Uncertain
			}
		case tm.Alive:
			have = have.Minus(tm.Uncertain...)
		default: // never seen: there is nothing, or the permission is missing
			have = nil
		}
		if newest, ok := have.Newest(); ok {
			keep := even - recent.back
			if top-newest.To > near {
				keep = newest.To - s.lookback()
			}
			have = have.Minus(store.Span{From: keep, To: End})
			lowest = min(lowest, keep)
		}
		x := &track{typ: t, todo: store.Spans{{From: s.floor, To: End}}.Minus(have...)}
		if !s.deep {
			x.todo = x.todo.Minus(tm.Lost...)
		}
		if _, read := s.had[t]; read {
			x.lately = recent.of(t)
		}
		tracks = append(tracks, x)
	}
	s.keepApart(tracks)
	return tracks, lowest
}

// remember tells the plan how much is stored, and where types that were read
// whole begin.
func (s *session) remember(ctx context.Context) error {
	if s.o.Full {
		return nil // it is read as if nothing were there
	}
	list, err := s.db.Types(ctx)
	if err != nil {
		return err
	}
	for _, x := range list {
		t := s.plan.track(x.Type)
		if t == nil || len(s.had[x.Type]) == 0 {
			continue
		}
		t.seen, t.oldest = x.Count, x.First
		if len(t.todo) == 0 || t.todo[0].From > s.floor {
			s.plan.began(t)
		}
	}
	return nil
}

// lookback is how far behind the newest sample is read again, in seconds.
func (s *session) lookback() int64 {
	switch {
	case s.o.Lookback < 0:
		return 0
	case s.o.Lookback == 0:
		return int64(DefaultLookback / time.Second)
	}
	return int64(s.o.Lookback / time.Second)
}

// recent is what is stored of the newest days.
type recent struct {
	// back is how far it reaches, in seconds.
	back  int64
	total int
	types map[health.Type]int
}

// of is how dense a type was.
func (r recent) of(t health.Type) pace {
	return pace{float64(r.types[t]), float64(max(r.back, day))}
}

// expected is how many samples a request should bring that reads it again, so
// many seconds later.
func (r recent) expected(later int64) float64 {
	return float64(r.total) * (1 + float64(max(later, 0))/float64(max(r.back, day)))
}

// recent finds what is stored of the look-back behind a second: of all of it if
// deep, else of what one request reaches.
func (s *session) recent(ctx context.Context, top int64, deep bool) (recent, error) {
	out := recent{back: s.lookback(), types: map[health.Type]int{}}
	f := store.Filter{Types: s.wanted, Span: store.Span{From: top - out.back, To: End}, Own: true}
	if !deep {
		f.Limit = int(knownShare * float64(s.o.page))
	}
	at := top
	err := s.db.Query(ctx, f, func(x *health.Sample) error {
		out.total++
		out.types[x.Type]++
		at = x.Start
		return nil
	})
	if f.Limit > 0 && out.total == f.Limit {
		out.back = max(min(out.back, top-at), 0)
	}
	return out, err
}
