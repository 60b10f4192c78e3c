package aggregate_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"healthsync/sync/aggregate"
	"healthsync/sync/health"
	"healthsync/sync/testenv"
)

func render(rows []aggregate.Row) string {
	var b strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&b, "%s %s total=%g average=%g min=%g max=%g n=%d\n", r.Date.Format(time.RFC3339), r.Type, r.Total,
			r.Average, r.Min, r.Max, r.Count)
	}
	return b.String()
}

func TestBuckets(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		testenv.Missing(t, "no time zone database on this machine")
	}
	at := func(s string) int64 {
		when, err := time.ParseInLocation("2006-01-02 15:04:05", s, zone)
		if err != nil {
			t.Fatal(err)
		}
		return when.Unix()
	}
	steps := func(when string, v float64) *health.Sample {
		return &health.Sample{Type: health.Steps, Start: at(when), End: at(when) + 60, Value: v}
	}
	samples := []*health.Sample{
		steps("2026-01-05 00:00:00", 1), steps("2026-01-04 23:59:59", 2), steps("2026-01-11 23:59:59", 4),
		steps("2026-01-05 00:59:59", 8),
		// the night in which the clock goes back: 02:30 comes twice
		{Type: health.HeartRate, Start: at("2026-10-25 03:00:00") - 5400, Value: 60},
		{Type: health.HeartRate, Start: at("2026-10-25 03:00:00") - 1800, Value: 70},
	}
	for by, want := range map[aggregate.By]string{
		aggregate.Daily: `2026-01-04T00:00:00+01:00 steps total=2 average=2 min=2 max=2 n=1
2026-01-05T00:00:00+01:00 steps total=9 average=4.5 min=1 max=8 n=2
2026-01-11T00:00:00+01:00 steps total=4 average=4 min=4 max=4 n=1
2026-10-25T00:00:00+02:00 heartRate total=130 average=65 min=60 max=70 n=2
`,
		aggregate.Weekly: `2025-12-29T00:00:00+01:00 steps total=2 average=2 min=2 max=2 n=1
2026-01-05T00:00:00+01:00 steps total=13 average=4.333333333333333 min=1 max=8 n=3
2026-10-19T00:00:00+02:00 heartRate total=130 average=65 min=60 max=70 n=2
`,
		aggregate.Hourly: `2026-01-04T23:00:00+01:00 steps total=2 average=2 min=2 max=2 n=1
2026-01-05T00:00:00+01:00 steps total=9 average=4.5 min=1 max=8 n=2
2026-01-11T23:00:00+01:00 steps total=4 average=4 min=4 max=4 n=1
2026-10-25T02:00:00+02:00 heartRate total=60 average=60 min=60 max=60 n=1
2026-10-25T02:00:00+01:00 heartRate total=70 average=70 min=70 max=70 n=1
`,
	} {
		sums := aggregate.New(by, zone)
		for _, s := range samples {
			sums.Add(s)
		}
		if got := render(sums.Rows()); got != want {
			t.Errorf("%s: got\n%swant\n%s", by, got, want)
		}
	}
}

func TestSleepCountsByStageInMinutes(t *testing.T) {
	sums := aggregate.New(aggregate.Daily, time.UTC)
	for _, s := range []health.Sample{
		{Type: health.SleepAnalysis, Start: 0, End: 5400, Value: float64(health.StageCore)},
		{Type: health.SleepAnalysis, Start: 5400, End: 6000, Value: float64(health.StageREM)},
		{Type: health.SleepAnalysis, Start: 6000, End: 6600, Value: 17}, // an unknown stage
	} {
		sums.Add(&s)
	}
	want := "1970-01-01T00:00:00Z sleepAnalysis total=10 average=10 min=10 max=10 n=1\n" +
		"1970-01-01T00:00:00Z sleepCore total=90 average=90 min=90 max=90 n=1\n" +
		"1970-01-01T00:00:00Z sleepREM total=10 average=10 min=10 max=10 n=1\n"
	if got := render(sums.Rows()); got != want {
		t.Errorf("got\n%s", got)
	}
}

// Days that do not begin at midnight, and hours that are not of an hour: each
// has one row, under its own date.
func TestBucketsWhereTheClockChanges(t *testing.T) {
	for _, c := range []struct {
		zone, from string
		by         aggregate.By
		hours      int
		want       string
	}{
		{"America/Santiago", "2026-09-05T04:00:00Z", aggregate.Daily, 60,
			"2026-09-05T00:00:00-04:00 24, 2026-09-06T01:00:00-03:00 23, 2026-09-07T00:00:00-03:00 13"},
		{"America/Santiago", "2026-08-30T04:00:00Z", aggregate.Weekly, 15 * 24,
			"2026-08-24T00:00:00-04:00 24, 2026-08-31T00:00:00-04:00 167, 2026-09-07T00:00:00-03:00 168, " +
				"2026-09-14T00:00:00-03:00 1"},
		{"America/Havana", "2026-03-07T05:00:00Z", aggregate.Daily, 48,
			"2026-03-07T00:00:00-05:00 24, 2026-03-08T01:00:00-04:00 23, 2026-03-09T00:00:00-04:00 1"},
		{"America/Havana", "2026-11-01T04:00:00Z", aggregate.Daily, 48,
			"2026-11-01T00:00:00-04:00 25, 2026-11-02T00:00:00-05:00 23"},
		{"America/Sao_Paulo", "2017-10-14T03:00:00Z", aggregate.Daily, 47,
			"2017-10-14T00:00:00-03:00 24, 2017-10-15T01:00:00-02:00 23"},
		{"America/Sao_Paulo", "2018-02-17T02:00:00Z", aggregate.Daily, 49,
			"2018-02-17T00:00:00-02:00 25, 2018-02-18T00:00:00-03:00 24"},
		{"Africa/Cairo", "2026-04-23T22:00:00Z", aggregate.Daily, 24,
			"2026-04-24T01:00:00+03:00 23, 2026-04-25T00:00:00+03:00 1"},
		{"Asia/Beirut", "2026-03-28T22:00:00Z", aggregate.Daily, 24,
			"2026-03-29T01:00:00+03:00 23, 2026-03-30T00:00:00+03:00 1"},
		{"Pacific/Apia", "2011-12-29T10:00:00Z", aggregate.Daily, 48,
			"2011-12-29T00:00:00-10:00 24, 2011-12-31T00:00:00+14:00 24"},
		{"Australia/Lord_Howe", "2026-04-04T13:00:00Z", aggregate.Daily, 26,
			"2026-04-05T00:00:00+11:00 25, 2026-04-06T00:00:00+10:30 1"},
		{"Australia/Lord_Howe", "2026-04-04T14:00:00Z", aggregate.Hourly, 3,
			"2026-04-05T01:00:00+11:00 1, 2026-04-05T01:30:00+10:30 1, 2026-04-05T02:00:00+10:30 1"},
		{"Australia/Lord_Howe", "2026-10-03T15:45:00Z", aggregate.Hourly, 1, "2026-10-04T02:30:00+11:00 1"},
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			testenv.Missing(t, "no time zone database on this machine")
		}
		from, err := time.Parse(time.RFC3339, c.from)
		if err != nil {
			t.Fatal(err)
		}
		for _, backwards := range []bool{false, true} {
			sums := aggregate.New(c.by, zone)
			for i := range c.hours {
				if backwards {
					i = c.hours - 1 - i
				}
				sums.Add(&health.Sample{Type: health.Steps, Start: from.Unix() + int64(i)*3600, Value: 1})
			}
			var got []string
			for _, r := range sums.Rows() {
				got = append(got, fmt.Sprint(r.Date.Format(time.RFC3339), " ", r.Count))
			}
			if got := strings.Join(got, ", "); got != c.want {
				t.Errorf("%s %s from %s, backwards %v:\n%s\nwant\n%s", c.zone, c.by, c.from, backwards, got, c.want)
			}
		}
	}
}
