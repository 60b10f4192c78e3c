package engine

import (
	"context"
	"errors"
	"slices"

	"healthsync/sync/health"
	"healthsync/sync/store"
)

// This file finds the type over which the app on the phone stops. The first time
// it goes away over a question, each type of it is a suspect and is asked for by
// itself from then on, after all the others. If it goes away over one of these,
// that type it was: it is left alone until a person asks for it by name, or the
// app has another version. So an unknown one costs two stops, and never more. A
// phone that goes away for other reasons answers when it is asked again.

// fragile are the types known to bring version 1.0.0 of the app down: it asks
// Apple's stand time, which is minutes, as a count
// (HealthSampleMapper.unitForQuantityType), and HealthKit stops a program that
// does so. Until a phone has served one they are suspects.
var fragile = []health.Type{health.StandHours}

// tooMany is how many types are not to blame any more: a phone that goes away
// over so many, and answers nothing in between, does so for another reason.
const tooMany = 3

// suspect says that the app may stop over a type.
func (s *session) suspect(t health.Type) bool {
	tm := s.mem.of(t)
	return tm.Suspect != 0 || tm.Stopped != nil || !tm.Alive && slices.Contains(fragile, t)
}

// leftAlone reports types that are not asked for in this run: those over which
// the app stopped, and, but for once a day, fragile ones that were never served,
// because each needs a request of its own.
func (s *session) leftAlone(t health.Type, tm *typeMemory) bool {
	if slices.Contains(s.o.Named, t) {
		return false
	}
	if tm.Stopped != nil && tm.Stopped.App == s.o.App {
		return true
	}
	return !s.deep && !tm.Alive && len(s.wanted) > 1 && slices.Contains(fragile, t)
}

// keepApart gives each suspect a group of its own, and puts fragile ones last.
func (s *session) keepApart(tracks []*track) {
	group := 0
	for _, t := range tracks {
		tm := s.mem.of(t.typ)
		switch {
		case tm.Suspect != 0 || tm.Stopped != nil:
			group++
			t.group = group
		case s.suspect(t.typ) && len(tracks) > 1:
			t.group = lastGroup
		}
	}
}

// stopped notes that the phone went away over a request, and waits until it is
// back. Else it returns how the phone went.
func (s *session) stopped(ctx context.Context, r request, cause error) error {
	if t := r.tracks[0].typ; len(r.tracks) == 1 && s.suspect(t) {
		s.blame(t)
	} else {
		for _, t := range r.tracks {
			s.mem.of(t.typ).Suspect = r.query.End
			if t := s.plan.track(t.typ); t != nil {
				s.plan.groups++
				t.group, t.partial, t.full = s.plan.groups, nil, nil
			}
		}
	}
	toomany := len(s.mem.Blamed) >= tooMany
	if toomany {
		for _, t := range s.mem.Blamed {
			s.mem.of(t).Stopped = nil
		}
		s.mem.Blamed = nil
	}
	if err := s.apply(ctx, &store.Change{}); err != nil {
		return errors.Join(cause, err)
	}
	if toomany {
		return cause
	}
	if _, err := types(ctx, s.phone, s.o.React, &s.res.Requests); err != nil {
		return cause
	}
	return nil
}

// blame leaves a type alone from now on.
func (s *session) blame(t health.Type) {
	s.mem.of(t).Stopped = &stop{App: s.o.App, At: s.now().Unix()}
	s.mem.Blamed = append(s.mem.Blamed, t)
	s.plan.drop(t)
	delete(s.checks.silent, t)
}

// clearSuspicion notes that the phone answered: a suspect by itself, the very
// question over which it went away.
func (s *session) clearSuspicion(r request) {
	s.mem.Blamed = nil
	if len(r.tracks) != 1 {
		return
	}
	if tm := s.mem.of(r.tracks[0].typ); tm.Suspect == r.query.End {
		tm.cleared()
	}
}
