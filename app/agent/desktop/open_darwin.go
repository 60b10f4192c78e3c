package desktop

import "context"

// Open shows a file, a folder or a page with the program for it.
func (d *Desktop) Open(ctx context.Context, target string) error {
	return start(ctx, "/usr/bin/open", "--", target)
}

// panes are the addresses of the settings' panes.
var panes = map[string][]string{
	"clock":    {"x-apple.systempreferences:com.apple.Date-Time-Settings.extension"},
	"camera":   {"x-apple.systempreferences:com.apple.preference.security?Privacy_Camera"},
	"keychain": {"-b", "com.apple.keychainaccess"},
}

// Settings opens a pane of the system's settings: "clock", "camera" or
// "keychain".
func (d *Desktop) Settings(ctx context.Context, pane string) error {
	args, ok := panes[pane]
	if !ok {
		return ErrNone
	}
	return start(ctx, "/usr/bin/open", args...)
}
