package config

import "path/filepath"

// platformPaths follows Apple's "File System Programming Guide".
func platformPaths(home string, _ func(string) string) Paths {
	support := filepath.Join(home, "Library", "Application Support", "HealthSync")
	return Paths{Config: support, Data: support, Log: filepath.Join(home, "Library", "Logs", "HealthSync")}
}
