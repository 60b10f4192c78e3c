// Package menubar draws what there is to know in the menu bar: a pure function
// from a State to a Menu, and a renderer that changes on the screen only what
// has changed in the Menu. It decides nothing and asks nobody.
package menubar

import "healthsync/app/problem"

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
