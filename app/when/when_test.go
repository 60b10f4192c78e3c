package when_test

import (
	"errors"
	"testing"
	"time"

	"healthsync/app/when"
	"healthsync/sync/testenv"
)

func TestResolve(t *testing.T) {
	zone := time.FixedZone("", 3600)
	now := time.Date(2026, 1, 8, 10, 30, 0, 0, zone) // a Thursday
	for _, c := range []struct {
		spec     when.Spec
		from, to string
	}{
		{when.Spec{}, "2026-01-02T00:00:00+01:00", "2026-01-08T10:30:00+01:00"},
		{when.Spec{Today: true}, "2026-01-08T00:00:00+01:00", "2026-01-08T10:30:00+01:00"},
		{when.Spec{Yesterday: true}, "2026-01-07T00:00:00+01:00", "2026-01-08T00:00:00+01:00"},
		{when.Spec{Week: true}, "2026-01-05T00:00:00+01:00", "2026-01-08T10:30:00+01:00"},
		{when.Spec{Month: true}, "2026-01-01T00:00:00+01:00", "2026-01-08T10:30:00+01:00"},
		{when.Spec{Year: true}, "2026-01-01T00:00:00+01:00", "2026-01-08T10:30:00+01:00"},
		{when.Spec{Days: 1}, "2026-01-08T00:00:00+01:00", "2026-01-08T10:30:00+01:00"},
		{when.Spec{Hours: 24}, "2026-01-07T10:30:00+01:00", "2026-01-08T10:30:00+01:00"},
		{when.Spec{Start: "2026-01-01", End: "2026-01-07"}, "2026-01-01T00:00:00+01:00", "2026-01-08T00:00:00+01:00"},
		{when.Spec{Start: "2026-01-01T00:00:00Z", End: "2026-01-07T23:59:59Z"}, "2026-01-01T00:00:00Z", "2026-01-07T23:59:59Z"},
		{when.Spec{Start: "yesterday", End: "now"}, "2026-01-07T00:00:00+01:00", "2026-01-08T10:30:00+01:00"},
		{when.Spec{Start: "2026-01-01 06:30"}, "2026-01-01T06:30:00+01:00", "2026-01-08T10:30:00+01:00"},
		{when.Spec{Start: "2026-01-01t06:30:00.5z"}, "2026-01-01T06:30:00Z", "2026-01-08T10:30:00+01:00"},
		{when.Spec{End: "2026-01-07T00:00:00+0100"}, "2025-12-31T00:00:00+01:00", "2026-01-07T00:00:00+01:00"},
		{when.Spec{Start: "2020-01-01", End: "2026-12-31"}, "2020-01-01T00:00:00+01:00", "2027-01-01T00:00:00+01:00"},
	} {
		r, err := c.spec.Resolve(now)
		if err != nil || r.From.Format(time.RFC3339) != c.from || r.To.Format(time.RFC3339) != c.to {
			t.Errorf("%+v: %s to %s, %v; want %s to %s", c.spec, r.From.Format(time.RFC3339), r.To.Format(time.RFC3339), err, c.from, c.to)
		}
	}
	for _, spec := range []when.Spec{
		{Start: "soon"}, {End: "2026-02-30"}, {Start: "2026-13-01"}, {Start: "01/02/2026"}, {Start: "now", End: "yesterday"}, {Days: -1}, {Hours: 99999999},
		{Today: true, Week: true}, {Days: 3, Start: "2026-01-01"}, {Start: "2026-01-03", End: "2026-01-01"},
	} {
		_, err := spec.Resolve(now)
		var bad *when.Error
		if !errors.As(err, &bad) || bad.Flag == "" {
			t.Errorf("%+v: %v, want an error that names the flag", spec, err)
		}
	}
}

// A sunday belongs to the week that began on the monday before it.
func TestWeekBeginsOnMonday(t *testing.T) {
	r, err := when.Spec{Week: true}.Resolve(time.Date(2026, 1, 11, 1, 0, 0, 0, time.UTC))
	if err != nil || r.From.Format(time.DateOnly) != "2026-01-05" {
		t.Errorf("%v, %v", r, err)
	}
}

// A day that does not begin at midnight begins where it begins, and ends there.
func TestDaysWithoutMidnight(t *testing.T) {
	for _, c := range []struct {
		zone, now string
		spec      when.Spec
		from, to  string
	}{
		{"America/Santiago", "2026-09-10T12:00:00-03:00", when.Spec{Start: "2026-09-06", End: "2026-09-06"}, "2026-09-06T01:00:00-03:00", "2026-09-07T00:00:00-03:00"},
		{"America/Santiago", "2026-09-10T12:00:00-03:00", when.Spec{Start: "2026-09-05", End: "2026-09-05"}, "2026-09-05T00:00:00-04:00", "2026-09-06T01:00:00-03:00"},
		{"America/Santiago", "2026-09-06T09:00:00-03:00", when.Spec{Today: true}, "2026-09-06T01:00:00-03:00", "2026-09-06T09:00:00-03:00"},
		{"America/Santiago", "2026-09-07T09:00:00-03:00", when.Spec{Yesterday: true}, "2026-09-06T01:00:00-03:00", "2026-09-07T00:00:00-03:00"},
		{"America/Santiago", "2026-09-05T00:30:00-04:00", when.Spec{Start: "tomorrow", End: "tomorrow"}, "2026-09-06T01:00:00-03:00", "2026-09-07T00:00:00-03:00"},
		{"America/Santiago", "2026-09-12T09:00:00-03:00", when.Spec{}, "2026-09-06T01:00:00-03:00", "2026-09-12T09:00:00-03:00"},
		{"America/Santiago", "2026-09-20T09:00:00-03:00", when.Spec{End: "2026-09-12"}, "2026-09-06T01:00:00-03:00", "2026-09-13T00:00:00-03:00"},
		{"America/Santiago", "2026-09-20T09:00:00-03:00", when.Spec{End: "2026-09-05"}, "2026-08-30T00:00:00-04:00", "2026-09-06T01:00:00-03:00"},
		{"America/Havana", "2026-03-08T09:00:00-04:00", when.Spec{Days: 1}, "2026-03-08T01:00:00-04:00", "2026-03-08T09:00:00-04:00"},
		{"America/Havana", "2026-11-01T09:00:00-05:00", when.Spec{Today: true}, "2026-11-01T00:00:00-04:00", "2026-11-01T09:00:00-05:00"},
		{"America/Sao_Paulo", "2017-10-15T09:00:00-02:00", when.Spec{Today: true}, "2017-10-15T01:00:00-02:00", "2017-10-15T09:00:00-02:00"},
		{"Asia/Beirut", "2026-03-29T09:00:00+03:00", when.Spec{Today: true}, "2026-03-29T01:00:00+03:00", "2026-03-29T09:00:00+03:00"},
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			testenv.Missing(t, "no time zone database on this machine")
		}
		now, err := time.Parse(time.RFC3339, c.now)
		if err != nil {
			t.Fatal(err)
		}
		r, err := c.spec.Resolve(now.In(zone))
		if err != nil || r.From.Format(time.RFC3339) != c.from || r.To.Format(time.RFC3339) != c.to {
			t.Errorf("%s, %s, %+v: %s to %s, %v; want %s to %s", c.zone, c.now, c.spec, r.From.Format(time.RFC3339), r.To.Format(time.RFC3339), err, c.from, c.to)
		}
	}
}
