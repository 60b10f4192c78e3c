package state

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"healthsync/sync/health"
	"healthsync/sync/store"
	"healthsync/sync/testenv"
)

// The figures of a day, by hand: two devices that count the same steps (and one that counts alone at night), a
// night across midnight with time awake in it, yesterday's resting heart rate.
func TestFigures(t *testing.T) {
	zone := time.FixedZone("CET", 3600)
	now := time.Date(2026, 1, 8, 9, 30, 0, 0, zone)
	path := filepath.Join(t.TempDir(), "health.db")
	if got := Today(t.Context(), path, now); len(got) != 0 {
		t.Errorf("without a database: %v", got)
	}
	n := byte(0)
	at := func(typ health.Type, day, hour, minute int, minutes int, value float64, unit, source string) health.Sample {
		n++
		start := time.Date(2026, 1, day, hour, minute, 0, 0, zone).Unix()
		return health.Sample{ID: health.UUID{n}, Type: typ, Start: start, End: start + int64(60*minutes), Value: value, Unit: unit, Source: source}
	}
	samples := []health.Sample{
		at(health.Steps, 8, 0, 0, 1, 200, "count", "Ana's iPhone"), at(health.Steps, 8, 8, 0, 10, 1000, "count", "Ana's iPhone"),
		at(health.Steps, 8, 8, 0, 10, 1100, "count", "Ana's Watch"), at(health.Steps, 8, 9, 0, 1, 312, "count", "Ana's Watch"),
		at(health.Steps, 7, 23, 59, 1, 5000, "count", "Ana's Watch"), // yesterday
		at(health.DistanceWalkingRunning, 8, 8, 0, 10, 1640, "m", "Ana's Watch"),
		at(health.ActiveEnergyBurned, 8, 8, 0, 10, 81.6, "kcal", "Ana's Watch"),
		at(health.RestingHeartRate, 7, 20, 0, 0, 58, "count/min", "Ana's Watch"),
		at(health.SleepAnalysis, 7, 23, 0, 120, float64(health.StageCore), "category", "Ana's Watch"),
		at(health.SleepAnalysis, 8, 1, 0, 30, float64(health.StageAwake), "category", "Ana's Watch"),
		at(health.SleepAnalysis, 8, 1, 30, 315, float64(health.StageDeep), "category", "Ana's Watch"),
		at(health.SleepAnalysis, 7, 22, 30, 540, float64(health.StageInBed), "category", "Ana's iPhone"),
		at(health.SleepAnalysis, 6, 23, 0, 480, float64(health.StageCore), "category", "Ana's Watch"), // the night before
	}
	db, err := store.Open(t.Context(), path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Apply(t.Context(), &store.Change{Samples: samples}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	want := "[{Steps 1,612} {Distance 1.6 km} {Active Energy 82 kcal} {Resting Heart Rate 58 bpm} {Sleep 7 h 15 min}]"
	if got := fmt.Sprint(Today(t.Context(), path, now)); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	// The next day has nothing yet, and does not show the old figures.
	if got := Today(t.Context(), path, now.AddDate(0, 0, 3)); len(got) != 0 {
		t.Errorf("three days later: %v", got)
	}
}

// On a day that begins at one o'clock, the hour before belongs to yesterday.
func TestFiguresWithoutMidnight(t *testing.T) {
	zone, err := time.LoadLocation("America/Santiago")
	if err != nil {
		testenv.Missing(t, "no time zone database on this machine")
	}
	path := filepath.Join(t.TempDir(), "health.db")
	db, err := store.Open(t.Context(), path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	begins := time.Date(2026, 9, 6, 1, 0, 0, 0, zone).Unix()
	var samples []health.Sample
	for i, s := range []struct{ start, steps int64 }{{begins - 60, 5000}, {begins, 700}, {begins + 3600, 12}} {
		samples = append(samples, health.Sample{ID: health.UUID{byte(i + 1)}, Type: health.Steps, Start: s.start, End: s.start + 60, Value: float64(s.steps), Unit: "count", Source: "Ana's iPhone"})
	}
	if _, err := db.Apply(t.Context(), &store.Change{Samples: samples}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(Today(t.Context(), path, time.Date(2026, 9, 6, 9, 0, 0, 0, zone))); got != "[{Steps 712}]" {
		t.Errorf("%s", got)
	}
}
