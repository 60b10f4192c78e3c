package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"healthsync/app/problem"
	"healthsync/sync/civil"
)

// dateRange is [from, to).
type dateRange struct{ from, to time.Time }

// dateFlags are the flags for a range. At most one of the ways to say it may
// be used; none means the last seven days.
type dateFlags struct {
	start, end                          string
	today, yesterday, week, month, year bool
	days, hours                         int
}

const (
	// defaultDays is the range where nothing was said.
	defaultDays = 7
	// maxDays and maxHours are 200 years: longer than anything was measured, and
	// short enough for a time.Duration.
	maxDays  = 200 * 365
	maxHours = 24 * maxDays
)

func (d *dateFlags) addFlags(f *pflag.FlagSet, start string) {
	f.StringVar(&d.start, "start", "", start)
	f.StringVar(&d.end, "end", "", "up to this date (default: now)")
	f.BoolVar(&d.today, "today", false, "today")
	f.BoolVar(&d.yesterday, "yesterday", false, "yesterday")
	f.BoolVar(&d.week, "week", false, "this week, from Monday on")
	f.BoolVar(&d.month, "month", false, "this month")
	f.BoolVar(&d.year, "year", false, "this year")
	numberVar(f, &d.days, "days", 0, 1, maxDays, "the last so many days, today included")
	numberVar(f, &d.hours, "hours", 0, 1, maxHours, "the last so many hours")
}

// resolve turns the flags into a range. Days are calendar days of now's zone: 7
// days are today and the six before it; a week begins on Monday. A date
// without a time means the whole day, as a start and as an end.
func (d dateFlags) resolve(now time.Time) (dateRange, error) {
	day := func(offset int) time.Time { return civil.StartOf(now, offset) }
	var ways []string
	r := dateRange{to: now}
	use := func(on bool, flag string, from, to time.Time) {
		if on {
			ways = append(ways, flag)
			r = dateRange{from, to}
		}
	}
	use(d.today, "--today", day(0), now)
	use(d.yesterday, "--yesterday", day(-1), day(0))
	use(d.week, "--week", day(-(int(now.Weekday())+6)%7), now)
	use(d.month, "--month", civil.StartOfMonth(now, 0), now)
	use(d.year, "--year", civil.Start(now.Year(), time.January, 1, now.Location()), now)
	use(d.days != 0, "--days", day(1-d.days), now)
	use(d.hours != 0, "--hours", now.Add(-time.Duration(d.hours)*time.Hour), now)
	if d.start != "" || d.end != "" {
		way := "--start"
		if d.start == "" {
			way = "--end"
		}
		ways = append(ways, way)
		var err error
		if r, err = d.explicit(now); err != nil {
			return r, err
		}
	}
	switch {
	case len(ways) == 0:
		return dateRange{day(1 - defaultDays), now}, nil
	case len(ways) > 1:
		return r, usageError(ways[1]+" cannot be used together with "+ways[0]+".", "")
	case r.from.Before(r.to):
		return r, nil
	case d.start == "" || d.end == "":
		return r, usageError(fmt.Sprintf("%s lies in the future.", ways[0]), "")
	}
	return r, usageError(fmt.Sprintf("--start %s is not before --end %s.", d.start, d.end), "")
}

func (d dateFlags) explicit(now time.Time) (r dateRange, err error) {
	r.to = now
	if d.end != "" {
		if _, r.to, err = parseDate("--end", d.end, now); err != nil {
			return r, err
		}
	}
	if d.start != "" {
		r.from, _, err = parseDate("--start", d.start, now)
		return r, err
	}
	if r.from = r.to.AddDate(0, 0, -defaultDays); r.to.Equal(civil.StartOf(r.to, 0)) {
		r.from = civil.StartOf(r.to, -defaultDays) // whole days
	}
	return r, nil
}

// dateLayouts have a time of day; those without a zone are local.
var dateLayouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05.999999999Z0700",
	"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04",
	"2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 -0700",
}

// parseDate reads a date: ISO 8601 with or without a zone, a date alone, or
// now, today, yesterday, tomorrow. A date alone is a whole day, so it has two
// ends; for a moment both are the same.
func parseDate(flag, text string, now time.Time) (begin, end time.Time, err error) {
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
	for _, layout := range dateLayouts {
		if t, err := time.ParseInLocation(layout, strings.ToUpper(text), now.Location()); err == nil {
			return t, t, nil
		}
	}
	return begin, end, problem.New(problem.InvalidDate, fmt.Sprintf("%s: %q.", flag, text), nil)
}
