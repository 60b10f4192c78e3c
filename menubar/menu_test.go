package menubar

import (
	"fmt"
	"strings"
)

// String draws the menu as text: what a person sees, hidden rows left out.
func (m Menu) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "(%s) %s\n", m.Icon, m.Tooltip)
	writeRows(&b, m.Rows, "")
	return b.String()
}

func writeRows(b *strings.Builder, rows []Row, indent string) {
	for _, r := range rows {
		switch {
		case r.Hidden:
			continue
		case r.Separator:
			b.WriteString(indent + "---\n")
			continue
		}
		b.WriteString(indent + r.Label)
		switch {
		case r.Checked:
			b.WriteString("  [x]")
		case r.Checkable:
			b.WriteString("  [ ]")
		}
		if r.Disabled {
			b.WriteString("  (greyed)")
		}
		if r.Action.Name != "" {
			b.WriteString("  -> " + strings.TrimSpace(r.Action.Name+" "+r.Action.Arg))
		}
		b.WriteString("\n")
		writeRows(b, r.Rows, indent+"    ")
	}
}
