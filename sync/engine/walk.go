package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"healthsync/sync/health"
	"healthsync/sync/store"
)

// Range is what [Walk] shall read.
type Range struct {
	// Types to read. A sleep stage is read as SleepAnalysis, which the phone
	// must share, and picked out by its value.
	Types []health.Type
	// From and To bound the samples' starts, [From, To) in Unix seconds; 0
	// means no bound.
	From, To int64
	// Limit is the most samples to yield, 0 for all. The phone is not made to
	// read more for it. Who wants to know whether there are more asks for one
	// more.
	Limit int
	// Now is the Mac's clock, a guess at where the newest samples are; nil
	// means time.Now.
	Now func() time.Time
	// React judges an error of the phone; nil ends the walk with each. A walk
	// takes AskTypes as Stop. After Gone it asks the types apart and goes on
	// without the one over which the phone goes away.
	React React
}

// UnreadableError says that a walk has yielded all but these parts, which the
// phone could not serve: single seconds, or all that was left of a type over
// which it goes away.
type UnreadableError struct{ Parts []Unreadable }

func (e *UnreadableError) Error() string {
	return fmt.Sprintf("the phone could not serve %d parts of what was asked for", len(e.Parts))
}

// Walk reads a range straight from the phone and yields it page by page,
// newest first over all types together; samples of one second come in no
// certain order. Types known to bring the app down (stand time) come after all
// others, unless they are all that is asked for. The slice is the callee's only
// until yield returns. Nothing is left out silently: it follows the phone to the
// end of the range, whatever the number of samples. Memory is that of two pages,
// one of which is on the wire while the other is yielded.
//
// Only one request is on the wire, unlike in a sync (see [Sync] and flight.go).
// All types go together here and newest first, so that the next question ends at
// the second at which this page broke off, and its last sample tells that. A guess
// below it would come back half full, at the cost of one of the 60 requests a
// minute, and its page would have to wait in memory for those above.
//
// An error of yield ends the walk and is returned as it is. Samples that are
// inserted or deleted on the phone meanwhile may be seen or not.
func Walk(ctx context.Context, phone Phone, r Range, yield func([]health.Sample) error) error {
	w := newWalk(phone, r)
	if len(w.plan.tracks) == 0 {
		return nil
	}
	err := w.run(ctx, yield)
	if err == nil && !w.full() && len(w.later) > 0 {
		w.replan(w.later)
		err = w.run(ctx, yield)
	}
	if err == nil && len(w.lost) > 0 && !w.full() {
		return &UnreadableError{w.lost}
	}
	return err
}

// run walks one plan to its end.
func (w *walk) run(ctx context.Context, yield func([]health.Sample) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w.pages = make(chan *health.Page)
	failed := make(chan error, 1)
	go func() { failed <- w.fetch(ctx) }()
	var err error
	for page := range w.pages {
		if err == nil && !w.full() {
			err = w.pass(page.Samples, yield)
		}
		if err != nil || w.full() {
			cancel()
		}
		w.free <- page
	}
	fetched := <-failed
	switch {
	case err != nil:
		return err
	case w.full():
		return nil
	}
	return fetched
}

// walk is one run of Walk.
type walk struct {
	phone Phone
	r     Range
	span  store.Span
	plan  *planner
	pages chan *health.Page // full ones on their way to yield
	free  chan *health.Page
	lost  []Unreadable
	// later are the types that are read when the plan is done.
	later    []*track
	now      int64
	requests int
	// gone is how often the phone went away, narrowed how often it could not
	// answer, since it answered last.
	gone, narrowed int

	// whole says that SleepAnalysis itself was asked for, stages which views
	// of it were.
	whole  bool
	stages map[float64]health.Type
	// second is that of the last sample yielded, seen what was yielded of it:
	// the next page begins with it again.
	second  int64
	seen    map[store.Key]struct{}
	out     []health.Sample
	yielded int
}

func newWalk(phone Phone, r Range) *walk {
	w := &walk{
		phone: phone, r: r, seen: map[store.Key]struct{}{},
		free:   make(chan *health.Page, 2),
		stages: map[float64]health.Type{},
	}
	now := time.Now
	if r.Now != nil {
		now = r.Now
	}
	span := store.Span{From: r.From, To: r.To}
	if span.From == 0 {
		span.From = Beginning
	}
	if span.To == 0 {
		span.To = End
	}
	w.span = span
	var tracks []*track
	for _, t := range r.Types {
		if stage, ok := t.Stage(); ok {
			w.stages[float64(stage)] = t
			t = health.SleepAnalysis
		} else if t == health.SleepAnalysis {
			w.whole = true
		}
		if !span.Empty() && !slices.ContainsFunc(tracks, func(x *track) bool { return x.typ == t }) {
			tracks = append(tracks, &track{typ: t, todo: spans{span}})
		}
	}
	w.now = min(now().Unix(), span.To)
	tracks, w.later = fragileLast(tracks)
	w.replan(tracks)
	w.free <- &health.Page{}
	if r.Limit == 0 {
		w.free <- &health.Page{}
	}
	return w
}

// replan begins anew with other types.
func (w *walk) replan(tracks []*track) {
	w.plan = newPlanner(w.now, tracks)
	w.plan.together = true
	w.plan.fresh = Beginning
	if w.r.Limit > 0 && len(w.stages) == 0 {
		w.plan.page = min(w.r.Limit, health.MaxLimit)
	}
	w.second = End + 1
	clear(w.seen)
}

// barren is how many questions in a row a phone may be unable to answer: it
// takes some thirty to close in on one second, and one a type to find the sample
// in it. A phone that can answer none would be asked for every second there is.
const barren = 64

// full reports that the limit is reached.
func (w *walk) full() bool { return w.r.Limit > 0 && w.yielded >= w.r.Limit }

// fetch asks for one page after the other. With a limit it asks for the next
// one when the one before is yielded: the phone must not read in vain.
func (w *walk) fetch(ctx context.Context) error {
	defer close(w.pages)
	for {
		var page *health.Page
		select {
		case page = <-w.free:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		r, ok := w.plan.next()
		if !ok {
			w.free <- page // for the types that come later
			return nil
		}
		reaction, err := put(ctx, w.phone, w.r.React, r.query, page, &w.requests)
		switch {
		case err == nil:
		case reaction == Narrow && w.narrowed < barren:
			w.narrowed++
			if lost, gaveUp := w.plan.narrow(r); gaveUp {
				w.lost = append(w.lost, Unreadable{Type: r.tracks[0].typ, Span: lost})
			}
			w.free <- page
			continue
		case reaction == Gone:
			if err := w.apart(ctx, r, page, err); err != nil {
				return err
			}
			w.free <- page
			continue
		default:
			return err
		}
		w.gone, w.narrowed = 0, 0
		f, err := w.plan.received(r, page.Samples, page.HasMore)
		if err != nil {
			return err
		}
		if !f.skipped.Empty() {
			w.lost = append(w.lost, Unreadable{Type: r.tracks[0].typ, Span: f.skipped})
		}
		w.pages <- page
	}
}

// pass yields what of a page was not yielded before.
func (w *walk) pass(samples []health.Sample, yield func([]health.Sample) error) error {
	w.out = w.out[:0]
	for i := range samples {
		x := &samples[i]
		if x.Start > w.second || !w.span.Contains(x.Start) {
			continue // the first moment of a second that is done, or beyond the range
		}
		if x.Start < w.second {
			w.second = x.Start
			clear(w.seen)
		}
		k := store.Key{Type: x.Type, ID: x.ID}
		if _, ok := w.seen[k]; ok {
			continue
		}
		w.seen[k] = struct{}{}
		w.take(x)
	}
	out := w.out
	if w.r.Limit > 0 {
		out = out[:min(len(out), w.r.Limit-w.yielded)]
	}
	if len(out) == 0 {
		return nil
	}
	w.yielded += len(out)
	return yield(out)
}

// take adds a sample as it was asked for.
func (w *walk) take(x *health.Sample) {
	if x.Type != health.SleepAnalysis {
		w.out = append(w.out, *x)
		return
	}
	if w.whole {
		w.out = append(w.out, *x)
	}
	if stage, ok := w.stages[x.Value]; ok {
		y := *x
		y.Type = stage
		w.out = append(w.out, y)
	}
}
