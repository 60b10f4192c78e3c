package bundle_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"healthsync/sync/testenv"
)

// makeCask runs `make cask` for a zip of a release.
func makeCask(t *testing.T, args ...string) (file string, err error) {
	t.Helper()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "HealthSync-1.2.3.zip"), []byte("an archive"), 0o600))
	args = append([]string{
		"cask", "VERSION=v1.2.3", "TAP=" + dir, "HOMEPAGE=https://example.com/healthsync",
		"URL=https://example.com/v#{version}/HealthSync-#{version}.zip",
	}, args...)
	if out, err := runMake(t, dir, args...); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return filepath.Join(dir, "Casks", "healthsync.rb"), nil
}

// Ruby itself reads the cask, and says what Homebrew would understand.
func TestCask(t *testing.T) {
	ruby := testenv.NeedTool(t, "ruby", "ruby")
	file, err := makeCask(t)
	must(t, err)
	out, err := exec.Command(ruby, "-wc", file).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "Syntax OK" {
		t.Fatalf("ruby -wc: %v\n%s", err, out)
	}
	out, err = exec.Command(ruby, "testdata/cask.rb", file).Output()
	must(t, err)
	var got map[string]any
	must(t, json.Unmarshal(out, &got))
	id := parsePlist(t, read(t, "../Info.plist"))["CFBundleIdentifier"]
	for key, want := range map[string]any{
		"token":      "healthsync",
		"version":    []any{"1.2.3"},
		"sha256":     []any{fmt.Sprintf("%x", sha256.Sum256([]byte("an archive")))},
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
}

func TestCaskRefuses(t *testing.T) {
	for _, arg := range []string{
		"VERSION=1.2.3x", "VERSION=development", "TAP=", "URL=http://example.com/x.zip", "HOMEPAGE=",
	} {
		if file, err := makeCask(t, arg); err == nil {
			t.Errorf("%s: %s was written", arg, file)
		}
	}
}
