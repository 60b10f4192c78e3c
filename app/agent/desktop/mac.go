package desktop

import (
	"context"
	"path/filepath"
)

// Mac is the desktop of macOS, by two programs that every Mac has. It is
// compiled everywhere, so that what it says to them is tested everywhere.
type Mac struct {
	// Getenv is not asked: there is always a screen.
	Getenv func(string) string

	tools string // the folder of the programs, "" for the system's
}

// The texts go to AppleScript as arguments, never as part of the script: a
// device's name stays a text whatever is in it.
const (
	confirmScript = `on run argv
	set answer to display dialog (item 1 of argv) buttons {item 3 of argv, item 2 of argv} default button 1 cancel button 1 with title "HealthSync" with icon caution
	return button returned of answer
end run`
	pickScript = `on run
	return POSIX path of (choose file with prompt "Choose a picture of the QR code" of type {"public.image"})
end run`
	saveScript = `on run argv
	return POSIX path of (choose file name with prompt "Export the certificates" default name (item 1 of argv))
end run`
)

func (d *Mac) tool(name string) string {
	if d.tools != "" {
		return filepath.Join(d.tools, name)
	}
	return filepath.Join("/usr/bin", name)
}

func (d *Mac) script(ctx context.Context, text string, args ...string) (string, bool, error) {
	return answer(ctx, d.tool("osascript"), append([]string{"-e", text, "--"}, args...)...)
}

// Confirm asks a question in a window; an error means that none can be shown.
func (d *Mac) Confirm(ctx context.Context, text, yes, no string) (bool, error) {
	_, ok, err := d.script(ctx, confirmScript, text, yes, no)
	return ok, err
}

// PickPicture asks for a picture; "" means that the person chose none.
func (d *Mac) PickPicture(ctx context.Context) (string, error) {
	path, _, err := d.script(ctx, pickScript)
	return path, err
}

// SaveAs asks where to write a file; "" means nowhere.
func (d *Mac) SaveAs(ctx context.Context, name string) (string, error) {
	path, _, err := d.script(ctx, saveScript, name)
	return path, err
}

// Open shows a file, a folder or a page with the program for it.
func (d *Mac) Open(ctx context.Context, target string) error {
	return start(ctx, d.tool("open"), "--", target)
}

// macPanes are the addresses of the settings' panes.
var macPanes = map[string][]string{
	"clock":    {"x-apple.systempreferences:com.apple.Date-Time-Settings.extension"},
	"camera":   {"x-apple.systempreferences:com.apple.preference.security?Privacy_Camera"},
	"keychain": {"-b", "com.apple.keychainaccess"},
}

// Settings opens a pane of the system's settings: "clock", "camera" or
// "keychain".
func (d *Mac) Settings(ctx context.Context, pane string) error {
	args, ok := macPanes[pane]
	if !ok {
		return ErrNone
	}
	return start(ctx, d.tool("open"), args...)
}
