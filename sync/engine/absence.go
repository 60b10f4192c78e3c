package engine

import (
	"cmp"
	"context"
	"slices"

	"healthsync/sync/health"
	"healthsync/sync/store"
)

// This file finds out what it means that a type gave nothing. Absence is not
// deletion: the permission may be gone, which the phone does not say. A span is
// empty for certain if one answer shows that, and shows a sample of the type
// beside it. So the type is asked for by itself, from the end of the span down to
// the samples below; where there are none, from the span up to the next sample
// that is stored. These are questions like all others, put when the plan is done.

const (
	// maxProofs is how many spans in which nothing is stored a run asks for
	// again: those of this run, the longest first, and once a day some of earlier
	// ones. Not more, because mostly there is nothing.
	maxProofs = 3
	// checkLimit is how many samples such a question may bring. It is a tenth of
	// a page, and reaches over several quiet spans of a sparse type.
	checkLimit = 1000
	// maxReopened is how often a run goes back to a type that was silent and
	// speaks again: a permission may come and go.
	maxReopened = 3
)

// check is a question about a span in which a type gave nothing.
type check struct {
	typ  health.Type
	span store.Span
	// up asks for the span with the next stored sample above it, else it is
	// asked with what lies below.
	up bool
	// stored says that samples are stored in the span.
	stored bool
}

// checks are those of a run.
type checks struct {
	// silent are spans that gave nothing although samples of them are stored,
	// odd are those where only something was to be expected.
	silent map[health.Type]store.Spans
	odd    []check
	// queue is what is asked next.
	queue []check
	// proofs is how many of maxProofs may still be chosen; chosen says that the
	// odd ones were.
	chosen   bool
	reopened map[health.Type]int
}

// nextCheck gives the next question about a silent span.
func (s *session) nextCheck(ctx context.Context) (request, bool, error) {
	for {
		if len(s.checks.queue) == 0 {
			s.chooseChecks()
		}
		if len(s.checks.queue) == 0 {
			return request{}, false, nil
		}
		c := s.checks.queue[0]
		s.checks.queue = s.checks.queue[1:]
		if !slices.Contains(s.wanted, c.typ) || s.plan.track(c.typ) == nil {
			delete(s.checks.silent, c.typ)
			continue
		}
		r, ok, err := s.question(ctx, c)
		if err != nil || ok {
			return r, ok, err
		}
		s.unanswered(c)
	}
}

// chooseChecks fills the queue.
func (s *session) chooseChecks() {
	k := &s.checks
	for _, t := range s.wanted {
		if span, ok := k.silent[t].Newest(); ok {
			k.queue = append(k.queue, check{typ: t, span: span, stored: true})
		}
	}
	if len(k.queue) > 0 || k.chosen {
		return
	}
	k.chosen = true
	slices.SortStableFunc(k.odd, func(a, b check) int {
		return cmp.Compare(b.span.To-b.span.From, a.span.To-a.span.From)
	})
	k.queue = slices.Clone(k.odd[:min(len(k.odd), maxProofs)])
	if s.deep && s.mem.Deep > 0 {
		k.queue = append(k.queue, s.quietSpans()...)
	}
}

// quietSpans chooses spans that were quiet in earlier runs and that the look-back
// does not read again. It begins with another type, and another span of it, each
// day.
func (s *session) quietSpans() (list []check) {
	today := int(s.began / deepEvery)
	for i := range s.wanted {
		t := s.wanted[(today*maxProofs+i)%len(s.wanted)]
		old := slices.Clone(s.mem.of(t).Quiet)
		old = slices.DeleteFunc(old, func(x store.Span) bool { return x.From >= s.newest-s.lookback() })
		if n := len(old); n > 0 && s.mem.of(t).Alive {
			list = append(list, check{typ: t, span: old[today%n]})
		}
	}
	return list[:min(len(list), maxProofs)]
}

// question makes a request of a check; false where nothing is stored that could
// prove anything.
func (s *session) question(ctx context.Context, c check) (request, bool, error) {
	q := health.Query{Types: []health.Type{c.typ}, Start: s.floor, End: c.span.To, Limit: checkLimit}
	f := store.Filter{Types: q.Types, Span: store.Span{From: Beginning, To: c.span.To}}
	if c.up {
		f.OldestFirst, f.Span = true, store.Span{From: c.span.To, To: End}
	}
	at, ok, err := s.one(ctx, f)
	if err != nil || !ok && c.up {
		return request{}, false, err
	}
	if !ok {
		c.up = true
		return s.question(ctx, c)
	}
	if c.up {
		q.Start, q.End = c.span.From, at+1
	}
	return request{query: q, tracks: []*track{{typ: c.typ}}, check: &c}, true, nil
}

// checked concludes from the answer to a check.
func (s *session) checked(ctx context.Context, r request) error {
	c := *r.check
	if err := ordered(r.query, s.page.Samples); err != nil {
		return err
	}
	change := s.change(nil)
	if len(s.page.Samples) == 0 {
		s.unanswered(c)
		return s.store(ctx, change)
	}
	read := whole(r.query, s.page.Samples, s.page.HasMore)
	if !read.Empty() {
		if err := s.conclude(ctx, change, c.typ, len(s.page.Samples), read, false); err != nil {
			return err
		}
	}
	s.reread(c.typ, s.mem.of(c.typ))
	// It speaks again: what of the span is not in the answer is read now.
	s.checks.silent[c.typ] = s.checks.silent[c.typ].Minus(c.span)
	for _, x := range (store.Spans{c.span}).Minus(read) {
		if s.checks.reopened[c.typ]++; s.checks.reopened[c.typ] <= maxReopened {
			s.plan.reopen(c.typ, x)
		}
	}
	return s.store(ctx, change)
}

// unanswered goes on with a check that brought no sample.
func (s *session) unanswered(c check) {
	if !c.up {
		c.up = true
		s.checks.queue = append([]check{c}, s.checks.queue...)
		return
	}
	if c.stored {
		delete(s.checks.silent, c.typ) // as a whole; it stays uncertain
	}
}
