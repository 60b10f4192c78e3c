//go:build linux

package menubar_test

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"healthsync/sync/testenv"
)

// Desktop is a real one without a screen: Xvfb, xfce4-panel with its tray,
// dunst for notifications, and GNOME Keyring, on a bus of their own.
type Desktop struct {
	t testing.TB
	// Bus is the address of the session bus.
	Bus string
	// Env is the environment of what runs on this desktop.
	Env []string

	dir     string
	panel   *exec.Cmd
	session []*exec.Cmd
}

const panelConf = `<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array">
    <value type="int" value="1"/>
    <property name="dark-mode" type="bool" value="%v"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=6;x=0;y=0"/>
      <property name="length" type="uint" value="100"/>
      <property name="position-locked" type="bool" value="true"/>
      <property name="size" type="uint" value="32"/>
      <property name="plugin-ids" type="array"><value type="int" value="1"/></property>
    </property>
  </property>
  <property name="plugins" type="empty">
    <property name="plugin-1" type="string" value="systray"><property name="square-icons" type="bool" value="true"/></property>
  </property>
</channel>
`

const dunstConf = `[global]
 monitor = 0
 origin = top-right
 offset = 16x44
 width = 340
 font = Sans 10
 markup = full
 format = "<b>%s</b>\n%b"
 history_length = 200
`

// StartDesktop starts one in a folder with a short name. It ends with the
// test.
func StartDesktop(t testing.TB, dir string) *Desktop {
	t.Helper()
	for tool, pkg := range map[string]string{
		"dbus-daemon": "dbus", "Xvfb": "xvfb", "xfce4-panel": "xfce4-panel", "dunst": "dunst", "dunstctl": "dunst", "gnome-keyring-daemon": "gnome-keyring", "xdotool": "xdotool",
	} {
		testenv.NeedTool(t, tool, pkg)
	}
	d := &Desktop{t: t, dir: dir}
	d.Env = []string{
		"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8", "TZ=UTC", "GDK_BACKEND=x11", "NO_AT_BRIDGE=1", "GTK_A11Y=none", "GIO_USE_VFS=local", "GSETTINGS_BACKEND=memory",
	}
	for name, sub := range map[string]string{"HOME": "user", "XDG_CONFIG_HOME": "config", "XDG_CACHE_HOME": "cache", "XDG_DATA_HOME": "data", "XDG_RUNTIME_DIR": "run"} {
		d.Env = append(d.Env, name+"="+filepath.Join(dir, sub))
		d.must(os.MkdirAll(filepath.Join(dir, sub), 0o700))
	}
	d.write("config/xfce4/xfconf/xfce-perchannel-xml/xfce4-panel.xml", fmt.Sprintf(panelConf, false))
	d.write("config/dunst/dunstrc", dunstConf)
	d.must(os.MkdirAll(filepath.Join(dir, "fb"), 0o700))
	d.Bus = "unix:path=" + filepath.Join(dir, "bus")
	d.Env = append(d.Env, "DBUS_SESSION_BUS_ADDRESS="+d.Bus)
	display := d.firstLine(d.command("Xvfb", "-displayfd", "1", "-screen", "0", "1024x768x24", "-fbdir", filepath.Join(dir, "fb"), "-nolisten", "tcp", "-noreset"))
	d.Env = append(d.Env, "DISPLAY=:"+display)
	if _, err := exec.LookPath("xsetroot"); err == nil { // x11-xserver-utils, for prettier pictures
		d.must(d.command("xsetroot", "-solid", "#5b7a99").Run())
	}
	d.StartSession()
	return d
}

// StartSession starts the bus and all that lives on it, again after
// EndSession.
func (d *Desktop) StartSession() {
	d.t.Helper()
	bus := d.command("dbus-daemon", "--session", "--nofork", "--address="+d.Bus, "--print-address=1")
	d.firstLine(bus)
	d.StartPanel()
	notes := d.command("dunst", "-conf", filepath.Join(d.dir, "config/dunst/dunstrc"))
	d.start(notes)
	keyring := d.command("gnome-keyring-daemon", "--unlock", "--components=secrets", "--foreground")
	keyring.Stdin = strings.NewReader("password of a test") // up to its end, no newline
	d.start(keyring)
	d.session = []*exec.Cmd{bus, notes, keyring}
	for _, name := range []string{watcherName, "org.freedesktop.Notifications", "org.freedesktop.secrets"} {
		d.waitFor(name)
	}
}

// EndSession kills the bus and all that lives on it; the screen stays.
func (d *Desktop) EndSession() {
	for _, cmd := range d.session {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	d.KillPanel()
	_ = os.Remove(filepath.Join(d.dir, "bus")) // a killed daemon leaves its socket behind
}

func (d *Desktop) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *Desktop) write(name, text string) {
	d.t.Helper()
	path := filepath.Join(d.dir, name)
	d.must(os.MkdirAll(filepath.Dir(path), 0o700))
	d.must(os.WriteFile(path, []byte(text), 0o600))
}

func (d *Desktop) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Env = d.Env
	return cmd
}

// start starts a program that ends with the test; what it says goes to a file.
func (d *Desktop) start(cmd *exec.Cmd) {
	d.t.Helper()
	log, err := os.Create(filepath.Join(d.dir, filepath.Base(cmd.Path)+".log"))
	d.must(err)
	if cmd.Stdout == nil {
		cmd.Stdout = log
	}
	cmd.Stderr = log
	d.must(cmd.Start())
	d.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = log.Close()
	})
}

// firstLine starts a program that tells something on its first line.
func (d *Desktop) firstLine(cmd *exec.Cmd) string {
	d.t.Helper()
	r, w, err := os.Pipe()
	d.must(err)
	cmd.Stdout = w
	d.start(cmd)
	_ = w.Close()
	line, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		d.t.Fatalf("%s: %v", cmd.Path, err)
	}
	return strings.TrimSpace(line)
}

// StartPanel starts the panel, again after KillPanel.
func (d *Desktop) StartPanel() {
	d.t.Helper()
	d.panel = d.command("xfce4-panel", "--disable-wm-check")
	d.start(d.panel)
}

// KillPanel ends it as a crash does.
func (d *Desktop) KillPanel() {
	_ = d.panel.Process.Kill()
	_ = d.panel.Wait()
}

// waitFor waits until somebody owns a name on the bus.
func (d *Desktop) waitFor(name string) {
	d.t.Helper()
	conn := Connect(d.t, d.Bus)
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		var owned bool
		if err := conn.BusObject().Call("org.freedesktop.DBus.NameHasOwner", 0, name).Store(&owned); err == nil && owned {
			return
		}
	}
	d.t.Fatalf("nobody is %s", name)
}

// Notes are the notifications that dunst has shown, the oldest first.
func (d *Desktop) Notes() []Note {
	d.t.Helper()
	out, err := d.command("dunstctl", "history").Output()
	d.must(err)
	type value struct{ Data string }
	var h struct {
		Data [][]struct{ Appname, Summary, Body value }
	}
	d.must(json.Unmarshal(out, &h))
	var notes []Note
	for _, list := range h.Data {
		for _, n := range list {
			notes = append([]Note{{App: n.Appname.Data, Summary: n.Summary.Data, Body: n.Body.Data}}, notes...)
		}
	}
	return notes
}

// CloseNotes takes what is shown off the screen, into the history.
func (d *Desktop) CloseNotes() {
	d.t.Helper()
	d.must(d.command("dunstctl", "close-all").Run())
}

// Mouse moves the pointer and may click.
func (d *Desktop) Mouse(x, y int, click bool) {
	d.t.Helper()
	args := []string{"mousemove", fmt.Sprint(x), fmt.Sprint(y)}
	if click {
		args = append(args, "click", "1")
	}
	d.must(d.command("xdotool", args...).Run())
}

// Key presses keys.
func (d *Desktop) Key(keys ...string) {
	d.t.Helper()
	for _, k := range keys {
		d.must(d.command("xdotool", "key", k).Run())
		time.Sleep(60 * time.Millisecond)
	}
}

// Screen is what Xvfb shows.
func (d *Desktop) Screen() *image.RGBA {
	d.t.Helper()
	raw, err := os.ReadFile(filepath.Join(d.dir, "fb", "Xvfb_screen0"))
	d.must(err)
	img, err := decodeXWD(raw)
	d.must(err)
	return img
}

// Save writes what is on the screen as a PNG file, without the empty part of
// it.
func (d *Desktop) Save(path string) {
	d.t.Helper()
	img := d.Screen()
	f, err := os.Create(path)
	d.must(err)
	defer f.Close()
	enc := png.Encoder{CompressionLevel: png.BestCompression}
	d.must(enc.Encode(f, img.SubImage(content(img))))
}

// content is the part of a screen, from its corner, in which there is something
// below the panel, with a margin.
func content(img *image.RGBA) image.Rectangle {
	const panel, margin = 34, 24
	b := img.Bounds()
	empty := img.RGBAAt(b.Max.X-1, b.Max.Y-1)
	var out image.Point
	for y := panel; y < b.Max.Y; y++ {
		for x := range b.Max.X {
			if img.RGBAAt(x, y) != empty {
				out.X, out.Y = max(out.X, x), max(out.Y, y)
			}
		}
	}
	return image.Rect(0, 0, out.X+margin, out.Y+margin).Intersect(b)
}

// decodeXWD reads a dump of a window (X11/XWDFile.h) with 32 bits a pixel, as
// Xvfb's -fbdir has it.
func decodeXWD(b []byte) (*image.RGBA, error) {
	if len(b) < 100 {
		return nil, errors.New("xwd: too short")
	}
	field := func(i int) int { return int(binary.BigEndian.Uint32(b[4*i:])) }
	header, w, h, order, depth, stride, colors := field(0), field(4), field(5), field(7), field(11), field(12), field(19)
	pix := b[header+12*colors:]
	if depth != 32 || len(pix) < h*stride {
		return nil, fmt.Errorf("xwd: %d bits a pixel, %d bytes", depth, len(pix))
	}
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			p := pix[y*stride+4*x:]
			if order == 0 {
				img.SetRGBA(x, y, color.RGBA{p[2], p[1], p[0], 255})
			} else {
				img.SetRGBA(x, y, color.RGBA{p[1], p[2], p[3], 255})
			}
		}
	}
	return img, nil
}
