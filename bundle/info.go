// Package bundle makes HealthSync.app of the program: the folder with its
// Info.plist, icon and licences, the zip, and the Homebrew cask. It checks what
// it made, because there may be no Mac at hand to try it on.
//
// Signing, notarizing and the disk image need Apple's own tools; bundle.mk
// calls those.
package bundle

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"healthsync/bundle/plist"
)

// Name is the app's, its executable's and its folder's.
const Name = "HealthSync"

// MinimumMacOS is what the user guide promises to run on.
const MinimumMacOS = "15.0"

var (
	identifier   = regexp.MustCompile(`^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+){2,}$`)
	shortVersion = regexp.MustCompile(`^\d+\.\d+\.\d+$`) // what CFBundleShortVersionString takes
	buildVersion = regexp.MustCompile(`^\d+(\.\d+){0,2}$`)
)

// CheckInfo says everything that is wrong with an Info.plist: what macOS needs,
// and what it takes without a word and then does not do (a usage text that is
// missing ends the program at its first look at the camera).
func CheckInfo(data []byte) error {
	d, err := plist.Parse(data)
	if err != nil {
		return err
	}
	var errs []error
	wrong := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("Info.plist: %s: %s", key, fmt.Sprintf(format, args...)))
	}
	for key, want := range map[string]any{
		"CFBundleExecutable": Name, "CFBundleName": Name, "CFBundleDisplayName": Name, "CFBundleIconFile": "AppIcon",
		"CFBundlePackageType": "APPL", "CFBundleInfoDictionaryVersion": "6.0", "CFBundleDevelopmentRegion": "en",
		"LSMinimumSystemVersion": MinimumMacOS, "LSUIElement": true, "NSPrincipalClass": "NSApplication",
		"NSHighResolutionCapable": true, "NSSupportsAutomaticTermination": false, "NSSupportsSuddenTermination": false,
	} {
		if got, ok := d[key]; !ok || got != want {
			wrong(key, "is %#v, want %#v", got, want)
		}
	}
	for key, re := range map[string]*regexp.Regexp{
		"CFBundleIdentifier": identifier, "CFBundleShortVersionString": shortVersion, "CFBundleVersion": buildVersion,
	} {
		if s, _ := d[key].(string); !re.MatchString(s) {
			wrong(key, "is %#v", d[key])
		}
	}
	for _, key := range []string{"NSCameraUsageDescription", "NSLocalNetworkUsageDescription", "NSHumanReadableCopyright"} {
		if s, _ := d[key].(string); len(strings.Fields(s)) < 3 || !strings.HasSuffix(s, ".") {
			wrong(key, "is %#v, want a sentence", d[key])
		}
	}
	if services, _ := d["NSBonjourServices"].([]any); !slices.Contains(services, any("_healthsync._tcp")) {
		wrong("NSBonjourServices", "is %#v", d["NSBonjourServices"])
	}
	// A second copy of the program is the camera's window.
	for _, key := range []string{"LSMultipleInstancesProhibited", "LSBackgroundOnly", "UTExportedTypeDeclarations"} {
		if _, ok := d[key]; ok {
			wrong(key, "does not belong here")
		}
	}
	return errors.Join(errs...)
}

// CheckEntitlements wants the camera and nothing else: each further key would
// take a protection away.
func CheckEntitlements(data []byte) error {
	d, err := plist.Parse(data)
	if err != nil {
		return err
	}
	if d["com.apple.security.device.camera"] != true {
		return errors.New("entitlements: the hardened runtime would keep the camera shut")
	}
	if len(d) != 1 {
		return fmt.Errorf("entitlements: %d keys, want the camera's alone", len(d))
	}
	return nil
}

// Stamp writes the version into an Info.plist. describe is what `git describe
// --tags` says; where it names no release, the version is 0.0.0. build counts
// the commits, so that a later build has a higher one.
func Stamp(info []byte, describe, build string) ([]byte, error) {
	out, err := plist.SetString(info, "CFBundleShortVersionString", Release(describe))
	if err != nil {
		return nil, err
	}
	return plist.SetString(out, "CFBundleVersion", build)
}

var release = regexp.MustCompile(`^v?(\d+\.\d+\.\d+)([-+].*)?$`)

// Release is the plain version in a git description: "v1.2.0-3-gabc" is of
// 1.2.0.
func Release(describe string) string {
	if m := release.FindStringSubmatch(describe); m != nil {
		return m[1]
	}
	return "0.0.0"
}
