package health_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"healthsync/sync/health"
)

func TestUUID(t *testing.T) {
	const want = "0A1B2C3D-4E5F-6789-ABCD-EF0123456789"
	for _, in := range []string{want, strings.ToLower(want)} {
		u, err := health.ParseUUID(in)
		if err != nil || u.String() != want {
			t.Errorf("ParseUUID(%q) = %v, %v; want %s", in, u, err, want)
		}
	}
	for _, bad := range []string{"", want[1:], want + "0", strings.ReplaceAll(want, "-", "_"),
		"0A1B2C3D-4E5F-6789-ABCD-EF012345678G", "0A1B2C3D4-E5F-6789-ABCD-EF0123456789"} {
		if u, err := health.ParseUUID(bad); err == nil {
			t.Errorf("ParseUUID(%q) = %v, want an error", bad, u)
		}
	}
}

func TestTypesAreThoseOfTheApp(t *testing.T) {
	ts := health.Types()
	if len(ts) != 31 {
		t.Errorf("%d types, the app has 31", len(ts))
	}
	stages := 0
	for _, typ := range ts {
		info, ok := health.Lookup(typ)
		if !ok || info.Type != typ || info.Unit == "" || info.Name == "" {
			t.Errorf("Lookup(%s) = %+v, %v", typ, info, ok)
		}
		if stage, ok := typ.Stage(); ok != typ.IsSleepStage() {
			t.Errorf("%s: Stage says %v, IsSleepStage says %v", typ, ok, typ.IsSleepStage())
		} else if ok {
			stages++
			if stage.String() == "unknown" {
				t.Errorf("%s: stage %d has no name", typ, stage)
			}
		}
	}
	if stages != 6 {
		t.Errorf("%d sleep stages, want 6", stages)
	}
}

func TestResolve(t *testing.T) {
	for name, want := range map[string]string{
		"steps": "steps", "heartRate": "heartRate", "heart_rate": "heartRate", "HEART-RATE": "heartRate",
		"heart rate": "heartRate",
		"distance":   "distanceWalkingRunning", "activeEnergy": "activeEnergyBurned",
		"bloodPressureSystolic": "bloodPressureSystolic",
		"blood_pressure": "bloodPressureSystolic " +
			"bloodPressureDiastolic", "hrv": "heartRateVariability", "vo2max": "vo2Max",
		"sleepREM": "sleepREM",
		"sleep":    "sleepAnalysis", "body": "weight height bodyMassIndex bodyFatPercentage leanBodyMass",
		"HKQuantityTypeIdentifierHeartRate": "heartRate",
	} {
		ts, err := health.Resolve(name)
		var got []string
		for _, typ := range ts {
			got = append(got, string(typ))
		}
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("Resolve(%q) = %v, %v; want %s", name, got, err, want)
		}
	}
	all, err := health.Resolve("all")
	if err != nil || len(all) != 25 || slices.ContainsFunc(all, health.Type.IsSleepStage) {
		t.Errorf("all = %d types, %v; want the 25 that are not stages of sleepAnalysis", len(all), err)
	}
}

func TestResolveOffersTheRightName(t *testing.T) {
	for name, want := range map[string]health.Type{"hartRate": health.HeartRate, "stepz": health.Steps,
		"wieght": health.Weight, "flightsClimed": health.FlightsClimbed, "sleeep": "sleep", "vitels": "vitals"} {
		_, err := health.Resolve(name)
		var unknown *health.UnknownTypeError
		if !errors.As(err, &unknown) || !slices.Contains(unknown.Nearest, string(want)) {
			t.Errorf("Resolve(%q): %v; want %s offered", name, err, want)
		}
	}
	_, err := health.Resolve("glucose")
	var unknown *health.UnknownTypeError
	if !errors.As(err, &unknown) || len(unknown.Nearest) != 0 {
		t.Errorf("Resolve(glucose): %v; nothing is near it", err)
	}
}

func TestNearest(t *testing.T) {
	words := []string{"status", "sync", "scan", "server.host"}
	for name, want := range map[string]string{
		"statsu": "status", "stat": "status", "scann": "scan", "tsync": "sync", "server.hots": "server.host",
		"cync": "sync", "xyzzy": "", "": "",
	} {
		if got := health.Nearest(name, words); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", name, got, want)
		}
	}
}
