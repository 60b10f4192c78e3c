package bundle

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"healthsync/bundle/icns"
	"healthsync/bundle/icon"
	"healthsync/bundle/macho"
)

// App says what to build. Paths are relative to the repository.
type App struct {
	Toolchain Toolchain
	Describe  string // git describe --tags
	Build     string // a number that grows, such as the count of commits
	Dir       string // where HealthSync.app and the parts of it go
}

// Path is the app's folder.
func (a App) Path() string { return filepath.Join(a.Dir, Name+".app") }

// Info writes the stamped Info.plist into Dir and returns its absolute path,
// for the linker.
func (a App) Info() (string, error) {
	raw, err := os.ReadFile("Info.plist")
	if err != nil {
		return "", err
	}
	stamped, err := Stamp(raw, a.Describe, a.Build)
	if err != nil {
		return "", err
	}
	if err := CheckInfo(stamped); err != nil {
		return "", err
	}
	path, err := filepath.Abs(filepath.Join(a.Dir, "Info.plist"))
	if err != nil {
		return "", err
	}
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, stamped) {
		return path, nil
	}
	if err := os.MkdirAll(a.Dir, 0o755); err != nil {
		return "", err
	}
	return path, os.WriteFile(path, stamped, 0o644)
}

// Make builds the app anew and checks it.
func (a App) Make() error {
	info, err := a.Info()
	if err != nil {
		return err
	}
	if !a.Toolchain.Complete() && a.Toolchain.Extra == "" {
		a.Toolchain.Extra, err = filepath.Abs(filepath.Join(a.Dir, "sdk-stand-in"))
		if err != nil {
			return err
		}
		dk, err := a.Toolchain.moduleDir("github.com/progrium/darwinkit")
		if err != nil {
			return err
		}
		if err := a.Toolchain.StandIn(a.Toolchain.Extra, dk); err != nil {
			return err
		}
	}
	var slices [][]byte
	for _, arch := range archs {
		out := filepath.Join(a.Dir, "healthsync-darwin-"+arch)
		if err := a.Toolchain.build(arch, a.Describe, info, out); err != nil {
			return err
		}
		data, err := os.ReadFile(out)
		if err != nil {
			return err
		}
		slices = append(slices, data)
	}
	program, err := macho.Universal(slices...)
	if err != nil {
		return err
	}
	if err := a.lay(info, program); err != nil {
		return err
	}
	return Check(a.Path())
}

// lay puts the parts where they belong, beside the old app, and then takes its
// place.
func (a App) lay(info string, program []byte) error {
	fresh := a.Path() + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	put := func(name string, data []byte, mode os.FileMode) error {
		name = filepath.Join(fresh, "Contents", name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		return os.WriteFile(name, data, mode)
	}
	var picture bytes.Buffer
	if err := icns.Encode(&picture, icon.Draw); err != nil {
		return err
	}
	if err := put("MacOS/"+Name, program, 0o755); err != nil {
		return err
	}
	if err := put("Resources/AppIcon.icns", picture.Bytes(), 0o644); err != nil {
		return err
	}
	if err := put("PkgInfo", []byte("APPL????"), 0o644); err != nil {
		return err
	}
	for from, to := range map[string]string{info: "Info.plist", "THIRD_PARTY.md": "Resources/THIRD_PARTY.md", "LICENSE": "Resources/LICENSE"} {
		data, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		if err := put(to, data, 0o644); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(a.Path()); err != nil {
		return err
	}
	if err := os.Rename(fresh, a.Path()); err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	return nil
}
