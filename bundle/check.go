package bundle

import (
	"bytes"
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"healthsync/bundle/icns"
	"healthsync/bundle/macho"
	"healthsync/menubar/camera"
)

// Check reads an app back and says everything that is wrong with it.
func Check(app string) error {
	read := func(name string) ([]byte, error) { return os.ReadFile(filepath.Join(app, "Contents", name)) }
	info, err := read("Info.plist")
	if err != nil {
		return err
	}
	errs := []error{CheckInfo(info)}
	if picture, err := read("Resources/AppIcon.icns"); err != nil {
		errs = append(errs, err)
	} else if _, err := icns.Decode(picture); err != nil {
		errs = append(errs, err)
	}
	for _, name := range []string{"Resources/THIRD_PARTY.md", "Resources/LICENSE"} {
		if text, err := read(name); err != nil || len(text) < 1000 {
			errs = append(errs, fmt.Errorf("bundle: %s is missing or empty", name))
		}
	}
	exe := filepath.Join(app, "Contents/MacOS", Name)
	if st, err := os.Stat(exe); err != nil || st.Mode().Perm()&0o111 != 0o111 {
		return errors.Join(append(errs, fmt.Errorf("bundle: %s is no program", exe))...)
	}
	program, err := os.ReadFile(exe)
	if err != nil {
		return err
	}
	return errors.Join(append(errs, CheckProgram(program, info, true))...)
}

// CheckProgram says everything that is wrong with a macOS program that is to
// carry info. A universal one has both architectures.
func CheckProgram(program, info []byte, universal bool) error {
	parts, err := macho.Inspect(program)
	if err != nil {
		return err
	}
	var errs []error
	wrong := func(s macho.Slice, format string, args ...any) {
		errs = append(errs, fmt.Errorf("program, %s: %s", s.Arch, fmt.Sprintf(format, args...)))
	}
	seen := map[string]macho.Slice{}
	for _, s := range parts {
		seen[s.Arch] = s
		if s.MinOS != MinimumMacOS {
			wrong(s, "is for macOS %s, Info.plist says %s", s.MinOS, MinimumMacOS)
		}
		if !bytes.Equal(bytes.TrimRight(s.InfoPlist, "\x00"), info) {
			wrong(s, "does not carry this Info.plist")
		}
		if s.UUID == "" {
			wrong(s, "has no UUID; the Local Network permission goes by it (Apple TN3179)")
		}
		if s.Arch == "arm64" && s.Signature == nil {
			wrong(s, "is not signed, not even ad hoc; arm64 Macs would kill it")
		}
		for _, lib := range s.Libraries {
			if !macho.SystemLibrary(lib) {
				wrong(s, "needs %s, which is not part of macOS", lib)
			}
		}
		if where := buildPath(s.Data); where != "" {
			wrong(s, "tells where it was built: %s", where)
		}
		for _, e := range checkGo(s) {
			wrong(s, "%v", e)
		}
	}
	if universal {
		for _, arch := range archs {
			if _, ok := seen[arch]; !ok {
				errs = append(errs, fmt.Errorf("program: nothing for %s", arch))
			}
		}
		if a, b := seen["arm64"].UUID, seen["amd64"].UUID; a != "" && a == b {
			errs = append(errs, fmt.Errorf("program: both halves have the UUID %s", a))
		}
	}
	return errors.Join(errs...)
}

// checkGo looks at what the Go linker made.
func checkGo(s macho.Slice) (errs []error) {
	build, err := buildinfo.Read(bytes.NewReader(s.Data))
	if err != nil {
		return []error{err}
	}
	key, value, _ := strings.Cut(camera.SoundFlag, "=")
	if !slices.ContainsFunc(build.Settings, func(b debug.BuildSetting) bool { return b.Key == key && b.Value == value }) {
		errs = append(errs, fmt.Errorf("was built without %s", camera.SoundFlag))
	}
	names, err := s.Functions()
	if err != nil {
		return append(errs, err)
	}
	return append(errs, CheckFunctions(names)...)
}

// fewMethods is how much of darwinkit a program may hold. The window takes some
// 175 functions; where one function calls methods by a name that the linker
// cannot know, it keeps all of more than 20,000.
const fewMethods = 2000

// CheckFunctions refuses templates in a program, which call methods by such
// names, and whatever else has made the linker keep all of darwinkit.
func CheckFunctions(names []string) (errs []error) {
	for _, prefix := range []string{"text/template.", "html/template."} {
		if slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, prefix+"(*Template).") }) {
			errs = append(errs, fmt.Errorf("executes templates (%s)", strings.TrimSuffix(prefix, ".")))
		}
	}
	n := 0
	for _, name := range names {
		if strings.HasPrefix(name, "github.com/progrium/darwinkit/macos/") {
			n++
		}
	}
	if n > fewMethods {
		errs = append(errs, fmt.Errorf("holds %d functions of darwinkit, so something calls methods by name", n))
	}
	return errs
}

// buildPath finds a folder of the machine that built it.
func buildPath(program []byte) string {
	var places []string
	if wd, err := os.Getwd(); err == nil {
		places = append(places, wd)
	}
	if home, err := os.UserHomeDir(); err == nil {
		places = append(places, home)
	}
	out, _ := exec.Command("go", "env", "GOROOT", "GOMODCACHE", "GOCACHE").Output()
	places = append(places, strings.Fields(string(out))...)
	places = append(places, "/go-build")
	for _, p := range places {
		if len(p) > 1 && bytes.Contains(program, []byte(p+"/")) {
			return p
		}
	}
	return ""
}
