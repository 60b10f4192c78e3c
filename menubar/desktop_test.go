//go:build linux

package menubar_test

import (
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"healthsync/menubar"
)

// The same day on a whole desktop: a panel that shows the icon and opens the
// menu, a daemon that shows the notifications, a keychain that keeps the
// secrets. HEALTHSYNC_DESKTOP=1 asks for it, HEALTHSYNC_SHOTS names a folder
// for pictures of it.
func TestDesktop(t *testing.T) {
	if os.Getenv("HEALTHSYNC_DESKTOP") != "1" {
		t.Skip("a whole desktop is tested by: make test-desktop")
	}
	dir := shortDir(t)
	desktop := StartDesktop(t, dir)
	s := &screen{t: t, desktop: desktop, shots: os.Getenv("HEALTHSYNC_SHOTS")}
	d := &day{t: t, dir: dir, conn: Connect(t, desktop.Bus), env: slices.Clone(desktop.Env), shot: s.shot, bonjour: "off", history: 180}
	s.day = d
	d.notes = s.notes
	d.live()
}

// TestDesktopSessionDies ends the whole session under the app, the bus with
// the panel, the notifications and the keychain, as a crash or a logout with
// lingering processes does, and starts another. The app goes on all the while;
// its icon, its clicks, its secrets and its notifications come back.
func TestDesktopSessionDies(t *testing.T) {
	if os.Getenv("HEALTHSYNC_DESKTOP") != "1" {
		t.Skip("a whole desktop is tested by: make test-desktop")
	}
	dir := shortDir(t)
	desktop := StartDesktop(t, dir)
	s := &screen{t: t, desktop: desktop}
	d := &day{t: t, dir: dir, conn: Connect(t, desktop.Bus), env: slices.Clone(desktop.Env), shot: func(string, ...string) {}, notes: s.notes, bonjour: "off"}
	d.begin()
	d.showCode()
	d.click("From Image File...")
	d.row("Last sync just now")
	s.iconThere()

	for range 2 {
		desktop.EndSession()
		time.Sleep(500 * time.Millisecond)
		if out, _ := d.command("status", "--json"); !strings.Contains(out, `"app": {`) || !strings.Contains(out, `"code": "KEYCHAIN_UNAVAILABLE"`) {
			t.Errorf("the app without a session:\n%s", out)
		}
		desktop.StartSession()
		s.iconThere()
		d.conn = Connect(t, desktop.Bus)
		d.item = ItemOf(d.conn, d.app.cmd.Process.Pid)
		_, before := d.stored()
		d.click("Sync Now") // with a secret of the new keychain
		d.eventually("a sync", func() bool { _, runs := d.stored(); return runs > before })
		d.row("Ana's iPhone - Connected")
	}
	must(t, d.phone.Revoke())
	d.click("Check Now")
	d.row("Certificate has been revoked")
	d.icon(menubar.IconAttention)
	d.eventually("the notification of the revocation", func() bool { return len(d.notes()) > 0 })
	d.said("has revoked this computer") // the new daemon knows nothing of the pairing
	d.quit()
}

// screen is what the desktop shows.
type screen struct {
	t       *testing.T
	desktop *Desktop
	day     *day
	shots   string
}

// icon is where the panel puts the first icon.
var iconAt = image.Rect(2, 2, 32, 31)

// iconThere waits until something dark is drawn where the icon belongs.
func (s *screen) iconThere() {
	s.t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		img, dark := s.desktop.Screen(), 0
		for y := iconAt.Min.Y; y < iconAt.Max.Y; y++ {
			for x := iconAt.Min.X; x < iconAt.Max.X; x++ {
				if c := img.RGBAAt(x, y); int(c.R)+int(c.G)+int(c.B) < 150 {
					dark++
				}
			}
		}
		if dark > 60 {
			return
		}
	}
	s.t.Error("no icon is seen in the panel")
}

// notes are all notifications so far: dunst lists in its history what it does
// not show any more.
func (s *screen) notes() []Note {
	s.desktop.CloseNotes()
	time.Sleep(50 * time.Millisecond)
	return s.desktop.Notes()
}

// shot takes a picture with the menu open, and its submenu if one is named.
func (s *screen) shot(name string, open ...string) {
	s.t.Helper()
	s.iconThere()
	s.desktop.Mouse(17, 16, true)
	time.Sleep(400 * time.Millisecond)
	for _, label := range open {
		s.openSubmenu(label)
	}
	s.desktop.Mouse(500, 600, false) // away, or the tooltip hides the menu
	time.Sleep(400 * time.Millisecond)
	if s.shots != "" {
		must(s.t, os.MkdirAll(s.shots, 0o755))
		s.desktop.Save(filepath.Join(s.shots, name+".png"))
	}
	s.desktop.Key("Escape", "Escape")
	time.Sleep(100 * time.Millisecond)
}

// openSubmenu walks down to a row and opens it, by the keyboard.
func (s *screen) openSubmenu(label string) {
	s.t.Helper()
	m, err := s.day.item.Menu(s.t.Context())
	must(s.t, err)
	for _, c := range m.Children {
		if !c.Visible() || c.Separator() || !c.Enabled() {
			continue
		}
		s.desktop.Key("Down")
		if strings.HasPrefix(c.Label(), label) {
			s.desktop.Key("Right")
			return
		}
	}
	s.t.Fatalf("no submenu %q", label)
}
