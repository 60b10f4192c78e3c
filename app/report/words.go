package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"healthsync/app/words"
	"healthsync/sync/health"
)

// figure writes a number with commas and so many decimals.
func figure(v float64, decimals int) string { return words.Number(v, decimals) }

// with writes a number and its unit, which a line break must not part.
func with(number, unit string) string {
	if unit == "" {
		return number
	}
	return number + "\u00a0" + unit
}

func (m Metric) figure(v float64) string { return with(figure(v, m.Decimals), m.Unit) }

// hours writes minutes as 7 h 21 min.
func hours(minutes float64) string {
	n := int(minutes + 0.5)
	if n < 60 {
		return with(strconv.Itoa(n), "min")
	}
	return with(strconv.Itoa(n/60), "h") + " " + with(fmt.Sprintf("%02d", n%60), "min")
}

func day(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.Format("2 Jan 2006")
}

func weekday(t time.Time) string { return t.Format("Mon 2 Jan") }

// latest writes the newest value of a type that is measured at a moment; a
// single value of what adds up (the steps of five minutes) says nothing.
func latest(t health.Type, v float64, unit string) string {
	i, ok := health.Lookup(t)
	if !ok || i.Agg != health.Average || t == health.Workouts {
		return ""
	}
	for _, m := range Metrics() {
		if m.Type == t && unit == i.Unit {
			return m.figure(m.Scale * v)
		}
	}
	switch unit {
	case "%":
		return with(figure(100*v, 1), "%")
	case "count/min":
		return with(figure(v, 0), "per min")
	case "degC":
		return with(figure(v, 1), "°C")
	case "count":
		return figure(v, 1)
	case "m":
		return with(figure(v, 2), "m")
	}
	return with(figure(v, 1), unit)
}

// sentence writes a name such as traditionalStrengthTraining for people.
func sentence(s string) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case i == 0:
			b.WriteRune(unicode.ToUpper(r))
		case unicode.IsUpper(r):
			b.WriteRune(' ')
			b.WriteRune(unicode.ToLower(r))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// whole says how much of a type was read from the iPhone.
func (s Stored) whole() string {
	days := int((s.Missing + 24*time.Hour - 1) / (24 * time.Hour))
	switch {
	case s.ReadFrom.IsZero():
		return "not read from an iPhone"
	case s.Missing > 0:
		return words.Plural(days, "day") + " still to be read"
	case s.ReadFrom.Before(Beginning):
		return "whole history"
	}
	return "all since " + day(s.ReadFrom)
}
