package store

import (
	"fmt"

	"healthsync/sync/health"
)

// CorruptError says that the file is damaged: SQLite refused a page of it, an
// integrity check failed, or it is no SQLite file at all. The file is left as
// it is.
type CorruptError struct {
	Path   string
	Detail string // SQLite's words or the first findings of the check
	Err    error
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("database %s is damaged: %s", e.Path, e.Detail)
}

// Unwrap gives the cause.
func (e *CorruptError) Unwrap() error { return e.Err }

// ForeignError says that the file is a sound SQLite database of another
// program. It is left as it is.
type ForeignError struct {
	Path          string
	ApplicationID int64 // what that program wrote into the header; often 0
}

func (e *ForeignError) Error() string {
	return fmt.Sprintf("%s is a database of another program", e.Path)
}

// NewerError says that a later version of the program has written the file in
// a form that this one does not know. It is left as it is.
type NewerError struct {
	Path          string
	Schema, Known int
}

func (e *NewerError) Error() string {
	return fmt.Sprintf("database %s has schema %d, this program knows up to %d", e.Path, e.Schema, e.Known)
}

// FullError says that the disk (or a quota) has no room left. What was stored
// before is intact; the change at hand is not stored.
type FullError struct {
	Path string
	Err  error
}

func (e *FullError) Error() string { return fmt.Sprintf("no room left to write %s", e.Path) }

// Unwrap gives the cause.
func (e *FullError) Unwrap() error { return e.Err }

// ReadOnlyError says that the file, its folder or its file system cannot be
// written, or that the store was opened with [Options.ReadOnly].
type ReadOnlyError struct {
	Path string
	Err  error
}

func (e *ReadOnlyError) Error() string { return fmt.Sprintf("database %s cannot be written", e.Path) }

// Unwrap gives the cause.
func (e *ReadOnlyError) Unwrap() error { return e.Err }

// BusyError says that another process held the write lock for longer than
// [Options.BusyTimeout].
type BusyError struct {
	Path string
	Err  error
}

func (e *BusyError) Error() string {
	return fmt.Sprintf("database %s is being written by another process", e.Path)
}

// Unwrap gives the cause.
func (e *BusyError) Unwrap() error { return e.Err }

// MissingError says that there is no file to open for reading. It matches
// fs.ErrNotExist.
type MissingError struct {
	Path string
	Err  error
}

func (e *MissingError) Error() string { return fmt.Sprintf("there is no database at %s", e.Path) }

// Unwrap gives fs.ErrNotExist's cause.
func (e *MissingError) Unwrap() error { return e.Err }

// OlderError says that a database opened for reading is of an older schema,
// which does not have what was asked for. Opening it for writing brings it up
// to date.
type OlderError struct {
	Path           string
	Schema, Needed int
}

func (e *OlderError) Error() string {
	return fmt.Sprintf("database %s has schema %d, which lacks what schema %d has", e.Path, e.Schema, e.Needed)
}

// AlteredError says that rows are not what the phone served, or not as many as
// are counted: another program changed them. Nothing was changed because of it.
type AlteredError struct {
	Path string
	// Days whose rows differ, by type and day.
	Days []Divergence
	// Miscounted are types of which there are more rows, or fewer, than counted.
	Miscounted []health.Type
}

func (e *AlteredError) Error() string {
	if len(e.Days) == 0 {
		return fmt.Sprintf("in database %s the rows of %d types are not as many as it counts", e.Path, len(e.Miscounted))
	}
	return fmt.Sprintf("in database %s %d days are not as the phone served them", e.Path, len(e.Days))
}
