//go:build linux

package desktop

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"healthsync/sync/testenv"
)

// tool puts a program on the PATH, alone, that writes down its arguments and
// does what the script says.
func tool(t *testing.T, name, script string) (args func() []string) {
	t.Helper()
	dir := t.TempDir()
	log := filepath.Join(dir, "args")
	text := "#!/bin/sh\nfor a in \"$@\"; do printf '%s\\n' \"$a\"; done > '" + log + "'\n" + script + "\n"
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+filepath.Join(dir, "no-bus"))
	return func() []string {
		raw, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Split(strings.TrimSuffix(string(raw), "\n"), "\n")
	}
}

func here(env map[string]string) *Desktop {
	return &Desktop{Getenv: func(k string) string { return env[k] }}
}

var screen = map[string]string{"DISPLAY": ":0"}

// A device's name reaches a dialog as one argument, whatever is in it.
func TestConfirm(t *testing.T) {
	const hostile = `Unpair from "; rm -rf ~ $(id) <b>x</b> --ok-label=No? Health data stays.`
	for script, want := range map[string]struct{ yes, fails bool }{"exit 0": {true, false}, "exit 1": {false, false}, "exit 5": {false, true}} {
		args := tool(t, "zenity", script)
		yes, err := here(screen).Confirm(t.Context(), hostile, "Yes, Unpair", "No, Keep It")
		if yes != want.yes || (err != nil) != want.fails {
			t.Errorf("%s: %v %v", script, yes, err)
		}
		got := args()
		if !strings.Contains(strings.Join(got, "\n"), "--text="+hostile) || len(got) != 7 {
			t.Errorf("arguments: %q", got)
		}
	}
	args := tool(t, "kdialog", "exit 0")
	if yes, err := here(screen).Confirm(t.Context(), hostile, "Yes", "No"); !yes || err != nil {
		t.Errorf("%v %v", yes, err)
	}
	if got := args(); strings.ContainsAny(got[len(got)-1], "<>&") {
		t.Errorf("kdialog reads HTML: %q", got)
	}
}

func TestNothingThere(t *testing.T) {
	tool(t, "other", "")
	d := here(screen)
	_, confirm := d.Confirm(t.Context(), "?", "y", "n")
	_, pick := d.PickPicture(t.Context())
	_, save := d.SaveAs(t.Context(), "x")
	for i, err := range []error{confirm, pick, save, d.Open(t.Context(), "/tmp"), d.Settings(t.Context(), "no such pane")} {
		if !errors.Is(err, ErrNone) {
			t.Errorf("%d: %v", i, err)
		}
	}
	// A dialog without a screen would only fail.
	tool(t, "zenity", "exit 0")
	if _, err := here(nil).Confirm(t.Context(), "?", "y", "n"); !errors.Is(err, ErrNone) {
		t.Error(err)
	}
}

func TestPickAndSave(t *testing.T) {
	tool(t, "zenity", "echo '/home/ana/My Pictures/code \"1\".png'")
	if path, err := here(screen).PickPicture(t.Context()); path != `/home/ana/My Pictures/code "1".png` || err != nil {
		t.Errorf("%q %v", path, err)
	}
	tool(t, "zenity", "exit 1")
	if path, err := here(screen).SaveAs(t.Context(), "x.pem"); path != "" || err != nil {
		t.Errorf("a closed window: %q %v", path, err)
	}
}

func TestOpen(t *testing.T) {
	args := tool(t, "xdg-open", "exit 0")
	if err := here(screen).Open(t.Context(), "/home/ana/a b"); err != nil {
		t.Error(err)
	}
	if got := args(); len(got) != 1 || got[0] != "/home/ana/a b" {
		t.Errorf("%q", got)
	}
	tool(t, "xdg-open", "exit 3")
	if err := here(screen).Open(t.Context(), "/x"); err == nil {
		t.Error("a failure is no failure")
	}
	args = tool(t, "gnome-control-center", "exit 0")
	if err := here(screen).Settings(t.Context(), "clock"); err != nil || args()[0] != "datetime" {
		t.Error(err)
	}
}

// fakePortal is an xdg-desktop-portal whose person does as the test says.
type fakePortal struct {
	conn *dbus.Conn

	mu      sync.Mutex
	code    uint32
	uris    []string
	method  string
	options map[string]dbus.Variant
}

func (p *fakePortal) will(code uint32, uris ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.code, p.uris = code, uris
}

func (p *fakePortal) asked() (string, map[string]dbus.Variant) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.method, p.options
}

func (p *fakePortal) answer(method string, options map[string]dbus.Variant) (dbus.ObjectPath, *dbus.Error) {
	const handle = dbus.ObjectPath("/org/freedesktop/portal/desktop/request/1_1/t")
	p.mu.Lock()
	defer p.mu.Unlock()
	p.method, p.options = method, options
	code, uris := p.code, p.uris
	go func() {
		time.Sleep(20 * time.Millisecond)
		_ = p.conn.Emit("/org/freedesktop/portal/desktop/request/1_1/other", requestOf+".Response", uint32(0), map[string]dbus.Variant{"uris": dbus.MakeVariant([]string{"file:///not/ours"})})
		results := map[string]dbus.Variant{}
		if uris != nil {
			results["uris"] = dbus.MakeVariant(uris)
		}
		_ = p.conn.Emit(handle, requestOf+".Response", code, results)
	}()
	return handle, nil
}

// OpenFile and SaveFile are the portal's methods.
func (p *fakePortal) OpenFile(_, _ string, o map[string]dbus.Variant) (dbus.ObjectPath, *dbus.Error) {
	return p.answer("OpenFile", o)
}

// SaveFile is the other one.
func (p *fakePortal) SaveFile(_, _ string, o map[string]dbus.Variant) (dbus.ObjectPath, *dbus.Error) {
	return p.answer("SaveFile", o)
}

func TestPortal(t *testing.T) {
	addr := testenv.SessionBus(t)
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", addr)
	t.Setenv("PATH", t.TempDir()) // no dialogs
	conn, err := dbus.Connect(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	p := &fakePortal{conn: conn}
	if err := conn.Export(p, portalPath, chooser); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.RequestName(portalName, dbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	d := here(screen)
	for _, c := range []struct {
		code uint32
		uris []string
		want string
		none bool
	}{
		{0, []string{"file:///home/ana/My%20Pictures/code.png"}, "/home/ana/My Pictures/code.png", false},
		{1, nil, "", false}, // closed
		{0, []string{"https://example.com/code.png"}, "", true},
		{0, nil, "", true},
	} {
		p.will(c.code, c.uris...)
		path, err := d.PickPicture(ctx)
		if path != c.want || errors.Is(err, ErrNone) != c.none {
			t.Errorf("%v: %q %v", c.uris, path, err)
		}
	}
	p.will(0, "file:///home/ana/x.pem")
	path, err := d.SaveAs(ctx, "HealthSync certificates.pem")
	method, options := p.asked()
	if path != "/home/ana/x.pem" || err != nil || method != "SaveFile" || options["current_name"].Value() != "HealthSync certificates.pem" {
		t.Errorf("%q %v %s %v", path, err, method, options)
	}
}
