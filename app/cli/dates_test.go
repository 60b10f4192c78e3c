package cli

import (
	"testing"
	"time"

	"healthsync/app/problem"
	"healthsync/sync/testenv"
)

func TestResolve(t *testing.T) {
	zone := time.FixedZone("", 3600)
	now := time.Date(2026, 1, 8, 10, 30, 0, 0, zone) // a Thursday
	for _, c := range []struct {
		spec     dateFlags
		from, to string
	}{
		{dateFlags{}, "2026-01-02T00:00:00+01:00", "2026-01-08T10:30:00+01:00"},
		{dateFlags{today: true}, "2026-01-08T00:00:00+01:00", "2026-01-08T10:30:00+01:00"},
		{dateFlags{yesterday: true}, "2026-01-07T00:00:00+01:00", "2026-01-08T00:00:00+01:00"},
		{dateFlags{week: true}, "2026-01-05T00:00:00+01:00", "2026-01-08T10:30:00+01:00"},
		{dateFlags{month: true}, "2026-01-01T00:00:00+01:00", "2026-01-08T10:30:00+01:00"},
		{dateFlags{year: true}, "2026-01-01T00:00:00+01:00", "2026-01-08T10:30:00+01:00"},
		{dateFlags{days: 1}, "2026-01-08T00:00:00+01:00", "2026-01-08T10:30:00+01:00"},
		{dateFlags{hours: 24}, "2026-01-07T10:30:00+01:00", "2026-01-08T10:30:00+01:00"},
		{dateFlags{start: "2026-01-01", end: "2026-01-07"}, "2026-01-01T00:00:00+01:00", "2026-01-08T00:00:00+01:00"},
		{dateFlags{start: "2026-01-01T00:00:00Z", end: "2026-01-07T23:59:59Z"}, "2026-01-01T00:00:00Z",
			"2026-01-07T23:59:59Z"},
		{dateFlags{start: "yesterday", end: "now"}, "2026-01-07T00:00:00+01:00", "2026-01-08T10:30:00+01:00"},
		{dateFlags{start: "2026-01-01 06:30"}, "2026-01-01T06:30:00+01:00", "2026-01-08T10:30:00+01:00"},
		{dateFlags{start: "2026-01-01t06:30:00.5z"}, "2026-01-01T06:30:00Z", "2026-01-08T10:30:00+01:00"},
		{dateFlags{end: "2026-01-07T00:00:00+0100"}, "2025-12-31T00:00:00+01:00", "2026-01-07T00:00:00+01:00"},
		{dateFlags{start: "2020-01-01", end: "2026-12-31"}, "2020-01-01T00:00:00+01:00", "2027-01-01T00:00:00+01:00"},
	} {
		r, err := c.spec.resolve(now)
		if err != nil || r.from.Format(time.RFC3339) != c.from || r.to.Format(time.RFC3339) != c.to {
			t.Errorf("%+v: %s to %s, %v; want %s to %s", c.spec, r.from.Format(time.RFC3339), r.to.Format(time.RFC3339), err,
				c.from, c.to)
		}
	}
	for want, spec := range map[string]dateFlags{
		`--start: "soon".`:                                   {start: "soon"},
		`--end: "2026-02-30".`:                               {end: "2026-02-30"},
		`--start: "2026-13-01".`:                             {start: "2026-13-01"},
		`--start: "01/02/2026".`:                             {start: "01/02/2026"},
		"--start now is not before --end yesterday.":         {start: "now", end: "yesterday"},
		"--start 2026-01-03 is not before --end 2026-01-01.": {start: "2026-01-03", end: "2026-01-01"},
		"--start lies in the future.":                        {start: "tomorrow"},
		"--week cannot be used together with --today.":       {today: true, week: true},
		"--start cannot be used together with --days.":       {days: 3, start: "2026-01-01"},
	} {
		_, err := spec.resolve(now)
		if e := problem.Find(err); e == nil || e.Detail != want {
			t.Errorf("%+v: %v, want %s", spec, err, want)
		}
	}
}

// A sunday belongs to the week that began on the monday before it.
func TestWeekBeginsOnMonday(t *testing.T) {
	r, err := dateFlags{week: true}.resolve(time.Date(2026, 1, 11, 1, 0, 0, 0, time.UTC))
	if err != nil || r.from.Format(time.DateOnly) != "2026-01-05" {
		t.Errorf("%v, %v", r, err)
	}
}

// A day that does not begin at midnight begins where it begins, and ends there.
func TestDaysWithoutMidnight(t *testing.T) {
	for _, c := range []struct {
		zone, now string
		spec      dateFlags
		from, to  string
	}{
		{"America/Santiago", "2026-09-10T12:00:00-03:00", dateFlags{start: "2026-09-06", end: "2026-09-06"},
			"2026-09-06T01:00:00-03:00", "2026-09-07T00:00:00-03:00"},
		{"America/Santiago", "2026-09-10T12:00:00-03:00", dateFlags{start: "2026-09-05", end: "2026-09-05"},
			"2026-09-05T00:00:00-04:00", "2026-09-06T01:00:00-03:00"},
		{"America/Santiago", "2026-09-06T09:00:00-03:00", dateFlags{today: true}, "2026-09-06T01:00:00-03:00",
			"2026-09-06T09:00:00-03:00"},
		{"America/Santiago", "2026-09-07T09:00:00-03:00", dateFlags{yesterday: true}, "2026-09-06T01:00:00-03:00",
			"2026-09-07T00:00:00-03:00"},
		{"America/Santiago", "2026-09-05T00:30:00-04:00", dateFlags{start: "tomorrow", end: "tomorrow"},
			"2026-09-06T01:00:00-03:00", "2026-09-07T00:00:00-03:00"},
		{"America/Santiago", "2026-09-12T09:00:00-03:00", dateFlags{}, "2026-09-06T01:00:00-03:00",
			"2026-09-12T09:00:00-03:00"},
		{"America/Santiago", "2026-09-20T09:00:00-03:00", dateFlags{end: "2026-09-12"}, "2026-09-06T01:00:00-03:00",
			"2026-09-13T00:00:00-03:00"},
		{"America/Santiago", "2026-09-20T09:00:00-03:00", dateFlags{end: "2026-09-05"}, "2026-08-30T00:00:00-04:00",
			"2026-09-06T01:00:00-03:00"},
		{"America/Havana", "2026-03-08T09:00:00-04:00", dateFlags{days: 1}, "2026-03-08T01:00:00-04:00",
			"2026-03-08T09:00:00-04:00"},
		{"America/Havana", "2026-11-01T09:00:00-05:00", dateFlags{today: true}, "2026-11-01T00:00:00-04:00",
			"2026-11-01T09:00:00-05:00"},
		{"America/Sao_Paulo", "2017-10-15T09:00:00-02:00", dateFlags{today: true}, "2017-10-15T01:00:00-02:00",
			"2017-10-15T09:00:00-02:00"},
		{"Asia/Beirut", "2026-03-29T09:00:00+03:00", dateFlags{today: true}, "2026-03-29T01:00:00+03:00",
			"2026-03-29T09:00:00+03:00"},
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			testenv.Missing(t, "no time zone database on this machine")
		}
		now, err := time.Parse(time.RFC3339, c.now)
		if err != nil {
			t.Fatal(err)
		}
		r, err := c.spec.resolve(now.In(zone))
		if err != nil || r.from.Format(time.RFC3339) != c.from || r.to.Format(time.RFC3339) != c.to {
			t.Errorf("%s, %s, %+v: %s to %s, %v; want %s to %s", c.zone, c.now, c.spec, r.from.Format(time.RFC3339),
				r.to.Format(time.RFC3339), err, c.from, c.to)
		}
	}
}
