package store

import (
	"context"
	"errors"
	"time"

	"healthsync/sync/health"
)

// Options says how to open a database. The zero value opens for reading and
// writing and makes the file where there is none.
type Options struct {
	// ReadOnly opens an existing file and never writes to it.
	ReadOnly bool
	// BusyTimeout is how long a change waits for another process that is
	// writing; 0 means 10 seconds.
	BusyTimeout time.Duration
	// Now is the clock for the moment of a tombstone; nil means time.Now.
	Now func() time.Time
}

// Store is an open database. Its methods may be called from several
// goroutines: changes take turns, readers wait for nobody.
type Store struct{ path string }

var errNotYet = errors.New("store: not yet")

// Open opens the database at path, bringing an older schema up to date. It
// makes the file (mode 0600) and its folder (0700) where there are none.
// Errors: *CorruptError, *ForeignError, *NewerError, *FullError,
// *ReadOnlyError, *BusyError, *MissingError.
func Open(ctx context.Context, path string, o Options) (*Store, error) { return nil, errNotYet }

// Close waits for running calls and closes the file.
func (s *Store) Close() error { return nil }

// Path is the file's name as it was opened.
func (s *Store) Path() string { return s.path }

// Apply stores c whole, or nothing of it and an error. Once it has returned,
// no crash of the process undoes it.
func (s *Store) Apply(ctx context.Context, c *Change) (Outcome, error) { return Outcome{}, errNotYet }

// Coverage gives the spans known to be read whole, ascending and disjoint per
// type. A type that was never read is not in the map.
func (s *Store) Coverage(ctx context.Context) (map[health.Type][]Span, error) { return nil, errNotYet }

// State gives what a Change left under key; false where there is nothing.
func (s *Store) State(ctx context.Context, key string) (string, bool, error) {
	return "", false, errNotYet
}

// TypeStat describes what is stored of a type.
type TypeStat struct {
	Type health.Type `json:"type"`
	// Count is the number of live samples, Deleted that of tombstones.
	Count   int64 `json:"count"`
	Deleted int64 `json:"deleted"`
	// First and Last are the starts of the oldest and newest live sample in
	// Unix seconds; 0 both where Count is 0.
	First int64 `json:"first"`
	Last  int64 `json:"last"`
	// Unit is that of the newest sample, "" where Count is 0.
	Unit string `json:"unit"`
	// CoveredTo is the end of the newest span read whole, 0 for none.
	CoveredTo int64 `json:"coveredTo"`
}

// Types lists what is stored, by type name. It costs no scan.
func (s *Store) Types(ctx context.Context) ([]TypeStat, error) { return nil, errNotYet }

// Filter chooses samples.
type Filter struct {
	// Types to give; none means all.
	Types []health.Type
	// Span of the samples' starts; the zero Span means all time.
	Span Span
	// OldestFirst turns the order around: without it newest first, as the
	// phone serves. Samples of one second come by type name and ID.
	OldestFirst bool
	// Limit is the most samples to give; 0 means no limit.
	Limit int
}

// Query gives the live samples that f chooses to yield, one at a time in the
// order of their starts over all types. The sample is the callee's only until
// yield returns; its strings stay valid. An error of yield ends the query and
// is returned as it is. Changes applied meanwhile are not seen.
func (s *Store) Query(ctx context.Context, f Filter, yield func(*health.Sample) error) error {
	return errNotYet
}

// Run is one synchronisation in the log.
type Run struct {
	// ID is 0 for a run that is not in the log yet.
	ID int64 `json:"id"`
	// Started and Ended are Unix seconds; Ended is 0 while a run is under way
	// (or where its process died).
	Started int64 `json:"started"`
	Ended   int64 `json:"ended"`
	// Outcome is "ok" ([RunOK]) or the code of the condition that ended it.
	Outcome string `json:"outcome"`
	// Phone is the name of the iPhone.
	Phone string `json:"phone"`
	// Requests made of the phone.
	Requests int `json:"requests"`
	Counts
}

// RunOK is the outcome of a run that did all it set out to do.
const RunOK = "ok"

// RecordRun writes r into the log of runs and sets its ID; with an ID it
// replaces that entry. The log keeps the latest 1000.
func (s *Store) RecordRun(ctx context.Context, r *Run) error { return errNotYet }

// Runs gives the latest runs, newest first.
func (s *Store) Runs(ctx context.Context, limit int) ([]Run, error) { return nil, errNotYet }

// LastRun gives the newest run that has ended; with outcome not "" the newest
// that ended so. False where there is none.
func (s *Store) LastRun(ctx context.Context, outcome string) (Run, bool, error) {
	return Run{}, false, errNotYet
}

// Check reads the whole file and compares it with itself: SQLite's integrity
// check, then the store's own rules. A finding is a *CorruptError.
func (s *Store) Check(ctx context.Context) error { return errNotYet }

// Backup writes a copy of the database as of one moment to path, which must
// not exist. The copy is a single file.
func (s *Store) Backup(ctx context.Context, path string) error { return errNotYet }
