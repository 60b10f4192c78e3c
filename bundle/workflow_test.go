package bundle_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"healthsync/menubar/camera"
	"healthsync/sync/testenv"
)

// actionlint knows the schema of workflows, the contexts of expressions and the
// inputs of the well-known actions.
func TestWorkflows(t *testing.T) {
	lint, err := exec.LookPath("actionlint")
	if err != nil {
		testenv.Missing(t, "actionlint is not installed; get it with: "+
			"go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.7")
	}
	files, err := filepath.Glob("../.github/workflows/*.yml")
	if err != nil || len(files) < 2 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range files {
		if out, err := exec.Command(lint, "-no-color", f).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
	good := read(t, "../.github/workflows/release.yml")
	for old, new := range map[string]string{
		"runs-on: macos-15":    "runs_on: macos-15",
		"needs: [mac, linux]":  "needs: [mac, windows]",
		"fetch-depth: 0 #":     "fetch-depht: 0 #",
		"github.ref_type ==":   "github.reftype ==",
		"go-version-file":      "go_version_file",
		"      - name: Sign\n": "     - name: Sign\n",
	} {
		broken := filepath.Join(t.TempDir(), "release.yml")
		must(t, os.WriteFile(broken, []byte(strings.Replace(good, old, new, 1)), 0o600))
		if exec.Command(lint, "-no-color", broken).Run() == nil {
			t.Errorf("with %q for %q nothing is wrong", new, old)
		}
	}
}

// The release must be built with the flag, and by the targets that are there.
func TestReleaseUsesOurTargets(t *testing.T) {
	release := read(t, "../.github/workflows/release.yml")
	if !strings.Contains(release, "GOFLAGS: "+camera.SoundFlag+"\n") {
		t.Errorf("the workflow does not set %s", camera.SoundFlag)
	}
	makefile := read(t, "../Makefile") + read(t, "bundle.mk")
	if !strings.Contains(makefile, "DARWIN_GCFLAGS := "+camera.SoundFlag+"\n") {
		t.Errorf("the Makefile does not set %s on macOS", camera.SoundFlag)
	}
	for _, target := range []string{"build", "app", "sign", "notarize", "zip", "dmg", "cask"} {
		if !strings.Contains(release, "make "+target) && !strings.Contains(release, "zip "+target) {
			t.Errorf("the workflow does not make %s", target)
		}
		if !strings.Contains(makefile, "\n"+target+":") {
			t.Errorf("there is no target %s", target)
		}
	}
	if exec.Command("make", "-C", "..", "-n", "app", "sign", "zip", "cask", "install", "uninstall").Run() != nil {
		t.Error("make cannot read the targets")
	}
}
