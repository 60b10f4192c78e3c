package camera_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"healthsync/menubar/camera"
	"healthsync/sync/testenv"
)

const why = "https://github.com/progrium/darwinkit/issues/286"

// The flag without "all=": the programs here are a package or two, and need
// not compile the standard library anew.
func cure(t *testing.T, pattern string) string {
	t.Helper()
	flag, ok := strings.CutPrefix(camera.SoundFlag, "-gcflags=all=")
	if !ok {
		t.Fatalf("SoundFlag is %q", camera.SoundFlag)
	}
	return "-gcflags=" + pattern + flag
}

// The fault and its cure, in Go alone. When the first half fails, the compiler
// no longer puts such slices on the stack: then SoundFlag, its check and the
// flags in the Makefile and the workflow can go.
func TestStackFault(t *testing.T) {
	if got := runGo(t, ".", "./testdata/stackfault"); got != "dangling" {
		t.Errorf("without the flag: %s; the fault is gone, so drop the flag (%s)", got, why)
	}
	if got := runGo(t, ".", cure(t, ""), "./testdata/stackfault"); got != "sound" {
		t.Errorf("with the flag: %s; this compiler needs another cure (%s)", got, why)
	}
	if got := runGo(t, ".", "-gcflags=-N -l", "./testdata/stackfault"); got != "sound" {
		t.Errorf("without optimisation: %s, but builtForDarwinkit believes in it", got)
	}
}

// The same through darwinkit's own ffi package and the real libffi.
func TestStackFaultInLibffi(t *testing.T) {
	testenv.NeedTool(t, "gcc", "gcc")
	if !compiles(t, "#include <ffi.h>\nint main(void) { return 0; }\n") {
		testenv.Missing(t, "ffi.h is missing; get it with: apt-get install libffi-dev")
	}
	dir := libffiProgram(t)
	if got := runGo(t, dir, "."); got == "sound" {
		t.Errorf("without the flag a callback works; if darwinkit or the compiler mended it, drop the flag (%s)", why)
	} else {
		t.Logf("without the flag: %s", got)
	}
	if got := runGo(t, dir, cure(t, "stackfault/...="), "."); got != "sound" {
		t.Errorf("with the flag: %s", got)
	}
	// window_darwin.go calls every method that returns BOOL by way of yes.
	n, err := strconv.Atoi(runGo(t, dir, cure(t, "stackfault/...="), ".", "overrun"))
	if err != nil || n <= 1 {
		t.Errorf("libffi writes %d bytes (%v) for a bool: yes is needed no more", n, err)
	}
}

// What the two programs model must be what darwinkit does.
func TestDarwinkitStillDoesThat(t *testing.T) {
	dir := darwinkit(t)
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

func darwinkit(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/progrium/darwinkit").Output()
	if err != nil || strings.TrimSpace(string(out)) == "" {
		testenv.Missing(t, "darwinkit's source is not in the module cache; get it with: go mod download")
	}
	return strings.TrimSpace(string(out))
}

// libffiProgram lays out a module of testdata/libffi and darwinkit's ffi
// package, of which only the includes are changed.
func libffiProgram(t *testing.T) string {
	t.Helper()
	dir, from := t.TempDir(), filepath.Join(darwinkit(t), "objc", "ffi")
	copyFile := func(to, name string, change ...string) {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		out := strings.NewReplacer(change...).Replace(string(src))
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, to)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, to), []byte(out), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	copyFile("main.go", "testdata/libffi/main.go")
	copyFile("ffi/ffi.go", filepath.Join(from, "ffi.go"), "-x objective-c -Wno-unguarded-availability-new", "", "#import", "#include", "ffi/ffi.h", "ffi.h")
	copyFile("ffi/ffi.c", filepath.Join(from, "ffi.m"), "#import", "#include", "ffi/ffi.h", "ffi.h")
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module stackfault\n\ngo 1.26\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func compiles(t *testing.T, program string) bool {
	t.Helper()
	cmd := exec.Command("gcc", "-x", "c", "-fsyntax-only", "-")
	cmd.Stdin = strings.NewReader(program)
	return cmd.Run() == nil
}

// runGo builds and runs a program: flags, the package, arguments. What it
// prints is returned, or how it died.
func runGo(t *testing.T, dir string, args ...string) string {
	t.Helper()
	var flags, rest []string
	for i, a := range args {
		if !strings.HasPrefix(a, "-") {
			flags, rest = args[:i], args[i:]
			break
		}
	}
	exe := filepath.Join(t.TempDir(), "program")
	build := exec.Command("go", append(append([]string{"build", "-o", exe}, flags...), rest[0])...)
	build.Dir = dir
	build.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false", "GOWORK=off") // no flag of the build around us
	if rest[0] == "." {
		build.Env = append(build.Env, "CGO_ENABLED=1")
	}
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build %v: %v\n%s", flags, err, out)
	}
	out, err := exec.Command(exe, rest[1:]...).CombinedOutput()
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
