package state

import (
	"healthsync/app/problem"
	"healthsync/sync/engine"
	"slices"
	"time"
)

// App is what a picture says of the menu-bar app that took it.
type App struct {
	PID     int    `json:"pid"`
	Version string `json:"version"`
	// NextSync is when it will sync by itself; zero if only when asked.
	NextSync time.Time `json:"nextSync,omitzero"`
}

// Progress is a sync that is under way.
type Progress struct {
	// Holder says which other process syncs; "" is the one that tells.
	Holder string `json:"holder,omitempty"`
	// Since is when that one began, where it is known.
	Since time.Time `json:"since,omitzero"`
	// Stopping says that it was asked to end and finishes the page in hand.
	Stopping bool `json:"stopping,omitempty"`
	// Progress is how far it is; of another process's sync nothing is known.
	engine.Progress
}

// Percent is how far the sync is, where that is known. It stays below 100
// until the sync has ended.
func (p *Progress) Percent() (int, bool) {
	if p == nil || !p.Known {
		return 0, false
	}
	have := p.Have()
	if have+p.Remaining <= 0 {
		return 0, false
	}
	return int(min(99, 100*have/(have+p.Remaining))), true
}

// MenuState is what only the menu shows: settings as it offers them, the figures of
// the day, and what became of the last click.
type MenuState struct {
	// Interval is how often the app syncs by itself; 0 means only when asked.
	Interval time.Duration
	// Camera says that this build can scan with one, Report that it can make
	// the report.
	Camera, Report bool
	// Login says whether the app starts at login; LoginKnown that it can be
	// told and changed here.
	Login, LoginKnown bool
	// TodayOn says that the person wants the figures of the day.
	TodayOn bool
	// Today are the figures of the last day from the local database. They are
	// health data: they go to the menu and nowhere else.
	Today []Figure
	// Busy is the action under way, in words; "" if there is none.
	Busy string
	// Failure is what became of the last click, where it failed.
	Failure *Failure
	// Question waits for an answer in the menu, where no window can ask it.
	Question *Question
	// Moved is the last change of address that was followed.
	Moved *Move
	// Renewing says that the app will renew the Mac's certificate by itself in
	// its time: the iPhone has not refused that.
	Renewing bool
}

// Figure is one line of the figures of the day.
type Figure struct{ Name, Value string }

// Failure is an action that failed.
type Failure struct {
	// What was tried, as a noun phrase: "Pairing".
	What  string
	Error problem.JSON
}

// Question is something to be confirmed.
type Question struct {
	Text, Yes, No string
	// Then is the action that a yes sets off.
	Then problem.Action
}

// Move is a change of address that was followed.
type Move struct {
	From, To string // host and port
	At       time.Time
}

// Due gives the number of days before the end at which to speak up that the
// credential has reached, the smallest of them; false where it has reached
// none or has ended. A day that lies in the first two thirds of its life does
// not count: a token lives for 30 days, and warning of its end on the day it
// was made would be noise. What is only advisory never ends.
func (c Credential) Due(now time.Time, days []int) (int, bool) {
	left := c.NotAfter.Sub(now)
	if c.Advisory || c.NotAfter.IsZero() || left <= 0 {
		return 0, false
	}
	const day = 24 * time.Hour
	reached := slices.DeleteFunc(slices.Clone(days), func(d int) bool {
		early := !c.NotBefore.IsZero() && 3*time.Duration(d)*day > c.NotAfter.Sub(c.NotBefore)+day
		return early || left > time.Duration(d)*day
	})
	if len(reached) == 0 {
		return 0, false
	}
	return slices.Min(reached), true
}

// Ended reports that the credential's time is over and that this matters.
func (c Credential) Ended(now time.Time) bool {
	return !c.Advisory && !c.NotAfter.IsZero() && !now.Before(c.NotAfter)
}
