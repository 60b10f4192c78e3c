package store

import (
	"healthsync/sync/health"
)

// Covered says that the samples of Type that start in Span were read whole
// from the phone at the moment At (Unix seconds by the Mac's clock).
type Covered struct {
	Type health.Type
	Span Span
	At   int64
}

// Key is a sample's identity.
type Key struct {
	Type health.Type
	ID   health.UUID
}

// Change is what one page brings. [Store.Apply] stores all of it in one
// transaction, or nothing.
type Change struct {
	// Samples in any order; one that is stored already is recognised and
	// costs no writing. Of two with the same identity the later one counts.
	// A value that is not finite is refused, and with it the change.
	Samples []health.Sample
	// Covered are the spans that are known, after this change, to be read
	// whole. They are merged with what is known already.
	Covered []Covered
	// Reconcile are spans whose every sample of the type is in Samples or
	// Also: a stored sample that starts there and is in neither becomes a
	// tombstone. The store does not doubt it; that a whole type which falls
	// silent is no deletion is the engine's rule. At means nothing here.
	Reconcile []Covered
	// Also names samples of the Reconcile spans that earlier changes brought.
	Also []Key
	// State is the caller's own memory, opaque to the store: the values
	// replace those under the same keys; an empty value removes its key.
	State map[string]string
	// Note, where it is set, is told what the change did before it is stored,
	// and gives further State that belongs to that.
	Note func(Outcome) (map[string]string, error)
	// Detail asks for Outcome.Days.
	Detail bool
}

// Counts says what a change did to the samples of one type, or of all.
type Counts struct {
	// Added are samples that were not stored before in any form.
	Added int `json:"added"`
	// Known are samples that were stored just so already.
	Known int `json:"known"`
	// Changed are samples served again with another time, value, unit, source
	// or metadata; the new form replaced the old one.
	Changed int `json:"changed"`
	// Revived are tombstones that the phone served again.
	Revived int `json:"revived"`
	// Deleted are samples that became tombstones.
	Deleted int `json:"deleted"`
	// Late are those of Added that start in a span which was covered before.
	Late int `json:"late"`
}

// Writes reports how many samples were touched: 0 means that the change
// brought nothing new.
func (c Counts) Writes() int { return c.Added + c.Changed + c.Revived + c.Deleted }

// Plus adds two counts.
func (c Counts) Plus(d Counts) Counts {
	return Counts{
		Added:   c.Added + d.Added,
		Known:   c.Known + d.Known,
		Changed: c.Changed + d.Changed,
		Revived: c.Revived + d.Revived,
		Deleted: c.Deleted + d.Deleted,
		Late:    c.Late + d.Late,
	}
}

// Outcome is what [Store.Apply] did.
type Outcome struct {
	Counts
	// ByType has an entry for every type that the change touched.
	ByType map[health.Type]Counts
	// Days tell what was written by type and UTC day, ascending, where
	// Change.Detail asks for it.
	Days []DayCounts
}

// DayCounts says what a change did to the samples of one type that start in
// one UTC day.
type DayCounts struct {
	Type health.Type `json:"type"`
	// Day is in days since 1970-01-01.
	Day int64 `json:"day"`
	Counts
}
