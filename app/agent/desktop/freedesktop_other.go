//go:build !darwin

package desktop

import (
	"context"
	"os/exec"
	"strings"
)

// Desktop is the one that the app runs on.
type Desktop = Freedesktop

// Freedesktop is a desktop of freedesktop.org's kind: portals where there are
// some, else the programs that such desktops have.
type Freedesktop struct {
	// Getenv reads the environment: is there a screen?
	Getenv func(string) string
}

// Confirm asks a question in a window; an error means that none can be shown.
func (d *Freedesktop) Confirm(ctx context.Context, text, yes, no string) (bool, error) {
	name, args, ok := first(
		[]string{"zenity", "--question", "--no-markup", "--title=HealthSync", "--text=" + text, "--ok-label=" + yes,
			"--cancel-label=" + no, "--default-cancel"},
		[]string{"kdialog", "--title", "HealthSync", "--yes-label", yes, "--no-label", no, "--warningyesno",
			plainText(text)},
	)
	if !ok || !d.screen() {
		return false, ErrNone
	}
	_, agreed, err := answer(ctx, name, args...)
	return agreed, err
}

// PickPicture asks for a picture; "" means that the person chose none.
func (d *Freedesktop) PickPicture(ctx context.Context) (string, error) {
	if path, err := portal(ctx, "OpenFile", "Choose a picture of the QR code", ""); err == nil {
		return path, nil
	}
	name, args, ok := first(
		[]string{"zenity", "--file-selection", "--title=Choose a picture of the QR code",
			"--file-filter=Pictures | *.png *.jpg *.jpeg *.gif *.webp *.tif *.tiff *.bmp",
			"--file-filter=All files | *"},
		[]string{"kdialog", "--title", "Choose a picture of the QR code", "--getopenfilename", ".",
			"*.png *.jpg *.jpeg *.gif *.webp *.tif *.tiff *.bmp"},
	)
	if !ok || !d.screen() {
		return "", ErrNone
	}
	path, _, err := answer(ctx, name, args...)
	return path, err
}

// SaveAs asks where to write a file; "" means nowhere.
func (d *Freedesktop) SaveAs(ctx context.Context, file string) (string, error) {
	if path, err := portal(ctx, "SaveFile", "Export the certificates", file); err == nil {
		return path, nil
	}
	name, args, ok := first(
		[]string{"zenity", "--file-selection", "--save", "--confirm-overwrite", "--title=Export the certificates",
			"--filename=" + file},
		[]string{"kdialog", "--title", "Export the certificates", "--getsavefilename", file},
	)
	if !ok || !d.screen() {
		return "", ErrNone
	}
	path, _, err := answer(ctx, name, args...)
	return path, err
}

// screen reports whether there is one to show a window on.
func (d *Freedesktop) screen() bool {
	return d.Getenv("DISPLAY") != "" || d.Getenv("WAYLAND_DISPLAY") != ""
}

// plainText takes away what kdialog, a Qt program, would read as HTML.
func plainText(s string) string {
	return strings.NewReplacer("<", "‹", ">", "›", "&", "＆").Replace(s)
}

// Open shows a file, a folder or a page with the program for it.
func (d *Freedesktop) Open(ctx context.Context, target string) error {
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
func (d *Freedesktop) Settings(ctx context.Context, pane string) error {
	name, args, ok := first(panes[pane]...)
	if !ok {
		return ErrNone
	}
	return start(ctx, name, args...)
}

// first runs the first of the programs that is installed.
func first(programs ...[]string) (string, []string, bool) {
	for _, p := range programs {
		if path, err := exec.LookPath(p[0]); err == nil {
			return path, p[1:], true
		}
	}
	return "", nil, false
}
