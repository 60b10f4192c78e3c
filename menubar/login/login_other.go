//go:build !darwin

package login

import (
	"os"
	"path/filepath"
)

// system is an autostart file; there is no service.
func system(exe string) (service, file, error) {
	dir, err := os.UserConfigDir()
	return nil, file{filepath.Join(dir, "autostart", "healthsync.desktop"), desktopEntry(exe)}, err
}
