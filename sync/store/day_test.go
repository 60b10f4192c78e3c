package store_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"healthsync/sync/civil"
	"healthsync/sync/daily"
	"healthsync/sync/health"
	"healthsync/sync/store"
)

func berlin(t testing.TB) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation("Europe/Berlin")
	must(t, err)
	return loc
}

func zone(loc *time.Location) func() *time.Location { return func() *time.Location { return loc } }

const tokyo = `{"HKTimeZone":"Asia/Tokyo"}`

// walked are steps at a moment, in the night where the reader is.
func walked(n int, start int64, metadata string) health.Sample {
	return health.Sample{
		ID: id(n), Type: health.Steps, Start: start, End: start + 60,
		Value: 40, Unit: "count", Source: "Watch", Metadata: metadata,
	}
}

// A day of two devices: the totals, who counted when, and the same from the
// view by sqlite3 itself.
func TestDay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "health.db")
	s := openWith(t, path, store.Options{Zone: zone(berlin(t))})
	n := 0
	at := func(typ health.Type, from, to string, value float64, source string) health.Sample {
		n++
		parse := func(clock string) int64 {
			x, err := time.ParseInLocation("2 15:04", clock, berlin(t))
			must(t, err)
			return x.AddDate(2026, 6, 0).Unix()
		}
		return health.Sample{
			ID: id(n), Type: typ, Start: parse(from), End: parse(to), Value: value, Unit: "count", Source: source,
		}
	}
	const iphone, watch = "Ana's iPhone", "Ana's Apple Watch"
	apply(t, s, store.Change{Samples: []health.Sample{
		at(health.Steps, "6 23:50", "7 00:10", 200, iphone), // half of it
		at(health.Steps, "7 08:00", "7 08:10", 1000, iphone), at(health.Steps, "7 08:05", "7 08:10", 480, watch),
		at(health.Steps, "7 09:00", "7 09:10", 700, watch), at(health.Steps, "7 09:00", "7 09:10", 750, iphone),
		at(health.Steps, "7 18:00", "7 18:10", 90, iphone),
		at(health.SleepAnalysis, "6 22:00", "7 06:00", 0, iphone), at(health.SleepAnalysis, "6 23:00", "7 02:00", 3, watch),
		at(health.SleepAnalysis, "7 01:00", "7 03:00", 1, "AutoSleep"),
		at(health.HeartRate, "7 08:00", "7 08:00", 60, watch), at(health.HeartRate, "7 09:00", "7 09:00", 80, "Strap"),
	}})
	sound(t, s)
	show := func(typ health.Type) string {
		t.Helper()
		day, err := s.Day(t.Context(), typ, civil.DayOf(time.Date(2026, 7, 7, 0, 0, 0, 0, time.UTC)))
		if err != nil || len(day) != 1 {
			t.Fatal(day, err)
		}
		d := day[0]
		clock := func(x int64) string { return time.Unix(x, 0).In(berlin(t)).Format("15:04") }
		out := []string{fmt.Sprint(
			d.Total, " of ", d.Naive, ", ", d.Average, " in ", d.Samples, " ", clock(d.From), "-", clock(d.To),
		)}
		for _, x := range d.Sources {
			out = append(out, fmt.Sprint(x.Source, " ", x.Samples, ": ", x.Counted, " of ", x.Recorded))
		}
		for _, x := range d.Stretches {
			out = append(out, fmt.Sprint(clock(x.From), "-", clock(x.To), " ", x.Source, " ", x.Counted, " ", x.Instead))
		}
		return strings.Join(out, "\n")
	}
	for typ, want := range map[health.Type]string{
		health.Steps: `1870 of 3120, 0 in 6 00:00-00:00
Ana's Apple Watch 2: 1180 of 1180
Ana's iPhone 4: 690 of 1940
00:00-00:10 Ana's iPhone 100 []
08:00-08:05 Ana's iPhone 500 []
08:05-08:10 Ana's Apple Watch 480 [{Ana's iPhone 500}]
09:00-09:10 Ana's Apple Watch 700 [{Ana's iPhone 750}]
18:00-18:10 Ana's iPhone 90 []`,
		health.SleepAnalysis: `14400 of 18000, 0 in 2 12:00-12:00
Ana's Apple Watch 1: 10800 of 10800
AutoSleep 1: 3600 of 7200
23:00-02:00 Ana's Apple Watch 10800 [{AutoSleep 3600}]
02:00-03:00 AutoSleep 3600 []`,
		health.HeartRate: `0 of 0, 70 in 2 00:00-00:00
Ana's Apple Watch 1: 60 of 60
Strap 1: 80 of 80`,
	} {
		if got := show(typ); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", typ, got, want)
		}
	}
	view := "SELECT type, samples, total, average, minimum, maximum, uncorrected FROM daily_totals " +
		"WHERE day = '2026-07-07' ORDER BY type"
	const want = "heartRate|2||70.0|60.0|80.0|\nsleepAnalysis|2|14400.0||||18000.0\nsteps|6|1870.0||||3120.0"
	if got := reader(t, path, view); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	// Another order of the sources makes all of them anew, and stays.
	s.Close()
	iphoneFirst := &daily.Priority{Names: []string{"*iphone"}}
	s = openWith(t, path, store.Options{Zone: zone(berlin(t)), Priority: iphoneFirst})
	total := func() string {
		return reader(t, path, "SELECT total FROM daily_totals WHERE type = 'steps' AND day = '2026-07-07'")
	}
	if got := total(); got != "1940.0" {
		t.Errorf("the iPhone first: %s", got)
	}
	sound(t, s)
	s.Close()
	s = openWith(t, path, store.Options{Zone: zone(berlin(t))}) // nothing said: as it was
	apply(t, s, store.Change{Samples: []health.Sample{at(health.Steps, "7 09:05", "7 09:20", 900, watch)}})
	if got := total(); got != "2540.0" {
		t.Errorf("after a late sample: %s", got)
	}
	sound(t, s)
	s.Close()
	// Two hours earlier.
	s = openWith(t, path, store.Options{Zone: zone(time.UTC), Priority: &daily.Priority{}})
	got := reader(t, path, "SELECT day, samples FROM daily_totals WHERE type = 'steps'")
	if got != "2026-07-06|1\n2026-07-07|6" {
		t.Errorf("in UTC: %s", got)
	}
	sound(t, s)
}

// The day of the place where a sample was taken, when it says so.
func TestDayOfThePlace(t *testing.T) {
	s := openWith(t, filepath.Join(t.TempDir(), "health.db"), store.Options{Zone: zone(berlin(t))})
	base := time.Date(2026, 7, 7, 23, 30, 0, 0, time.UTC).Unix() // 8 July in Berlin and Tokyo, 7 July in New York
	for i, meta := range []string{
		"", `{"HKTimeZone":"America/New_York"}`, `{"timeZone":"Asia/Tokyo"}`,
		`{"HKTimeZone":"Nowhere/Land"}`, `{"HKTimeZone":"GMT-0500"}`,
	} {
		apply(t, s, store.Change{Samples: []health.Sample{walked(i, base, meta)}})
		sound(t, s)
	}
	if got := reader(t, s.Path(), "SELECT day, total FROM daily_totals"); got != "2026-07-07|80.0\n2026-07-08|120.0" {
		t.Error(got)
	}
}

// Whatever changes come, the table has what all rows together give: samples of
// several devices and zones, of every length, changed, deleted, in pages of
// any cut.
func TestTotalsInStep(t *testing.T) {
	for seed := range uint64(6) {
		r := rand.New(rand.NewPCG(seed, 9))
		s := openWith(t, filepath.Join(t.TempDir(), "health.db"), store.Options{Zone: zone(berlin(t))})
		base := time.Date(2026, 3, 27, 0, 0, 0, 0, time.UTC).Unix() // over the change to summer time
		for range 25 {
			var c store.Change
			for range r.IntN(40) {
				n := r.IntN(120)
				f := rand.New(rand.NewPCG(uint64(n), seed))
				x := health.Sample{ID: id(n), Start: base + f.Int64N(5*86400), Unit: "count"}
				x.Type = []health.Type{health.Steps, health.SleepAnalysis, health.HeartRate}[n%3]
				x.End = x.Start + []int64{0, 1, 600, 7200, 90_000, 200_000}[f.IntN(6)]
				x.Source = []string{"Watch", "iPhone", "Ring"}[f.IntN(3)]
				if seed%2 == 1 {
					x.Metadata = []string{
						"", tokyo, `{"HKTimeZone":"Pacific/Honolulu"}`, `{"HKWasUserEntered":"1"}`,
					}[f.IntN(4)]
				}
				x.Value = float64(r.IntN(6))
				if r.IntN(8) == 0 {
					x.End += 5000
				}
				c.Samples = append(c.Samples, x)
			}
			if r.IntN(3) == 0 {
				from := base + r.Int64N(5*86400)
				c.Reconcile = []store.Covered{{Type: health.Steps, Span: store.Span{From: from, To: from + r.Int64N(86400)}}}
			}
			apply(t, s, c)
			if sound(t, s); t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
		s.Close()
	}
}

// A flight: the zone is asked again at each change, and the totals follow it.
func TestTotalsFollowTheZone(t *testing.T) {
	here := berlin(t)
	path := filepath.Join(t.TempDir(), "health.db")
	s := openWith(t, path, store.Options{Zone: func() *time.Location { return here }})
	evening := time.Date(2026, 7, 7, 22, 30, 0, 0, time.UTC).Unix() // 8 July in Berlin
	apply(t, s, store.Change{Samples: []health.Sample{walked(1, evening, "")}})
	days := func() string { return reader(t, s.Path(), "SELECT day, total FROM daily_totals") }
	if got := days(); got != "2026-07-08|40.0" {
		t.Errorf("at home: %s", got)
	}
	here = time.UTC
	apply(t, s, store.Change{Samples: []health.Sample{walked(2, evening+60, "")}})
	if got := days(); got != "2026-07-07|80.0" {
		t.Errorf("after the flight: %s", got)
	}
	sound(t, s)
}
