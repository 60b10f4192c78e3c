package bundle_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"howett.net/plist"

	"healthsync/sync/bonjour"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	must(t, err)
	return string(data)
}

func parsePlist(t *testing.T, text string) map[string]any {
	t.Helper()
	var d map[string]any
	if _, err := plist.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// runMake runs a target of the Makefile with what it makes in dir.
func runMake(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	args = append([]string{"-C", "..", "--no-print-directory", "BUILD=" + dir}, args...)
	out, err := exec.Command("make", args...).CombinedOutput()
	return string(out), err
}

// What macOS needs of an Info.plist, and what it takes without a word and then
// does not do: a usage text that is missing ends the program at its first look
// at the camera.
func TestInfo(t *testing.T) {
	d := parsePlist(t, read(t, "../Info.plist"))
	for key, want := range map[string]any{
		"CFBundleExecutable": "HealthSync", "CFBundleName": "HealthSync", "CFBundleDisplayName": "HealthSync",
		"CFBundleIconFile": "AppIcon", "CFBundlePackageType": "APPL", "CFBundleInfoDictionaryVersion": "6.0",
		"CFBundleDevelopmentRegion": "en", "LSMinimumSystemVersion": "15.0", "LSUIElement": true,
		"NSPrincipalClass": "NSApplication", "NSHighResolutionCapable": true,
		"NSSupportsAutomaticTermination": false, "NSSupportsSuddenTermination": false,
	} {
		if d[key] != want {
			t.Errorf("%s is %#v, want %#v", key, d[key], want)
		}
	}
	for _, key := range []string{
		"NSCameraUsageDescription", "NSLocalNetworkUsageDescription", "NSHumanReadableCopyright",
	} {
		if s, _ := d[key].(string); len(strings.Fields(s)) < 3 || !strings.HasSuffix(s, ".") {
			t.Errorf("%s is %#v, want a sentence", key, d[key])
		}
	}
	if services, _ := d["NSBonjourServices"].([]any); len(services) != 1 || services[0] != bonjour.Service {
		t.Errorf("the plist names %v, the program browses %s", d["NSBonjourServices"], bonjour.Service)
	}
	// The camera's window is a second process of the same program.
	for _, key := range []string{"LSMultipleInstancesProhibited", "LSBackgroundOnly"} {
		if _, ok := d[key]; ok {
			t.Errorf("%s does not belong there", key)
		}
	}
	makefile := read(t, "bundle.mk")
	if !strings.Contains(makefile, "IDENTIFIER := "+d["CFBundleIdentifier"].(string)+"\n") {
		t.Errorf("bundle.mk does not sign as %v", d["CFBundleIdentifier"])
	}
}

// Each further entitlement would take a protection of the hardened runtime away.
func TestEntitlements(t *testing.T) {
	d := parsePlist(t, read(t, "entitlements.plist"))
	if len(d) != 1 || d["com.apple.security.device.camera"] != true {
		t.Errorf("the entitlements are %v, want the camera alone", d)
	}
}

func TestStamp(t *testing.T) {
	for describe, want := range map[string]string{
		"v1.2.3": "1.2.3", "v1.2.3-4-gabcdef": "1.2.3", "1.2.3-dirty": "1.2.3", "v2.0.0-beta.1": "2.0.0",
		"abcdef0": "0.0.0", "development": "0.0.0", "v1.2": "0.0.0",
	} {
		dir := t.TempDir()
		if out, err := runMake(t, dir, "VERSION="+describe, "BUILDNO=1234", filepath.Join(dir, "Info.plist")); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		stamped, plain := parsePlist(t, read(t, filepath.Join(dir, "Info.plist"))), parsePlist(t, read(t, "../Info.plist"))
		if stamped["CFBundleShortVersionString"] != want || stamped["CFBundleVersion"] != "1234" {
			t.Errorf("%q: %v, %v", describe, stamped["CFBundleShortVersionString"], stamped["CFBundleVersion"])
		}
		if len(stamped) != len(plain) {
			t.Errorf("%q: %d keys, want %d", describe, len(stamped), len(plain))
		}
	}
}

// The icon is drawn from the SVG files by `make icon`; each size must be in it.
func TestIconIsWhole(t *testing.T) {
	data := read(t, "AppIcon.icns")
	if !strings.HasPrefix(data, "icns") {
		t.Fatal("AppIcon.icns is no icon")
	}
	for _, kind := range []string{"ic04", "ic05", "ic07", "ic08", "ic09", "ic10", "ic11", "ic12", "ic13", "ic14"} {
		if !strings.Contains(data, kind) { // 16 to 512 points, at 1x and 2x
			t.Errorf("AppIcon.icns has no %s", kind)
		}
	}
	for _, name := range []string{"AppIcon.svg", "AppIcon-small.svg"} {
		if !regexp.MustCompile(`viewBox="0 0 1024 1024"`).MatchString(read(t, name)) {
			t.Errorf("%s is not on Apple's canvas", name)
		}
	}
}
