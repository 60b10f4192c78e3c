package engine

import (
	"context"

	"healthsync/sync/health"
	"healthsync/sync/store"
)

// This file says what a page proves of each type, and stores that with the page
// in one transaction.

// notable is how many samples were to be expected for it to be odd that there
// are none.
const notable = 5

// answered lets the plan learn from the page that answers r, and stores it.
func (s *session) answered(ctx context.Context, r request) error {
	s.clearSuspicion(r)
	if r.check != nil {
		return s.checked(ctx, r)
	}
	// A page that goes on in a second which held a sample has it again.
	goesOn := len(r.tracks) == 1 && r.tracks[0].partial != nil
	rates := make([]float64, len(r.tracks))
	for i, t := range r.tracks {
		rates[i] = t.lately.perSecond()
	}
	begin := s.plan.begin
	f, err := s.plan.received(r, s.page.Samples, s.page.HasMore)
	if err != nil {
		return err
	}
	c := s.change(f.also)
	for i, t := range r.tracks {
		tm := s.mem.of(t.typ)
		tm.Uncertain = tm.Uncertain.Plus(f.skipped)
		if f.counts[i] > 0 {
			s.reread(t.typ, tm)
		}
		if !f.read.Empty() {
			since := max(f.read.From, begin)
			if begin == 0 && f.read.From == Beginning {
				since = f.read.To // nobody knows how much of it there should be
			}
			news := store.Spans{{From: since, To: s.claim(f.read).To}}.Within(f.read).Minus(s.had[t.typ]...)
			odd := goesOn || rates[i]*float64(news.Seconds()) >= notable
			if err := s.conclude(ctx, c, t.typ, f.counts[i], f.read, odd); err != nil {
				return err
			}
		}
		if !s.suspect(t.typ) {
			t.group = 0
		}
	}
	return s.store(ctx, c)
}

// change begins a change with the page.
func (s *session) change(also []store.Key) *store.Change {
	for i := range s.page.Samples {
		if at := s.page.Samples[i].Start; at <= s.future {
			s.newest = max(s.newest, at)
			break
		}
	}
	s.meter.beyond(s.page.Samples, s.had)
	return &store.Change{Samples: s.page.Samples, Also: also}
}

// claim is what of a span counts as read: not what lies in the future. A watch
// that was set wrong may have dated samples there, and the others are still to
// be measured.
func (s *session) claim(read store.Span) store.Span {
	return store.Span{From: read.From, To: min(read.To, s.newest+1)}
}

// conclude says what a page with n samples of a type proves of a span. odd says
// that some were to be expected.
func (s *session) conclude(
	ctx context.Context, c *store.Change, t health.Type, n int, read store.Span, odd bool,
) error {
	tm := s.mem.of(t)
	covered := store.Covered{Type: t, Span: s.claim(read), At: s.now().Unix()}
	if n > 0 {
		tm.speak(read)
		s.checks.silent[t] = s.checks.silent[t].Minus(read)
		c.Reconcile = append(c.Reconcile, store.Covered{Type: t, Span: read, At: covered.At})
	} else {
		_, stored, err := s.one(ctx, store.Filter{Types: []health.Type{t}, Span: read})
		if err != nil {
			return err
		}
		if stored {
			// Samples are stored here and the phone gave none: a deletion, or a
			// permission taken away. That is found out afterwards.
			tm.Uncertain = tm.Uncertain.Plus(read)
			s.checks.silent[t] = s.checks.silent[t].Plus(read)
			return nil
		}
		if odd && !covered.Span.Empty() {
			s.checks.odd = append(s.checks.odd, check{typ: t, span: covered.Span})
		}
		tm.quiet(covered.Span)
		tm.Lost, tm.Uncertain = tm.Lost.Minus(read), tm.Uncertain.Minus(read)
	}
	if covered.Span.Empty() {
		return nil
	}
	c.Covered = append(c.Covered, covered)
	if s.o.Full {
		s.full.Done[t] = s.full.Done[t].Plus(covered.Span)
	}
	return nil
}

// reread has what was uncertain at the start read again, now that the type shows
// a sample.
func (s *session) reread(t health.Type, tm *typeMemory) {
	tm.Alive = true
	for _, x := range s.uncertain[t].Minus(tm.Lost...) {
		s.plan.reopen(t, x)
	}
	delete(s.uncertain, t)
}

// store stores a page and tells of the progress.
func (s *session) store(ctx context.Context, c *store.Change) error {
	if err := s.apply(ctx, c); err != nil {
		return err
	}
	if s.o.Progress != nil {
		s.o.Progress(s.progress())
	}
	return nil
}

// apply stores a change together with what the engine knows by now. A page that
// has arrived is stored even if the run is being cancelled.
func (s *session) apply(ctx context.Context, c *store.Change) error {
	var err error
	if c.State, err = s.mem.state(); err != nil {
		return err
	}
	if s.verify {
		c.Detail, c.Note = true, func(out store.Outcome) (map[string]string, error) {
			s.full.Found.see(out)
			return s.mem.state()
		}
	}
	out, err := s.db.Apply(context.WithoutCancel(ctx), c)
	if err != nil {
		return err
	}
	s.res.Counts = s.res.Counts.Plus(out.Counts)
	for t, n := range out.ByType {
		s.res.ByType[t] = s.res.ByType[t].Plus(n)
	}
	return nil
}
