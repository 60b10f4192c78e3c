package engine

import "healthsync/sync/health"

// Progress is an honest picture of a run that is under way: what is not known
// says so.
type Progress struct {
	// Requests made and Samples served so far in this run; New are those that
	// the database did not have.
	Requests     int
	Samples, New int64
	// Back is the second down to which all types are read, Types how many
	// there are and Done how many of them are read whole.
	Back        int64
	Types, Done int
	// Known says that the beginning of the history is known well enough to
	// estimate what is left. Where it is false Remaining and Seconds are 0.
	Known bool
	// Remaining estimates the samples that are still to come.
	Remaining int64
	// Rate is the samples per second of this run so far.
	Rate float64
	// Seconds is the time left at Rate, and never less than the phone's limit
	// on requests allows.
	Seconds float64
	// Type is the type last read, where it was read alone.
	Type health.Type
}
