package store

import (
	"cmp"
	"slices"
)

// Span is the time [From, To) in Unix seconds.
type Span struct{ From, To int64 }

// Empty reports a span that holds no second.
func (s Span) Empty() bool { return s.To <= s.From }

// Contains reports whether the second at lies in the span.
func (s Span) Contains(at int64) bool { return s.From <= at && at < s.To }

// Spans is a set of seconds: its spans are ascending, not empty, and do not
// touch. The methods leave the set as it is and give another.
type Spans []Span

// SpansOf makes a set of spans in any order.
func SpansOf(list ...Span) Spans {
	list = slices.DeleteFunc(slices.Clone(list), Span.Empty)
	slices.SortFunc(list, func(a, b Span) int { return cmp.Compare(a.From, b.From) })
	var out Spans
	for _, s := range list {
		if n := len(out); n > 0 && s.From <= out[n-1].To {
			out[n-1].To = max(out[n-1].To, s.To)
			continue
		}
		out = append(out, s)
	}
	return out
}

// Plus adds spans.
func (x Spans) Plus(list ...Span) Spans { return SpansOf(slices.Concat(x, list)...) }

// Minus takes spans away.
func (x Spans) Minus(list ...Span) Spans {
	for _, s := range list {
		if s.Empty() {
			continue
		}
		var rest Spans
		for _, y := range x {
			for _, part := range []Span{{y.From, min(y.To, s.From)}, {max(y.From, s.To), y.To}} {
				if !part.Empty() {
					rest = append(rest, part)
				}
			}
		}
		x = rest
	}
	return x
}

// Within cuts the set to a span.
func (x Spans) Within(s Span) Spans {
	var out Spans
	for _, y := range x {
		if y = (Span{max(y.From, s.From), min(y.To, s.To)}); !y.Empty() {
			out = append(out, y)
		}
	}
	return out
}

// Contains reports whether the second at is in the set.
func (x Spans) Contains(at int64) bool {
	i, _ := slices.BinarySearchFunc(x, at, func(s Span, at int64) int { return cmp.Compare(s.To, at+1) })
	return i < len(x) && x[i].Contains(at)
}

// Newest is the last span; false for the empty set.
func (x Spans) Newest() (Span, bool) {
	if len(x) == 0 {
		return Span{}, false
	}
	return x[len(x)-1], true
}

// Seconds counts them.
func (x Spans) Seconds() (n int64) {
	for _, s := range x {
		n += s.To - s.From
	}
	return n
}
