package report

import (
	"healthsync/sync/health"
)

// Group is a chapter of the page.
type Group string

// The chapters with charts.
const (
	Activity Group = "Activity"
	Heart    Group = "Heart"
	Sleep    Group = "Sleep"
	Body     Group = "Body"
	Training Group = "Workouts"
)

// Kind is how samples become the figure of a day.
type Kind int

// The kinds.
const (
	// Total adds up: steps, energy.
	Total Kind = iota
	// Mean is of what is measured now and then: a weight, a resting heart rate.
	Mean
	// Range is of what is measured all day long, from the lowest to the highest.
	Range
)

// Metric is a figure that has a chart.
type Metric struct {
	Type  health.Type
	ID    string // of its place in the page
	Name  string
	Group Group
	Kind  Kind
	// Unit follows the number; Scale makes it of the stored value, in the unit
	// of health.Info.
	Unit     string
	Scale    float64
	Decimals int
	// Glance puts it among the figures at the top of the page.
	Glance bool
}

// Metrics lists what has a chart, in the order of the page.
func Metrics() []Metric {
	return []Metric{
		{health.Steps, "steps", "Steps", Activity, Total, "", 1, 0, true},
		{health.DistanceWalkingRunning, "distance", "Walking and running", Activity, Total, "km", 0.001, 1, true},
		{health.ActiveEnergyBurned, "energy", "Active energy", Activity, Total, "kcal", 1, 0, true},
		{health.ExerciseTime, "exercise", "Exercise", Activity, Total, "min", 1, 0, true},
		{health.HeartRate, "heart-rate", "Heart rate", Heart, Range, "bpm", 1, 0, true},
		{health.RestingHeartRate, "resting", "Resting heart rate", Heart, Mean, "bpm", 1, 0, true},
		{health.HeartRateVariability, "variability", "Heart rate variability", Heart, Mean, "ms", 1000, 0, true},
		{health.VO2Max, "vo2max", "Cardio fitness", Heart, Mean, "mL/kg·min", 1, 1, true},
		{health.Weight, "weight", "Weight", Body, Mean, "kg", 1, 1, true},
		{health.BodyFatPercentage, "body-fat", "Body fat", Body, Mean, "%", 100, 1, false},
	}
}
