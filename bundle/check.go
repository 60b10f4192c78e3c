// Package bundle checks and packs what bundle.mk and app.sh make of the program:
// HealthSync.app. Signing, notarizing and the disk image need Apple's own tools,
// which bundle.mk calls.
package bundle

import (
	"bytes"
	"debug/buildinfo"
	"debug/macho"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxSlice is the size of one architecture's program in bytes above which
// something is wrong: where one function calls methods by name (text/template
// does), the linker keeps all of darwinkit.
const maxSlice = 24 << 20

// Check reads an app back and says everything that is wrong with it. buildFlag
// is the flag that its Go code must have been built with, as "-name=value".
// Whether its signature is good, codesign says.
func Check(app, buildFlag string) error {
	contents := filepath.Join(app, "Contents")
	info, err := os.ReadFile(filepath.Join(contents, "Info.plist"))
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range []string{"AppIcon.icns", "THIRD_PARTY.md", "LICENSE"} {
		if st, err := os.Stat(filepath.Join(contents, "Resources", name)); err != nil || st.Size() < 1000 {
			errs = append(errs, fmt.Errorf("bundle: Resources/%s is missing or empty", name))
		}
	}
	exe := filepath.Join(contents, "MacOS/HealthSync")
	if st, err := os.Stat(exe); err != nil || st.Mode().Perm()&0o111 != 0o111 {
		return errors.Join(append(errs, fmt.Errorf("bundle: %s is no program", exe))...)
	}
	program, err := os.ReadFile(exe)
	if err != nil {
		return err
	}
	fat, err := macho.NewFatFile(bytes.NewReader(program))
	if err != nil {
		return errors.Join(append(errs, fmt.Errorf("bundle: the program is not universal: %w", err))...)
	}
	var cpus []macho.Cpu
	for _, a := range fat.Arches {
		cpus = append(cpus, a.Cpu)
		for _, err := range checkSlice(a, program[a.Offset:][:a.Size], info, buildFlag) {
			errs = append(errs, fmt.Errorf("bundle: %v: %w", a.Cpu, err))
		}
	}
	for _, want := range []macho.Cpu{macho.CpuArm64, macho.CpuAmd64} {
		if !slices.Contains(cpus, want) {
			errs = append(errs, fmt.Errorf("bundle: the program holds nothing for %v", want))
		}
	}
	return errors.Join(errs...)
}

// checkSlice looks at the program for one processor; debug/macho has checked that
// its bytes lie within the file.
func checkSlice(a macho.FatArch, program, info []byte, buildFlag string) (errs []error) {
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(program) > maxSlice {
		wrong("it has %d bytes, more than is explained", len(program))
	}
	if inside, err := section(a.File, "__info_plist"); err != nil ||
		!bytes.Equal(bytes.TrimRight(inside, "\x00"), info) {
		wrong("it does not carry this Info.plist")
	}
	libraries, err := a.ImportedLibraries()
	if err != nil {
		return append(errs, err)
	}
	for _, lib := range libraries {
		if !strings.HasPrefix(lib, "/usr/lib/") && !strings.HasPrefix(lib, "/System/Library/") {
			wrong("it needs %s, which is not part of macOS", lib)
		}
	}
	build, err := buildinfo.Read(bytes.NewReader(program))
	if err != nil {
		return append(errs, err)
	}
	key, value, _ := strings.Cut(buildFlag, "=")
	found := false
	for _, s := range build.Settings {
		found = found || s.Key == key && s.Value == value
		if s.Key == "-trimpath" && s.Value != "true" {
			wrong("it tells where it was built")
		}
	}
	if !found {
		wrong("it was built without %s", buildFlag)
	}
	return errs
}

// section gives a section's bytes, or none where there is no such section.
func section(f *macho.File, name string) ([]byte, error) {
	s := f.Section(name)
	if s == nil {
		return nil, nil
	}
	return s.Data()
}
