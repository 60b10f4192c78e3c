package simulator

import (
	"math"
	"slices"
	"testing"
	"time"

	"healthsync/sync/health"
	"healthsync/sync/testenv"
)

var newYear = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func generate(t *testing.T, p Plan) *History {
	t.Helper()
	return must(Generate(p))(t)
}

func count(h *History) (n int) {
	for _, t := range h.Types() {
		n += h.Len(t)
	}
	return n
}

func TestExactNumbers(t *testing.T) {
	ten := []health.Type{
		health.Steps, health.HeartRate, health.ActiveEnergyBurned, health.SleepAnalysis, health.Weight,
		health.Workouts, health.Height, health.BloodOxygen, health.FlightsClimbed, health.VO2Max,
	}
	end := newYear.AddDate(0, 2, 3)
	for _, n := range []int{1, 10, 17, 1000, 123_456} {
		h := generate(t, Plan{Seed: 3, From: newYear, To: end, Types: ten, Samples: n})
		if got := count(h); got != n {
			t.Errorf("%d samples, want %d", got, n)
		}
		if n >= 10 && len(h.Types()) != 10 {
			t.Errorf("%d samples of %v", n, h.Types())
		}
		for _, ty := range h.Types() {
			for _, s := range h.Samples(ty) {
				if s.Start < newYear.Unix() || s.Start >= end.Unix() {
					t.Fatalf("%s outside of the plan: %v", ty, s.StartTime())
				}
			}
		}
	}
}

func TestPlansThatCannotBe(t *testing.T) {
	for what, p := range map[string]Plan{
		"ends first":    {From: newYear, To: newYear},
		"two centuries": {From: newYear, To: newYear.AddDate(200, 0, 0)},
		"unknown type":  {From: newYear, To: newYear.AddDate(1, 0, 0), Types: []health.Type{"mood"}},
		"no whole day":  {From: newYear.Add(time.Hour), To: newYear.Add(30 * time.Hour), Samples: 5},
	} {
		if _, err := Generate(p); err == nil {
			t.Errorf("%s: accepted", what)
		}
	}
}

// The same plan is the same phone after a restart; a later end adds, and what
// was there stays as it was.
func TestGenerationIsStable(t *testing.T) {
	p := Plan{Seed: 11, From: newYear, To: newYear.AddDate(0, 0, 20).Add(3*time.Hour + 7*time.Minute)}
	a, b := generate(t, p), generate(t, p)
	longer := p
	longer.To = newYear.AddDate(0, 0, 40)
	c := generate(t, longer)
	if err := b.Extend(Plan{Seed: 11, From: p.To, To: longer.To}); err != nil {
		t.Fatal(err)
	}
	other := generate(t, Plan{Seed: 12, From: p.From, To: p.To})
	for _, ty := range c.Types() {
		old, grown, whole := a.Samples(ty), b.Samples(ty), c.Samples(ty)
		if !slices.Equal(grown, whole) {
			t.Errorf("%s: extended to %d samples, made at once %d", ty, len(grown), len(whole))
		}
		if n := len(whole) - len(old); n < 0 || !slices.Equal(whole[n:], old) {
			t.Errorf("%s: a longer history has another past", ty)
		}
		if len(old) > 10 && slices.Equal(old, other.Samples(ty)) {
			t.Errorf("%s: another seed, the same person", ty)
		}
	}
	types := health.Types()
	only := generate(t, Plan{Seed: 11, From: p.From, To: p.To, Types: types[:3]})
	if !slices.Equal(only.Samples(types[0]), a.Samples(types[0])) {
		t.Error("fewer types change the others")
	}
}

// The person is one whom one could meet.
func TestBelievable(t *testing.T) {
	zone := time.FixedZone("east", 5*3600+1800)
	from := time.Date(2025, 1, 1, 0, 0, 0, 0, zone)
	const days = 200
	h := generate(t, Plan{Seed: 42, From: from, To: from.AddDate(0, 0, days), Location: zone})
	perDay := func(ty health.Type, source string) float64 {
		sum := 0.0
		for _, s := range h.Samples(ty) {
			if source == "" || s.Source == source {
				sum += s.Value
			}
		}
		return sum / days
	}
	average := func(ty health.Type) float64 { return perDay(ty, "") * days / float64(h.Len(ty)) }
	const watch = "Ana\u2019s Apple\u00a0Watch"
	for _, x := range []struct {
		what      string
		got       float64
		low, high float64
	}{
		{"samples a day", float64(count(h)) / days, 1000, 2000},
		{"steps a day by the watch", perDay(health.Steps, watch), 5000, 15000},
		{"metres a day by the watch", perDay(health.DistanceWalkingRunning, watch), 3000, 12000},
		{"active kcal a day", perDay(health.ActiveEnergyBurned, ""), 250, 1200},
		{"basal kcal a day", perDay(health.BasalEnergyBurned, ""), 700, 2000},
		{"pulse", average(health.HeartRate), 60, 95},
		{"resting pulse", average(health.RestingHeartRate), 45, 70},
		{"HRV in seconds", average(health.HeartRateVariability), 0.02, 0.09},
		{"oxygen as a fraction", average(health.BloodOxygen), 0.94, 0.99},
		{"fat as a fraction", average(health.BodyFatPercentage), 0.1, 0.3},
		{"weight", average(health.Weight), 60, 80},
		{"temperature", average(health.BodyTemperature), 36, 38},
		{"height", average(health.Height), 1.5, 2},
	} {
		if x.got < x.low || x.got > x.high || math.IsNaN(x.got) {
			t.Errorf("%s: %.3f, want %v to %v", x.what, x.got, x.low, x.high)
		}
	}
	ids := map[health.UUID]bool{}
	nights, asleep, high := 0, int64(0), 0
	for _, ty := range h.Types() {
		info, known := health.Lookup(ty)
		last := map[string]int64{}
		for _, s := range slices.Backward(h.Samples(ty)) {
			if !known || s.Unit != info.Unit || s.End < s.Start || s.Source == "" || math.IsNaN(s.Value) || ids[s.ID] ||
				s.ID[6]>>4 != 4 {
				t.Fatalf("%+v", s)
			}
			ids[s.ID] = true
			if ty != health.SleepAnalysis && ty != health.Workouts && s.Start < last[s.Source] {
				t.Fatalf("%s of %s at %v begins before the last ended", ty, s.Source, s.StartTime())
			}
			last[s.Source] = s.End
			if ty == health.HeartRate && s.Value > 130 {
				high++
			}
			if ty != health.SleepAnalysis {
				continue
			}
			if hour := s.StartTime().In(zone).Hour(); hour > 11 && hour < 20 {
				t.Fatalf("asleep at %v", s.StartTime().In(zone))
			}
			switch stage := health.SleepStage(s.Value); {
			case s.Metadata != `{"sleepStage":"`+stage.String()+`"}`:
				t.Fatalf("%+v", s)
			case stage == health.StageInBed:
				nights++
			case stage != health.StageAwake:
				asleep += s.End - s.Start
			}
		}
	}
	if hours := float64(asleep) / 3600 / days; nights < days-2 || nights > days+1 || hours < 5 || hours > 9 {
		t.Errorf("%d nights of %.1f hours", nights, hours)
	}
	if high == 0 {
		t.Error("nobody ever runs")
	}
}

// A history goes past a day that has no midnight.
func TestDaysWithoutMidnight(t *testing.T) {
	zone, err := time.LoadLocation("America/Santiago")
	if err != nil {
		testenv.Missing(t, "no time zone database on this machine")
	}
	h := generate(t, Plan{Seed: 1, From: time.Date(2026, 9, 4, 0, 0, 0, 0, zone),
		To: time.Date(2026, 9, 9, 0, 0, 0, 0, zone), Location: zone, Types: []health.Type{health.Steps}})
	dates := map[string]int{}
	for _, s := range h.Samples(health.Steps) {
		dates[s.StartTime().In(zone).Format(time.DateOnly)]++
	}
	for _, date := range []string{"2026-09-04", "2026-09-05", "2026-09-06", "2026-09-07", "2026-09-08"} {
		if dates[date] == 0 {
			t.Errorf("no steps on %s: %v", date, dates)
		}
	}
}
