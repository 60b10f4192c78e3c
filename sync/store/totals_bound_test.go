package store_test

import (
	"fmt"
	"strings"
	"testing"

	"healthsync/sync/health"
	"healthsync/sync/store"
)

// However long a sample says that it lasted, it is kept as it is, and costs no
// more than ten years of days.
func TestLongSample(t *testing.T) {
	const year, begin, end = 366 * 86400, -62_135_596_800, 253_402_300_799 // of the years 1 and 9999
	for _, c := range []struct {
		start, duration int64
		days, longest   string
	}{
		{86_400, 10 * year, "3660", fmt.Sprint(10 * year)},
		{86_400, 10*year + 1, "2", "60"},
		{begin, end - begin, "2", "60"},
	} {
		s := fresh(t)
		long, other := walked(1, c.start, ""), walked(2, c.start+500*86_400, "")
		long.End = long.Start + c.duration
		apply(t, s, store.Change{Samples: []health.Sample{long}})
		apply(t, s, store.Change{Samples: []health.Sample{other}})
		counted := reader(t, s.Path(), "SELECT (SELECT count(*) FROM day_total), longest FROM type")
		days, longest, _ := strings.Cut(counted, "|")
		if days != c.days || longest != c.longest {
			t.Errorf("%d seconds: %s days, longest %s", c.duration, days, longest)
		}
		sound(t, s)
		// Made shorter, longer, and gone: the days follow.
		for _, end := range []int64{long.Start + 3*86_400, long.Start + c.duration} {
			long.End = end
			apply(t, s, store.Change{Samples: []health.Sample{long}})
			sound(t, s)
		}
		span := []store.Covered{{Type: health.Steps, Span: store.Span{From: c.start - 10, To: c.start + 10}}}
		apply(t, s, store.Change{Covered: span, Reconcile: span})
		same(t, all(t, s), []health.Sample{other})
		sound(t, s)
	}
}
