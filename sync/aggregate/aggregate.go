// Package aggregate sums samples up by hour, day or week.
package aggregate

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

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
	// Neighbouring samples mostly share their bucket: remembering the last
	// one's borders spares the calendar's arithmetic.
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
		a.begin, a.from, a.until = a.borders(s.Start)
	}
	typ, value := s.Type, s.Value
	if info, ok := health.Lookup(typ); ok && info.Agg == health.Duration {
		typ, value = stageType(s), float64(s.End-s.Start)/60
	}
	key := bucket{a.from, typ}
	r := a.rows[key]
	if r == nil {
		r = &Row{Date: a.begin, Type: typ, Min: math.Inf(1), Max: math.Inf(-1)}
		a.rows[key] = r
	}
	r.Total += value
	r.Min, r.Max = min(r.Min, value), max(r.Max, value)
	r.Count++
}

// borders gives the bucket that holds a moment: its beginning and end.
func (a *Sums) borders(unix int64) (begin time.Time, from, until int64) {
	t := time.Unix(unix, 0).In(a.zone)
	y, m, d := t.Date()
	var end time.Time
	switch a.by {
	case Hourly:
		// Counted in seconds, because a clock hour can come twice (when
		// daylight saving ends) and must not become one row.
		begin = t.Add(-time.Duration(t.Minute())*time.Minute - time.Duration(t.Second())*time.Second)
		end = begin.Add(time.Hour)
	case Weekly:
		back := (int(t.Weekday()) + 6) % 7
		begin, end = time.Date(y, m, d-back, 0, 0, 0, 0, a.zone), time.Date(y, m, d-back+7, 0, 0, 0, 0, a.zone)
	default:
		begin, end = time.Date(y, m, d, 0, 0, 0, 0, a.zone), time.Date(y, m, d+1, 0, 0, 0, 0, a.zone)
	}
	// Where midnight does not exist, time.Date gives a moment beside it.
	return begin, min(begin.Unix(), unix), max(end.Unix(), unix+1)
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
