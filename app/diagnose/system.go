//go:build !darwin

package diagnose

import (
	"os"
	"runtime"
	"strings"
)

// systemVersion reads the distribution's name (os-release(5)).
func systemVersion() (name, number string) {
	raw, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return runtime.GOOS, ""
	}
	for line := range strings.Lines(string(raw)) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "PRETTY_NAME="); ok {
			return strings.Trim(v, `"'`), ""
		}
	}
	return runtime.GOOS, ""
}
