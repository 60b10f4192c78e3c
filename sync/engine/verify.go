package engine

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"healthsync/sync/health"
	"healthsync/sync/store"
)

// VerifyStore is what [Verify] needs of a database beside what [Sync] needs;
// *store.Store has it.
type VerifyStore interface {
	Store
	// Recount counts the rows of all types anew.
	Recount(ctx context.Context) error
}

// Finding is a day of a type that was not as the phone has it.
type Finding struct {
	Type health.Type `json:"type"`
	// Day is in days since 1970-01-01, in UTC.
	Day int64 `json:"day"`
	// Missing samples were added, Changed ones overwritten, Extra ones, which
	// the phone does not have, marked as deleted.
	Missing int `json:"missing"`
	Changed int `json:"changed"`
	Extra   int `json:"extra"`
}

// Date gives the day as ISO 8601.
func (f Finding) Date() string { return time.Unix(f.Day*day, 0).UTC().Format(time.DateOnly) }

func (f *Finding) add(g Finding) {
	f.Missing, f.Changed, f.Extra = f.Missing+g.Missing, f.Changed+g.Changed, f.Extra+g.Extra
}

// Verification is what [Verify] found. All of it is put right by then.
type Verification struct {
	Result
	// Began is when it began, in Unix seconds: before this run, where an earlier
	// one was ended early and this one went on with it.
	Began int64
	// Compared is how many samples this run compared; one that was read twice, at
	// the seam of two pages, counts once.
	Compared int
	// Findings by type and day, at most maxFindings; the sums count all.
	Findings []Finding
	// Days is how many days were found.
	Days                    int
	Missing, Changed, Extra int
}

// maxFindings bounds the list of days that is kept and told.
const maxFindings = 1000

// found is what a verification has found so far. It is kept with each page.
type found struct {
	Findings []Finding `json:"findings,omitempty"`
	// Sum is over all Days days.
	Sum  Finding `json:"sum"`
	Days int     `json:"days,omitempty"`
}

// Verify reads everything that is shared from the phone again and compares it
// with the rows. What differs is put right page by page, by the rules of every
// sync: what the phone has and the database has not is added, what the phone no
// longer has is marked. A run that was ended early goes on where it ended if it is
// asked for again within a week. Samples newer than the last sync are not
// findings.
func Verify(ctx context.Context, phone Phone, db VerifyStore, o Options) (Verification, error) {
	o.Full = true
	s := newSession(phone, db, o)
	s.verify = true
	err := s.sync(ctx)
	out := Verification{Result: s.res}
	if s.full == nil || s.full.Found == nil {
		return out, err
	}
	var cerr error
	if out.Compared, cerr = s.compared(context.WithoutCancel(ctx)); err == nil {
		err = cerr
	}
	if err == nil && o.Since == 0 {
		// Rows that another program took out, and that came back, were counted twice.
		err = db.Recount(ctx)
	}
	f := s.full.Found
	out.Began, out.Days, out.Findings = s.full.Began, f.Days, slices.Clone(f.Findings)
	out.Missing, out.Changed, out.Extra = f.Sum.Missing, f.Sum.Changed, f.Sum.Extra
	slices.SortFunc(out.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Day, b.Day))
	})
	return out, err
}

// see notes what a change put right.
func (f *found) see(out store.Outcome) {
	for _, d := range out.Days {
		// What was added where nothing was read before is new, not missing.
		g := Finding{Type: d.Type, Day: d.Day, Missing: d.Revived + d.Late, Changed: d.Changed, Extra: d.Deleted}
		if g.Missing+g.Changed+g.Extra == 0 {
			continue
		}
		f.Sum.add(g)
		same := func(x Finding) bool { return x.Type == g.Type && x.Day == g.Day }
		if i := slices.IndexFunc(f.Findings, same); i >= 0 {
			f.Findings[i].add(g)
			continue
		}
		if f.Days++; len(f.Findings) < maxFindings {
			f.Findings = append(f.Findings, g)
		}
	}
}

// compared is how many samples of each type were read: no more than there are,
// and those that are marked as gone.
func (s *session) compared(ctx context.Context) (sum int, err error) {
	from := s.o.Since
	if from == 0 {
		from = math.MinInt64
	}
	for t, n := range s.res.ByType {
		there, err := s.db.CountOwn(ctx, t, from)
		if err != nil {
			return s.res.Known + s.res.Writes(), err
		}
		sum += min(n.Known+n.Writes(), int(there)+n.Deleted)
	}
	return sum, nil
}
