// Package menubar draws what there is to know in the menu bar: a pure function
// from a State to a Menu, and a renderer that changes on the screen only what
// has changed in the Menu. It decides nothing and asks nobody.
package menubar

import (
	"fmt"
	"strings"

	"healthsync/app/problem"
)

// Icon names one of the shapes of the menu bar's icon.
type Icon string

// The icons. They differ in shape, never in colour alone.
const (
	IconConnected Icon = "connected"
	IconSyncing   Icon = "syncing"
	IconAway      Icon = "away"
	IconAttention Icon = "attention"
	IconNotPaired Icon = "notpaired"
)

// Icons lists every icon.
func Icons() []Icon {
	return []Icon{IconConnected, IconSyncing, IconAway, IconAttention, IconNotPaired}
}

// Menu is all that is drawn. Its rows are the same in number, order and ID
// for every State: what does not apply is hidden, so that nothing ever has to
// be added, moved or removed while the menu is open.
type Menu struct {
	Icon Icon
	// Tooltip says in a line what the icon means.
	Tooltip string
	Rows    []Row
}

// Row is a line of the menu, or a separator. ID, Separator, Checkable and the
// number of Rows never change for a row.
type Row struct {
	ID        string
	Separator bool
	Checkable bool

	Label    string
	Disabled bool
	Hidden   bool
	Checked  bool
	Action   problem.Action
	// Rows make it a submenu.
	Rows []Row
}

// Find gives the row with an ID, at any depth; nil where there is none.
func (m *Menu) Find(id string) *Row { return find(m.Rows, id) }

func find(rows []Row, id string) *Row {
	for i := range rows {
		if rows[i].ID == id {
			return &rows[i]
		}
		if r := find(rows[i].Rows, id); r != nil {
			return r
		}
	}
	return nil
}

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
