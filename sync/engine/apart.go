package engine

import (
	"context"
	"errors"
	"math/bits"
	"slices"

	"healthsync/sync/health"
	"healthsync/sync/store"
)

// This file finds out, for a walk, over which type the phone goes away. A sync
// remembers it from run to run (blame.go); a walk has no memory, so it asks the
// types apart at once, and goes on without the one.

// fragileLast parts the types that are known to bring the app down from the
// others: they are read when all the rest is.
func fragileLast(tracks []*track) (first, later []*track) {
	if len(tracks) == 1 {
		return tracks, nil
	}
	for _, t := range tracks {
		if slices.Contains(fragile, t.typ) {
			later = append(later, t)
		} else {
			first = append(first, t)
		}
	}
	if len(first) == 0 {
		return later, nil
	}
	return first, later
}

// apart finds the types of r over which the phone goes away and takes them out
// of the plan. cause is how it went; it is returned where the phone does not
// come back, and where it is not clear that a type is to blame.
func (w *walk) apart(ctx context.Context, r request, page *health.Page, cause error) error {
	if w.gone++; w.gone > bits.Len(uint(len(r.tracks)))+patience {
		return cause // it goes away over everything
	}
	var bad []*track
	switch {
	case len(r.tracks) > 1:
		var err error
		if bad, err = w.halves(ctx, r, r.tracks, page, cause); err != nil {
			return err
		}
	case slices.Contains(fragile, r.tracks[0].typ):
		bad = r.tracks
	case len(w.plan.tracks) == 1:
		return cause
	default:
		var err error
		if bad, err = w.test(ctx, r, r.tracks, page, cause); err != nil {
			return err
		}
	}
	if len(bad) == len(w.plan.tracks) && !slices.Contains(fragile, bad[0].typ) {
		return cause
	}
	for _, t := range bad {
		w.lost = append(w.lost, Unreadable{Type: t.typ, Span: store.Span{From: w.span.From, To: t.top()}})
		w.plan.drop(t.typ)
	}
	return nil
}

// patience is how many times more than halving must a phone may go away without
// an answer in between.
const patience = 4

// halves asks the question of r of one half of some types and then of the
// other.
func (w *walk) halves(ctx context.Context, r request, of []*track, page *health.Page, cause error) (bad []*track, err error) {
	for _, half := range [][]*track{of[:len(of)/2], of[len(of)/2:]} {
		found, err := w.test(ctx, r, half, page, cause)
		if err != nil {
			return nil, err
		}
		bad = append(bad, found...)
	}
	return bad, nil
}

// test asks the question of r of some of its types, once the phone is back. A
// type is to blame when the phone goes away twice over it alone: it may go away
// for other reasons.
func (w *walk) test(ctx context.Context, r request, of []*track, page *health.Page, cause error) (bad []*track, err error) {
	q := r.query
	q.Offset, q.Types = 0, make([]health.Type, len(of))
	for i, t := range of {
		q.Types[i] = t.typ
	}
	for times := 1; ; times++ {
		if err := w.back(ctx, cause); err != nil {
			return nil, err
		}
		reaction, err := put(ctx, w.phone, w.r.React, q, page, &w.requests)
		switch {
		case err == nil, reaction == Narrow:
			w.gone = 0
			return nil, nil
		case reaction != Gone:
			return nil, err
		}
		if w.gone++; w.gone > bits.Len(uint(len(r.tracks)))+patience {
			return nil, err
		}
		switch {
		case len(of) > 1:
			return w.halves(ctx, r, of, page, err)
		case times > 1 || slices.Contains(fragile, of[0].typ):
			return of, nil
		}
	}
}

// back waits until the phone answers again, as long as the caller's judgement
// of its errors has patience.
func (w *walk) back(ctx context.Context, cause error) error {
	for attempt := 1; ; attempt++ {
		w.requests++
		_, err := w.phone.Types(ctx)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case w.r.React(ctx, err, attempt) != Again:
			return errors.Join(cause, err)
		}
	}
}
