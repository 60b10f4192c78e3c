// Package when reads the dates and ranges that people type on a command line.
package when

import (
	"fmt"
	"strings"
	"time"

	"healthsync/sync/civil"
)

// Error says that a text is no date.
type Error struct {
	Flag, Text string
	Reason     string // "" where the text was simply not understood
}

func (e *Error) Error() string {
	s := fmt.Sprintf("%s: %q is no date", e.Flag, e.Text)
	if e.Reason != "" {
		s = fmt.Sprintf("%s: %s", e.Flag, e.Reason)
	}
	return s
}

// Range is [From, To).
type Range struct{ From, To time.Time }

// Spec is a range as the flags give it. At most one of the ways to say it may
// be used; none means the last seven days.
type Spec struct {
	Start, End                          string
	Today, Yesterday, Week, Month, Year bool
	Days, Hours                         int
}

const (
	// DefaultDays is the range where nothing was said.
	DefaultDays = 7
	// MaxDays and MaxHours are 200 years: longer than anything was measured, and
	// short enough for a time.Duration.
	MaxDays  = 200 * 365
	MaxHours = 24 * MaxDays
)

// Resolve turns a Spec into a range. Days are calendar days of now's zone: 7
// days are today and the six before it; a week begins on Monday. A date
// without a time means the whole day, as a start and as an end.
func (s Spec) Resolve(now time.Time) (Range, error) {
	day := func(offset int) time.Time { return civil.StartOf(now, offset) }
	var ways []string
	r := Range{To: now}
	use := func(on bool, flag string, from, to time.Time) {
		if on {
			ways = append(ways, flag)
			r = Range{from, to}
		}
	}
	use(s.Today, "--today", day(0), now)
	use(s.Yesterday, "--yesterday", day(-1), day(0))
	use(s.Week, "--week", day(-(int(now.Weekday())+6)%7), now)
	use(s.Month, "--month", civil.StartOfMonth(now, 0), now)
	use(s.Year, "--year", civil.Start(now.Year(), time.January, 1, now.Location()), now)
	use(s.Days != 0, "--days", day(1-s.Days), now)
	use(s.Hours != 0, "--hours", now.Add(-time.Duration(s.Hours)*time.Hour), now)
	switch {
	case s.Days < 0 || s.Days > MaxDays:
		return r, &Error{Flag: "--days", Reason: fmt.Sprintf("takes a number from 1 to %d", MaxDays)}
	case s.Hours < 0 || s.Hours > MaxHours:
		return r, &Error{Flag: "--hours", Reason: fmt.Sprintf("takes a number from 1 to %d", MaxHours)}
	}
	if s.Start != "" || s.End != "" {
		ways = append(ways, "--start/--end")
		var err error
		if r, err = s.explicit(now, day); err != nil {
			return r, err
		}
	}
	switch {
	case len(ways) == 0:
		return Range{day(1 - DefaultDays), now}, nil
	case len(ways) > 1:
		return r, &Error{Flag: ways[1], Reason: "cannot be used together with " + ways[0]}
	case !r.From.Before(r.To):
		return r, &Error{Flag: ways[0], Text: s.Start, Reason: fmt.Sprintf("gives a range that ends (%s) before it begins (%s)", r.To.Format(time.RFC3339), r.From.Format(time.RFC3339))}
	}
	return r, nil
}

func (s Spec) explicit(now time.Time, day func(int) time.Time) (Range, error) {
	r := Range{To: now}
	if s.End != "" {
		_, end, err := Parse(s.End, now)
		if err != nil {
			return r, &Error{Flag: "--end", Text: s.End}
		}
		r.To = end
	}
	if s.Start == "" {
		if r.From = r.To.AddDate(0, 0, -DefaultDays); r.To.Equal(civil.StartOf(r.To, 0)) {
			r.From = civil.StartOf(r.To, -DefaultDays) // whole days
		}
		return r, nil
	}
	start, _, err := Parse(s.Start, now)
	if err != nil {
		return r, &Error{Flag: "--start", Text: s.Start}
	}
	r.From = start
	return r, nil
}

// layouts with a time of day; those without a zone are local.
var layouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05.999999999Z0700",
	"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 -0700",
}

// Parse reads a date: ISO 8601 with or without a zone, a date alone, or now,
// today, yesterday, tomorrow. A date alone is a whole day, so it has two ends;
// for a moment both are the same.
func Parse(text string, now time.Time) (begin, end time.Time, err error) {
	text = strings.TrimSpace(text)
	day := func(offset int) (time.Time, time.Time, error) {
		return civil.StartOf(now, offset), civil.StartOf(now, offset+1), nil
	}
	switch strings.ToLower(text) {
	case "now":
		return now, now, nil
	case "today":
		return day(0)
	case "yesterday":
		return day(-1)
	case "tomorrow":
		return day(1)
	}
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		y, m, d := t.Date()
		return civil.Start(y, m, d, now.Location()), civil.Start(y, m, d+1, now.Location()), nil
	}
	for _, layout := range layouts {
		if t, err := time.ParseInLocation(layout, strings.ToUpper(text), now.Location()); err == nil {
			return t, t, nil
		}
	}
	return time.Time{}, time.Time{}, &Error{Text: text}
}
