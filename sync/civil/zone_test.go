package civil_test

import (
	"math"
	"testing"
	"time"

	"healthsync/sync/civil"
)

func TestZoneDays(t *testing.T) {
	for _, c := range []struct {
		zone, day string
		hours     float64
	}{
		{"Europe/Berlin", "2026-03-29", 23}, {"Europe/Berlin", "2026-10-25", 25}, {"Europe/Berlin", "2026-07-07", 24},
		{"America/Sao_Paulo", "2018-11-04", 23}, // midnight does not exist
		{"Australia/Lord_Howe", "2026-04-05", 24.5}, {"Pacific/Apia", "2011-12-30", 0}, {"UTC", "1969-12-31", 24},
	} {
		loc := zone(t, c.zone)
		z := civil.NewZone(loc)
		x, err := time.Parse(time.DateOnly, c.day)
		if err != nil {
			t.Fatal(err)
		}
		from, to := z.Span(civil.DayOf(x))
		if got := float64(to-from) / 3600; math.Max(got, 0) != c.hours {
			t.Errorf("%s in %s has %v hours, want %v", c.day, c.zone, got, c.hours)
		}
		if c.hours > 0 {
			for _, at := range []int64{from, to - 1} {
				if got := time.Unix(at, 0).In(loc).Format(time.DateOnly); got != c.day {
					t.Errorf("%s in %s: %d is %s", c.day, c.zone, at, got)
				}
			}
		}
	}
	if z, ok := civil.ParseZone("GMT+0530"); !ok || z.Day(time.Date(2026, 1, 1, 18, 30, 0, 0,
		time.UTC).Unix()).String() != "2026-01-02" {
		t.Error("GMT+0530")
	}
	for _, bad := range []string{"", "Local", "Mars/Olympus", "GMT+9900"} {
		if _, ok := civil.ParseZone(bad); ok {
			t.Errorf("%q is a zone", bad)
		}
	}
	a, b := civil.NewZone(zone(t, "Europe/Berlin")), civil.NewZone(zone(t, "Europe/Paris"))
	if a.Fingerprint() == b.Fingerprint() {
		t.Error("Berlin is Paris")
	}
}

func BenchmarkNewZone(b *testing.B) {
	loc := zone(b, "Europe/Berlin")
	for b.Loop() {
		civil.NewZone(loc)
	}
}
