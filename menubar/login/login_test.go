package login

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"howett.net/plist"

	"healthsync/sync/testenv"
)

const strange = `/Applications/Ana's <Health> & "Sync" $HOME ` + "`id`" + ` 100% \ ünï.app/Contents/MacOS/HealthSync`

func TestLaunchAgent(t *testing.T) {
	var got map[string]any
	_, err := plist.Unmarshal(launchAgent(strange), &got)
	want := map[string]any{
		"Label": Label, "ProgramArguments": []any{strange, "menubar"}, "RunAtLoad": true, "ProcessType": "Interactive",
		"LimitLoadToSessionType": "Aqua", "AssociatedBundleIdentifiers": "org.mvneves.healthsync.mac",
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\n%v", err, got)
	}
	// Shown to fail: the path as it is would be no XML.
	raw := bytes.Replace(launchAgent("PATH"), []byte("PATH"), []byte(strange), 1)
	if _, err := plist.Unmarshal(raw, new(map[string]any)); err == nil {
		t.Error("the parser takes a path that is not escaped")
	}
	info, err := os.ReadFile("../../Info.plist")
	must(t, err)
	var d map[string]any
	if _, err := plist.Unmarshal(info, &d); err != nil || d["CFBundleIdentifier"] != want["AssociatedBundleIdentifiers"] || !strings.HasPrefix(Label, d["CFBundleIdentifier"].(string)) {
		t.Errorf("the app is %v, %v", d["CFBundleIdentifier"], err)
	}
}

// desktop-file-validate reads the autostart file, and GLib starts what it
// names: also a program with a name like that.
func TestDesktopEntry(t *testing.T) {
	validate := testenv.NeedTool(t, "desktop-file-validate", "desktop-file-utils")
	path := filepath.Join(t.TempDir(), "healthsync.desktop")
	must(t, os.WriteFile(path, desktopEntry(strange), 0o600))
	if out, err := exec.Command(validate, path).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	must(t, os.WriteFile(path, bytes.Replace(desktopEntry(strange), []byte("Type="), []byte("Kind="), 1), 0o600))
	if exec.Command(validate, path).Run() == nil {
		t.Error("a broken one is valid")
	}
}

func TestQuoting(t *testing.T) {
	for in, want := range map[string]string{
		"/usr/bin/healthsync": `Exec="/usr/bin/healthsync" menubar`,
		`/a b/c"d`:            `Exec="/a b/c\\"d" menubar`,
		`/a\b`:                `Exec="/a\\\\b" menubar`,
		"/100%/$x`y`":         "Exec=\"/100%%/\\\\$x\\\\`y\\\\`\" menubar",
	} {
		if got := string(desktopEntry(in)); !strings.Contains(got, "\n"+want+"\n") {
			t.Errorf("%s:\n%s", in, got)
		}
	}
}

func TestFile(t *testing.T) {
	f := file{filepath.Join(t.TempDir(), "new", "agent.plist"), launchAgent("/a")}
	for i, on := range []bool{false, true, true, false} {
		must(t, f.set(on))
		want := Off
		if on {
			want = On
		}
		if got, err := f.status(); got != want || err != nil {
			t.Errorf("step %d: status %v, %v, want %v", i, got, err, want)
		}
		// Another copy of the program is not this one.
		if got, _ := (file{f.path, launchAgent("/b")}).status(); got != Off {
			t.Errorf("step %d: another copy: %v", i, got)
		}
	}
	// A file that cannot be read is an error, not "off".
	must(t, os.MkdirAll(f.path, 0o755))
	if _, err := f.status(); err == nil {
		t.Error("a folder in its place is no error")
	}
}

func TestPlaces(t *testing.T) {
	if !Translocated("/private/var/folders/x/AppTranslocation/ABC/d/HealthSync.app/Contents/MacOS/HealthSync") || Translocated("/Applications/HealthSync.app/Contents/MacOS/HealthSync") {
		t.Error("translocated")
	}
	if !InBundle("/Applications/HealthSync.app/Contents/MacOS/HealthSync") || InBundle("/usr/local/bin/healthsync") || InBundle("/x.app/Contents/healthsync") {
		t.Error("InBundle")
	}
}

// fakeService stands where macOS is not: as Apple documents SMAppService, with
// a person who has a say.
type fakeService struct {
	state, opened int
	refusal       string // what it says to every change
	wary          bool   // the person has to approve
}

func (s *fakeService) status() int { return s.state }
func (s *fakeService) settings()   { s.opened++ }

func (s *fakeService) set(on bool) string {
	switch {
	case s.refusal != "":
		return s.refusal
	case on && s.state == serviceEnabled, !on && s.state != serviceEnabled && s.state != serviceRequiresApproval:
		return "Job is already registered, or not found" // kSMErrorAlreadyRegistered, kSMErrorJobNotFound
	case on && s.wary:
		s.state = serviceRequiresApproval
		return "Operation not permitted"
	case on:
		s.state = serviceEnabled
	default:
		s.state = 0
	}
	return ""
}

const app = "/Applications/HealthSync.app/Contents/MacOS/HealthSync"

func TestService(t *testing.T) {
	f := file{filepath.Join(t.TempDir(), "agent.plist"), launchAgent(app)}
	s := &fakeService{}
	step := func(on bool, fails error, want Status) {
		t.Helper()
		if err := set(app, s, f, on); !errors.Is(err, fails) {
			t.Errorf("set %v: %v", on, err)
		}
		if got, err := get(app, s, f); got != want || err != nil {
			t.Errorf("%v, %v; want %v", got, err, want)
		}
	}
	step(false, nil, Off) // it was
	step(true, nil, On)
	step(true, nil, On) // it was
	s.state = serviceRequiresApproval
	if got, _ := get(app, s, f); got != NeedsApproval {
		t.Errorf("switched off in System Settings: %v", got)
	}
	step(false, nil, Off)
	s.wary = true
	step(true, ErrNeedsApproval, NeedsApproval)
	if s.opened != 1 {
		t.Errorf("System Settings opened %d times", s.opened)
	}
	s.state, s.refusal = 3, "Invalid signature"
	if err := set(app, s, f, true); err == nil || err.Error() != "login: Invalid signature" {
		t.Errorf("refused: %v", err)
	}
	if _, err := os.Stat(f.path); err == nil {
		t.Error("a LaunchAgent beside the service would start it twice")
	}
}

// Without the service, or without an app around the program, it is a file.
func TestServiceCannotBeUsed(t *testing.T) {
	for what, c := range map[string]struct {
		exe string
		s   service
	}{
		"macOS 12":       {app, &fakeService{state: -1}},
		"a bare program": {"/usr/local/bin/healthsync", &fakeService{}},
		"no macOS":       {app, nil},
	} {
		f := file{filepath.Join(t.TempDir(), "agent.plist"), launchAgent(c.exe)}
		if err := set(c.exe, c.s, f, true); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if got, err := get(c.exe, c.s, f); got != On || err != nil {
			t.Errorf("%s: %v, %v", what, got, err)
		}
		if _, err := os.Stat(f.path); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	t.Setenv("HOME", "/Users/ana")
	if f, err := agentFile(app); err != nil || f.path != "/Users/ana/Library/LaunchAgents/"+Label+".plist" {
		t.Errorf("%s, %v", f.path, err)
	}
}

// The real thing, as far as this system has it.
func TestSet(t *testing.T) {
	if runtime.GOOS == "darwin" {
		t.Skip("would change the person's login items")
	}
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	for i, want := range []Status{Off, On, Off, Off} {
		if i > 0 {
			must(t, Set(want == On))
		}
		if s, err := Get(); s != want || err != nil {
			t.Errorf("step %d: %v, %v", i, s, err)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
