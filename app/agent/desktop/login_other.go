//go:build !darwin

package desktop

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"healthsync/app/config/atomicfile"
)

// loginFile is where the desktop looks for what to start at login
// (Desktop Application Autostart Specification, freedesktop.org).
func (d *Desktop) loginFile() string {
	base := d.Getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(base) {
		base = filepath.Join(d.Getenv("HOME"), ".config")
	}
	return filepath.Join(base, "autostart", "healthsync.desktop")
}

// Login says whether the app starts at login. A file that says Hidden=true is
// one that the desktop's own settings have switched off.
func (d *Desktop) Login() (on, known bool) {
	raw, err := os.ReadFile(d.loginFile())
	if errors.Is(err, fs.ErrNotExist) {
		return false, d.Program != ""
	}
	off := strings.Contains("\n"+string(raw), "\nHidden=true") || strings.Contains("\n"+string(raw), "\nX-GNOME-Autostart-enabled=false")
	return err == nil && !off, d.Program != ""
}

// SetLogin makes the app start at login, or not.
func (d *Desktop) SetLogin(on bool) error {
	if d.Program == "" {
		return ErrNone
	}
	if !on {
		if err := os.Remove(d.loginFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	return atomicfile.Write(d.loginFile(), []byte(autostart(d.Program)))
}

// autostart is the desktop entry. Its values are quoted twice: as an argument
// of Exec, then as a string value (Desktop Entry Specification, "The Exec key").
func autostart(program string) string {
	argument := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "\\`", `$`, `\$`).Replace(program) + `"`
	argument = strings.ReplaceAll(argument, "%", "%%")
	value := strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\t", `\t`, "\r", `\r`).Replace(argument)
	return "[Desktop Entry]\nType=Application\nName=HealthSync\nComment=Keeps your iPhone's health data on this computer\nExec=" + value + " menubar\nTerminal=false\nX-GNOME-Autostart-enabled=true\n"
}
