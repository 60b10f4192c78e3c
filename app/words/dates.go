// Package words writes numbers, dates and lengths of time as a person reads them.
package words

import (
	"fmt"
	"math"
	"time"
)

// Day writes a date as a person reads it: 7 January 2027.
func Day(t time.Time) string { return t.Local().Format("2 January 2006") }

// Clock writes a moment of today as a person reads it.
func Clock(t time.Time) string { return t.Local().Format("15:04:05") }

// Span writes a length of time in its largest fitting unit: 16 days, 3 hours,
// 1 minute.
func Span(d time.Duration) string {
	if d < 0 {
		d = -d
	}
	one := func(n float64, unit string) string {
		n = math.Floor(n)
		if n == 1 {
			return "1 " + unit
		}
		return fmt.Sprintf("%.0f %ss", n, unit)
	}
	switch {
	case d >= 2*365*24*time.Hour:
		return one(d.Hours()/24/365.25, "year")
	case d >= 24*time.Hour:
		return one(d.Hours()/24, "day")
	case d >= time.Hour:
		return one(d.Hours(), "hour")
	case d >= time.Minute:
		return one(d.Minutes(), "minute")
	}
	return one(d.Seconds(), "second")
}
