package store_test

import (
	"testing"

	"pgregory.net/rapid"

	"healthsync/sync/store"
)

// A set of spans is a set of seconds: every operation is checked against one
// kept second by second.
func TestSpans(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var set store.Spans
		seconds := map[int64]bool{}
		for range rapid.IntRange(0, 12).Draw(t, "steps") {
			from := rapid.Int64Range(0, 30).Draw(t, "from")
			s := store.Span{From: from, To: from + rapid.Int64Range(-2, 12).Draw(t, "length")}
			operation := rapid.IntRange(0, 2).Draw(t, "operation")
			switch operation {
			case 0:
				set = set.Plus(s)
			case 1:
				set = set.Minus(s)
			case 2:
				set = set.Within(s)
			}
			for i := range int64(50) {
				switch {
				case operation == 0 && s.Contains(i):
					seconds[i] = true
				case operation == 1 && s.Contains(i), operation == 2 && !s.Contains(i):
					delete(seconds, i)
				}
				if set.Contains(i) != seconds[i] {
					t.Fatalf("%v and second %d: %v", set, i, set.Contains(i))
				}
			}
			if n := set.Seconds(); n != int64(len(seconds)) {
				t.Fatalf("%v has %d seconds, want %d", set, n, len(seconds))
			}
			for i, x := range set {
				if x.Empty() || i > 0 && x.From <= set[i-1].To {
					t.Fatalf("%v is not ascending and apart", set)
				}
			}
			if newest, ok := set.Newest(); ok != (len(set) > 0) || ok && newest != set[len(set)-1] {
				t.Fatalf("%v: the newest is %v", set, newest)
			}
		}
	})
}
