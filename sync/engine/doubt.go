package engine

import (
	"cmp"
	"context"
	"slices"

	"healthsync/sync/health"
	"healthsync/sync/store"
)

const (
	// maxProofs is how many silent spans a run reads again at its end together
	// with a sample that is known to be there.
	maxProofs = 3
	// cheapProof is how many samples of a type may be read again for it.
	cheapProof = 1000
	// maxRounds bounds how often a run turns back to what is doubtful.
	maxRounds = 3
)

// afterwards looks at what the pages left in doubt, when everything is asked.
// It reports whether the plan has something to ask again.
func (s *session) afterwards(ctx context.Context) (bool, error) {
	if err := s.barrier(ctx); err != nil {
		return false, err
	}
	s.rounds++
	if !s.proved {
		s.proved = true
		if err := s.prove(ctx); err != nil {
			return false, err
		}
	}
	if err := s.probe(ctx); err != nil {
		return false, err
	}
	if _, more := s.plan.next(); more && s.rounds <= maxRounds {
		return true, nil
	}
	return false, nil
}

// proof is a question whose answer proves that a type has nothing in a span:
// it reaches up (or down) to a sample that is known to be there.
type proof struct {
	types []health.Type
	span  store.Span
}

// prove asks again for spans in which a type gave nothing, this time together
// with a sample that is known to be there: one answer then shows that the
// permission was there and that there was nothing.
func (s *session) prove(ctx context.Context) error {
	proofs, err := s.proofs(ctx)
	if err != nil {
		return err
	}
	for _, p := range proofs {
		var page *health.Page
		select {
		case page = <-s.free:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		r := request{probe: true, query: health.Query{
			Types: p.types, Start: p.span.From, End: p.span.To, Limit: s.plan.page,
		}}
		for _, t := range p.types {
			r.tracks = append(r.tracks, &track{typ: t})
		}
		asked, err := s.ask(ctx, r, page)
		if err != nil || !asked {
			s.free <- page
			if err != nil {
				return err
			}
			continue
		}
		j := &job{page: page, types: p.types, at: s.now().Unix(), counts: make([]int, len(p.types)), expect: make([]float64, len(p.types))}
		count(r.tracks, page.Samples, j.counts)
		if len(page.Samples) < r.query.Limit && !page.HasMore {
			j.read = p.span
			j.claim = store.Span{From: p.span.From, To: min(p.span.To, s.newest+1)}
		} else {
			// More than was thought: read it like everything else.
			for _, t := range p.types {
				s.reopen(t, p.span)
			}
		}
		s.jobs <- j
	}
	return s.barrier(ctx)
}

// proofs chooses what is to be proven: of this run the longest spans, and once a
// day some of earlier runs.
func (s *session) proofs(ctx context.Context) ([]proof, error) {
	list := slices.Clone(s.hushed)
	slices.SortStableFunc(list, func(a, b hush) int {
		return cmp.Compare(b.span.To-b.span.From, a.span.To-a.span.From)
	})
	proofs, err := s.batch(ctx, list)
	if err != nil || !s.deep || s.mem.Deep == 0 {
		return proofs, err
	}
	more, err := s.batch(ctx, s.quiet())
	return append(proofs, more...), err
}

// batch makes a few questions of a list, those that come first; several types
// go into one where their spans begin and end at about the same time.
func (s *session) batch(ctx context.Context, list []hush) ([]proof, error) {
	var proofs []proof
	done := map[health.Type]bool{}
	for _, h := range list {
		if done[h.typ] || !slices.Contains(s.wanted, h.typ) {
			continue
		}
		span, err := s.witness(ctx, h)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(proofs, func(p proof) bool { return s.cheap(p, h.typ, span) })
		switch {
		case i >= 0:
			p := &proofs[i]
			p.types = append(p.types, h.typ)
			p.span = store.Span{From: min(p.span.From, span.From), To: max(p.span.To, span.To)}
		case len(proofs) < maxProofs:
			proofs = append(proofs, proof{[]health.Type{h.typ}, span})
		default:
			continue
		}
		done[h.typ] = true
	}
	return proofs, nil
}

// quiet chooses spans that were silent in earlier runs: all of a type at once
// where that costs little, else another one each day. It begins with another
// type each day, because a run proves a few only.
func (s *session) quiet() (list []hush) {
	today := int(s.began / deepEvery)
	for i := range s.wanted {
		t := s.wanted[(today*maxProofs+i)%len(s.wanted)]
		tm := s.mem.of(t)
		if !tm.Alive || len(tm.Quiet) == 0 {
			continue
		}
		span := store.Span{From: tm.Quiet[0].From, To: tm.Quiet[len(tm.Quiet)-1].To}
		length := float64(span.To - max(span.From, s.stored[t].From))
		if tm.Top*length > cheapProof {
			span = tm.Quiet[today%len(tm.Quiet)]
		}
		list = append(list, hush{t, span})
	}
	return list
}

// cheap reports whether it costs little to widen a proof and a type's span to
// each other.
func (s *session) cheap(p proof, t health.Type, span store.Span) bool {
	from, to := min(p.span.From, span.From), max(p.span.To, span.To)
	more := s.samples(t, to-from-(span.To-span.From))
	for _, t := range p.types {
		more += s.samples(t, to-from-(p.span.To-p.span.From))
	}
	return more <= min(cheapProof, max(30, float64(s.res.Samples)/100))
}

// samples is how many samples of a type so many seconds hold on average.
func (s *session) samples(t health.Type, seconds int64) float64 {
	old := s.stored[t]
	if seen, oldest := s.plan.met(t); seen > 0 {
		old = store.Span{From: min(oldest, s.future), To: s.future}
		return float64(seen) / float64(max(old.To-old.From, 30*day)) * float64(seconds)
	}
	return s.mem.of(t).Top * float64(min(seconds, old.To-old.From))
}

// witness widens a silent span to the next sample of the type that is stored,
// where there is one.
func (s *session) witness(ctx context.Context, h hush) (store.Span, error) {
	f := store.Filter{Types: []health.Type{h.typ}, OldestFirst: true, Span: store.Span{From: h.span.To - 1, To: End}}
	at, ok, err := s.one(ctx, f)
	switch {
	case err != nil:
		return h.span, err
	case ok:
		return store.Span{From: h.span.From, To: max(at+1, h.span.To)}, nil
	}
	f.OldestFirst, f.Span = false, store.Span{From: Beginning, To: h.span.From + 1}
	if at, ok, err = s.one(ctx, f); err != nil || !ok {
		return h.span, err
	}
	return store.Span{From: min(at, h.span.From), To: End}, nil
}

// probe finds out about spans in which samples are stored and the phone gave
// none. It asks for the newest sample before the end of such a span, and if
// there is none, for the span together with a stored sample above it: one that
// comes back from outside the span shows, in one answer, that the permission is
// there and the span is empty, so what is stored there was deleted. No sample
// at all means that the type is silent as a whole, and nothing is touched.
func (s *session) probe(ctx context.Context) error {
	if err := s.barrier(ctx); err != nil {
		return err
	}
	for _, t := range s.wanted {
		for len(s.suspects[t]) > 0 {
			span, _ := s.suspects[t].newest()
			wide := store.Span{From: Beginning, To: span.To}
			found, err := s.sample(ctx, t, wide, 1, span)
			if err != nil {
				return err
			}
			if found != inside && found != outside {
				if wide, err = s.witness(ctx, hush{t, span}); err != nil {
					return err
				}
				if found = missing; wide.To > span.To {
					wide.From = span.From
					if found, err = s.sample(ctx, t, wide, s.plan.page, span); err != nil {
						return err
					}
				}
			}
			switch found {
			case missing:
				delete(s.suspects, t) // it stays in Doubt
			case inside:
				// It is back: read it.
				s.suspects[t] = s.suspects[t].minus(span)
				s.reopen(t, span)
			case crowdedOut:
				s.suspects[t] = s.suspects[t].minus(span)
				s.reopen(t, wide)
			case outside:
				s.suspects[t] = s.suspects[t].minus(span)
				s.jobs <- s.absence(t, span)
			}
		}
	}
	return s.barrier(ctx)
}

// sighting is where a sample was found.
type sighting int

const (
	missing sighting = iota
	inside
	outside
	// crowdedOut are those inside, if any, by more above than fit into the
	// answer.
	crowdedOut
)

// sample asks for a type's samples in a wide span and says where they are with
// respect to a narrower one.
func (s *session) sample(ctx context.Context, t health.Type, wide store.Span, limit int, span store.Span) (sighting, error) {
	page, err := s.blank(ctx)
	if err != nil {
		return missing, err
	}
	defer func() { s.free <- page }()
	r := request{probe: true, tracks: []*track{{typ: t}}, query: health.Query{
		Types: []health.Type{t}, Start: wide.From, End: wide.To, Limit: limit,
	}}
	asked, err := s.ask(ctx, r, page)
	if err != nil || !asked {
		return missing, err
	}
	found := missing
	for _, x := range page.Samples {
		switch {
		case span.Contains(x.Start):
			return inside, nil
		case x.Start >= span.To && (len(page.Samples) >= limit || page.HasMore):
			found = crowdedOut
		default:
			found = outside
		}
	}
	return found, nil
}

// absence is a job that says that a span holds no sample of a type.
func (s *session) absence(t health.Type, span store.Span) *job {
	return &job{gone: true, types: []health.Type{t}, counts: []int{0}, read: span, at: s.now().Unix(),
		claim: store.Span{From: span.From, To: min(span.To, s.newest+1)}}
}

// finish writes down what the run has learned as a whole.
func (s *session) finish(ctx context.Context) error {
	for t, x := range s.recent {
		if x.seconds >= day/2 {
			s.mem.of(t).Top = x.n / x.seconds
		}
	}
	s.mem.Ran, s.mem.Begin, s.mem.Sure = s.began, nil, 0
	if s.deep {
		s.mem.Deep = s.began
	}
	if s.o.Full {
		s.mem.Full = nil
	}
	// All types were read after that moment, so all of them are read as far as
	// the newest sample of any, if that was there by then.
	j := &job{}
	to := min(s.newest, s.looked) + 1
	for _, t := range s.wanted {
		r, ok := s.tops[t]
		span := store.Span{From: r.from, To: to}
		if !ok || span.Empty() || len(s.mem.of(t).Doubt.within(span)) > 0 {
			continue
		}
		if r.quiet {
			s.mem.of(t).hush(span)
		}
		j.covered = append(j.covered, store.Covered{Type: t, Span: span, At: s.now().Unix()})
	}
	s.jobs <- j
	return s.barrier(ctx)
}
