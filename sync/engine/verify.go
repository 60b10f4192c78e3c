package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
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

// verifyKey is the place of an unfinished verification in the store's State.
const verifyKey = "verify"

// verifyVersion is that of the form of progress.
const verifyVersion = 2

// progress is a verification that is under way, kept with each page.
type progress struct {
	Version  int       `json:"v"`
	Began    int64     `json:"began"`
	Findings []Finding `json:"findings,omitempty"`
	Beyond   Finding   `json:"beyond"` // sums of what does not fit
	BeyondN  int       `json:"beyondDays,omitempty"`
}

// Verify reads everything that is shared from the phone again and compares it
// with the rows. What differs is put right
// page by page, by the rules of every sync: what the phone has and the database
// has not is added, what the phone no longer has is marked. A run that was
// ended early goes on where it ended if it is asked for again within a week.
// Samples newer than the last sync are not findings.
func Verify(ctx context.Context, phone Phone, db VerifyStore, o Options) (Verification, error) {
	now := time.Now
	if o.Now != nil {
		now = o.Now
	}
	v := &verifier{VerifyStore: db}
	var out Verification
	if err := v.begin(ctx, now().Unix()); err != nil {
		return out, err
	}
	o.Full = true
	res, err := Sync(ctx, phone, v, o)
	out.Result = res
	compared, cerr := v.compared(context.WithoutCancel(ctx), res, o.Since)
	if out.Compared = compared; err == nil {
		err = cerr
	}
	if err == nil && o.Since == 0 {
		err = v.conclude(ctx)
	}
	v.report(&out)
	return out, err
}

// verifier is the database of a verification: it notes what is written.
type verifier struct {
	VerifyStore
	p progress
}

// begin goes on with an unfinished verification, or begins one.
func (v *verifier) begin(ctx context.Context, now int64) error {
	m, err := loadMemory(ctx, v)
	if err != nil {
		return err
	}
	text, _, err := v.State(ctx, verifyKey)
	if err != nil {
		return err
	}
	if json.Unmarshal([]byte(text), &v.p) != nil || v.p.Version != verifyVersion || m.Full == nil || m.Full.Began != v.p.Began ||
		now-v.p.Began > fullLife || now < v.p.Began {
		// A full run that did not note what it found does not count.
		v.p = progress{Version: verifyVersion, Began: now}
		m.Full = &fullMemory{Began: now, Done: map[health.Type]store.Spans{}}
	}
	state, err := m.state()
	if err != nil {
		return err
	}
	_, err = v.Apply(ctx, &store.Change{State: state})
	return err
}

// note is what is known of the verification as the store's State.
func (v *verifier) note() (map[string]string, error) {
	text, err := json.Marshal(v.p)
	if err != nil {
		return nil, fmt.Errorf("engine: write down what was found: %w", err)
	}
	return map[string]string{verifyKey: string(text)}, nil
}

// Apply stores a change and, with it, which days it put right.
func (v *verifier) Apply(ctx context.Context, c *store.Change) (store.Outcome, error) {
	c.Detail, c.Note = true, v.see
	return v.VerifyStore.Apply(ctx, c)
}

func (v *verifier) see(out store.Outcome) (map[string]string, error) {
	for _, d := range out.Days {
		f := Finding{
			Type: d.Type, Day: d.Day,
			// What was added where nothing was read before is new, not missing.
			Missing: d.Revived + d.Late, Changed: d.Changed, Extra: d.Deleted,
		}
		if f.Missing+f.Changed+f.Extra > 0 {
			v.found(f)
		}
	}
	return v.note()
}

// found adds a finding to those of its day.
func (v *verifier) found(f Finding) {
	p := &v.p
	for i := range p.Findings {
		g := &p.Findings[i]
		if g.Type == f.Type && g.Day == f.Day {
			g.Missing, g.Changed, g.Extra = g.Missing+f.Missing, g.Changed+f.Changed, g.Extra+f.Extra
			return
		}
	}
	if len(p.Findings) < maxFindings {
		p.Findings = append(p.Findings, f)
		return
	}
	p.BeyondN++
	p.Beyond.Missing, p.Beyond.Changed, p.Beyond.Extra = p.Beyond.Missing+f.Missing, p.Beyond.Changed+f.Changed, p.Beyond.Extra+f.Extra
}

// conclude ends a verification that compared everything. Rows that another
// program took out, and that came back, were counted twice.
func (v *verifier) conclude(ctx context.Context) error {
	if err := v.Recount(ctx); err != nil {
		return err
	}
	_, err := v.VerifyStore.Apply(ctx, &store.Change{State: map[string]string{verifyKey: ""}})
	return err
}

// compared is how many samples of each type were read: no more than there are,
// and those that are marked as gone.
func (v *verifier) compared(ctx context.Context, res Result, since int64) (int, error) {
	from := since
	if since == 0 {
		from = math.MinInt64
	}
	sum := 0
	for t, n := range res.ByType {
		there, err := v.CountOwn(ctx, t, from)
		if err != nil {
			return res.Known + res.Writes(), err
		}
		sum += min(n.Known+n.Writes(), int(there)+n.Deleted)
	}
	return sum, nil
}

func (v *verifier) report(out *Verification) {
	p := &v.p
	out.Began, out.Findings = p.Began, slices.Clone(p.Findings)
	slices.SortFunc(out.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Day, b.Day))
	})
	out.Days = len(p.Findings) + p.BeyondN
	out.Missing, out.Changed, out.Extra = p.Beyond.Missing, p.Beyond.Changed, p.Beyond.Extra
	for _, f := range p.Findings {
		out.Missing, out.Changed, out.Extra = out.Missing+f.Missing, out.Changed+f.Changed, out.Extra+f.Extra
	}
}
