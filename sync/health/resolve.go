package health

import (
	"fmt"
	"slices"
	"strings"
)

// UnknownTypeError says that a name stands for no type, and what was probably
// meant.
type UnknownTypeError struct {
	Name    string
	Nearest []string // types and groups, closest first; may be empty
}

func (e *UnknownTypeError) Error() string {
	s := fmt.Sprintf("%q is no type of health data", e.Name)
	if len(e.Nearest) > 0 {
		s += fmt.Sprintf("; did you mean %s?", e.Nearest[0])
	}
	return s
}

// aliases are what people call the types, folded as fold does it. The first
// of several types is the better-known one.
var aliases = map[string][]Type{
	"step": {Steps}, "stepcount": {Steps},
	"distance": {DistanceWalkingRunning}, "walkingrunningdistance": {DistanceWalkingRunning},
	"walking": {DistanceWalkingRunning},
	"cycling": {DistanceCycling}, "cyclingdistance": {DistanceCycling},
	"activeenergy": {ActiveEnergyBurned}, "activecalories": {ActiveEnergyBurned}, "calories": {ActiveEnergyBurned},
	"energy":      {ActiveEnergyBurned},
	"basalenergy": {BasalEnergyBurned}, "restingenergy": {BasalEnergyBurned},
	"exercise": {ExerciseTime}, "exerciseminutes": {ExerciseTime}, "appleexercisetime": {ExerciseTime},
	"stand": {StandHours}, "standtime": {StandHours}, "flights": {FlightsClimbed}, "stairs": {FlightsClimbed},
	"workout": {Workouts},
	"hr":      {HeartRate}, "pulse": {HeartRate}, "restinghr": {RestingHeartRate}, "rhr": {RestingHeartRate},
	"walkingheartrate": {WalkingHeartRateAverage}, "hrv": {HeartRateVariability},
	"heartratevariabilitysdnn": {HeartRateVariability},
	"bloodpressure":            {BloodPressureSystolic, BloodPressureDiastolic}, "systolic": {BloodPressureSystolic},
	"diastolic": {BloodPressureDiastolic},
	"spo2":      {BloodOxygen}, "oxygen": {BloodOxygen}, "oxygensaturation": {BloodOxygen},
	"respiration": {RespiratoryRate}, "breathing": {RespiratoryRate}, "temperature": {BodyTemperature}, "vo2": {VO2Max},
	"mass": {Weight}, "bodymass": {Weight}, "bodyweight": {Weight}, "bmi": {BodyMassIndex},
	"bodyfat": {BodyFatPercentage}, "fat": {BodyFatPercentage},
	"leanmass": {LeanBodyMass}, "rem": {SleepREM}, "deep": {SleepDeep}, "core": {SleepCore}, "awake": {SleepAwake},
	"inbed": {SleepInBed},
}

// fold drops what people write differently: case, hyphens, underscores and
// blanks, and HealthKit's prefixes.
func fold(name string) string {
	name = strings.TrimPrefix(name, "HKQuantityTypeIdentifier")
	name = strings.TrimPrefix(name, "HKCategoryTypeIdentifier")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '-' || r == '_' || r == ' ' || r == '.' || r == '+':
			return -1
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		}
		return r
	}, name)
}

// Resolve gives the types that a name on a command line stands for: a type in
// any spelling of case, hyphen or underscore, a group, "all", or a common
// name such as distance. A group holds sleep once, as SleepAnalysis. A name
// that is none of these is an *UnknownTypeError with what was probably meant.
func Resolve(name string) ([]Type, error) {
	f := fold(name)
	if f == "all" {
		return slices.DeleteFunc(Types(), Type.IsSleepStage), nil
	}
	if g := Group(f); g == Activity || g == Vitals || g == Sleep || g == Body {
		return g.Types(), nil
	}
	for _, i := range infos {
		if fold(string(i.Type)) == f {
			return []Type{i.Type}, nil
		}
	}
	if ts, ok := aliases[f]; ok {
		return slices.Clone(ts), nil
	}
	return nil, &UnknownTypeError{Name: name, Nearest: suggestions(f)}
}

// Types lists the group's types; sleep once, as SleepAnalysis.
func (g Group) Types() []Type {
	var ts []Type
	for _, i := range infos {
		if i.Group == g && !i.Type.IsSleepStage() {
			ts = append(ts, i.Type)
		}
	}
	return ts
}

// suggestions lists up to three types and groups within a third of the name's length
// in edits, or that contain it.
func suggestions(f string) []string {
	type scored struct {
		name string
		d    int
	}
	var found []scored
	consider := func(name string, ts []Type) {
		d := distance(f, name)
		if len(f) >= 3 && strings.Contains(name, f) {
			d = min(d, 2)
		}
		if len(f) >= 3 && strings.HasPrefix(name, f) {
			d = min(d, 1)
		}
		if d <= max(1, len(f)/3) {
			for _, t := range ts {
				found = append(found, scored{string(t), d})
			}
		}
	}
	for _, i := range infos {
		consider(fold(string(i.Type)), []Type{i.Type})
	}
	for a, ts := range aliases {
		consider(a, ts)
	}
	for _, g := range []Group{Activity, Vitals, Sleep, Body} {
		if d := distance(f, string(g)); d <= max(1, len(f)/3) {
			found = append(found, scored{string(g), d})
		}
	}
	slices.SortFunc(found, func(a, b scored) int {
		if a.d != b.d {
			return a.d - b.d
		}
		return strings.Compare(a.name, b.name)
	})
	var names []string
	for _, s := range found {
		if !slices.Contains(names, s.name) && len(names) < 3 {
			names = append(names, s.name)
		}
	}
	return names
}
