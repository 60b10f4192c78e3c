package bundle_test

import (
	"archive/zip"
	"bytes"
	"debug/elf"
	"debug/gosym"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
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

// Only cobra may know text/template, and the linker must be able to drop it:
// with it, the macOS program would keep every method of darwinkit.
func TestNoTemplates(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}} {{.Imports}}{{end}}", "./app/healthsync")
	cmd.Dir, cmd.Env = "..", append(os.Environ(), "GOOS=darwin", "GOARCH=arm64", "CGO_ENABLED=1")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		pkg, imports, _ := strings.Cut(line, " ")
		if strings.Contains(imports, "text/template") || strings.Contains(imports, "html/template") {
			if pkg != "github.com/spf13/cobra" {
				t.Errorf("%s imports templates", pkg)
			}
		}
	}
	if testing.Short() {
		t.Skip("links the program")
	}
	program := build(t, filepath.Join(t.TempDir(), "healthsync"), "../app/healthsync", []string{"GOOS=linux", "GOARCH=amd64"}, "-trimpath")
	for _, err := range bundle.CheckFunctions(functions(t, program)) {
		t.Error(err)
	}
	// Shown to fail.
	with := build(t, filepath.Join(t.TempDir(), "template"), "./testdata/template", []string{"GOOS=linux", "GOARCH=amd64"})
	if len(bundle.CheckFunctions(functions(t, with))) == 0 {
		t.Error("a program that executes a template was not found out")
	}
}

func functions(t *testing.T, program []byte) []string {
	t.Helper()
	f, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := f.Section(".gopclntab").Data()
	if err != nil {
		t.Fatal(err)
	}
	table, err := gosym.NewTable(nil, gosym.NewLineTable(raw, f.Section(".text").Addr))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, fn := range table.Funcs {
		names = append(names, fn.Name)
	}
	if !slices.Contains(names, "main.main") {
		t.Fatal("no names of functions were read")
	}
	return names
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
