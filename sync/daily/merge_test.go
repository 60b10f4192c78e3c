package daily_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"healthsync/sync/civil"
	"healthsync/sync/daily"
	"healthsync/sync/health"
)

func zone(t testing.TB, name string) (*time.Location, *civil.Zone) {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc, civil.NewZone(loc)
}

// reckon is the reference: it asks of every second which source counts there,
// and the calendar of package time on which day it lies.
func reckon(how health.Aggregation, home *time.Location, zones map[*civil.Zone]*time.Location,
	samples []daily.Sample) map[string][3]float64 {
	out := map[string][3]float64{}
	add := func(day string, i int, v float64) {
		x := out[day]
		x[i] += v
		out[day] = x
	}
	date := func(s daily.Sample, at int64) string {
		loc := home
		if s.Zone != nil {
			loc = zones[s.Zone]
		}
		t := time.Unix(at, 0).In(loc)
		if how == health.Duration {
			if t.Hour() >= 12 {
				return time.Date(t.Year(), t.Month(), t.Day()+1, 12, 0, 0, 0, time.UTC).Format(time.DateOnly)
			}
		}
		return t.Format(time.DateOnly)
	}
	end := func(s daily.Sample) int64 { return max(s.End, s.Start+1) }
	first, last := int64(math.MaxInt64), int64(math.MinInt64)
	for _, s := range samples {
		first, last = min(first, s.Start), max(last, end(s))
	}
	for at := first; at < last; at++ {
		best := math.MaxInt
		for _, s := range samples {
			if s.Start <= at && at < end(s) && (how != health.Duration || s.Value != 0) {
				best = min(best, s.Rank)
			}
		}
		slept := false
		for _, s := range samples {
			if s.Start > at || at >= end(s) {
				continue
			}
			share := s.Value / float64(end(s)-s.Start)
			if how == health.Duration {
				share = 0
				if s.Value == 1 || s.Value >= 3 {
					share = 1
				}
			}
			if how != health.Duration || share > 0 {
				add(date(s, at), 1, share)
			}
			if s.Rank == best && !(how == health.Duration && (slept || share == 0)) {
				add(date(s, at), 0, share)
				slept = true
			}
		}
	}
	return out
}

// Totals against the second-by-second reckoning: samples of up to four sources
// that overlap in every way, across midnights, across both changes of the
// clock, some measured in another zone.
func TestAgainstSeconds(t *testing.T) {
	berlin, zb := zone(t, "Europe/Berlin")
	tokyo, zt := zone(t, "Asia/Tokyo")
	newfoundland, zn := zone(t, "America/St_Johns") // changed the clock at 00:01 until 2011
	zones := map[*civil.Zone]*time.Location{zb: berlin, zt: tokyo, zn: newfoundland}
	starts := []time.Time{
		time.Date(2026, 3, 28, 22, 57, 0, 0, time.UTC),  // midnight before the change to summer time
		time.Date(2026, 10, 25, 0, 57, 0, 0, time.UTC),  // the change to winter time
		time.Date(2010, 11, 7, 2, 27, 0, 0, time.UTC),   // in Newfoundland one minute of Sunday, then Saturday again
		time.Date(2026, 7, 7, 21, 57, 0, 0, time.UTC),   // midnight in Berlin
		time.Date(1999, 12, 31, 10, 58, 0, 0, time.UTC), // noon in Berlin
		time.Date(2026, 5, 1, 14, 56, 0, 0, time.UTC),   // midnight in Tokyo
	}
	rapid.Check(t, func(rt *rapid.T) {
		how := rapid.SampledFrom([]health.Aggregation{health.Sum, health.Duration}).Draw(rt, "how")
		home := rapid.SampledFrom([]*civil.Zone{zb, zn}).Draw(rt, "home")
		base := rapid.SampledFrom(starts).Draw(rt, "base").Unix()
		var samples []daily.Sample
		for range rapid.IntRange(1, 12).Draw(rt, "n") {
			s := daily.Sample{Start: base + rapid.Int64Range(0, 300).Draw(rt, "start"),
				Rank: rapid.IntRange(0, 3).Draw(rt, "rank")}
			s.End = s.Start + rapid.SampledFrom([]int64{0, 1, 7, 60, 300}).Draw(rt, "length")
			s.Value = float64(rapid.IntRange(0, 5).Draw(rt, "value"))
			s.Zone = rapid.SampledFrom([]*civil.Zone{nil, nil, zt, zb}).Draw(rt, "zone")
			samples = append(samples, s)
		}
		slices.SortStableFunc(samples, func(a, b daily.Sample) int { return int(a.Start - b.Start) })
		sum := daily.NewSum(how, home)
		for _, s := range samples {
			sum.Add(s)
		}
		got := sum.Figures()
		want := reckon(how, zones[home], zones, samples)
		for day, f := range got {
			w := want[day.String()]
			if math.Abs(f.Total-w[0]) > 1e-6 || math.Abs(f.Naive-w[1]) > 1e-6 {
				rt.Fatalf("%s: %v of %v, want %v of %v", day, f.Total, f.Naive, w[0], w[1])
			}
			delete(want, day.String())
		}
		for day, w := range want {
			if w[0] != 0 || w[1] != 0 {
				rt.Fatalf("%s is missing: %v", day, w)
			}
		}
	})
}

// By hand: an iPhone in the pocket and a Watch on the wrist.
func TestTwoDevices(t *testing.T) {
	_, home := zone(t, "Europe/Berlin")
	at := func(clock string) int64 {
		x, err := time.Parse(time.DateTime, "2026-07-07 "+clock)
		if err != nil {
			t.Fatal(err)
		}
		return x.Unix() - 7200
	}
	const iphone, watch, app = 1, 0, 2
	for name, c := range map[string]struct {
		samples      []daily.Sample
		total, naive float64
	}{
		"apart": {[]daily.Sample{{Start: at("08:00:00"), End: at("08:10:00"), Value: 100, Rank: iphone},
			{Start: at("08:10:00"), End: at("08:20:00"), Value: 90, Rank: watch}}, 190, 190},
		"the Watch counts all of it": {[]daily.Sample{{Start: at("08:00:00"), End: at("08:10:00"), Value: 100, Rank: iphone},
			{Start: at("08:00:00"), End: at("08:10:00"), Value: 90, Rank: watch}}, 90, 190},
		"half of it": {[]daily.Sample{{Start: at("08:00:00"), End: at("08:10:00"), Value: 100, Rank: iphone},
			{Start: at("08:05:00"), End: at("08:15:00"), Value: 90, Rank: watch}}, 140, 190},
		"in the midst": {[]daily.Sample{{Start: at("08:00:00"), End: at("09:00:00"), Value: 3600, Rank: app},
			{Start: at("08:10:00"), End: at("08:11:00"), Value: 7, Rank: watch},
			{Start: at("08:50:00"), End: at("08:50:00"), Value: 5, Rank: iphone}}, 3600 - 60 - 1 + 7 + 5, 3612},
		"one source twice": {[]daily.Sample{{Start: at("08:00:00"), End: at("08:10:00"), Value: 100, Rank: watch},
			{Start: at("08:00:00"), End: at("08:10:00"), Value: 90, Rank: watch}}, 190, 190},
		"exact without doubles": {[]daily.Sample{{Start: at("08:00:00"), End: at("08:10:07"), Value: 0.1, Rank: watch},
			{Start: at("09:00:00"), End: at("09:00:00"), Value: 0.2, Rank: iphone}}, 0.1 + 0.2, 0.1 + 0.2},
	} {
		sum := daily.NewSum(health.Sum, home)
		for _, s := range c.samples {
			sum.Add(s)
		}
		f := sum.Figures()[civil.DayOf(time.Date(2026, 7, 7, 0, 0, 0, 0, time.UTC))]
		if f == nil || math.Abs(f.Total-c.total) > 1e-9 || math.Abs(f.Naive-c.naive) > 1e-9 || f.Samples != len(c.samples) {
			t.Errorf("%s: %+v, want %v of %v", name, f, c.total, c.naive)
		}
	}
}

func TestAverage(t *testing.T) {
	_, home := zone(t, "America/New_York")
	sum := daily.NewSum(health.Average, home)
	night := time.Date(2026, 7, 8, 4, 0, 0, 0, time.UTC).Unix() // midnight
	for i, v := range []float64{60, 70, 95} {
		sum.Add(daily.Sample{Start: night - 2 + int64(i), Value: v, Rank: i})
	}
	f := sum.Figures()
	if d := f[civil.DayOf(time.Date(2026, 7, 7, 0, 0, 0, 0, time.UTC))]; d == nil || d.Average != 65 ||
		d.Minimum != 60 || d.Maximum != 70 || d.Samples != 2 {
		t.Errorf("%+v", d)
	}
}

func TestPriority(t *testing.T) {
	sources := []string{"Strava", "Ana's iPhone", "Health", "AutoSleep", "Ana's Apple Watch"}
	for _, c := range []struct {
		names []string
		want  string
	}{
		{nil, "[Health Ana's Apple Watch Ana's iPhone AutoSleep Strava]"},
		{[]string{"strava", "*iphone"}, "[Strava Ana's iPhone Health Ana's Apple Watch AutoSleep]"},
		{[]string{"A*S*p"}, "[AutoSleep Health Ana's Apple Watch Ana's iPhone Strava]"},
	} {
		p := daily.Priority{Names: c.names}
		got := slices.Clone(sources)
		slices.SortFunc(got, func(a, b string) int { return p.Compare(a, false, b, false) })
		if fmt.Sprint(got) != c.want {
			t.Errorf("%v: %v, want %s", c.names, got, c.want)
		}
	}
	if (daily.Priority{}).Compare("Strava", true, "Ana's Apple Watch", false) >= 0 {
		t.Error("what a person entered does not come first")
	}
}
