// Package report makes a page of what is stored: one HTML file that needs
// nothing else, not the network, no script, no font, and that is read from the
// local database alone.
//
// Collect gathers the figures as plain data, Write draws them. The page is
// full of health data: it goes where its reader puts it, and nowhere else.
package report

import (
	"time"

	"healthsync/sync/health"
)

// Days and Months are how far back the charts go, today and this month
// included.
const (
	Days   = 30
	Months = 12
)

// Report is all that the page says.
type Report struct {
	// Made is the moment, in the zone whose days the figures are of.
	Made time.Time
	// Device is the iPhone of the last sync, "" where there was none. It is
	// anyone's text, as are the names of sources and activities.
	Device   string
	LastSync time.Time
	Samples  int64
	Stored   []Stored
	Sources  []Source
	Series   []Series
	Nights   Nights
	Workouts Workouts
	Version  string
}

// Stored is a type in the database.
type Stored struct {
	Type           health.Type
	Name           string
	Count, Deleted int64
	First, Last    time.Time // zero both where Count is 0
	// ReadFrom is the beginning of what was read whole from the iPhone: zero
	// for nothing, Beginning for all of its history. Missing is the time
	// between that and the last reading that was not read.
	ReadFrom time.Time
	Missing  time.Duration
	// Latest is the newest value with its unit, where a single value says
	// something.
	Latest string
}

// Beginning is earlier than anything the iPhone holds: the year from which a
// sync without a limit reads.
var Beginning = time.Date(1901, 1, 1, 0, 0, 0, 0, time.UTC)

// Source is a device or app that measured.
type Source struct {
	Name        string
	Samples     int64
	Types       int
	First, Last time.Time
}

// Series is one figure through the days and months, the oldest first.
type Series struct {
	Metric
	Days, Months []Point
}

// Point is a day or a month of a Series.
type Point struct {
	From time.Time // when it begins
	// Has says that something was measured. Value is then the total or the
	// mean; for a month of totals it is the mean of its days that have one. Min
	// and Max are the lowest and highest of what is measured now and then.
	Has             bool
	Value, Min, Max float64
	// Unread says that a part of it was not read from the iPhone yet, Partial
	// that it is not over.
	Unread, Partial bool
}

// Nights are those of sleep. A night belongs to the day of waking.
type Nights struct {
	Days   []Night
	Months []Night // the means of the nights that have a figure
}

// Night is one, or the mean of several, in minutes.
type Night struct {
	From time.Time
	Has  bool
	// Plain is sleep of no known stage.
	Deep, Core, REM, Plain, Awake float64
	// Begin and End are set for a single night.
	Begin, End time.Time
	Source     string
	Unread     bool
}

// Asleep is the sleep of all stages together.
func (n Night) Asleep() float64 { return n.Deep + n.Core + n.REM + n.Plain }

// Workouts are the latest ones, and the minutes of each month.
type Workouts struct {
	Latest []Workout
	Months []Point // Value is minutes, Min the number of workouts
}

// Workout is one. A figure that the iPhone did not give is 0.
type Workout struct {
	Start               time.Time
	Activity            string
	Minutes             float64
	Kilocalories, Meter float64
	Source              string
}
