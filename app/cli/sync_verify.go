package cli

import (
	"fmt"
	"text/tabwriter"
	"time"

	"healthsync/app/problem"
	"healthsync/app/words"
	"healthsync/sync/engine"
)

// verifyAnswer is what `sync --verify` found, as JSON. Days are those of UTC.
func verifyAnswer(v *engine.Verification) fields {
	findings := []fields{}
	for _, f := range v.Findings {
		findings = append(findings, fields{"type": f.Type, "day": f.Date(), "missing": f.Missing, "changed": f.Changed,
			"extra": f.Extra})
	}
	return fields{
		"compared": v.Compared, "began": time.Unix(v.Began, 0).UTC(), "days": v.Days, // with a difference
		"missing": v.Missing, "changed": v.Changed, "extra": v.Extra, "findings": findings,
	}
}

// verifyError is the end of a verification that found something and put it right.
func verifyError(v *engine.Verification) error {
	if v.Days > 0 {
		return problem.New(problem.StoreHealed, fmt.Sprintf("%s: %s, %s, %s.", words.Plural(v.Days, "day"),
			words.Plural(v.Missing, "sample")+" added", words.Plural(v.Changed, "sample")+" corrected",
			words.Plural(v.Extra,
				"sample")+" marked as gone"), nil)
	}
	return nil
}

// shownFindings is how many days are printed; --json has a thousand.
const shownFindings = 50

// printVerified says what was found. what names all that was to be compared.
func (e *Env) printVerified(v *engine.Verification, what string, took time.Duration, whole bool) {
	if !whole {
		e.note("%s compared before it stopped; the next sync --verify carries on from there",
			words.Plural(v.Compared, "sample"))
	} else if v.Days == 0 {
		e.printf("%s is as the iPhone has it: %s compared in %s.\n", what, words.Plural(v.Compared, "sample"),
			seconds(took))
	}
	if v.Days == 0 {
		return
	}
	w := tabwriter.NewWriter(e.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "TYPE\tDAY (UTC)\tADDED\tCORRECTED\tMARKED AS GONE\n")
	for i, f := range v.Findings {
		if i == shownFindings {
			break
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\n", printable(string(f.Type)), f.Date(), f.Missing, f.Changed, f.Extra)
	}
	_ = w.Flush() // as every print
	if n := v.Days - min(len(v.Findings), shownFindings); n > 0 {
		e.printf("... and %s.\n", words.Plural(n, "more day"))
	}
}
