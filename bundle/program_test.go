package bundle_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"healthsync/bundle"
	"healthsync/bundle/macho"
	"healthsync/menubar/camera"
)

func build(t *testing.T, out, pkg string, env []string, flags ...string) []byte {
	t.Helper()
	cmd := exec.Command("go", append(append([]string{"build", "-o", out}, flags...), pkg)...)
	cmd.Env = append(append(os.Environ(), "GOFLAGS=-buildvcs=false", "CGO_ENABLED=0"), env...)
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, msg)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// hello builds a real macOS program, by Go alone and so without most of what
// ours has.
func hello(t *testing.T, arch string, flags ...string) []byte {
	return build(t, filepath.Join(t.TempDir(), "hello"), "./testdata/hello", []string{"GOOS=darwin", "GOARCH=" + arch}, flags...)
}

func TestUniversal(t *testing.T) {
	arm, intel := hello(t, "arm64", "-trimpath"), hello(t, "amd64", "-trimpath")
	fat, err := macho.Universal(arm, intel)
	if err != nil {
		t.Fatal(err)
	}
	parts, err := macho.Inspect(fat)
	if err != nil || len(parts) != 2 || !bytes.Equal(parts[0].Data, arm) || !bytes.Equal(parts[1].Data, intel) {
		t.Fatalf("%v, %d parts", err, len(parts))
	}
	if s := parts[0].Signature; parts[0].Arch != "arm64" || s == nil || !s.AdHoc || s.Pages == 0 {
		t.Errorf("%s: %+v", parts[0].Arch, s)
	}
	for name, slices := range map[string][][]byte{"one slice": {arm}, "one twice": {arm, arm}, "no program": {arm, []byte("#!/bin/sh")}} {
		if _, err := macho.Universal(slices...); err == nil {
			t.Errorf("%s was joined", name)
		}
	}
	// One byte changed after signing.
	broken := bytes.Clone(arm)
	broken[0x2000] ^= 1
	if _, err := macho.Inspect(broken); err == nil || !strings.Contains(err.Error(), "changed after signing") {
		t.Errorf("a changed program: %v", err)
	}
	if _, err := macho.Inspect(fat[:len(fat)/4]); err == nil {
		t.Error("a cut program was read")
	}
}

// What CheckProgram is there for, on programs that have it.
func TestCheckProgramFindsFaults(t *testing.T) {
	info := []byte(read(t, "../Info.plist"))
	plain := hello(t, "arm64")
	err := bundle.CheckProgram(plain, info, true)
	for _, want := range []string{"is for macOS", "does not carry this Info.plist", "tells where it was built", "was built without " + camera.SoundFlag, "nothing for amd64"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("not found: %s", want)
		}
	}
	err = bundle.CheckProgram(hello(t, "arm64", "-trimpath"), info, false)
	if err == nil || strings.Contains(err.Error(), "tells where it was built") {
		t.Errorf("trimmed: %v", err)
	}
	if errs := bundle.CheckFunctions([]string{"text/template.(*Template).Execute"}); len(errs) != 1 {
		t.Error("a template is no fault")
	}
	const one = "github.com/progrium/darwinkit/macos/appkit.Window.Center"
	if errs := bundle.CheckFunctions(slices.Repeat([]string{one}, 500)); len(errs) != 0 {
		t.Errorf("what the window needs: %v", errs)
	}
	if errs := bundle.CheckFunctions(slices.Repeat([]string{one}, 20_000)); len(errs) != 1 {
		t.Error("all of darwinkit is no fault")
	}
}

// HEALTHSYNC_APP names an app that `make app` has made: nothing is wrong with
// it, and something is with every change.
func TestApp(t *testing.T) {
	app := os.Getenv("HEALTHSYNC_APP")
	if app == "" {
		t.Skip("no app to look at: make app SDKROOT=..., then HEALTHSYNC_APP=$PWD/.build/HealthSync.app")
	}
	if err := bundle.Check(app); err != nil {
		t.Fatal(err)
	}
	program, err := os.Stat(filepath.Join(app, "Contents/MacOS/HealthSync"))
	if err != nil {
		t.Fatal(err)
	}
	// docs/performance.md says what makes it so large.
	t.Logf("the program has %d bytes", program.Size())
	if program.Size() > 40_000_000 {
		t.Error("the program has grown beyond what is explained")
	}
	for name, change := range map[string]func(dir string) error{
		"no icon":    func(d string) error { return os.Remove(filepath.Join(d, "Resources/AppIcon.icns")) },
		"no plist":   func(d string) error { return os.Remove(filepath.Join(d, "Info.plist")) },
		"no terms":   func(d string) error { return os.Remove(filepath.Join(d, "Resources/THIRD_PARTY.md")) },
		"no program": func(d string) error { return os.Chmod(filepath.Join(d, "MacOS/HealthSync"), 0o644) },
		"another version": func(d string) error {
			return edit(filepath.Join(d, "Info.plist"), func(b []byte) []byte { return bytes.Replace(b, []byte("<string>15.0<"), []byte("<string>15.1<"), 1) })
		},
		"a byte changed": func(d string) error {
			return edit(filepath.Join(d, "MacOS/HealthSync"), func(b []byte) []byte { b[1<<20] ^= 1; return b })
		},
		"half of it": func(d string) error {
			return edit(filepath.Join(d, "MacOS/HealthSync"), func(b []byte) []byte {
				parts, err := macho.Inspect(b)
				if err != nil {
					t.Fatal(err)
				}
				return parts[0].Data
			})
		},
	} {
		copied := filepath.Join(t.TempDir(), "HealthSync.app")
		if err := os.CopyFS(copied, os.DirFS(app)); err != nil {
			t.Fatal(err)
		}
		if err := change(filepath.Join(copied, "Contents")); err != nil {
			t.Fatal(err)
		}
		if err := bundle.Check(copied); err == nil {
			t.Errorf("%s: nothing is wrong", name)
		}
	}
}

func edit(name string, change func([]byte) []byte) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	return os.WriteFile(name, change(data), 0o755) //nolint:gosec // it is to be executable
}

// Calls of methods by name: with one of them in the macOS program, the linker
// would keep every method of darwinkit. It marks the functions that do it.
var byName = regexp.MustCompile(`(\S+) <ReflectMethod>`)

// methodsByName lists the packages of those functions in a program, but for
// package reflect, which has them for others.
func methodsByName(t *testing.T, pkg string) []string {
	t.Helper()
	cmd := exec.Command("go", "build", "-ldflags=-dumpdep", "-o", os.DevNull, pkg)
	cmd.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false", "CGO_ENABLED=0", "GOOS=linux")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out[:min(len(out), 2000)])
	}
	var pkgs []string
	for _, m := range byName.FindAllSubmatch(out, -1) {
		name := string(m[1])
		slash := strings.LastIndex(name, "/")
		if dot := strings.Index(name[slash+1:], "."); dot >= 0 {
			name = name[:slash+1+dot]
		}
		if name != "reflect" && !slices.Contains(pkgs, name) {
			pkgs = append(pkgs, name)
		}
	}
	return pkgs
}

// Only cobra may import text/template, and nothing may make use of that. (The
// Linux program calls methods by name for D-Bus, which is not in the macOS one;
// that keeps cobra's templates there.) CheckProgram looks at the macOS program
// itself.
func TestNoMethodsByName(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "-f", "{{.ImportPath}} {{.Standard}} {{.Imports}}", "./app/healthsync")
	cmd.Dir, cmd.Env = "..", append(os.Environ(), "GOOS=darwin", "GOARCH=arm64", "CGO_ENABLED=1")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	onMac := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		pkg, rest, _ := strings.Cut(line, " ")
		onMac[pkg] = true
		if strings.HasPrefix(rest, "false") && strings.Contains(rest, "/template") && pkg != "github.com/spf13/cobra" {
			t.Errorf("%s imports templates", pkg)
		}
	}
	err = filepath.WalkDir("../app", func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".go") && regexp.MustCompile(`\.Set(Usage|Help|Version)Template\(|\.AddTemplateFunc`).MatchString(read(t, path)) {
			t.Errorf("%s gives cobra a template; give it a function", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if testing.Short() {
		t.Skip("links the program")
	}
	for _, pkg := range methodsByName(t, "../app/healthsync") {
		// systray imports D-Bus everywhere and serves its menu there on Linux only.
		if onMac[pkg] && pkg != "text/template" && pkg != "github.com/godbus/dbus/v5" {
			t.Errorf("%s calls methods by name, in the macOS program too", pkg)
		}
	}
	// Shown to fail.
	if got := methodsByName(t, "./testdata/template"); !slices.Contains(got, "text/template") {
		t.Errorf("a program with a template calls methods by name in %v", got)
	}
}

func TestZip(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "HealthSync.app")
	for name, mode := range map[string]fs.FileMode{"Contents/MacOS/HealthSync": 0o755, "Contents/Info.plist": 0o644} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(name), mode)); err != nil {
			t.Fatal(err)
		}
	}
	at := time.Unix(1_800_000_000, 0)
	out := filepath.Join(t.TempDir(), "a.zip")
	first, err := bundle.Zip(dir, out, at)
	if err != nil {
		t.Fatal(err)
	}
	if sum, err := bundle.Sum(out); err != nil || sum != first {
		t.Errorf("%s, %v, want %s", sum, err, first)
	}
	r, err := zip.OpenReader(out)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, f := range r.File {
		if f.Name == "HealthSync.app/Contents/MacOS/HealthSync" && f.Mode().Perm() != 0o755 {
			t.Errorf("the program is %v in the archive", f.Mode())
		}
		if !strings.HasPrefix(f.Name, "HealthSync.app/") {
			t.Errorf("%s lies outside of the app", f.Name)
		}
	}
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(filepath.Join(dir, "Contents/Info.plist"), later, later); err != nil {
		t.Fatal(err)
	}
	if second, err := bundle.Zip(dir, out, at); err != nil || second != first {
		t.Errorf("the same content gives %s and %s (%v)", first, second, err)
	}
}
