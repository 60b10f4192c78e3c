// Package aggregate sums samples up by hour, day or week.
package aggregate

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"healthsync/sync/civil"
	"healthsync/sync/health"
)

// By is the length of a bucket.
type By string

// The lengths. A day is a calendar day of the place, a week begins on Monday
// (ISO 8601).
const (
	Hourly By = "hourly"
	Daily  By = "daily"
	Weekly By = "weekly"
)

// ByError says that there is no such length.
type ByError struct{ By string }

func (e *ByError) Error() string { return fmt.Sprintf("cannot aggregate %q", e.By) }

// ParseBy reads a length; also hour, day, week.
func ParseBy(s string) (By, error) {
	switch s {
	case "hourly", "hour":
		return Hourly, nil
	case "daily", "day":
		return Daily, nil
	case "weekly", "week":
		return Weekly, nil
	}
	return "", &ByError{s}
}

// Row is the figures of one type in one bucket. For sleep, one row per stage
// (under the stage's own type), in minutes.
type Row struct {
	Date    time.Time // when the bucket begins
	Type    health.Type
	Total   float64
	Average float64
	Min     float64
	Max     float64
	Count   int
}

// Sums gathers samples in any order. A sample belongs to the bucket in which
// it starts. Its memory grows with the buckets, not with the samples. It adds
// up what it is given: where two devices counted the same steps, both count.
type Sums struct {
	by   By
	zone *time.Location
	rows map[bucket]*Row
	// Neighbouring samples mostly share their bucket: remembering a time around
	// the last one spares the calendar's arithmetic.
	from, until int64
	begin       time.Time
}

type bucket struct {
	date int64
	typ  health.Type
}

// New begins an empty sum. The zone decides when a day begins.
func New(by By, zone *time.Location) *Sums {
	return &Sums{by: by, zone: zone, rows: map[bucket]*Row{}}
}

// Add counts a sample.
func (a *Sums) Add(s *health.Sample) {
	if s.Start < a.from || s.Start >= a.until {
		a.begin, a.from, a.until = a.find(s.Start)
	}
	typ, value := s.Type, s.Value
	if info, ok := health.Lookup(typ); ok && info.Agg == health.Duration {
		typ, value = stageType(s), float64(s.End-s.Start)/60
	}
	key := bucket{a.begin.Unix(), typ}
	r := a.rows[key]
	if r == nil {
		r = &Row{Date: a.begin, Type: typ, Min: math.Inf(1), Max: math.Inf(-1)}
		a.rows[key] = r
	}
	r.Total += value
	r.Min, r.Max = min(r.Min, value), max(r.Max, value)
	r.Count++
}

// find gives the bucket of a moment by its beginning, and a time around the
// moment that belongs to it, [from, until).
func (a *Sums) find(unix int64) (begin time.Time, from, until int64) {
	t := time.Unix(unix, 0).In(a.zone)
	from, until = civil.Stretch(t)
	switch a.by {
	case Hourly:
		// Counted in seconds, because a clock hour can come twice (when
		// daylight saving ends) and must not become one row. Where the clock is
		// changed by half an hour, an hour of it is shorter.
		hour := unix - int64(t.Minute()*60+t.Second())
		from, until = max(from, hour), min(until, hour+3600)
		begin = time.Unix(from, 0).In(a.zone)
	case Weekly:
		begin = civil.StartOf(t, -(int(t.Weekday())+6)%7)
	default:
		begin = civil.StartOf(t, 0)
	}
	return begin, from, until
}

// Rows gives the figures, oldest first and then by type.
func (a *Sums) Rows() []Row {
	rows := make([]Row, 0, len(a.rows))
	for _, r := range a.rows {
		r.Average = r.Total / float64(r.Count)
		rows = append(rows, *r)
	}
	slices.SortFunc(rows, func(x, y Row) int {
		return cmp.Or(x.Date.Compare(y.Date), cmp.Compare(x.Type, y.Type))
	})
	return rows
}

// stageType gives the type that a sleep sample's stage goes by.
func stageType(s *health.Sample) health.Type {
	if s.Type != health.SleepAnalysis {
		return s.Type
	}
	for _, t := range health.Types() {
		if stage, ok := t.Stage(); ok && float64(stage) == s.Value {
			return t
		}
	}
	return s.Type
}
