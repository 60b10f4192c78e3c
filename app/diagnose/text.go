package diagnose

import (
	"fmt"
	"io"
	"strings"
)

// margin is where the sentences begin: two spaces, a verdict, a title.
const margin = 2 + 6 + 20

var verdictWords = map[Verdict]string{OK: "ok", Warn: "warn", Fail: "FAIL", Skipped: "-"}

// WriteTo writes the report as a person reads it: one line a check, what to do
// below those that need it, what was skipped for one reason together, the verdict
// at the end.
func (r *Report) WriteTo(out io.Writer) (int64, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "HealthSync diagnose, %s\n\n", r.At.Format("2 January 2006 15:04 MST"))
	indent := strings.Repeat(" ", margin)
	skipped := r.skipped()
	for _, c := range r.Checks {
		if c.Verdict == Skipped && len(skipped[c.Sentence]) > 1 {
			continue
		}
		fmt.Fprintf(&b, "  %-6s%-20s%s", verdictWords[c.Verdict], c.Title, c.Sentence)
		if c.Code != "" {
			fmt.Fprintf(&b, " [%s]", c.Code)
		}
		b.WriteByte('\n')
		if c.Detail != "" {
			for line := range strings.SplitSeq(c.Detail, "\n") {
				b.WriteString(indent + line + "\n")
			}
		}
		if c.Remedy != nil && c.Verdict != OK {
			b.WriteString(indent + "Fix: " + c.Remedy.String() + "\n")
		}
	}
	for _, c := range r.Checks {
		if titles := skipped[c.Sentence]; c.Verdict == Skipped && len(titles) > 1 {
			fmt.Fprintf(&b, "\n  %s:\n  %s\n", c.Sentence, strings.Join(titles, ", "))
			delete(skipped, c.Sentence)
		}
	}
	b.WriteString("\n" + r.Summary())
	n, err := io.WriteString(out, b.String())
	return int64(n), err
}

// skipped gathers the titles of what was skipped, by the reason.
func (r *Report) skipped() map[string][]string {
	out := map[string][]string{}
	for _, c := range r.Checks {
		if c.Verdict == Skipped {
			out[c.Sentence] = append(out[c.Sentence], c.Title)
		}
	}
	return out
}

// Summary is the verdict with its remedy.
func (r *Report) Summary() string {
	var b strings.Builder
	b.WriteString("Verdict: " + r.Sentence)
	if r.Code != "" {
		fmt.Fprintf(&b, " [%s]", r.Code)
	}
	b.WriteByte('\n')
	if r.Detail != "" {
		b.WriteString(r.Detail + "\n")
	}
	if r.Remedy != nil {
		b.WriteString("Fix: " + r.Remedy.String() + "\n")
	}
	if len(r.Also) > 0 {
		var titles []string
		for _, id := range r.Also {
			titles = append(titles, r.Find(id).Title)
		}
		b.WriteString("See also: " + strings.Join(titles, ", ") + "\n")
	}
	return b.String()
}
