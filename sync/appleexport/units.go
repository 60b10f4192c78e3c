package appleexport

import (
	"strconv"

	"healthsync/sync/health"
)

// quantities are HealthKit's identifiers of the types that the app serves
// (HealthDataType.sampleType).
var quantities = map[string]health.Type{
	"HKQuantityTypeIdentifierStepCount":                health.Steps,
	"HKQuantityTypeIdentifierDistanceWalkingRunning":   health.DistanceWalkingRunning,
	"HKQuantityTypeIdentifierDistanceCycling":          health.DistanceCycling,
	"HKQuantityTypeIdentifierActiveEnergyBurned":       health.ActiveEnergyBurned,
	"HKQuantityTypeIdentifierBasalEnergyBurned":        health.BasalEnergyBurned,
	"HKQuantityTypeIdentifierAppleExerciseTime":        health.ExerciseTime,
	"HKQuantityTypeIdentifierAppleStandTime":           health.StandHours,
	"HKQuantityTypeIdentifierFlightsClimbed":           health.FlightsClimbed,
	"HKQuantityTypeIdentifierHeartRate":                health.HeartRate,
	"HKQuantityTypeIdentifierRestingHeartRate":         health.RestingHeartRate,
	"HKQuantityTypeIdentifierWalkingHeartRateAverage":  health.WalkingHeartRateAverage,
	"HKQuantityTypeIdentifierHeartRateVariabilitySDNN": health.HeartRateVariability,
	"HKQuantityTypeIdentifierBloodPressureSystolic":    health.BloodPressureSystolic,
	"HKQuantityTypeIdentifierBloodPressureDiastolic":   health.BloodPressureDiastolic,
	"HKQuantityTypeIdentifierOxygenSaturation":         health.BloodOxygen,
	"HKQuantityTypeIdentifierRespiratoryRate":          health.RespiratoryRate,
	"HKQuantityTypeIdentifierBodyTemperature":          health.BodyTemperature,
	"HKQuantityTypeIdentifierVO2Max":                   health.VO2Max,
	"HKQuantityTypeIdentifierBodyMass":                 health.Weight,
	"HKQuantityTypeIdentifierHeight":                   health.Height,
	"HKQuantityTypeIdentifierBodyMassIndex":            health.BodyMassIndex,
	"HKQuantityTypeIdentifierBodyFatPercentage":        health.BodyFatPercentage,
	"HKQuantityTypeIdentifierLeanBodyMass":             health.LeanBodyMass,
}

const sleepIdentifier = "HKCategoryTypeIdentifierSleepAnalysis"

// stages are the values of a sleep record; "Asleep" alone is what iOS 15 and
// earlier wrote.
var stages = map[string]health.SleepStage{
	"HKCategoryValueSleepAnalysisInBed":             health.StageInBed,
	"HKCategoryValueSleepAnalysisAsleep":            health.StageAsleep,
	"HKCategoryValueSleepAnalysisAsleepUnspecified": health.StageAsleep,
	"HKCategoryValueSleepAnalysisAwake":             health.StageAwake,
	"HKCategoryValueSleepAnalysisAsleepCore":        health.StageCore,
	"HKCategoryValueSleepAnalysisAsleepDeep":        health.StageDeep,
	"HKCategoryValueSleepAnalysisAsleepREM":         health.StageREM,
}

// activities are the workouts that the app calls by name
// (HKWorkoutActivityType.name); every other is "other".
var activities = map[string]string{
	"HKWorkoutActivityTypeRunning":  "running",
	"HKWorkoutActivityTypeWalking":  "walking",
	"HKWorkoutActivityTypeCycling":  "cycling",
	"HKWorkoutActivityTypeSwimming": "swimming",
	"HKWorkoutActivityTypeYoga":     "yoga",
}

// conversion leads from a unit of the export, which follows the person's
// preferences, to one of the app's: by a power of ten, or a factor and a zero.
type conversion struct {
	power        int
	factor, zero float64
}

// The factors are definitions: the international foot and pound of 1959, the
// thermochemical calorie that HealthKit has, the conventional millimetre of
// mercury.
var conversions = map[string]map[string]conversion{
	"count":     {"count": {}},
	"count/min": {"count/min": {}, "count/s": {factor: 60}, "Hz": {factor: 60}, "count/hr": {factor: 1.0 / 60}},
	"m": {
		"m": {}, "km": {power: 3}, "cm": {power: -2}, "mm": {power: -3},
		"mi": {factor: 1609.344}, "ft": {factor: 0.3048}, "in": {factor: 0.0254}, "yd": {factor: 0.9144},
	},
	"kcal": {"kcal": {}, "Cal": {}, "cal": {power: -3}, "kJ": {factor: 1 / 4.184}, "J": {factor: 1 / 4184.0}},
	"min":  {"min": {}, "s": {factor: 1.0 / 60}, "hr": {factor: 60}, "ms": {factor: 1.0 / 60000}},
	"s":    {"s": {}, "ms": {power: -3}, "min": {factor: 60}, "hr": {factor: 3600}},
	"mmHg": {"mmHg": {}, "kPa": {factor: 1000 / 133.322387415}, "Pa": {factor: 1 / 133.322387415}},
	"%":    {"%": {}},
	"degC": {"degC": {}, "degF": {factor: 5.0 / 9, zero: 32}, "K": {factor: 1, zero: 273.15}},
	"mL/min·kg": {
		"mL/min·kg": {}, "ml/kg*min": {}, "mL/kg·min": {}, "ml/(kg*min)": {}, "mL/(kg*min)": {}, "ml/kg/min": {},
		"mL/kg/min": {},
	},
	"kg": {
		"kg": {}, "g": {power: -3}, "lb": {factor: 0.45359237}, "oz": {factor: 0.028349523125},
		"st": {factor: 6.35029318},
	},
}

// convert reads a number and gives it in the unit to; false where the number is
// none, or is in a unit that does not lead there. Powers of ten are applied to
// the decimal text: 0.799137 km are 799.137 m, not 799.1370000000001.
func convert(text, from, to string) (float64, bool) {
	c, ok := conversions[to][from]
	if !ok {
		return 0, false
	}
	if c.power != 0 {
		if v, err := strconv.ParseFloat(text+"e"+strconv.Itoa(c.power), 64); err == nil {
			return v, true
		}
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || v != v || v-v != 0 { // NaN and infinities are no measurement
		return 0, false
	}
	switch {
	case c.power != 0: // an exponent of its own
		for range c.power {
			v *= 10
		}
		for range -c.power {
			v /= 10
		}
	case c.factor != 0:
		v = (v - c.zero) * c.factor
	}
	return v, true
}
