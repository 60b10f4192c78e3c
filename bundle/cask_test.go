package bundle_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"healthsync/bundle"
	"healthsync/bundle/plist"
	"healthsync/sync/testenv"
)

var cask = bundle.Cask{
	Version: "1.2.3", SHA256: strings.Repeat("0a", 32),
	Archive:  "https://example.com/v#{version}/HealthSync-#{version}.zip",
	Homepage: "https://example.com/healthsync",
}

// Ruby itself reads the cask, and says what Homebrew would understand.
func TestCask(t *testing.T) {
	ruby := testenv.NeedTool(t, "ruby", "ruby")
	dir := t.TempDir()
	if err := cask.Tap(dir); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "Casks", "healthsync.rb")
	if out, err := exec.Command(ruby, "-wc", file).CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != "Syntax OK" {
		t.Fatalf("ruby -wc: %v\n%s", err, out)
	}
	out, err := exec.Command(ruby, "testdata/cask.rb", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	info, err := plist.Parse([]byte(read(t, "../Info.plist")))
	if err != nil {
		t.Fatal(err)
	}
	id := info["CFBundleIdentifier"]
	for key, want := range map[string]any{
		"token":      "healthsync",
		"version":    []any{"1.2.3"},
		"sha256":     []any{cask.SHA256},
		"url":        []any{"https://example.com/v1.2.3/HealthSync-1.2.3.zip"},
		"app":        []any{"HealthSync.app"},
		"binary":     []any{"/Applications/HealthSync.app/Contents/MacOS/HealthSync", map[string]any{"target": "healthsync"}},
		"uninstall":  []any{map[string]any{"quit": id, "login_item": "HealthSync"}},
		"depends_on": []any{map[string]any{"macos": ">= :sequoia"}}, // macOS 15
	} {
		if !reflect.DeepEqual(got[key], want) {
			t.Errorf("%s: %v, want %v", key, got[key], want)
		}
	}
	if !strings.Contains(string(out), "~/Library/Application Support/HealthSync") {
		t.Error("zap leaves the data")
	}
	// Shown to fail: a cask that lost a line.
	broken := strings.Replace(read(t, file), "depends_on macos", "depends_on(macos", 1)
	if err := os.WriteFile(file, []byte(broken), 0o600); err != nil {
		t.Fatal(err)
	}
	if exec.Command(ruby, "-c", file).Run() == nil {
		t.Error("ruby takes a broken cask")
	}
}

func TestCaskRefuses(t *testing.T) {
	for name, change := range map[string]func(*bundle.Cask){
		"a version with a suffix": func(c *bundle.Cask) { c.Version = "1.2.3-dirty" },
		"no sum":                  func(c *bundle.Cask) { c.SHA256 = "" },
		"a sum in capitals":       func(c *bundle.Cask) { c.SHA256 = strings.Repeat("0A", 32) },
		"a plain address":         func(c *bundle.Cask) { c.Archive = "http://example.com/x.zip" },
		"Ruby in the address":     func(c *bundle.Cask) { c.Archive = `https://example.com/"; system "id` },
		"no homepage":             func(c *bundle.Cask) { c.Homepage = "" },
	} {
		c := cask
		change(&c)
		if text, err := c.Text(); err == nil {
			t.Errorf("%s: %s", name, text)
		}
	}
}
