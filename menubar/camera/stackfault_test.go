package camera_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"healthsync/menubar/camera"
	"healthsync/sync/testenv"
)

const why = "https://github.com/progrium/darwinkit/issues/286"

// The fault and its cure, in Go alone. When the first half fails, the compiler
// no longer puts such slices on the stack: then SoundFlag, its check and the
// flags in the Makefile and the workflow can go.
func TestStackFault(t *testing.T) {
	if testing.Short() {
		t.Skip("long: make test-all")
	}
	// Without "all=": the program is one package, and the standard library need
	// not be compiled anew.
	flag, ok := strings.CutPrefix(camera.SoundFlag, "-gcflags=all=")
	if !ok {
		t.Fatalf("SoundFlag is %q", camera.SoundFlag)
	}
	if got := runGo(t); got != "dangling" {
		t.Errorf("without the flag: %s; the fault is gone, so drop the flag (%s)", got, why)
	}
	if got := runGo(t, "-gcflags="+flag); got != "sound" {
		t.Errorf("with the flag: %s; this compiler needs another cure (%s)", got, why)
	}
	if got := runGo(t, "-gcflags=-N -l"); got != "sound" {
		t.Errorf("without optimisation: %s, but builtForDarwinkit believes in it", got)
	}
}

// What the program models must be what darwinkit does.
func TestDarwinkitStillDoesThat(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/progrium/darwinkit").Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		testenv.Missing(t, "darwinkit's source is not in the module cache; get it with: go mod download")
	}
	for file, count := range map[string]int{"objc/call.go": 2, "objc/block.go": 2, "objc/protocol.go": 1} {
		src, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		if n := len(regexp.MustCompile(`make\(\[\]\*ffi\.Type,`).FindAll(src, -1)); n != count {
			t.Errorf("%s makes %d such slices, was %d: look at it again", file, n, count)
		}
	}
}

// runGo builds and runs testdata/stackfault. What it prints is returned, or how
// it died.
func runGo(t *testing.T, flags ...string) string {
	t.Helper()
	exe := filepath.Join(t.TempDir(), "program")
	build := exec.Command("go", slices.Concat([]string{"build", "-o", exe}, flags, []string{"./testdata/stackfault"})...)
	build.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false") // no flag of the build around us
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build %v: %v\n%s", flags, err, out)
	}
	out, err := exec.Command(exe).CombinedOutput()
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		first, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
		return ended.String() + ": " + first
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
