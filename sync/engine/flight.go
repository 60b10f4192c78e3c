package engine

import (
	"context"
	"errors"

	"healthsync/sync/health"
	"healthsync/sync/store"
)

// This file keeps requests in the air: while the answer to one is decoded and
// stored, the phone works on the next.
//
// The shipping app can do that. NetworkServer gives each connection a task of
// its own, and both it and HealthKitService are actors, which others may enter
// while a task waits for HealthKit or for the network; only the making of the
// JSON is done one at a time. So while one answer is on the air, the next is
// read. More than two would only make the phone hold more pages at a time.

const (
	// inFlight is how many requests may be on the wire.
	inFlight = 2
	// poolPages is how many pages there are: those on the wire, one that is
	// being stored, and one that has arrived and waits for that.
	poolPages = inFlight + 2
)

// flight is a question on the wire.
type flight struct {
	request
	page *health.Page
	// attempt counts from 1 how often it was put.
	attempt int
	landed  chan error
}

// fetchAll asks the phone what the plan wants to know. Answers are taken in the
// order in which they were asked for, so that the same phone is always asked
// the same questions.
func (s *session) fetchAll(ctx context.Context) error {
	defer s.abandon()
	for {
		// Both go alone.
		glance := s.glanceDue()
		sound := !glance && s.soundingDue()
		if !glance && !sound {
			if err := s.takeOff(ctx); err != nil {
				return err
			}
		}
		if len(s.air) > 0 {
			if err := s.land(ctx); err != nil {
				return err
			}
			continue
		}
		switch {
		case glance:
			if err := s.glance(ctx); err != nil {
				return err
			}
		case sound:
			if err := s.sound(ctx); err != nil {
				return err
			}
		default:
			more, err := s.afterwards(ctx)
			if err != nil {
				return err
			}
			if !more && !s.glanceDue() {
				return s.finish(ctx)
			}
		}
	}
}

// takeOff puts as many questions as may be on the wire.
func (s *session) takeOff(ctx context.Context) error {
	for len(s.air) < inFlight {
		r, ok := s.plan.next()
		if !ok {
			return nil
		}
		page, err := s.blank(ctx)
		if err != nil {
			return err
		}
		s.plan.sent(r)
		s.launch(ctx, &flight{request: r, page: page})
	}
	return nil
}

// blank waits for a page that is free.
func (s *session) blank(ctx context.Context) (*health.Page, error) {
	select {
	case page := <-s.free:
		return page, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// launch puts a question, once more where it was put before.
func (s *session) launch(ctx context.Context, f *flight) {
	f.attempt++
	f.landed = make(chan error, 1)
	s.res.Requests++
	s.air = append(s.air, f)
	if s.o.testOnlyAir != nil {
		s.o.testOnlyAir(len(s.air))
	}
	ask := func() { f.landed <- s.phone.Samples(ctx, f.query, f.page) }
	if s.o.testOnlyInline {
		ask()
		return
	}
	go ask()
}

// land takes the oldest question's answer.
func (s *session) land(ctx context.Context) error {
	f := s.air[0]
	s.air = s.air[1:]
	err := <-f.landed
	if err == nil {
		return s.arrived(f)
	}
	// Whatever is wrong is judged on the ground: what has arrived meanwhile is
	// kept, what has not is asked for again.
	failed := []request{f.request}
	for len(s.air) > 0 {
		g := s.air[0]
		s.air = s.air[1:]
		if gerr := <-g.landed; gerr != nil {
			s.forget(g)
			failed = append(failed, g.request)
		} else if gerr := s.arrived(g); gerr != nil {
			s.forget(f)
			return gerr
		}
	}
	return s.failed(ctx, f, err, failed)
}

// arrived has a page stored and lets the planner learn from it.
func (s *session) arrived(f *flight) error {
	s.narrowed = 0
	s.res.Samples += int64(len(f.page.Samples))
	s.res.Bytes += f.page.Bytes
	j, err := s.digest(f.request, f.page)
	s.plan.landed(f.request)
	if err != nil {
		s.free <- f.page
		return err
	}
	s.jobs <- j
	return nil
}

// forget gives a question back to the plan.
func (s *session) forget(f *flight) {
	s.plan.landed(f.request)
	s.free <- f.page
}

// failed has an error judged. gone are the requests that were on the wire and
// brought nothing, the judged one among them.
func (s *session) failed(ctx context.Context, f *flight, err error, gone []request) error {
	if s.o.React == nil || ctx.Err() != nil {
		s.forget(f)
		return err
	}
	reaction := s.o.React(ctx, err, f.attempt)
	if reaction == Again && ctx.Err() == nil {
		s.launch(ctx, f)
		return nil
	}
	s.forget(f)
	switch reaction {
	case Again:
		return context.Cause(ctx)
	case AskTypes:
		changed, e := s.refresh(ctx)
		if e != nil {
			return e
		}
		if changed {
			return nil
		}
	case Narrow:
		if s.narrowed++; s.narrowed > barren {
			return err
		}
		s.narrow(f.request)
		return nil
	case Gone:
		return errors.Join(err, s.struck(ctx, gone...))
	}
	return err
}

// narrow makes the next request smaller that the phone could not answer.
func (s *session) narrow(r request) {
	lost, gaveUp := s.plan.narrow(r)
	if !gaveUp {
		return
	}
	t := r.tracks[0].typ
	s.lost[t] = s.lost[t].plus(lost)
	s.jobs <- &job{types: []health.Type{t}, counts: []int{0}, lost: lost}
}

// abandon waits for what is on the wire when a run ends early: its page, where
// it came whole, is kept.
func (s *session) abandon() {
	for _, f := range s.air {
		if <-f.landed != nil || s.arrived(f) != nil {
			continue
		}
	}
	s.air = nil
}

// glanceDue reports that somebody wants to see the newest days now.
func (s *session) glanceDue() bool {
	if s.glancing {
		return true
	}
	select {
	case <-s.o.Fresh:
		s.glancing = true
	default:
	}
	return s.glancing
}

// glance has the newest days read next, of all types, in the middle of a long
// way back, which is gone on with afterwards from where it was.
func (s *session) glance(ctx context.Context) error {
	s.glancing = false
	if err := s.barrier(ctx); err != nil {
		return err
	}
	if s.newest < Beginning {
		return nil // nothing was read yet: the newest days come first anyway
	}
	s.looked = s.now().Unix()
	s.future = max(s.future, s.looked)
	back, again, err := s.lookbackOf(ctx, s.newest+1, false)
	if err != nil {
		return err
	}
	since := s.newest
	s.plan.glance(s.future, store.Span{From: since + 1 - back, To: End}, func(t health.Type) float64 {
		if x := s.recent[t]; x != nil && x.seconds >= day/2 {
			return x.n / x.seconds
		}
		return s.mem.of(t).Top
	})
	s.plan.again = float64(again) + s.density()*float64(max(s.future-since, 0))
	return nil
}
