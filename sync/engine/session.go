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
)

// session is one run of Sync.
type session struct {
	phone Phone
	db    Store
	o     Options
	now   func() time.Time

	began  int64
	deep   bool
	mem    *memory
	wanted []health.Type
	plan   *planner
	// newest is the start of the newest sample known to be served that is not
	// dated in the future; Beginning-1 as long as none is.
	newest int64
	// future is the second from which a date is in the future: by the Mac's
	// clock, or, where that was set back, by what is stored.
	future int64
	// had is what was covered at the start.
	had map[health.Type]spans
	// stored is the span of what the database holds of a type at the start.
	stored map[health.Type]store.Span
	// doubts are the spans that were in doubt at the start, of types that have
	// not been seen alive since.
	doubts map[health.Type]spans
	recent map[health.Type]*tally
	// tops are how the newest span of each type was read.
	tops map[health.Type]reading
	// lost are the seconds that the phone cannot serve, and that are not asked
	// for any more in this run.
	lost map[health.Type]spans
	// looked is when the newest days were asked for last: at the beginning, or
	// when somebody wanted it.
	looked int64

	res Result
	// air are the questions on the wire, oldest first.
	air      []*flight
	glancing bool
	// narrowed is how many questions in a row the phone could not answer.
	narrowed int
	// before is how many samples earlier runs have brought, where the history is
	// not read to its beginning, and beyond how many this one was served that they
	// were not; marks are for telling the pace.
	before, beyond int64
	marks          []mark
	jobs           chan *job
	free           chan *health.Page
	// Found by the storing goroutine; read by the other behind a barrier.
	suspects map[health.Type]spans
	hushed   []hush
	proved   bool
	sounding bool
	rounds   int
}

// tally counts a type's samples over the newest days.
type tally struct{ n, seconds float64 }

// reading says that everything from a second on was read, and whether it was
// nothing at all.
type reading struct {
	from  int64
	quiet bool
}

// hush is a span in which a type gave nothing although something was to be
// expected.
type hush struct {
	typ  health.Type
	span store.Span
}

// Sync brings the database up to date with the phone. Its errors are those of
// the phone and of the database, as they gave them, and *OrderError. Whatever
// the error, and wherever the process dies: what was stored stays, and the next
// run goes on from there. Cancelling ctx ends a run after the page in hand is
// stored.
func Sync(ctx context.Context, phone Phone, db Store, o Options) (Result, error) {
	s := &session{
		phone: phone, db: db, o: o, now: o.Now,
		stored:   map[health.Type]store.Span{},
		doubts:   map[health.Type]spans{},
		recent:   map[health.Type]*tally{},
		lost:     map[health.Type]spans{},
		tops:     map[health.Type]reading{},
		suspects: map[health.Type]spans{},
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.res.ByType = map[health.Type]store.Counts{}
	err := s.begin(ctx)
	if err == nil {
		err = s.run(ctx)
	}
	s.conclude(err)
	return s.res, err
}

// begin asks what is shared and what is known, and makes the plan.
func (s *session) begin(ctx context.Context) error {
	s.began = s.now().Unix()
	s.looked = s.began
	var err error
	if s.mem, err = loadMemory(ctx, s.db); err != nil {
		return err
	}
	covered, err := s.coverage(ctx)
	if err != nil {
		return err
	}
	enabled := s.o.Enabled
	if enabled == nil {
		if enabled, err = s.types(ctx); err != nil {
			return err
		}
	}
	s.choose(enabled)
	s.deep = s.o.Full || s.mem.Deep == 0 || s.began-s.mem.Deep >= deepEvery || s.began < s.mem.Deep
	for _, t := range s.wanted {
		if err := s.extent(ctx, t); err != nil {
			return err
		}
	}
	s.had = covered
	return s.layOut(ctx, covered)
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
func (s *session) coverage(ctx context.Context) (map[health.Type]spans, error) {
	out := map[health.Type]spans{}
	if s.o.Full {
		if f := s.mem.Full; f == nil || s.began-f.Began > fullLife || s.began < f.Began {
			s.mem.Full = &fullMemory{Began: s.began, Done: map[health.Type]spans{}}
		}
		for t, done := range s.mem.Full.Done {
			out[t] = spansOf(done)
		}
		return out, nil
	}
	list, err := s.db.Coverage(ctx)
	if err != nil {
		return nil, err
	}
	for t, l := range list {
		out[t] = spansOf(l)
	}
	return out, nil
}

// extent finds the oldest and newest stored sample of a type.
func (s *session) extent(ctx context.Context, t health.Type) error {
	f := store.Filter{Types: []health.Type{t}, Limit: 1}
	newest, ok, err := s.one(ctx, f)
	if err != nil || !ok {
		return err
	}
	f.OldestFirst = true
	oldest, _, err := s.one(ctx, f)
	s.stored[t] = store.Span{From: oldest, To: newest + 1}
	return err
}

// one gives the start of the first sample that f chooses.
func (s *session) one(ctx context.Context, f store.Filter) (at int64, ok bool, err error) {
	f.Limit = 1
	err = s.db.Query(ctx, f, func(x *health.Sample) error {
		at, ok = x.Start, true
		return nil
	})
	return at, ok, err
}

// layOut decides what is to be read of each type.
func (s *session) layOut(ctx context.Context, covered map[health.Type]spans) error {
	s.newest = Beginning - 1
	top := Beginning
	for _, t := range s.wanted {
		if c, ok := covered[t].newest(); ok {
			top = max(top, c.To)
		}
	}
	ran := top > Beginning
	if ran {
		s.newest = top - 1
	}
	// What is covered was served, so time has come that far, whatever the
	// Mac's clock says now.
	s.future = max(s.began, top)
	back, again, err := s.lookback(ctx, ran, top)
	if err != nil {
		return err
	}
	floor := Beginning
	if s.o.Since != 0 {
		floor = s.o.Since
	}
	// Types that were last read at about the same time are read again from the
	// same second on: one request does it.
	even := top
	lag := max(day, min(s.fullLookback(), int64(500/max(s.density(), 1e-9))))
	for _, t := range s.wanted {
		if c, ok := covered[t].newest(); ok && top-c.To <= lag {
			even = min(even, c.To)
		}
	}
	lowest := End
	var tracks []*track
	for _, t := range s.wanted {
		tm := s.mem.of(t)
		if s.banned(t, tm) || s.spared(t, tm) {
			continue
		}
		have := covered[t]
		if s.deep {
			have = have.without(tm.Doubt)
			if !tm.Alive {
				// Never seen: there is nothing, or the permission is missing.
				have = nil
			}
		} else if len(tm.Doubt) > 0 {
			s.doubts[t] = tm.Doubt
		}
		if newest, ok := have.newest(); ok {
			keep := even - back
			if top-newest.To > lag {
				keep = newest.To - s.fullLookback()
			}
			have = have.minus(store.Span{From: keep, To: End})
			lowest = min(lowest, keep)
		}
		todo := spans{{From: floor, To: End}}.without(have)
		if !s.deep {
			s.lost[t] = tm.Lost
			todo = todo.without(tm.Lost)
		}
		tracks = append(tracks, s.track(t, tm, todo, back))
	}
	s.teams(tracks)
	s.plan = newPlanner(s.future, tracks)
	s.plan.page, s.plan.sure = s.page(), s.mem.Sure
	if err := s.count(ctx, tracks, floor); err != nil {
		return err
	}
	s.plan.fresh = max(s.future-freshDays, floor)
	if !ran && s.mem.Ran > 0 {
		s.plan.fresh = floor // the phone had nothing: one look is enough
	}
	if lowest < End && again <= 3*health.MaxLimit {
		s.plan.fresh = lowest
		since := max(s.mem.Ran, top)
		s.plan.again = float64(again) + s.density()*float64(max(s.future-since, 0))
	}
	return nil
}

// count finds how much earlier runs have brought, where a history is still being
// read to its beginning.
func (s *session) count(ctx context.Context, tracks []*track, floor int64) error {
	s.marks = []mark{{s.now(), s.res.Requests, 0}}
	open := func(t *track) bool { return len(t.todo) > 0 && t.todo[0].From == floor }
	if s.o.Full || s.o.Progress == nil || !slices.ContainsFunc(tracks, open) {
		return nil
	}
	if s.mem.Again {
		return s.countRead(ctx)
	}
	list, err := s.db.Types(ctx)
	if err != nil {
		return err
	}
	for _, x := range list {
		if slices.Contains(s.wanted, x.Type) {
			s.before += x.Count
		}
	}
	return nil
}

// countRead is count where not all that is stored was brought by this phone:
// only what lies where it was read counts.
func (s *session) countRead(ctx context.Context) error {
	for _, t := range s.wanted {
		for _, x := range s.had[t] {
			from, err := s.db.CountOwn(ctx, t, x.From)
			if err != nil {
				return err
			}
			beyond, err := s.db.CountOwn(ctx, t, x.To)
			if err != nil {
				return err
			}
			s.before += from - beyond
		}
	}
	return nil
}

// track begins a type's way, with what earlier runs learned.
func (s *session) track(t health.Type, tm *typeMemory, todo spans, back int64) *track {
	tr := &track{typ: t, todo: todo}
	switch {
	case tm.Top > 0:
		tr.tau = float64(max(back, day))
		tr.n = tm.Top * tr.tau
	case s.mem.Ran > 0 && !tm.Alive:
		tr.tau = year // read before, and nothing there
	}
	if tm.Tau > 0 && len(todo) > 1 {
		tr.resume = &resumption{at: todo[len(todo)-2].To, n: tm.N, tau: tm.Tau, alone: tm.Alone}
	}
	return tr
}

// page is how many samples a request asks for.
func (s *session) page() int {
	if s.o.testOnlyPage > 0 {
		return s.o.testOnlyPage
	}
	return health.MaxLimit
}

func (s *session) fullLookback() int64 {
	switch {
	case s.o.Lookback < 0:
		return 0
	case s.o.Lookback == 0:
		return int64(DefaultLookback / time.Second)
	}
	return int64(s.o.Lookback / time.Second)
}

// lookback is how much of what is covered this run reads again, in seconds,
// and how many samples are stored of it.
func (s *session) lookback(ctx context.Context, ran bool, top int64) (back int64, n int, err error) {
	if !ran {
		return s.fullLookback(), 0, nil
	}
	return s.lookbackOf(ctx, top, s.deep)
}

// lookbackOf is lookback behind a second; deep is the whole of it, else what one
// request reaches.
func (s *session) lookbackOf(ctx context.Context, top int64, deep bool) (back int64, n int, err error) {
	back = s.fullLookback()
	f := store.Filter{Types: s.wanted, Span: store.Span{From: top - back, To: End}}
	if !deep {
		f.Limit = int(knownShare * float64(s.page()))
	}
	at := top
	err = s.db.Query(ctx, f, func(x *health.Sample) error {
		n++
		at = x.Start
		return nil
	})
	if f.Limit > 0 && n == f.Limit {
		back = max(min(back, top-at), 0)
	}
	return back, n, err
}

// density is the samples per second of all types over the newest days.
func (s *session) density() (sum float64) {
	for _, t := range s.wanted {
		sum += s.mem.of(t).Top
	}
	return sum
}

// conclude fills in what the Result says beside the counts.
func (s *session) conclude(err error) {
	if s.newest >= Beginning {
		s.res.To = s.newest
	}
	if s.mem == nil || s.plan == nil {
		return
	}
	for _, t := range s.wanted {
		for _, span := range s.mem.of(t).Lost {
			s.res.Unreadable = append(s.res.Unreadable, Unreadable{Type: t, Span: span, Retry: s.mem.Deep + deepEvery})
		}
	}
	whole := err == nil && len(s.res.Unreadable) == 0
	for _, t := range s.wanted {
		tm := s.mem.of(t)
		if len(tm.Doubt) == 0 {
			continue
		}
		whole = false
		if _, ok := s.stored[t]; ok || tm.Alive {
			s.res.Silent = append(s.res.Silent, t)
		}
	}
	s.res.Complete = whole
}
