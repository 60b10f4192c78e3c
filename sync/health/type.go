package health

// Type is the app's name for a kind of sample. The set is open: a later
// version may send others, and they are kept.
type Type string

// The types of the app's version 1.0.0, in its order.
const (
	Steps                   Type = "steps"
	DistanceWalkingRunning  Type = "distanceWalkingRunning"
	DistanceCycling         Type = "distanceCycling"
	ActiveEnergyBurned      Type = "activeEnergyBurned"
	BasalEnergyBurned       Type = "basalEnergyBurned"
	ExerciseTime            Type = "exerciseTime"
	StandHours              Type = "standHours"
	FlightsClimbed          Type = "flightsClimbed"
	Workouts                Type = "workouts"
	HeartRate               Type = "heartRate"
	RestingHeartRate        Type = "restingHeartRate"
	WalkingHeartRateAverage Type = "walkingHeartRateAverage"
	HeartRateVariability    Type = "heartRateVariability"
	BloodPressureSystolic   Type = "bloodPressureSystolic"
	BloodPressureDiastolic  Type = "bloodPressureDiastolic"
	BloodOxygen             Type = "bloodOxygen"
	RespiratoryRate         Type = "respiratoryRate"
	BodyTemperature         Type = "bodyTemperature"
	VO2Max                  Type = "vo2Max"
	SleepAnalysis           Type = "sleepAnalysis"
	SleepInBed              Type = "sleepInBed"
	SleepAsleep             Type = "sleepAsleep"
	SleepAwake              Type = "sleepAwake"
	SleepREM                Type = "sleepREM"
	SleepCore               Type = "sleepCore"
	SleepDeep               Type = "sleepDeep"
	Weight                  Type = "weight"
	Height                  Type = "height"
	BodyMassIndex           Type = "bodyMassIndex"
	BodyFatPercentage       Type = "bodyFatPercentage"
	LeanBodyMass            Type = "leanBodyMass"
)

// Group is a family of types, as the command line offers them.
type Group string

// The groups.
const (
	Activity Group = "activity"
	Vitals   Group = "vitals"
	Sleep    Group = "sleep"
	Body     Group = "body"
)

// Aggregation says how the samples of a type become one figure for a day.
type Aggregation int

const (
	// Average is for what is measured at a moment: a heart rate, a weight.
	Average Aggregation = iota
	// Sum is for what adds up over time: steps, energy, distance.
	Sum
	// Duration is for what lasts: a sleep stage counts by End-Start.
	Duration
)

// Info describes a known type.
type Info struct {
	Type  Type
	Name  string // as a person reads it
	Unit  string // as the app serves it (HKUnit.unitString)
	Group Group
	Agg   Aggregation
}

var infos = []Info{
	{Steps, "Steps", "count", Activity, Sum},
	{DistanceWalkingRunning, "Walking + Running Distance", "m", Activity, Sum},
	{DistanceCycling, "Cycling Distance", "m", Activity, Sum},
	{ActiveEnergyBurned, "Active Energy", "kcal", Activity, Sum},
	{BasalEnergyBurned, "Resting Energy", "kcal", Activity, Sum},
	{ExerciseTime, "Exercise Time", "min", Activity, Sum},
	{StandHours, "Stand Time", "count", Activity, Sum},
	{FlightsClimbed, "Flights Climbed", "count", Activity, Sum},
	{Workouts, "Workouts", "s", Activity, Sum},
	{HeartRate, "Heart Rate", "count/min", Vitals, Average},
	{RestingHeartRate, "Resting Heart Rate", "count/min", Vitals, Average},
	{WalkingHeartRateAverage, "Walking Heart Rate Average", "count/min", Vitals, Average},
	{HeartRateVariability, "Heart Rate Variability", "s", Vitals, Average},
	{BloodPressureSystolic, "Blood Pressure Systolic", "mmHg", Vitals, Average},
	{BloodPressureDiastolic, "Blood Pressure Diastolic", "mmHg", Vitals, Average},
	{BloodOxygen, "Blood Oxygen", "%", Vitals, Average},
	{RespiratoryRate, "Respiratory Rate", "count/min", Vitals, Average},
	{BodyTemperature, "Body Temperature", "degC", Vitals, Average},
	{VO2Max, "VO2 Max", "mL/min·kg", Vitals, Average},
	{SleepAnalysis, "Sleep", "category", Sleep, Duration},
	{SleepInBed, "Sleep: In Bed", "category", Sleep, Duration},
	{SleepAsleep, "Sleep: Asleep", "category", Sleep, Duration},
	{SleepAwake, "Sleep: Awake", "category", Sleep, Duration},
	{SleepREM, "Sleep: REM", "category", Sleep, Duration},
	{SleepCore, "Sleep: Core", "category", Sleep, Duration},
	{SleepDeep, "Sleep: Deep", "category", Sleep, Duration},
	{Weight, "Weight", "kg", Body, Average},
	{Height, "Height", "m", Body, Average},
	{BodyMassIndex, "Body Mass Index", "count", Body, Average},
	{BodyFatPercentage, "Body Fat Percentage", "%", Body, Average},
	{LeanBodyMass, "Lean Body Mass", "kg", Body, Average},
}

var byType = func() map[Type]*Info {
	m := make(map[Type]*Info, len(infos))
	for i := range infos {
		m[infos[i].Type] = &infos[i]
	}
	return m
}()

// Types lists the known types in the app's order.
func Types() []Type {
	ts := make([]Type, len(infos))
	for i := range infos {
		ts[i] = infos[i].Type
	}
	return ts
}

// Lookup describes t; false for a type this version does not know.
func Lookup(t Type) (Info, bool) {
	if i := byType[t]; i != nil {
		return *i, true
	}
	return Info{}, false
}

// IsSleepStage reports the types that are views of SleepAnalysis: the same
// HealthKit samples under the same UUIDs, filtered by stage after the limit,
// so that HasMore lies for them. Ask for SleepAnalysis instead.
func (t Type) IsSleepStage() bool {
	switch t {
	case SleepInBed, SleepAsleep, SleepAwake, SleepREM, SleepCore, SleepDeep:
		return true
	}
	return false
}

// SleepStage is the value of a SleepAnalysis sample
// (HKCategoryValueSleepAnalysis).
type SleepStage int

// The stages, with the numbers of HealthKit.
const (
	StageInBed SleepStage = iota
	StageAsleep
	StageAwake
	StageCore
	StageDeep
	StageREM
)

// String gives the name that the app writes into metadata.sleepStage.
func (s SleepStage) String() string {
	names := [...]string{"inBed", "asleep", "awake", "core", "deep", "rem"}
	if s < 0 || int(s) >= len(names) {
		return "unknown"
	}
	return names[s]
}

// Stage gives the sleep stage that a stage type stands for; false for any
// other type.
func (t Type) Stage() (SleepStage, bool) {
	switch t {
	case SleepInBed:
		return StageInBed, true
	case SleepAsleep:
		return StageAsleep, true
	case SleepAwake:
		return StageAwake, true
	case SleepCore:
		return StageCore, true
	case SleepDeep:
		return StageDeep, true
	case SleepREM:
		return StageREM, true
	}
	return 0, false
}
