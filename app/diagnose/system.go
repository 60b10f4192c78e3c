package diagnose

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
)

// productVersion is what sw_vers prints, in the file that it reads.
var productVersion = regexp.MustCompile(`<key>ProductVersion</key>\s*<string>([^<]+)</string>`)

// systemVersion is the system's name, and macOS's number by itself.
func systemVersion(root string) (name, number string) {
	if raw, err := os.ReadFile(filepath.Join(root, "System/Library/CoreServices/SystemVersion.plist")); err == nil {
		if m := productVersion.FindSubmatch(raw); m != nil {
			return "macOS " + string(m[1]), string(m[1])
		}
	}
	raw, err := os.ReadFile(filepath.Join(root, "etc/os-release")) // os-release(5)
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
