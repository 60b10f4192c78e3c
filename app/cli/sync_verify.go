package cli

import (
	"fmt"
	"text/tabwriter"
	"time"

	"healthsync/app/problem"
	"healthsync/sync/engine"
	"healthsync/sync/health"
)

// verifyResult is what `sync --verify` found, as JSON.
type verifyResult struct {
	Compared int       `json:"compared"`
	Began    time.Time `json:"began"`
	// Days counts all days with a difference; AlteredDays those of them whose
	// rows were not what the iPhone had served.
	Days        int          `json:"days"`
	AlteredDays int          `json:"alteredDays"`
	Missing     int          `json:"missing"`
	Changed     int          `json:"changed"`
	Extra       int          `json:"extra"`
	Findings    []verifyDay  `json:"findings"`
	Left        []verifyLeft `json:"left,omitempty"`
}

type verifyDay struct {
	Type    health.Type `json:"type"`
	Day     string      `json:"day"` // UTC
	Altered bool        `json:"altered"`
	Missing int         `json:"missing"`
	Changed int         `json:"changed"`
	Extra   int         `json:"extra"`
}

type verifyLeft struct {
	Type   health.Type `json:"type"`
	Day    string      `json:"day"`
	Served int64       `json:"served"`
	Stored int64       `json:"stored"`
}

func verifyAnswer(v *engine.Verification) *verifyResult {
	out := &verifyResult{
		Compared: v.Compared, Began: time.Unix(v.Began, 0).UTC(), Days: v.Days, AlteredDays: v.Altered,
		Missing: v.Missing, Changed: v.Changed, Extra: v.Extra, Findings: []verifyDay{},
	}
	for _, f := range v.Findings {
		out.Findings = append(out.Findings, verifyDay{f.Type, f.Date(), f.Altered, f.Missing, f.Changed, f.Extra})
	}
	for _, d := range v.Left {
		out.Left = append(out.Left, verifyLeft{d.Type, d.Date(), d.Served, d.Stored})
	}
	return out
}

// verifyError is the end of a verification that found something: put right, or
// still there.
func verifyError(v *engine.Verification) error {
	switch {
	case len(v.Left) > 0:
		e := problem.New(problem.StoreAltered, fmt.Sprintf("%s still not as the iPhone served them: they were not read again, or the iPhone gave nothing of them.", plural(int64(len(v.Left)), "day")+are(len(v.Left))), nil)
		e.Remedy = problem.Remedy{Text: "read all types, without --types and --since", Command: "healthsync sync --verify"}
		return e
	case v.Days > 0:
		return problem.New(problem.StoreHealed, fmt.Sprintf("%s: %s, %s, %s.", plural(int64(v.Days), "day"),
			plural(int64(v.Missing), "sample")+" added", plural(int64(v.Changed), "sample")+" corrected", plural(int64(v.Extra), "sample")+" marked as gone"), nil)
	}
	return nil
}

func are(n int) string {
	if n == 1 {
		return " is"
	}
	return " are"
}

// shownFindings is how many days are printed; --json has a thousand.
const shownFindings = 50

// printVerified says what was found. what names all that was to be compared.
func (e *Env) printVerified(v *engine.Verification, what string, took time.Duration, whole bool) {
	if !whole {
		e.note("%s compared before it stopped; the next sync --verify carries on from there", plural(int64(v.Compared), "sample"))
	} else if v.Days == 0 && len(v.Left) == 0 {
		e.printf("%s is as the iPhone has it: %s compared in %s.\n", what, plural(int64(v.Compared), "sample"), seconds(took))
	}
	if v.Days == 0 {
		return
	}
	w := tabwriter.NewWriter(e.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "TYPE\tDAY (UTC)\tADDED\tCORRECTED\tMARKED AS GONE\tWHY\n")
	for i, f := range v.Findings {
		if i == shownFindings {
			break
		}
		why := "the iPhone has changed since"
		if f.Altered {
			why = "was changed here"
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%s\n", printable(string(f.Type)), f.Date(), f.Missing, f.Changed, f.Extra, why)
	}
	_ = w.Flush() // as every print
	if n := v.Days - min(len(v.Findings), shownFindings); n > 0 {
		e.printf("... and %s.\n", plural(int64(n), "more day"))
	}
}
