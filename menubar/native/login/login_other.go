//go:build !darwin

package login

import (
	"os"
	"path/filepath"
)

func autostart() (file, error) {
	exe, err := program()
	if err != nil {
		return file{}, err
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return file{}, err
	}
	return file{filepath.Join(dir, "autostart", "healthsync.desktop"), desktopEntry(exe)}, nil
}

// Get says how it stands.
func Get() (Status, error) {
	f, err := autostart()
	if err != nil {
		return Off, err
	}
	return f.status()
}

// Set switches it on or off.
func Set(on bool) error {
	f, err := autostart()
	if err != nil {
		return err
	}
	return f.set(on)
}
