//go:build !darwin

package desktop

import "context"

// Open shows a file, a folder or a page with the program for it.
func (d *Desktop) Open(ctx context.Context, target string) error {
	name, args, ok := first([]string{"xdg-open", target}, []string{"gio", "open", target})
	if !ok {
		return ErrNone
	}
	return start(ctx, name, args...)
}

// panes are the programs that have the settings, by desktop.
var panes = map[string][][]string{
	"clock":    {{"gnome-control-center", "datetime"}, {"systemsettings", "kcm_clock"}, {"time-admin"}},
	"keychain": {{"seahorse"}, {"kwalletmanager5"}, {"kwalletmanager"}, {"keepassxc"}},
	"camera":   {{"gnome-control-center", "camera"}},
}

// Settings opens a pane of the system's settings: "clock", "camera" or
// "keychain".
func (d *Desktop) Settings(ctx context.Context, pane string) error {
	name, args, ok := first(panes[pane]...)
	if !ok {
		return ErrNone
	}
	return start(ctx, name, args...)
}
