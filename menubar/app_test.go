//go:build linux

package menubar_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"healthsync/menubar"
	"healthsync/pki/pairingcode"
	"healthsync/sync/simulator"
	"healthsync/sync/store"
	"healthsync/sync/testenv"
)

// A day with the app, on a private bus: everything but the panel, the
// notification daemon and the keychain is real. TestDesktop has those too.
func TestApp(t *testing.T) {
	d, _ := newDay(t)
	d.live()
}

// newDay is a day on a private bus, with a host for its icon.
func newDay(t *testing.T) (*day, *Watcher) {
	dir := shortDir(t)
	bus := testenv.StartBus(t)
	return &day{
		t: t, dir: dir, conn: Connect(t, bus.Addr), env: environment(dir, bus.Addr, "HEALTHSYNC_VAULT=file"),
		notes: StartNotes(t, bus.Addr).All, shot: func(string, ...string) {}, bonjour: "off",
	}, StartWatcher(t, bus.Addr)
}

// day is a day with the app, on a private bus or a whole desktop.
type day struct {
	t     *testing.T
	dir   string
	conn  *dbus.Conn
	env   []string
	notes func() []Note
	// shot takes a picture of the screen, with the menu open down to the rows
	// that are named, where there is a screen.
	shot func(name string, open ...string)
	// bonjour is "off", or "" in a network of its own (TestMeasure).
	bonjour string
	// history is how many days it has; 0 means 90.
	history int
	// binary is what is run; "" is the one with the clock.
	binary string

	phone  *simulator.Phone
	ahead  atomic.Int64 // how far the clocks are ahead
	app    *process
	item   Item
	delays []time.Duration // from an event to its row
}

// soon is how long a menu stands still at most before a row tells the truth,
// the way to the iPhone and back included; the spec's second with room for a
// busy machine.
const soon = 4 * time.Second

func (d *day) live() {
	if testing.Short() { // the rest of the day is long
		d.history = 30
		d.begin()
		d.pairFromPicture()
		d.stopAndSync()
		d.lockedAndGone()
		d.unpair()
		d.quit()
		d.said("Paired with Ana's iPhone")
		return
	}
	d.begin()
	d.pairFromPicture()
	d.stopAndSync()
	d.syncTwice()
	d.interval()
	d.theRest()
	d.lockedAndGone()
	d.certificates()
	d.revoked()
	d.unpair()
	d.quit()
	d.said("Paired with Ana's iPhone", "certificates end on ", "Certificate expired", "has revoked this computer", "Paired with Ana's iPhone")
	slices.Sort(d.delays)
	d.t.Logf("from an event to its row: median %s, longest %s (%d events)", d.delays[len(d.delays)/2], d.delays[len(d.delays)-1], len(d.delays))
}

func (d *day) begin() {
	t := d.t
	now := time.Now()
	history, err := simulator.Generate(simulator.Plan{Seed: 3, From: now.AddDate(0, 0, -cmp.Or(d.history, 90)), To: now})
	must(t, err)
	d.phone, err = simulator.New(simulator.Options{
		History: history, NoRateLimit: true, Latency: 120 * time.Millisecond, Addrs: []netip.Addr{netip.MustParseAddr("127.0.0.1")},
		Now: func() time.Time { return time.Now().Add(time.Duration(d.ahead.Load())) },
	})
	must(t, err)
	must(t, d.phone.Start("127.0.0.1:0"))
	t.Cleanup(d.phone.Stop)
	d.env = append(d.env, "HEALTHSYNC_HOME="+filepath.Join(d.dir, "home"), "HEALTHSYNC_BONJOUR="+d.bonjour, "CLOCK_FILE="+filepath.Join(d.dir, "clock"))
	d.picker()
	d.startApp()
	d.row("HealthSync - Not paired")
	d.icon(menubar.IconNotPaired)
	d.shot("not-paired", "Pair an iPhone")
}

// picker puts a program on the PATH that chooses the picture of the code, as a
// person would, and cannot ask anything else.
func (d *day) picker() {
	bin := filepath.Join(d.dir, "bin")
	zenity := "#!/bin/sh\ncase \"$*\" in *--save*) echo '" + filepath.Join(d.dir, "exported.pem") + "' ;; *--file-selection*) echo '" + filepath.Join(d.dir, "code.png") + "' ;; *) exit 5 ;; esac\n"
	opener := "#!/bin/sh\nprintf '%s\\n' \"$@\" >> '" + filepath.Join(d.dir, "opened") + "'\n"
	must(d.t, os.MkdirAll(bin, 0o700))
	must(d.t, os.WriteFile(filepath.Join(bin, "zenity"), []byte(zenity), 0o700))
	must(d.t, os.WriteFile(filepath.Join(bin, "xdg-open"), []byte(opener), 0o700))
	for i, e := range d.env {
		if path, ok := strings.CutPrefix(e, "PATH="); ok {
			d.env[i] = "PATH=" + bin + string(os.PathListSeparator) + path
		}
	}
	if !slices.ContainsFunc(d.env, func(e string) bool { return strings.HasPrefix(e, "DISPLAY=") }) {
		d.env = append(d.env, "DISPLAY=:test") // for the picker alone
	}
}

func (d *day) startApp() {
	d.app = start(d.t, d.program(), d.env, "menubar")
	d.item = ItemOf(d.conn, d.app.cmd.Process.Pid)
}

func (d *day) program() string {
	if d.binary != "" {
		return d.binary
	}
	return built(d.t, "clocked")
}

// row waits for a row, and notes how long it took.
func (d *day) row(label string) *Node {
	d.t.Helper()
	n, took := d.item.WaitFor(d.t, soon, label)
	d.delays = append(d.delays, took)
	return n
}

// click clicks on the row with a label.
func (d *day) click(label string) {
	d.t.Helper()
	n, _ := d.item.WaitFor(d.t, soon, label)
	must(d.t, d.item.Click(n.ID))
}

// gone wants a row to be hidden.
func (d *day) gone(label string) {
	d.t.Helper()
	d.eventuallyIn(soon, "the end of the row "+label, func() bool {
		m, err := d.item.Menu(d.t.Context())
		must(d.t, err)
		return m.Find(label) == nil
	})
}

// icon wants the icon that belongs to how things stand.
func (d *day) icon(want menubar.Icon) {
	d.t.Helper()
	raw, err := want.Tray()
	must(d.t, err)
	m, err := png.Decode(bytes.NewReader(raw))
	must(d.t, err)
	d.eventuallyIn(soon, "the icon "+string(want), func() bool {
		got, err := d.item.Icon()
		return err == nil && bytes.Equal(alpha(m), everyFourth(got.Pix))
	})
}

// alpha is the shape of a picture.
func alpha(m image.Image) []byte {
	var out []byte
	b := m.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			out = append(out, color.NRGBAModel.Convert(m.At(x, y)).(color.NRGBA).A)
		}
	}
	return out
}

func everyFourth(pix []byte) []byte {
	var out []byte
	for i := 0; i < len(pix); i += 4 {
		out = append(out, pix[i])
	}
	return out
}

// showCode opens a pairing on the iPhone and photographs its code.
func (d *day) showCode() {
	d.t.Helper()
	p, err := d.phone.Payload("127.0.0.1")
	must(d.t, err)
	raw, err := pairingcode.EncodePNG(p, 4)
	must(d.t, err)
	must(d.t, os.WriteFile(filepath.Join(d.dir, "code.png"), raw, 0o600))
}

// set changes a setting by a command beside the app.
func (d *day) set(key, value string) {
	d.t.Helper()
	if out, err := d.command("config", "set", key, value); err != nil {
		d.t.Fatalf("%v\n%s", err, out)
	}
}

// command runs a command of its own beside the app.
func (d *day) command(args ...string) (string, error) {
	cmd := exec.Command(d.program(), args...)
	cmd.Env = d.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (d *day) pairFromPicture() {
	d.showCode()
	d.click("From Image File...")
	d.row("Ana's iPhone - Syncing")
	d.icon(menubar.IconSyncing)
	// It moves.
	seen, shot := map[string]bool{}, false
	for end := time.Now().Add(3 * soon); len(seen) < 3 && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		m, err := d.item.Menu(d.t.Context())
		must(d.t, err)
		n := m.Find("Ana's iPhone - ")
		if n == nil || !strings.Contains(n.Label(), "Syncing") {
			break
		}
		if read := m.Find("read"); read != nil {
			seen[read.Label()] = true
			if !shot && strings.Contains(read.Label(), "left") {
				shot = true
				d.shot("syncing")
			}
		}
	}
	if len(seen) < 3 {
		d.t.Errorf("the sync was seen to move %d times: %v", len(seen), seen)
	}
}

func (d *day) stopAndSync() {
	d.click("Stop Syncing")
	d.row("Never synced")
	d.row("Ana's iPhone - Connected")
	d.click("Sync Now")
	d.row("Syncing")
	// The command follows the app.
	if out, err := d.command("sync"); err != nil || !strings.Contains(out, "following it") || !strings.Contains(out, "new samples") {
		d.t.Errorf("sync beside the app: %v\n%s", err, out)
	}
	d.row("Last sync just now")
	d.icon(menubar.IconConnected)
	d.shot("connected", "Certificates")
	stored, runs := d.stored()
	if want := d.whole(); stored != want {
		d.t.Errorf("%d samples stored of %d", stored, want)
	}
	if runs != 2 {
		d.t.Errorf("%d runs logged, want the one that was stopped and the one that was not", runs)
	}
	if out, err := d.command("status", "--json"); err != nil || !strings.Contains(out, `"app": {`) || !strings.Contains(out, `"link": "connected"`) {
		d.t.Errorf("status beside the app: %v\n%s", err, out)
	}
}

// whole is how many samples the iPhone has.
func (d *day) whole() int {
	count := 0
	for _, typ := range d.phone.History().Types() {
		count += d.phone.History().Len(typ)
	}
	return count
}

// stored counts samples and runs in the database.
func (d *day) stored() (samples, runs int) {
	d.t.Helper()
	db, err := store.Open(d.t.Context(), filepath.Join(d.dir, "home", "health.db"), store.Options{ReadOnly: true})
	must(d.t, err)
	defer db.Close()
	types, err := db.Types(d.t.Context())
	must(d.t, err)
	for _, typ := range types {
		samples += int(typ.Count)
	}
	list, err := db.Runs(d.t.Context(), 1000)
	must(d.t, err)
	return samples, len(list)
}

func (d *day) syncTwice() {
	_, before := d.stored()
	n, _ := d.item.WaitFor(d.t, soon, "Sync Now")
	must(d.t, d.item.Click(n.ID, n.ID))
	d.row("nothing new")
	time.Sleep(300 * time.Millisecond)
	if _, after := d.stored(); after != before+1 {
		d.t.Errorf("two clicks made %d syncs", after-before)
	}
}

func (d *day) interval() {
	d.click("Every 15 minutes")
	d.checked("Every 15 minutes")
	if out, err := d.command("config", "get", "sync.interval"); err != nil || strings.TrimSpace(out) != "15m" {
		d.t.Errorf("the setting is %q, %v", out, err)
	}
	d.shot("interval", "Sync Automatically")
	d.set("sync.interval", "1d")
	d.checked("Every day")
	d.click("Every hour")
	d.checked("Every hour")
}

// theRest clicks on what has no part in the story.
func (d *day) theRest() {
	d.set("menu.today", "true")
	d.row("Today")
	d.shot("today", "Today")
	d.shot("data", "Open Health Data")
	d.click("Launch at Login")
	d.checked("Launch at Login")
	if _, err := os.Stat(filepath.Join(d.dir, "config", "autostart", "healthsync.desktop")); err != nil {
		d.t.Error(err)
	}
	d.click("Export...")
	d.opened(d.dir)
	raw, err := os.ReadFile(filepath.Join(d.dir, "exported.pem"))
	if err != nil || bytes.Count(raw, []byte("BEGIN CERTIFICATE")) != 2 || bytes.Contains(raw, []byte("PRIVATE")) {
		d.t.Errorf("exported: %v\n%s", err, raw)
	}
	d.click("Database Folder")
	d.opened(filepath.Join(d.dir, "home"))
	d.click("Report")
	d.opened(filepath.Join(d.dir, "home", "report.html"))
	if raw, err := os.ReadFile(filepath.Join(d.dir, "home", "report.html")); err != nil || !bytes.Contains(raw, []byte("Resting heart rate")) {
		d.t.Errorf("report: %v", err)
	}
	d.click("Troubleshoot...")
	d.opened(filepath.Join(d.dir, "home", "diagnosis.txt"))
	if raw, err = os.ReadFile(filepath.Join(d.dir, "home", "diagnosis.txt")); err != nil || !bytes.Contains(raw, []byte("Verdict")) {
		d.t.Errorf("diagnosis: %v\n%s", err, raw)
	}
}

// opened waits until something was shown to the person.
func (d *day) opened(path string) {
	d.t.Helper()
	d.eventuallyIn(6*soon, "the opening of "+path, func() bool {
		raw, _ := os.ReadFile(filepath.Join(d.dir, "opened"))
		return slices.Contains(strings.Split(string(raw), "\n"), path)
	})
}

func (d *day) checked(label string) {
	d.t.Helper()
	begin := time.Now()
	d.eventuallyIn(soon, "the mark of "+label, func() bool {
		n, _ := d.item.WaitFor(d.t, soon, label)
		return n.Checked()
	})
	d.delays = append(d.delays, time.Since(begin))
}

func (d *day) lockedAndGone() {
	d.phone.SetLocked(true)
	d.click("Check Now")
	d.row("Ana's iPhone - Locked")
	d.icon(menubar.IconAway)
	d.phone.SetLocked(false)
	d.click("Check Now")
	d.row("Ana's iPhone - Connected")
	port := d.phone.Port()
	d.phone.Stop()
	d.click("Check Now")
	d.row("Ana's iPhone - Not sharing")
	d.row("Fix: open the iOS Health Sync app")
	d.shot("not-sharing")
	must(d.t, d.phone.Start(net.JoinHostPort("127.0.0.1", fmt.Sprint(port))))
	d.click("Check Now")
	d.row("Ana's iPhone - Connected")
	d.gone("Fix:")
}

// clock sets both clocks ahead.
func (d *day) clock(ahead time.Duration) {
	d.t.Helper()
	d.ahead.Store(int64(ahead))
	must(d.t, os.WriteFile(filepath.Join(d.dir, "clock"), fmt.Appendf(nil, "%d\n", int(ahead.Seconds())), 0o600))
}

func (d *day) certificates() {
	must(d.t, d.phone.SetFaults("no-renew"))
	d.clock((365 - 29) * 24 * time.Hour)
	d.click("Check Now")
	d.row("in 28 days") // 29 less the minutes since it was paired
	d.shot("expiring", "Certificates")
	// What was said is remembered by the next process, however this one ends.
	d.eventually("the notification of 29 days", func() bool { return len(d.notes()) == 2 })
	time.Sleep(200 * time.Millisecond)
	_ = d.app.cmd.Process.Kill()
	<-d.app.done
	d.startApp()
	d.row("in 28 days")
	d.clock(366 * 24 * time.Hour)
	d.click("Check Now")
	d.row("Certificate has expired")
	d.row("Needs attention")
	d.icon(menubar.IconAttention)
	d.shot("expired")
	d.clock(0)
	d.click("Check Now")
	d.row("Ana's iPhone - Connected")
}

func (d *day) revoked() {
	must(d.t, d.phone.Revoke())
	d.click("Check Now")
	d.row("Certificate has been revoked")
	d.icon(menubar.IconAttention)
	d.eventually("the notification of the revocation", func() bool { return len(d.notes()) >= 4 })
	d.shot("revoked")
	// A click that fails is drawn, with what to do.
	d.click("From Clipboard")
	d.row("Pairing failed: ")
	d.shot("failed")
	d.click("Pairing failed: ")
	d.gone("Pairing failed: ")
	d.showCode()
	d.click("From Image File...")
	d.row("Ana's iPhone - Connected")
	d.row("Certificates valid until ")
}

func (d *day) unpair() {
	d.click("Unpair...")
	d.row("Unpair from Ana's iPhone? Health data stays.")
	d.shot("question")
	d.click("No, Keep It")
	d.gone("Health data stays.")
	d.click("Unpair...")
	d.click("Yes, Unpair")
	d.row("Not paired")
	d.icon(menubar.IconNotPaired)
	if samples, _ := d.stored(); samples == 0 {
		d.t.Error("unpairing took the health data")
	}
}

func (d *day) quit() {
	n, _ := d.item.WaitFor(d.t, soon, "Quit HealthSync")
	_ = d.item.Click(n.ID) // the app may be gone before it has answered
	if took := d.app.wait(5 * time.Second); took > 2500*time.Millisecond {
		d.t.Errorf("it took %s to quit", took)
	}
	for _, l := range d.app.output() {
		if strings.Contains(l, "panic") || strings.Contains(l, "systray error") {
			d.t.Errorf("it wrote: %s", l)
		}
	}
}

func (d *day) eventually(what string, ok func() bool) {
	d.t.Helper()
	d.eventuallyIn(soon, what, ok)
}

func (d *day) eventuallyIn(limit time.Duration, what string, ok func() bool) {
	d.t.Helper()
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	ctx, cancel := context.WithTimeout(d.t.Context(), soon)
	defer cancel()
	m, err := d.item.Menu(ctx)
	if err != nil {
		d.t.Fatalf("%s did not come, and no menu: %v", what, err)
	}
	d.t.Errorf("%s did not come; the menu is:\n%s\nnotifications: %+v", what, m, d.notes())
}

// said wants these notifications, each once, in this order.
func (d *day) said(want ...string) {
	d.t.Helper()
	time.Sleep(200 * time.Millisecond) // more than there should be?
	got := d.notes()
	if !slices.EqualFunc(got, want, func(n Note, w string) bool {
		return strings.Contains(n.Summary, w) && n.Body != "" && n.App == "HealthSync"
	}) {
		d.t.Errorf("notifications:\n%+v\nwant:\n%q", got, want)
	}
}
