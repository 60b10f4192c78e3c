//go:build !darwin

package menubar

import "strings"

// markup quotes a body for daemons that read it as markup (Desktop
// Notifications Specification, "Markup").
func markup(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

// notice is the picture beside a notification.
func (i Icon) notice() (any, error) { return i.Tray() }
