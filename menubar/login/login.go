// Package login starts the app when the person logs in.
//
// macOS is asked each time how it stands, because the person can switch it off
// in System Settings; nothing is remembered here. Inside HealthSync.app it is
// SMAppService, which shows the app's name and icon there and goes away with
// the app; a bare program gets a LaunchAgent. On Linux it is an autostart file
// (freedesktop.org, Desktop Application Autostart Specification).
package login

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Status is what the system says.
type Status int

// The statuses. SMAppService has the same ones.
const (
	Off Status = iota
	On
	// NeedsApproval means that it is registered, and the person has switched it
	// off in System Settings (or never switched it on).
	NeedsApproval
)

// ErrTranslocated says that macOS runs the app from a hidden copy, because it
// lies where it was downloaded to. That copy is gone at the next login.
var ErrTranslocated = errors.New("login: the app runs from a temporary copy; move it to Applications first")

// ErrNeedsApproval says that only the person can switch it on, in System
// Settings, which have been opened there.
var ErrNeedsApproval = errors.New("login: to be allowed in System Settings, under Login Items")

// Translocated reports whether a path is that of such a copy.
func Translocated(program string) bool { return strings.Contains(program, "/AppTranslocation/") }

// InBundle reports whether a program is the executable of an app.
func InBundle(program string) bool {
	return strings.HasSuffix(filepath.Dir(program), ".app/Contents/MacOS")
}

// program is this program's own file, through any link to it.
func program() (string, error) {
	exe, err := os.Executable()
	if err != nil {
		return "", err
	}
	if exe, err = filepath.EvalSymlinks(exe); err != nil {
		return "", err
	}
	if Translocated(exe) {
		return "", ErrTranslocated
	}
	return exe, nil
}

// service is SMAppService, of macOS 13.
type service interface {
	// status is SMAppServiceStatus, or -1 where there is no such service.
	status() int
	// set registers or unregisters; "", or the system's reason against it.
	set(on bool) (reason string)
	// settings opens System Settings at Login Items.
	settings()
}

// The numbers of SMAppServiceStatus; another is off.
const (
	serviceEnabled          = 1
	serviceRequiresApproval = 2
)

// Get says how it stands.
func Get() (Status, error) {
	exe, err := program()
	if err != nil {
		return Off, err
	}
	s, f, err := system(exe)
	if err != nil {
		return Off, err
	}
	return get(exe, s, f)
}

// Set switches it on or off, from the next login on. launchctl is not asked to
// load or unload anything now: that would start a second copy, or end this one.
func Set(on bool) error {
	exe, err := program()
	if err != nil {
		return err
	}
	s, f, err := system(exe)
	if err != nil {
		return err
	}
	return set(exe, s, f, on)
}

// usable reports whether the service can be used: it starts apps, not bare
// programs.
func usable(exe string, s service) bool { return s != nil && InBundle(exe) && s.status() >= 0 }

func get(exe string, s service, f file) (Status, error) {
	if !usable(exe, s) {
		return f.status()
	}
	switch s.status() {
	case serviceEnabled:
		return On, nil
	case serviceRequiresApproval:
		return NeedsApproval, nil
	}
	return Off, nil
}

func set(exe string, s service, f file, on bool) error {
	if !usable(exe, s) {
		return f.set(on)
	}
	reason := s.set(on)
	now, _ := get(exe, s, f) // of a service that is usable, without error
	switch {
	case on && now == NeedsApproval:
		s.settings()
		return ErrNeedsApproval
	case reason == "" || on == (now == On):
		return nil // also where it was so before, which macOS calls an error
	}
	return errors.New("login: " + reason)
}

// Label names the LaunchAgent.
const Label = "org.mvneves.healthsync.mac.login"

// launchAgent is the property list of a LaunchAgent (launchd.plist(5)). It is
// put together by hand: a template would keep all of darwinkit in the program.
// AssociatedBundleIdentifiers makes System Settings show the app's name, and
// the Local Network permission the app's.
func launchAgent(program string) []byte {
	var path bytes.Buffer
	_ = xml.EscapeText(&path, []byte(program)) // a Buffer does not fail
	return fmt.Appendf(nil, `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>%s</string>
	<key>ProgramArguments</key>
	<array>
		<string>%s</string>
		<string>menubar</string>
	</array>
	<key>RunAtLoad</key>
	<true/>
	<key>ProcessType</key>
	<string>Interactive</string>
	<key>LimitLoadToSessionType</key>
	<string>Aqua</string>
	<key>AssociatedBundleIdentifiers</key>
	<string>org.mvneves.healthsync.mac</string>
</dict>
</plist>
`, Label, path.String())
}

// agentFile is where launchd looks for a person's own agents.
func agentFile(exe string) (file, error) {
	home, err := os.UserHomeDir()
	return file{filepath.Join(home, "Library", "LaunchAgents", Label+".plist"), launchAgent(exe)}, err
}

// desktopEntry is an autostart file. Exec is quoted as the Desktop Entry
// Specification says: in double quotes, with backslashes before the four
// characters that mean something there, those doubled as in every string of
// such a file, and percent signs doubled.
func desktopEntry(program string) []byte {
	quoted := strings.NewReplacer(`\`, `\\\\`, `"`, `\\"`, "`", "\\\\`", `$`, `\\$`, `%`, `%%`).Replace(program)
	return []byte("[Desktop Entry]\nType=Application\nName=HealthSync\n" +
		"Comment=Keeps your iPhone's health data on this computer\n" +
		`Exec="` + quoted + `" menubar` + "\nX-GNOME-Autostart-enabled=true\n")
}

// file is the part that LaunchAgents and autostart files share: the file is
// there or not, and on means that it names this program.
type file struct {
	path    string
	content []byte
}

func (f file) status() (Status, error) {
	switch data, err := os.ReadFile(f.path); {
	case errors.Is(err, os.ErrNotExist):
		return Off, nil
	case err != nil:
		return Off, err
	case bytes.Equal(data, f.content):
		return On, nil
	}
	return Off, nil // of another copy of the program, or switched off by a desktop's settings
}

func (f file) set(on bool) error {
	if !on {
		if err := os.Remove(f.path); !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(f.path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(f.path, f.content, 0o644) //nolint:gosec // it holds nothing but a path, and launchd reads it
}
