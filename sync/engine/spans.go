package engine

import (
	"slices"

	"healthsync/sync/store"
)

// The ends of time as the phone is asked for them. HealthKit takes any date;
// these are far enough for every sample and near enough for every date parser
// (four digits of year).
const (
	// Beginning is 1900-01-01T00:00:00Z: the start of an open request.
	Beginning int64 = -2208988800
	// End is 2200-01-01T00:00:00Z. Requests for the newest samples end here
	// and not at the Mac's clock, which may be wrong, and so may be the watch's
	// that dated a sample.
	End int64 = 7258118400
)

// spans is a set of seconds: ascending, disjoint and not touching.
type spans []store.Span

// spansOf sorts and merges what may be in any order.
func spansOf(list []store.Span) spans {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b store.Span) int {
		switch {
		case a.From < b.From:
			return -1
		case a.From > b.From:
			return 1
		}
		return 0
	})
	var out spans
	for _, s := range list {
		switch {
		case s.Empty():
		case len(out) > 0 && s.From <= out[len(out)-1].To:
			out[len(out)-1].To = max(out[len(out)-1].To, s.To)
		default:
			out = append(out, s)
		}
	}
	return out
}

// plus adds a span.
func (x spans) plus(s store.Span) spans {
	if s.Empty() {
		return x
	}
	return spansOf(append(slices.Clone(x), s))
}

// contains reports whether a second is in it.
func (x spans) contains(second int64) bool {
	return slices.ContainsFunc(x, func(s store.Span) bool { return s.Contains(second) })
}

// minus takes a span away.
func (x spans) minus(s store.Span) spans {
	if s.Empty() {
		return x
	}
	out := make(spans, 0, len(x)+1)
	for _, y := range x {
		if y.To <= s.From || s.To <= y.From {
			out = append(out, y)
			continue
		}
		if y.From < s.From {
			out = append(out, store.Span{From: y.From, To: s.From})
		}
		if s.To < y.To {
			out = append(out, store.Span{From: s.To, To: y.To})
		}
	}
	return out
}

// without takes a whole set away.
func (x spans) without(o spans) spans {
	for _, s := range o {
		x = x.minus(s)
	}
	return x
}

// within cuts the set to a span.
func (x spans) within(s store.Span) spans {
	var out spans
	for _, y := range x {
		if z := (store.Span{From: max(y.From, s.From), To: min(y.To, s.To)}); !z.Empty() {
			out = append(out, z)
		}
	}
	return out
}

// newest is the last span; false for the empty set.
func (x spans) newest() (store.Span, bool) {
	if len(x) == 0 {
		return store.Span{}, false
	}
	return x[len(x)-1], true
}

// seconds counts them.
func (x spans) seconds() (n int64) {
	for _, s := range x {
		n += s.To - s.From
	}
	return n
}
