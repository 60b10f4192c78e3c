package engine

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"healthsync/sync/store"
)

// A set of spans is a set of seconds: every operation is checked against one
// kept second by second.
func TestSpans(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func() store.Span {
			from := rapid.Int64Range(0, 30).Draw(t, "from")
			return store.Span{From: from, To: from + rapid.Int64Range(-2, 12).Draw(t, "length")}
		}
		var set spans
		seconds := map[int64]bool{}
		for range rapid.IntRange(0, 12).Draw(t, "steps") {
			s := draw()
			switch rapid.IntRange(0, 2).Draw(t, "operation") {
			case 0:
				set = set.plus(s)
				for i := s.From; i < s.To; i++ {
					seconds[i] = true
				}
			case 1:
				set = set.minus(s)
				for i := s.From; i < s.To; i++ {
					delete(seconds, i)
				}
			case 2:
				set = set.within(s)
				for i := range seconds {
					if !s.Contains(i) {
						delete(seconds, i)
					}
				}
			}
			if n := set.seconds(); n != int64(len(seconds)) {
				t.Fatalf("%v has %d seconds, want %d", set, n, len(seconds))
			}
			for i := range int64(50) {
				in := slices.ContainsFunc(set, func(s store.Span) bool { return s.Contains(i) })
				if in != seconds[i] {
					t.Fatalf("%v and second %d: %v", set, i, in)
				}
			}
			for i := 1; i < len(set); i++ {
				if set[i].From <= set[i-1].To {
					t.Fatalf("%v is not sorted and apart", set)
				}
			}
		}
	})
}
