// Package civil finds where the days of a calendar begin in a time zone, and on
// which day a moment lies. A day need not begin at midnight: where clocks are put
// forward at midnight (Chile, Cuba, Lebanon; Brazil until 2018) there is none, and
// time.Date then gives an hour of the day before.
//
// [Start] and its like take any day of a time.Location; a [Zone] is made once for
// a location and asked for many moments.
package civil

import "time"

// Start gives the first moment of a day in a zone: the first one whose date
// there is that day or a later one. It is midnight nearly always. month and day
// may lie outside of their usual ranges, as in time.Date. A day that a zone left
// out (30 December 2011 in Samoa) begins, and ends, where the next one does.
func Start(year int, month time.Month, day int, loc *time.Location) time.Time {
	// Local midnight as if it were UTC, in seconds: local is unix + offset.
	midnight := time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix()
	// No zone was ever farther from UTC than 16 hours (Manila and Alaska before
	// they changed sides of the date line).
	for t := midnight - farthest; ; {
		at := time.Unix(t, 0).In(loc)
		_, offset := at.Zone()
		begins := max(midnight-int64(offset), t)
		next, ok := nextChange(at)
		if !ok || begins < next {
			return time.Unix(begins, 0).In(loc)
		}
		t = next
	}
}

// nextChange gives the moment after t at which the clock of its zone may be
// changed next, in Unix seconds; false where it is never changed again.
func nextChange(t time.Time) (int64, bool) {
	_, end := t.ZoneBounds()
	if end.IsZero() {
		return 0, false
	}
	if !end.After(t) {
		// Where a zone goes on by a rule, the bounds of a year's first and last
		// hours end before them (Go 1.26). No zone is changed there.
		return t.Unix() + hour, true
	}
	return end.Unix(), true
}

const (
	hour     = 60 * 60
	farthest = 16 * hour
)

// StartOf is [Start] of the day that lies so many days after that of t, in t's
// zone.
func StartOf(t time.Time, days int) time.Time {
	y, m, d := t.Date()
	return Start(y, m, d+days, t.Location())
}

// StartOfMonth is [Start] of the first of the month that lies so many months
// after that of t, in t's zone.
func StartOfMonth(t time.Time, months int) time.Time {
	return Start(t.Year(), t.Month()+time.Month(months), 1, t.Location())
}

// Stretch gives the time around t, [from, until) in Unix seconds, in which the
// date is that of t and the clock is not changed. It holds t always.
func Stretch(t time.Time) (from, until int64) {
	unix := t.Unix()
	from = unix - int64(t.Hour()*hour+t.Minute()*60+t.Second())
	until = from + 24*hour
	begin, end := t.ZoneBounds()
	if !begin.IsZero() {
		from = max(from, begin.Unix())
	}
	if !end.IsZero() {
		until = min(until, end.Unix())
	}
	return min(from, unix), max(until, unix+1)
}
