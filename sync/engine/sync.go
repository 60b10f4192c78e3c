package engine

import (
	"context"
	"slices"
	"time"

	"healthsync/sync/health"
	"healthsync/sync/store"
)

const (
	// deepEvery is how often the whole look-back and all that is uncertain is
	// read again. In between, a run reads as much of the look-back as fits
	// into one request, so that syncing often costs little.
	deepEvery = 20 * 3600
	// knownShare is the share of a page that a look-back of one request is made for:
	// it leaves room for the new samples.
	knownShare = 0.8
	// freshDays is what the user sees first, of all types.
	freshDays = 7 * day
	// evenSamples is how many samples are read once more so that types which were
	// not last read at the same time are read again from the same second on: one
	// request does it for all of them.
	evenSamples = 500
)

// session is one run of Sync. All of it belongs to one goroutine.
type session struct {
	phone Phone
	db    Store
	o     Options
	now   func() time.Time
	res   Result

	began int64
	// deep says that what is uncertain is read again in this run.
	deep   bool
	mem    *memory
	wanted []health.Type
	plan   *planner
	page   health.Page
	// floor is the second below which nothing is asked for.
	floor int64
	// newest is the start of the newest sample known to be served that is not
	// dated in the future; Beginning-1 as long as none is.
	newest int64
	// future is the second from which a date is in the future: by the Mac's
	// clock, or, where that was set back, by what is stored.
	future int64
	// full is the run that reads everything again, where this is one; verify
	// says that what it finds is noted.
	full   *fullMemory
	verify bool
	// had is what was covered at the start.
	had map[health.Type]store.Spans
	// uncertain spans were so at the start, of types that have not shown a sample
	// since and are not read again as a whole.
	uncertain map[health.Type]store.Spans
	// narrowed is how many questions in a row the phone could not answer.
	narrowed int
	checks   checks
	meter    meter
}

// Sync brings the database up to date with the phone. Its errors are those of
// the phone and of the database, as they gave them, and *OrderError. Whatever
// the error, and wherever the process dies: what was stored stays, and the next
// run goes on from there. Cancelling ctx ends a run after the page in hand is
// stored.
func Sync(ctx context.Context, phone Phone, db Store, o Options) (Result, error) {
	s := newSession(phone, db, o)
	err := s.sync(ctx)
	return s.res, err
}

func newSession(phone Phone, db Store, o Options) *session {
	s := &session{
		phone: phone, db: db, o: o, now: o.Now, floor: Beginning, newest: Beginning - 1,
		res:       Result{ByType: map[health.Type]store.Counts{}},
		uncertain: map[health.Type]store.Spans{},
		checks:    checks{silent: map[health.Type]store.Spans{}, reopened: map[health.Type]int{}},
	}
	if s.now == nil {
		s.now = time.Now
	}
	if o.Since != 0 {
		s.floor = o.Since
	}
	if o.page == 0 {
		s.o.page = health.MaxLimit
	}
	return s
}

func (s *session) sync(ctx context.Context) error {
	err := s.begin(ctx)
	if err == nil {
		err = s.run(ctx)
	}
	s.summarize(err)
	return err
}

// run asks one question after the other and stores each page.
func (s *session) run(ctx context.Context) error {
	for {
		r, ok, err := s.next(ctx)
		if err != nil {
			return err
		}
		if !ok {
			return s.finish(ctx)
		}
		if err := s.ask(ctx, r); err != nil {
			return err
		}
	}
}

// next gives the next question: of the plan, or, when all of that is read, about
// what the pages left uncertain.
func (s *session) next(ctx context.Context) (request, bool, error) {
	select {
	case <-s.o.Fresh:
		if err := s.newestAgain(ctx); err != nil {
			return request{}, false, err
		}
	default:
	}
	if r, ok := s.plan.next(); ok {
		return r, true, nil
	}
	return s.nextCheck(ctx)
}

// ask puts a question and stores the answer.
func (s *session) ask(ctx context.Context, r request) error {
	reaction, err := put(ctx, s.phone, s.o.React, r.query, &s.page, &s.res.Requests)
	if err == nil {
		s.narrowed = 0
		s.res.Samples += int64(len(s.page.Samples))
		s.res.Bytes += s.page.Bytes
		return s.answered(ctx, r)
	}
	switch reaction {
	case AskTypes:
		changed, e := s.askTypes(ctx)
		if e != nil {
			return e
		}
		if changed {
			return nil
		}
	case Narrow:
		if s.narrowed++; s.narrowed <= unanswered {
			return s.narrow(ctx, r)
		}
	case Gone:
		return s.stopped(ctx, r, err)
	}
	return err
}

// put puts a question to the phone until it is answered or the caller's
// judgement of its error is another than to ask again.
func put(
	ctx context.Context, phone Phone, react React, q health.Query, page *health.Page, requests *int,
) (Reaction, error) {
	for attempt := 1; ; attempt++ {
		if ctx.Err() != nil {
			return Stop, context.Cause(ctx)
		}
		*requests++
		err := phone.Samples(ctx, q, page)
		if err == nil {
			return Stop, nil
		}
		if react == nil || ctx.Err() != nil {
			return Stop, err
		}
		if r := react(ctx, err, attempt); r != Again {
			return r, err
		}
	}
}

// askAgain is how often the phone is asked for its types while it goes away over
// that: a type cannot be the reason.
const askAgain = 2

// types asks what the phone shares, and so whether it is there.
func types(ctx context.Context, phone Phone, react React, requests *int) ([]health.Type, error) {
	for attempt := 1; ; attempt++ {
		*requests++
		list, err := phone.Types(ctx)
		if err == nil {
			return list, nil
		}
		if react == nil || ctx.Err() != nil {
			return nil, err
		}
		if r := react(ctx, err, attempt); r != Again && (r != Gone || attempt == askAgain) {
			return nil, err
		}
	}
}

// askTypes asks again what the phone shares and leaves out what it does not
// share any more.
func (s *session) askTypes(ctx context.Context) (changed bool, err error) {
	enabled, err := types(ctx, s.phone, s.o.React, &s.res.Requests)
	if err != nil {
		return false, err
	}
	before := s.wanted
	s.choose(enabled)
	for _, t := range before {
		if !slices.Contains(s.wanted, t) {
			s.plan.drop(t)
			changed = true
		}
	}
	return changed, nil
}

// narrow makes the next request smaller that the phone could not answer.
func (s *session) narrow(ctx context.Context, r request) error {
	if r.check != nil {
		s.unanswered(*r.check) // else it would be asked for ever
		return nil
	}
	lost, gaveUp := s.plan.narrow(r)
	if !gaveUp {
		return nil
	}
	tm := s.mem.of(r.tracks[0].typ)
	tm.Lost = tm.Lost.Plus(lost)
	return s.apply(ctx, &store.Change{})
}

// newestAgain has the newest days read next, of all types, in the middle of a
// long way back, which is gone on with afterwards from where it was.
func (s *session) newestAgain(ctx context.Context) error {
	if s.newest < Beginning {
		return nil // nothing was read yet: the newest days come first anyway
	}
	s.future = max(s.future, s.now().Unix())
	recent, err := s.recent(ctx, s.newest+1, false)
	if err != nil {
		return err
	}
	s.plan.refresh(s.future, store.Span{From: s.newest + 1 - recent.back, To: End})
	s.plan.again = recent.expected(s.future - s.newest)
	for _, t := range s.plan.tracks {
		t.lately = recent.of(t.typ)
	}
	return nil
}

// finish writes down that the run is done.
func (s *session) finish(ctx context.Context) error {
	s.mem.Ran = s.began
	if s.deep {
		s.mem.Deep = s.began
	}
	if s.o.Full {
		s.mem.Full = nil
	}
	for _, t := range s.plan.tracks {
		s.mem.of(t.typ).cleared()
	}
	return s.apply(ctx, &store.Change{})
}

// summarize fills in what the Result says beside the counts.
func (s *session) summarize(err error) {
	if s.newest >= Beginning {
		s.res.To = s.newest
	}
	if s.mem == nil || s.plan == nil {
		return
	}
	for _, t := range s.wanted {
		tm := s.mem.of(t)
		if tm.Stopped != nil {
			s.res.Unreadable = append(s.res.Unreadable, Unreadable{Type: t, Span: store.Span{From: Beginning, To: End}})
		}
		for _, span := range tm.Lost {
			s.res.Unreadable = append(s.res.Unreadable, Unreadable{Type: t, Span: span, Retry: s.mem.Deep + deepEvery})
		}
	}
	whole := err == nil && len(s.res.Unreadable) == 0
	for _, t := range s.wanted {
		if tm := s.mem.of(t); len(tm.Uncertain) > 0 {
			s.res.Silent = append(s.res.Silent, t)
			whole = false
		}
	}
	s.res.Complete = whole
}
