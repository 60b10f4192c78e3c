package problem

import (
	"errors"
	"strings"
)

// Error is a condition that occurred: a row of the table with the facts of
// the case. It is what every command prints when it fails, and the same
// fields go into JSON, the menu and a notification.
type Error struct {
	Code Code
	// Sentence says what is wrong, from the table unless the case has a
	// better one.
	Sentence string
	// Note follows the code on its line ("ETIMEDOUT during TLS negotiation").
	Note string
	// Detail says whose, since when, by how much; may be "".
	Detail string
	Remedy Remedy
	// Err is the fact underneath, for --debug.
	Err error
}

// New makes an Error from the table's row for code. An unknown code is a
// programming error that a test of the table would have caught; it yields
// INTERNAL rather than a panic.
func New(code Code, detail string, err error) *Error {
	row, ok := Lookup(code)
	if !ok {
		row, _ = Lookup(Internal)
	}
	return &Error{Code: row.Code, Sentence: row.Sentence, Detail: detail, Remedy: row.Remedy, Err: err}
}

// Error is the sentence and the code on one line, for logs.
func (e *Error) Error() string {
	s := e.Sentence + " [" + string(e.Code) + "]"
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	return s
}

// Unwrap gives the fact underneath.
func (e *Error) Unwrap() error { return e.Err }

// Exit is the status a command ends with.
func (e *Error) Exit() Exit {
	if row, ok := Lookup(e.Code); ok {
		return row.Exit
	}
	return ExitFailure
}

// Severity is the row's severity.
func (e *Error) Severity() Severity {
	if row, ok := Lookup(e.Code); ok {
		return row.Severity
	}
	return Severe
}

// Title is the row's short form.
func (e *Error) Title() string {
	if row, ok := Lookup(e.Code); ok {
		return row.Title
	}
	return e.Sentence
}

// Lines is the printed form, as the user guide shows it: sentence, code,
// detail, remedy.
func (e *Error) Lines() []string {
	code := string(e.Code)
	if e.Note != "" {
		code += " " + e.Note
	}
	lines := []string{"Error: " + e.Sentence, "Error: " + code}
	if e.Detail != "" {
		lines = append(lines, strings.Split(e.Detail, "\n")...)
	}
	if fix := e.Remedy.String(); fix != "" {
		lines = append(lines, "Fix: "+fix)
	}
	return lines
}

// JSON is the form of an error in machine-readable output.
type JSON struct {
	Code     Code     `json:"code"`
	Severity Severity `json:"severity"`
	Title    string   `json:"title"`
	Sentence string   `json:"sentence"`
	Detail   string   `json:"detail,omitempty"`
	Remedy   Remedy   `json:"remedy,omitzero"`
}

// JSON gives the form of the error in machine-readable output.
func (e *Error) JSON() JSON {
	return JSON{Code: e.Code, Severity: e.Severity(), Title: e.Title(), Sentence: e.Sentence, Detail: e.Detail,
		Remedy: e.Remedy}
}

// Find returns the first *Error in err's chain, or nil.
func Find(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}
