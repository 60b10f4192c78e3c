package diagnose

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestSystemVersion(t *testing.T) {
	const plist = `<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0"><dict>
	<key>ProductBuildVersion</key>
	<string>24G84</string>
	<key>ProductName</key>
	<string>macOS</string>
	<key>ProductUserVisibleVersion</key>
	<string>15.6</string>
	<key>ProductVersion</key>
	<string>15.6.1</string>
</dict></plist>`
	for _, c := range []struct{ file, text, name, number string }{
		{"System/Library/CoreServices/SystemVersion.plist", plist, "macOS 15.6.1", "15.6.1"},
		{"System/Library/CoreServices/SystemVersion.plist", "<plist></plist>", runtime.GOOS, ""},
		{"etc/os-release", "ID=debian\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n", "Debian GNU/Linux 12 (bookworm)", ""},
		{"etc/os-release", "ID=strange\n", runtime.GOOS, ""},
		{"etc/nothing", "", runtime.GOOS, ""},
	} {
		root := t.TempDir()
		path := filepath.Join(root, c.file)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(c.text), 0o600)); err != nil {
			t.Fatal(err)
		}
		if name, number := systemVersion(root); name != c.name || number != c.number {
			t.Errorf("%s: %q, %q; want %q, %q", c.file, name, number, c.name, c.number)
		}
	}
}
