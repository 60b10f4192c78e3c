package aggregate_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"healthsync/sync/aggregate"
	"healthsync/sync/health"
)

func render(rows []aggregate.Row) string {
	var b strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&b, "%s %s total=%g average=%g min=%g max=%g n=%d\n", r.Date.Format(time.RFC3339), r.Type, r.Total, r.Average, r.Min, r.Max, r.Count)
	}
	return b.String()
}

func TestBuckets(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip("no time zone database on this machine")
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
		steps("2026-01-05 00:00:00", 1), steps("2026-01-04 23:59:59", 2), steps("2026-01-11 23:59:59", 4), steps("2026-01-05 00:59:59", 8),
		// the night in which the clock goes back: 02:30 comes twice
		{Type: health.HeartRate, Start: at("2026-10-25 03:00:00") - 5400, Value: 60}, {Type: health.HeartRate, Start: at("2026-10-25 03:00:00") - 1800, Value: 70},
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
		{Type: health.SleepAnalysis, Start: 6000, End: 6600, Value: 17}, // a stage of tomorrow
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
