package civil

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Day is a date in the calendar of some place, in days since 1970-01-01.
type Day int

// String gives the date as ISO 8601.
func (d Day) String() string { return time.Unix(int64(d)*daySeconds, 0).UTC().Format(time.DateOnly) }

// DayOf gives the date of a time where it is.
func DayOf(t time.Time) Day {
	return Day(time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC).Unix() / daySeconds)
}

const daySeconds = 24 * hour

// stretch is a time of one offset from UTC, in seconds.
type stretch struct{ from, offset int64 }

// Zone is a time zone made for finding the days of millions of moments: a table
// of its offsets instead of the calendar of package time, ten times as quick. It
// knows the changes of 1900 to 2100; before and after, its first and last offset
// holds.
type Zone struct {
	name      string
	stretches []stretch
}

// NewZone makes a Zone.
func NewZone(loc *time.Location) *Zone {
	z := &Zone{name: loc.String()}
	end := time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	for t := time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC).In(loc); t.Before(end); {
		_, offset := t.Zone()
		if n := len(z.stretches); n == 0 || z.stretches[n-1].offset != int64(offset) {
			z.stretches = append(z.stretches, stretch{t.Unix(), int64(offset)})
		}
		next, ok := nextChange(t)
		if !ok {
			break
		}
		t = time.Unix(next, 0).In(loc)
	}
	return z
}

// ParseZone finds the zone that a sample names: an IANA name or GMT with an
// offset, as NSTimeZone writes them. False for one that is not known here.
func ParseZone(name string) (*Zone, bool) {
	if name == "" || name == "Local" {
		return nil, false
	}
	if offset, ok := strings.CutPrefix(name, "GMT"); ok && len(offset) == 5 && (offset[0] == '+' || offset[0] == '-') {
		n, err := strconv.Atoi(offset[1:])
		if err != nil || n/100 > 14 || n%100 > 59 {
			return nil, false
		}
		s := (n/100*60 + n%100) * 60
		if offset[0] == '-' {
			s = -s
		}
		return NewZone(time.FixedZone(name, s)), true
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, false
	}
	return NewZone(loc), true
}

// Name is the location's.
func (z *Zone) Name() string { return z.name }

// Fingerprint tells zones apart that give other days: equal for two names of
// one zone.
func (z *Zone) Fingerprint() string {
	h := fnv.New64a()
	for _, s := range z.stretches {
		fmt.Fprintf(h, "%d %d;", s.from, s.offset)
	}
	return strconv.FormatUint(h.Sum64(), 16)
}

func (z *Zone) find(t int64) int {
	i, found := slices.BinarySearchFunc(z.stretches, t, func(s stretch, t int64) int { return cmp.Compare(s.from, t) })
	if found {
		return i
	}
	return max(i-1, 0)
}

// At gives the day of a moment and the times between which nothing changes:
// the midnights or changes of the clock around it. Days begin so many seconds
// before midnight: 43200 is noon of the day before.
func (z *Zone) At(t, shift int64) (d Day, from, to int64) {
	i := z.find(t)
	offset := z.stretches[i].offset + shift
	n := floorDiv(t+offset, daySeconds)
	from, to = n*daySeconds-offset, (n+1)*daySeconds-offset
	if i > 0 {
		from = max(from, z.stretches[i].from)
	}
	if i+1 < len(z.stretches) {
		to = min(to, z.stretches[i+1].from)
	}
	return Day(n), from, to
}

// Day gives the day in which t lies.
func (z *Zone) Day(t int64) Day {
	d, _, _ := z.At(t, 0)
	return d
}

// Span gives the first second of d, and the first one after its last. A day
// has 23 or 25 hours where the clock is changed. (Where it is changed across
// midnight, as in Newfoundland until 2011, a minute of the next day lies
// between the two.)
func (z *Zone) Span(d Day) (from, to int64) {
	n := int64(d) * daySeconds
	low, high := z.offsets(n-daySeconds, n+2*daySeconds)
	from, to = n-high, n+daySeconds-low
	for from < to && z.Day(from) != d {
		_, _, from = z.At(from, 0)
	}
	for from < to && z.Day(to-1) != d {
		_, to, _ = z.At(to-1, 0)
	}
	return from, to
}

// offsets gives the least and the greatest offset between two moments.
func (z *Zone) offsets(from, to int64) (low, high int64) {
	i := z.find(from)
	low = z.stretches[i].offset
	high = low
	for i++; i < len(z.stretches) && z.stretches[i].from < to; i++ {
		low, high = min(low, z.stretches[i].offset), max(high, z.stretches[i].offset)
	}
	return low, high
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
