// Package problem is the one table of everything that can be wrong between a
// Mac and an iPhone: code, severity, sentence, remedy, exit status, and what a
// condition hides. [From] turns the typed errors of the packages below into it.
//
// It looks facts up and never finds them out. Questions such as where the
// iPhone is now, or which clock is wrong, are asked before.
package problem

import (
	"cmp"
	"slices"
)

// Code names a condition. Codes are stable: scripts and notifications match
// on them. Those of TLS are the names that OpenSSL, Node and Chromium gave
// these failures, because that is what people paste into a search box.
type Code string

// Severity says how loudly a condition speaks.
type Severity int

// The severities, mildest first.
const (
	// Info is worth a line, never a notification.
	Info Severity = iota
	// Warning still lets everything work, for now.
	Warning
	// Severe keeps something from working until a person acts or the phone
	// comes back.
	Severe
)

// String gives the name used in JSON.
func (s Severity) String() string {
	switch s {
	case Info:
		return "info"
	case Warning:
		return "warning"
	}
	return "error"
}

// MarshalText makes Severity a word in JSON.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Remedy is what to do about a condition.
type Remedy struct {
	// Text is an instruction without a full stop: "pair again".
	Text string `json:"text"`
	// Command does it, where a command can; it can be pasted into a shell.
	Command string `json:"command,omitempty"`
	// Action is the menu's action for it, where a click can do it.
	Action string `json:"action,omitempty"`
}

// String is the remedy as the "Fix:" line shows it.
func (r Remedy) String() string {
	if r.Command == "" {
		return r.Text
	}
	if r.Text == "" {
		return r.Command
	}
	return r.Text + ":  " + r.Command
}

// Condition is one row of the table.
type Condition struct {
	Code     Code
	Severity Severity
	// Title is the short form for a menu row or a notification.
	Title string
	// Sentence is the first line of the printed error, without a full stop.
	Sentence string
	Remedy   Remedy
	// Exit is the status a command ends with because of it.
	Exit Exit
	// Hides lists the conditions that are mere consequences of this one:
	// only the root cause is shown.
	Hides []Code
}

// Lookup finds a row; false for a code that is not in the table.
func Lookup(code Code) (Condition, bool) {
	i := slices.IndexFunc(table, func(c Condition) bool { return c.Code == code })
	if i < 0 {
		return Condition{}, false
	}
	return table[i], true
}

// Table returns all conditions in the order in which they are documented.
func Table() []Condition { return slices.Clone(table) }

// occurrence is a condition that occurred: an *[Error] or its [JSON].
type occurrence interface{ row() (Code, Severity) }

func (e *Error) row() (Code, Severity) { return e.Code, e.Severity() }
func (j JSON) row() (Code, Severity)   { return j.Code, j.Severity }

// RootCauses gives one of each condition that no other of them hides, worst
// first and otherwise in their order.
func RootCauses[T occurrence](all []T) []T {
	left := map[Code]bool{}
	for _, x := range all {
		code, _ := x.row()
		left[code] = true
	}
	for _, x := range all {
		code, _ := x.row()
		row, _ := Lookup(code)
		for _, hidden := range row.Hides {
			delete(left, hidden)
		}
	}
	out := []T{}
	for _, x := range all {
		if code, _ := x.row(); left[code] {
			delete(left, code)
			out = append(out, x)
		}
	}
	slices.SortStableFunc(out, func(a, b T) int {
		_, x := a.row()
		_, y := b.row()
		return cmp.Compare(y, x)
	})
	return out
}
