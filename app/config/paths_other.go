//go:build !darwin

package config

import "path/filepath"

// platformPaths follows the XDG Base Directory Specification, which says that
// a relative path in these variables is to be ignored.
func platformPaths(home string, getenv func(string) string) Paths {
	dir := func(name, fallback string) string {
		base := getenv(name)
		if !filepath.IsAbs(base) {
			base = filepath.Join(home, fallback)
		}
		return filepath.Join(base, "healthsync")
	}
	return Paths{
		Config: dir("XDG_CONFIG_HOME", ".config"),
		Data:   dir("XDG_DATA_HOME", ".local/share"),
		Log:    dir("XDG_STATE_HOME", ".local/state"),
	}
}
