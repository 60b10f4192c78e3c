package engine

import (
	"context"
	"errors"
	"math"

	"healthsync/sync/health"
	"healthsync/sync/store"
)

// job is a page on its way into the database, and what it proves.
type job struct {
	page    *health.Page
	types   []health.Type
	counts  []int
	read    store.Span // whole for all types; empty where nothing is proven
	claim   store.Span // read without what lies in the future
	also    []store.Key
	edge    map[health.Type]bool // types with samples stored from the second where the page before broke off
	expect  []float64            // samples that were to be expected, by type
	shaky   store.Span           // could not be read whole
	lost    store.Span           // could not be served
	learned []learned
	covered []store.Covered // beside what read proves
	at      int64
	look    Progress
	beyond  int64 // the session's, at that moment
	// gone says that the phone was asked and the span is empty for certain.
	gone bool
	// ack, where it is set, makes the job a barrier: everything before it is
	// stored when it is closed.
	ack chan struct{}
}

// learned is what the planner knows of a type after a page.
type learned struct {
	n, tau float64
	alone  bool
	// open says that there is more to read below, above that the type is still
	// above what an earlier run left off at.
	open, above bool
}

// run reads and stores until the plan is done. Up to inFlight requests are on
// the wire while a page is stored; the pages are few, and their memory is used
// again.
func (s *session) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// A page in the queue is one of the pool, so the queue never has more.
	jobs, free := make(chan *job, poolPages), make(chan *health.Page, poolPages)
	s.jobs, s.free = jobs, free
	for range poolPages {
		free <- &health.Page{}
	}
	stored := make(chan error, 1)
	go func() {
		err := s.storeAll(ctx, jobs)
		if err != nil {
			cancel(err) // the pages on the wire are of no use any more
		}
		stored <- err
		for j := range jobs { // so that nobody waits for a reader, or for a page
			if j.ack != nil {
				close(j.ack)
			}
			s.recycle(j)
		}
	}()
	err := s.fetchAll(ctx)
	close(jobs)
	if e := <-stored; e != nil {
		return e
	}
	return err
}

// ask puts a question beside the plan; false without an error means that it
// has no answer.
func (s *session) ask(ctx context.Context, r request, page *health.Page) (bool, error) {
	reaction, err := put(ctx, s.phone, s.o.React, r.query, page, &s.res.Requests)
	if err == nil {
		s.res.Samples += int64(len(page.Samples))
		s.res.Bytes += page.Bytes
		return true, nil
	}
	switch reaction {
	case AskTypes:
		changed, e := s.refresh(ctx)
		if e != nil {
			return false, e
		}
		if changed {
			return false, nil
		}
	case Narrow:
		return false, nil // it stays in doubt
	case Gone:
		return false, errors.Join(err, s.struck(ctx, r))
	}
	return false, err
}

// put puts a question to the phone until it is answered or the caller's
// judgement of its error is another than to ask again.
func put(ctx context.Context, phone Phone, react React, q health.Query, page *health.Page, requests *int) (Reaction, error) {
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

// types asks what the phone shares.
func (s *session) types(ctx context.Context) ([]health.Type, error) {
	for attempt := 1; ; attempt++ {
		s.res.Requests++
		list, err := s.phone.Types(ctx)
		if err == nil {
			return list, nil
		}
		if s.o.React == nil || ctx.Err() != nil || s.o.React(ctx, err, attempt) != Again {
			return nil, err
		}
	}
}

// refresh asks again what the phone shares and leaves out what it does not
// share any more.
func (s *session) refresh(ctx context.Context) (changed bool, err error) {
	enabled, err := s.types(ctx)
	if err != nil {
		return false, err
	}
	before := s.wanted
	s.choose(enabled)
	kept := map[health.Type]bool{}
	for _, t := range s.wanted {
		kept[t] = true
	}
	for _, t := range before {
		if !kept[t] {
			s.plan.drop(t)
			changed = true
		}
	}
	return changed, nil
}

// digest lets the planner learn from a page and says what is to be stored.
func (s *session) digest(r request, page *health.Page) (*job, error) {
	j := &job{page: page, at: s.now().Unix(), edge: map[health.Type]bool{}}
	for _, t := range r.tracks {
		j.types = append(j.types, t.typ)
		if e := t.edge; e != nil {
			for k := range e.seen {
				j.edge[k.Type] = true
			}
		}
	}
	before := make([]track, len(r.tracks))
	for i, t := range r.tracks {
		before[i] = *t
	}
	floor := s.plan.floor
	f, err := s.plan.received(r, page.Samples, page.HasMore)
	if err != nil {
		return nil, err
	}
	s.meet(page.Samples)
	s.countBeyond(page.Samples)
	j.counts, j.read, j.also, j.shaky = f.counts, f.read, f.also, f.skipped
	j.claim = store.Span{From: f.read.From, To: min(f.read.To, s.newest+1)}
	for i, t := range r.tracks {
		if f.read.To == End {
			s.tops[t.typ] = reading{max(j.claim.To, f.read.From), f.counts[i] == 0}
		}
		j.expect = append(j.expect, before[i].expected(r, f.read, floor))
		j.learned = append(j.learned, learned{t.n, t.tau, t.alone, t.rest() != nil, t.resume != nil})
		s.tally(t.typ, f.counts[i], j.claim)
		if t.team < last || f.counts[i] > 0 {
			t.team = 0 // nothing to be afraid of
		}
		if f.counts[i] > 0 && len(s.doubts[t.typ]) > 0 {
			// It speaks again: what it kept silent about is read now.
			for _, d := range s.doubts[t.typ] {
				s.reopen(t.typ, d)
			}
			delete(s.doubts, t.typ)
		}
	}
	j.look, j.beyond = s.look(), s.beyond
	return j, nil
}

// countBeyond counts the samples that earlier runs were not served.
func (s *session) countBeyond(samples []health.Sample) {
	if s.before == 0 {
		return
	}
	for i := range samples {
		if !s.had[samples[i].Type].contains(samples[i].Start) {
			s.beyond++
		}
	}
}

// reopen has a span read again, but for what the phone cannot serve.
func (s *session) reopen(t health.Type, span store.Span) {
	for _, x := range (spans{span}).without(s.lost[t]) {
		s.plan.reopen(t, x)
	}
}

// meet finds the newest sample that is not dated in the future.
func (s *session) meet(samples []health.Sample) {
	for i := range samples {
		if at := samples[i].Start; at <= s.future {
			s.newest = max(s.newest, at)
			return
		}
	}
}

// tally counts what lies in the newest month.
func (s *session) tally(t health.Type, n int, read store.Span) {
	if read.Empty() || read.From < s.newest-30*day {
		return
	}
	x := s.recent[t]
	if x == nil {
		x = &tally{}
		s.recent[t] = x
	}
	x.n += float64(n)
	x.seconds += float64(read.To - read.From)
}

// expected is how many samples of the type a request was thought to bring.
func (t *track) expected(r request, read store.Span, floor int64) float64 {
	if len(r.tracks) == 1 && t.seen > 0 {
		// The page began with a second that held a sample of it.
		return math.Inf(1)
	}
	from := read.From
	if from == Beginning {
		if floor == 0 {
			return 0
		}
		from = floor
	}
	return t.rate() * float64(max(read.To-from, 0))
}

// storeAll stores jobs in their order.
func (s *session) storeAll(ctx context.Context, jobs <-chan *job) error {
	for j := range jobs {
		if j.ack != nil {
			close(j.ack)
			continue
		}
		err := s.keep(ctx, j)
		s.recycle(j)
		if err != nil {
			return err
		}
		s.report(j)
	}
	return nil
}

// recycle gives a job's page back, stored or not: there are no others.
func (s *session) recycle(j *job) {
	if j.page != nil {
		s.free <- j.page
	}
}

// keep stores one job: the page, what it proves, and what was learned, in one
// transaction. A page that has arrived is stored even if the run is being
// cancelled.
func (s *session) keep(ctx context.Context, j *job) error {
	ctx = context.WithoutCancel(ctx)
	c := &store.Change{Also: j.also, Covered: j.covered}
	if j.page != nil {
		c.Samples = j.page.Samples
	}
	for i, t := range j.types {
		if err := s.judge(ctx, j, i, t, c); err != nil {
			return err
		}
	}
	var err error
	if c.State, err = s.mem.state(); err != nil {
		return err
	}
	out, err := s.db.Apply(ctx, c)
	if err != nil {
		return err
	}
	s.res.Counts = s.res.Counts.Plus(out.Counts)
	for t, n := range out.ByType {
		s.res.ByType[t] = s.res.ByType[t].Plus(n)
	}
	return nil
}

// judge decides what a page says of one type.
func (s *session) judge(ctx context.Context, j *job, i int, t health.Type, c *store.Change) error {
	tm := s.mem.of(t)
	if l := j.learned; l != nil && !l[i].above {
		if tm.N, tm.Tau, tm.Alone = 0, 0, false; l[i].open {
			tm.N, tm.Tau, tm.Alone = l[i].n, l[i].tau, l[i].alone
		}
	}
	tm.Doubt = tm.Doubt.plus(j.shaky)
	tm.Lost = tm.Lost.plus(j.lost)
	if j.read.Empty() {
		if j.counts[i] > 0 {
			tm.Alive, tm.Strikes = true, 0
		}
		return nil
	}
	tm.Strikes = 0
	claim := store.Covered{Type: t, Span: j.claim, At: j.at}
	switch {
	case j.gone:
		tm.speak(j.read)
		c.Reconcile = append(c.Reconcile, store.Covered{Type: t, Span: j.read, At: j.at})
	case j.counts[i] == 0:
		held, err := s.holds(ctx, t, j.read, j.edge[t])
		if err != nil {
			return err
		}
		if held {
			// Samples are stored here and the phone gave none: a deletion, or a
			// permission taken away. That is found out afterwards.
			tm.Doubt = tm.Doubt.plus(j.read)
			s.suspects[t] = s.suspects[t].plus(j.read)
			return nil
		}
		// That nothing is where nothing was before is no news.
		news := (spans{j.claim}).without(s.had[t]).seconds()
		if !j.claim.Empty() && j.expect[i]*float64(news)/float64(j.claim.To-j.claim.From) >= 5 {
			s.hushed = append(s.hushed, hush{t, j.claim})
		}
		tm.hush(j.claim)
		tm.Lost = tm.Lost.minus(j.read)
		tm.Doubt = tm.Doubt.minus(j.read)
	default:
		tm.speak(j.read)
		s.suspects[t] = s.suspects[t].minus(j.read)
		c.Reconcile = append(c.Reconcile, store.Covered{Type: t, Span: j.read, At: j.at})
	}
	if !claim.Span.Empty() {
		c.Covered = append(c.Covered, claim)
		if s.o.Full {
			s.mem.Full.Done[t] = s.mem.Full.Done[t].plus(j.claim)
		}
	}
	return nil
}

// holds reports whether the database has a sample of a type in a span.
func (s *session) holds(ctx context.Context, t health.Type, span store.Span, edge bool) (bool, error) {
	old := s.stored[t]
	if !edge && (span.To <= old.From || old.To <= span.From) && s.rounds == 0 {
		return false, nil
	}
	_, ok, err := s.one(ctx, store.Filter{Types: []health.Type{t}, Span: span})
	return ok, err
}

// report tells about the progress after a page is stored.
func (s *session) report(j *job) {
	if s.o.Progress == nil || j.page == nil {
		return
	}
	j.look.New = int64(s.res.Added + s.res.Revived)
	if s.before > 0 {
		// What is not new was stored before this phone was read there.
		j.look.Before += max(j.beyond-j.look.New, 0)
	}
	s.o.Progress(j.look)
}

// barrier waits until everything handed over is stored.
func (s *session) barrier(ctx context.Context) error {
	j := &job{ack: make(chan struct{})}
	s.jobs <- j
	<-j.ack
	return context.Cause(ctx)
}
