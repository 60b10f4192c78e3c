package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"healthsync/app/cli"
	"healthsync/pki/pairingcode"
	"healthsync/sync/simulator"
)

// world is a simulated iPhone and the Mac's side of it in a folder of its own,
// with a clock for each.
type world struct {
	t     *testing.T
	phone *simulator.Phone
	dir   string
	vars  map[string]string
	// mac and iphone are how far ahead of the real time their clocks are.
	mac, iphone atomic.Int64
}

// newWorld starts the iPhone with some days of history. It is not paired.
func newWorld(t *testing.T, protocol int) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	w.vars = map[string]string{
		"HEALTHSYNC_HOME": filepath.Join(w.dir, "home"), "HEALTHSYNC_VAULT": "file", "HEALTHSYNC_BONJOUR": "off",
		"HOME": filepath.Join(w.dir, "user"), "PATH": os.Getenv("PATH"), "NO_COLOR": "1",
	}
	now := time.Now()
	history, err := simulator.Generate(simulator.Plan{Seed: 3, From: now.AddDate(0, 0, -2), To: now})
	if err != nil {
		t.Fatal(err)
	}
	w.phone, err = simulator.New(simulator.Options{Protocol: protocol, History: history, NoRateLimit: true,
		Now: func() time.Time {
			return time.Now().Add(time.Duration(w.iphone.Load()))
		}})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.phone.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.phone.Stop)
	return w
}

// answer is what a command did.
type answer struct {
	exit           int
	stdout, stderr string
}

// all is everything a person would see.
func (a answer) all() string { return a.stdout + a.stderr }

// run runs one command in this process.
func (w *world) run(args ...string) answer {
	w.t.Helper()
	var out, errs bytes.Buffer
	exit := cli.Main(w.t.Context(), &cli.Env{
		Args: args, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs,
		Getenv: func(k string) string { return w.vars[k] },
		Now:    func() time.Time { return time.Now().Add(time.Duration(w.mac.Load())) },
	})
	return answer{exit, out.String(), errs.String()}
}

// must runs a command that has to succeed.
func (w *world) must(args ...string) answer {
	w.t.Helper()
	a := w.run(args...)
	if a.exit != 0 {
		w.t.Fatalf("healthsync %s ended with %d:\n%s", strings.Join(args, " "), a.exit, a.all())
	}
	return a
}

// showCode opens a pairing on the iPhone; the picture of its code is the file.
func (w *world) showCode() (path string, p pairingcode.Payload) {
	w.t.Helper()
	p, err := w.phone.Payload("127.0.0.1")
	if err != nil {
		w.t.Fatal(err)
	}
	png, err := pairingcode.EncodePNG(p, 4)
	if err != nil {
		w.t.Fatal(err)
	}
	path = filepath.Join(w.dir, "code.png")
	if err := os.WriteFile(path, png, 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path, p
}

// pair pairs by the code's text; pictures have tests of their own.
func (w *world) pair() {
	w.t.Helper()
	p, err := w.phone.Payload("127.0.0.1")
	if err != nil {
		w.t.Fatal(err)
	}
	w.must("pair", "--qr", string(p.JSON()))
}

// fault switches faults on, none to heal.
func (w *world) fault(names ...string) {
	w.t.Helper()
	if err := w.phone.SetFaults(names...); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) port() string { return strconv.Itoa(w.phone.Port()) }

// clipboard puts text into the clipboard of this world: a program on the PATH
// that answers as wl-paste does.
func (w *world) clipboard(t *testing.T, text string) {
	t.Helper()
	bin := filepath.Join(w.dir, "bin")
	if err := os.MkdirAll(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(w.dir, "clipboard.txt")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\ncase \"$*\" in *--list-types*) echo text/plain ;; *) cat '" + file + "' ;; esac\n"
	if err := os.WriteFile(filepath.Join(bin, "wl-paste"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv("WAYLAND_DISPLAY", "test")
}

// extend adds days of history up to a moment.
func (w *world) extend(to time.Time, days int) {
	w.t.Helper()
	if err := w.phone.History().Extend(simulator.Plan{Seed: uint64(to.Unix()), From: to.AddDate(0, 0, -days),
		To: to}); err != nil {
		w.t.Fatal(err)
	}
}
