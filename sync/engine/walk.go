package engine

import (
	"context"
	"errors"
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
	// takes AskTypes as Stop. After Gone it asks for the types one by one and
	// goes on without the one over which the phone goes away.
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
// end of the range, whatever the number of samples. Memory is that of one page.
//
// An error of yield ends the walk and is returned as it is. Samples that are
// inserted or deleted on the phone meanwhile may be seen or not.
func Walk(ctx context.Context, phone Phone, r Range, yield func([]health.Sample) error) error {
	w := &walk{phone: phone, r: r, yield: yield, seen: map[store.Key]struct{}{}, stages: map[float64]health.Type{}}
	for _, tracks := range w.tracks() {
		w.begin(tracks)
		if err := w.run(ctx); err != nil {
			return err
		}
	}
	if len(w.lost) > 0 && !w.done() {
		return &UnreadableError{w.lost}
	}
	return nil
}

// walk is one run of Walk.
type walk struct {
	phone    Phone
	r        Range
	yield    func([]health.Sample) error
	span     store.Span
	plan     *planner
	page     health.Page
	lost     []Unreadable
	now      int64
	requests int
	// narrowed is how many questions the phone could not answer, blamed over how
	// many types it went away, since it answered last.
	narrowed, blamed int
	out              yielded
	// whole says that SleepAnalysis itself was asked for, stages which views
	// of it were.
	whole  bool
	stages map[float64]health.Type
	// second is that of the last sample yielded, seen what was yielded of it:
	// the next page begins with it again.
	second int64
	seen   map[store.Key]struct{}
}

// yielded are the samples of a page that are new, and how many were before.
type yielded struct {
	samples []health.Sample
	n       int
}

// tracks gives what is to be read, in the order in which it is.
func (w *walk) tracks() (lists [][]*track) {
	now := time.Now
	if w.r.Now != nil {
		now = w.r.Now
	}
	w.span = store.Span{From: w.r.From, To: w.r.To}
	if w.span.From == 0 {
		w.span.From = Beginning
	}
	if w.span.To == 0 {
		w.span.To = End
	}
	w.now = min(now().Unix(), w.span.To)
	if w.span.Empty() {
		return nil
	}
	var first, last []*track
	known := map[health.Type]bool{}
	for _, t := range w.r.Types {
		if stage, ok := t.Stage(); ok {
			w.stages[float64(stage)] = t
			t = health.SleepAnalysis
		} else if t == health.SleepAnalysis {
			w.whole = true
		}
		x := &track{typ: t, todo: store.Spans{w.span}}
		switch {
		case known[t]:
		case slices.Contains(fragile, t):
			last = append(last, x)
		default:
			first = append(first, x)
		}
		known[t] = true
	}
	return slices.DeleteFunc([][]*track{first, last}, func(l []*track) bool { return len(l) == 0 })
}

// begin makes a plan for types that are read together.
func (w *walk) begin(tracks []*track) {
	w.plan = newPlanner(w.now, tracks)
	w.plan.together = true
	w.plan.fresh = Beginning
	if w.r.Limit > 0 && len(w.stages) == 0 {
		w.plan.page = min(w.r.Limit, health.MaxLimit)
	}
	w.second = End + 1
	clear(w.seen)
}

// done reports that the limit is reached.
func (w *walk) done() bool { return w.r.Limit > 0 && w.out.n >= w.r.Limit }

// run asks for one page after the other and yields each.
func (w *walk) run(ctx context.Context) error {
	for !w.done() {
		r, ok := w.plan.next()
		if !ok {
			return nil
		}
		reaction, err := put(ctx, w.phone, w.r.React, r.query, &w.page, &w.requests)
		switch {
		case err == nil:
			err = w.answered(r)
		case reaction == Narrow && w.narrowed < unanswered:
			w.narrowed++
			err = nil
			if lost, gaveUp := w.plan.narrow(r); gaveUp {
				w.lost = append(w.lost, Unreadable{Type: r.tracks[0].typ, Span: lost})
			}
		case reaction == Gone:
			err = w.stopped(ctx, r, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// answered yields a page.
func (w *walk) answered(r request) error {
	w.narrowed, w.blamed = 0, 0
	f, err := w.plan.received(r, w.page.Samples, w.page.HasMore)
	if err != nil {
		return err
	}
	if !f.skipped.Empty() {
		w.lost = append(w.lost, Unreadable{Type: r.tracks[0].typ, Span: f.skipped})
	}
	return w.pass(w.page.Samples)
}

// stopped finds the types of r over which the phone goes away, each by the same
// question for it alone, and takes them out of the plan. It is the rule of a sync
// (stopped.go), but a walk has no memory, so it finds them at once. cause is how
// the phone went; it is returned where the phone does not come back, and where no
// type is to blame.
func (w *walk) stopped(ctx context.Context, r request, cause error) error {
	var bad []*track
	if len(r.tracks) == 1 && slices.Contains(fragile, r.tracks[0].typ) {
		bad, w.blamed = r.tracks, w.blamed+1
	} else {
		for _, t := range r.tracks {
			if _, err := types(ctx, w.phone, w.r.React, &w.requests); err != nil {
				return errors.Join(cause, err)
			}
			q := r.query
			q.Types, q.Offset = []health.Type{t.typ}, 0
			reaction, err := put(ctx, w.phone, w.r.React, q, &w.page, &w.requests)
			switch {
			case err == nil, reaction == Narrow:
				w.blamed = 0
			case reaction != Gone:
				return err
			case w.blamed+1 >= tooMany:
				return cause
			default:
				bad, w.blamed = append(bad, t), w.blamed+1
			}
		}
		if len(bad) == len(w.plan.tracks) {
			return cause
		}
	}
	for _, t := range bad {
		w.lost = append(w.lost, Unreadable{Type: t.typ, Span: store.Span{From: w.span.From, To: t.top()}})
		w.plan.drop(t.typ)
	}
	return nil
}

// pass yields what of a page was not yielded before.
func (w *walk) pass(samples []health.Sample) error {
	w.out.samples = w.out.samples[:0]
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
	out := w.out.samples
	if w.r.Limit > 0 {
		out = out[:min(len(out), w.r.Limit-w.out.n)]
	}
	if len(out) == 0 {
		return nil
	}
	w.out.n += len(out)
	return w.yield(out)
}

// take adds a sample as it was asked for.
func (w *walk) take(x *health.Sample) {
	if x.Type != health.SleepAnalysis || w.whole {
		w.out.samples = append(w.out.samples, *x)
	}
	if stage, ok := w.stages[x.Value]; ok && x.Type == health.SleepAnalysis {
		y := *x
		y.Type = stage
		w.out.samples = append(w.out.samples, y)
	}
}
