package cli_test

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"healthsync/sync/appleexport"
	"healthsync/sync/health"
	"healthsync/sync/simulator"
	"healthsync/sync/testenv"
)

// countXML counts an export by other means: Python's own XML parser. A nested
// Record (in a Correlation) is a copy of one outside, by the document type's note.
const countXML = `
import sys, json, math, xml.etree.ElementTree as ET
out = {}
for e in ET.parse(sys.argv[1]).getroot():
    if e.tag == 'Record':
        stages = ['InBed', 'Asleep', 'Awake', 'AsleepCore', 'AsleepDeep', 'AsleepREM']
        text = (e.get('value') or '0').replace('HKCategoryValueSleepAnalysis', '')
        try: v = float(stages.index(text) if text in stages else text)
        except ValueError: continue
        c = out.setdefault(e.get('type') + ' ' + (e.get('unit') or ''), [0, []]); c[0] += 1; c[1].append(v)
    elif e.tag == 'Workout':
        c = out.setdefault('Workout min', [0, []]); c[0] += 1; c[1].append(float(e.get('duration')))
print(json.dumps({k: [c[0], math.fsum(c[1])] for k, c in out.items()}))
`

// served gives the app's type of a HealthKit identifier and the factor from the
// export's unit to the app's.
var served = map[string]struct {
	name   string
	factor float64
}{
	"HKQuantityTypeIdentifierStepCount count":                   {"steps", 1},
	"HKQuantityTypeIdentifierDistanceWalkingRunning km":         {"distanceWalkingRunning", 1000},
	"HKQuantityTypeIdentifierDistanceCycling mi":                {"distanceCycling", 1609.344},
	"HKQuantityTypeIdentifierDistanceCycling km":                {"distanceCycling", 1000},
	"HKQuantityTypeIdentifierActiveEnergyBurned kcal":           {"activeEnergyBurned", 1},
	"HKQuantityTypeIdentifierBasalEnergyBurned kcal":            {"basalEnergyBurned", 1},
	"HKQuantityTypeIdentifierFlightsClimbed count":              {"flightsClimbed", 1},
	"HKQuantityTypeIdentifierHeartRate count/min":               {"heartRate", 1},
	"HKQuantityTypeIdentifierBodyMass kg":                       {"weight", 1},
	"HKQuantityTypeIdentifierBodyMassIndex count":               {"bodyMassIndex", 1},
	"HKQuantityTypeIdentifierHeight m":                          {"height", 1},
	"HKQuantityTypeIdentifierHeight cm":                         {"height", 0.01},
	"HKQuantityTypeIdentifierBloodPressureSystolic mmHg":        {"bloodPressureSystolic", 1},
	"HKQuantityTypeIdentifierBloodPressureDiastolic mmHg":       {"bloodPressureDiastolic", 1},
	"HKQuantityTypeIdentifierRespiratoryRate count/min":         {"respiratoryRate", 1},
	"HKQuantityTypeIdentifierBodyTemperature degC":              {"bodyTemperature", 1},
	"HKQuantityTypeIdentifierBodyFatPercentage %":               {"bodyFatPercentage", 1},
	"HKQuantityTypeIdentifierLeanBodyMass kg":                   {"leanBodyMass", 1},
	"HKQuantityTypeIdentifierOxygenSaturation %":                {"bloodOxygen", 1},
	"HKQuantityTypeIdentifierAppleExerciseTime min":             {"exerciseTime", 1},
	"HKQuantityTypeIdentifierRestingHeartRate count/min":        {"restingHeartRate", 1},
	"HKQuantityTypeIdentifierHeartRateVariabilitySDNN ms":       {"heartRateVariability", 0.001},
	"HKQuantityTypeIdentifierWalkingHeartRateAverage count/min": {"walkingHeartRateAverage", 1},
	"HKCategoryTypeIdentifierSleepAnalysis ":                    {"sleepAnalysis", 1},
	"Workout min":                                               {"workouts", 60},
}

// TestRealExport brings a real person's published export through the whole
// chain (served, paired by a picture, synced) and compares counts and sums per
// type in the database with those counted in the XML by other means.
func TestRealExport(t *testing.T) {
	dir := os.Getenv("HEALTHSYNC_TESTDATA")
	if dir == "" {
		dir = "../../../shared/testdata"
	}
	path := filepath.Join(dir, "hkimport-export.xml")
	if _, err := os.Stat(path); err != nil {
		testenv.Missing(t, "the real export is not in "+dir+": set HEALTHSYNC_TESTDATA")
	}
	python := testenv.NeedTool(t, "python3", "python3")
	out, err := exec.Command(python, "-c", countXML, path).Output()
	if err != nil {
		t.Fatal(err)
	}
	var counted map[string][2]float64
	if err := json.Unmarshal(out, &counted); err != nil {
		t.Fatal(err)
	}
	want := map[string][2]float64{}
	for key, c := range counted {
		to, ok := served[key]
		if !ok {
			continue // a type that the app does not serve
		}
		w := want[to.name]
		want[to.name] = [2]float64{w[0] + c[0], w[1] + c[1]*to.factor}
	}
	for protocol := 1; protocol <= 2; protocol++ {
		w := newWorld(t, protocol)
		history := simulator.NewHistory(exported(t, path)...)
		var err error
		w.phone.Stop()
		if w.phone, err = simulator.New(simulator.Options{Protocol: protocol, History: history, NoRateLimit: true,
			Now: time.Now}); err != nil {
			t.Fatal(err)
		}
		if err := w.phone.Start("127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(w.phone.Stop)
		w.pair()
		w.must("sync")
		w.compareStored(want)
		before := w.phone.Meters()
		a := w.must("sync")
		if !strings.Contains(a.stdout, "nothing new") {
			t.Errorf("a second sync: %s", a.all())
		}
		if n := w.phone.Meters().Requests - before.Requests; n > 2 {
			t.Errorf("a second sync took %d requests, want at most 2", n)
		}
	}
}

// exported reads the samples of an export.
func exported(t *testing.T, path string) (samples []health.Sample) {
	t.Helper()
	f, err := appleexport.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := appleexport.Read(t.Context(), f, func(r *appleexport.Record) error {
		samples = append(samples, r.Sample)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return samples
}

func (w *world) compareStored(want map[string][2]float64) {
	w.t.Helper()
	a := w.must("sql", "--json", "SELECT type, count(*), sum(value) FROM samples GROUP BY type")
	var got struct{ Rows [][3]any }
	if err := json.Unmarshal([]byte(a.stdout), &got); err != nil {
		w.t.Fatal(err)
	}
	samples := 0.0
	for _, row := range got.Rows {
		name, n, sum := row[0].(string), row[1].(float64), row[2].(float64)
		samples += n
		c, ok := want[name]
		if !ok || c[0] != n || math.Abs(c[1]-sum) > 1e-9*math.Max(1, math.Abs(sum)) {
			w.t.Errorf("%s: %v samples of sum %v in the database; counted in the XML: %v", name, n, sum, c)
		}
	}
	if len(got.Rows) != len(want) {
		w.t.Errorf("%d types in the database, %d counted in the XML: %v", len(got.Rows), len(want), want)
	}
	w.t.Logf("%.0f samples of %d types agree", samples, len(want))
}
