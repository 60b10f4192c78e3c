package bundle_test

import (
	"os"
	"strings"
	"testing"

	"healthsync/bundle"
	"healthsync/bundle/plist"
	"healthsync/sync/bonjour"
)

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestInfo(t *testing.T) {
	good := read(t, "../Info.plist")
	if err := bundle.CheckInfo([]byte(good)); err != nil {
		t.Fatal(err)
	}
	// Each change breaks the app in a way of its own.
	for old, new := range map[string]string{
		"<true/>":                                             "<string>YES</string>", // LSUIElement
		"<key>LSUIElement</key>\n\t<true/>":                   "",
		"<string>15.0</string>":                               "<string>12.0</string>",
		"<key>NSCameraUsageDescription</key>":                 "<key>NSCameraUsage</key>",
		"<key>NSLocalNetworkUsageDescription</key>":           "<key>NSMicrophoneUsageDescription</key>",
		"_healthsync._tcp":                                    "_http._tcp",
		"<string>APPL</string>":                               "<string>BNDL</string>",
		"<key>CFBundleExecutable</key>\n\t<string>HealthSync": "<key>CFBundleExecutable</key>\n\t<string>healthsync",
		"<string>org.mvneves.healthsync.mac</string>":         "<string>healthsync</string>",
		"<string>0.0.0</string>":                              "<string>v1.0-dirty</string>",
		"<string>AppIcon</string>":                            "<string>AppIcon.png</string>",
		"<key>NSSupportsSuddenTermination</key>\n\t<false/>":  "<key>NSSupportsSuddenTermination</key>\n\t<true/>",
		"<key>NSPrincipalClass</key>":                         "<key>LSMultipleInstancesProhibited</key>\n\t<true/>\n\t<key>NSPrincipalClass</key>",
		"</dict>":                                             "",
	} {
		if !strings.Contains(good, old) {
			t.Errorf("the plist has no %q", old)
			continue
		}
		if err := bundle.CheckInfo([]byte(strings.Replace(good, old, new, 1))); err == nil {
			t.Errorf("with %q for %q nothing is wrong", new, old)
		}
	}
	d, err := plist.Parse([]byte(good))
	if err != nil || d["NSBonjourServices"].([]any)[0] != bonjour.Service {
		t.Errorf("the plist names %v, the program browses %s", d["NSBonjourServices"], bonjour.Service)
	}
}

func TestEntitlements(t *testing.T) {
	good := read(t, "entitlements.plist")
	if err := bundle.CheckEntitlements([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for old, new := range map[string]string{
		"<true/>":   "<false/>",
		".camera":   ".audio-input",
		"</dict>":   "<key>com.apple.security.get-task-allow</key><true/></dict>",
		"</plist>":  "",
		"<dict>\n":  "<dict>\n<key>com.apple.security.cs.disable-library-validation</key><true/>",
		"\t<true/>": "",
	} {
		if err := bundle.CheckEntitlements([]byte(strings.Replace(good, old, new, 1))); err == nil {
			t.Errorf("with %q for %q nothing is wrong", new, old)
		}
	}
}

func TestStamp(t *testing.T) {
	for describe, want := range map[string]string{
		"v1.2.3": "1.2.3", "v1.2.3-4-gabcdef": "1.2.3", "1.2.3-dirty": "1.2.3", "v2.0.0-beta.1": "2.0.0",
		"abcdef0": "0.0.0", "development": "0.0.0", "v1.2": "0.0.0", "": "0.0.0",
	} {
		if got := bundle.Release(describe); got != want {
			t.Errorf("%q is release %q, want %q", describe, got, want)
		}
		out, err := bundle.Stamp([]byte(read(t, "../Info.plist")), describe, "1234")
		if err != nil {
			t.Fatal(err)
		}
		d, err := plist.Parse(out)
		if err != nil || d["CFBundleShortVersionString"] != want || d["CFBundleVersion"] != "1234" {
			t.Errorf("%q: %v, %v, %v", describe, d["CFBundleShortVersionString"], d["CFBundleVersion"], err)
		}
		if err := bundle.CheckInfo(out); err != nil {
			t.Errorf("%q: %v", describe, err)
		}
	}
	if _, err := bundle.Stamp([]byte("<plist/>"), "v1.0.0", "1"); err == nil {
		t.Error("a plist without a version was stamped")
	}
}
