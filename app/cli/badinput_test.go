package cli_test

import (
	"bytes"
	"encoding/json"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"healthsync/app/problem"
	"healthsync/pki/pairingcode"
)

// wantError checks that a command failed with a code, its exit status, a
// sentence and a remedy, as text and as JSON.
func (w *world) wantError(code problem.Code, args ...string) {
	w.t.Helper()
	row, ok := problem.Lookup(code)
	if !ok {
		w.t.Fatalf("there is no condition %s", code)
	}
	a := w.run(args...)
	lines := strings.Split(strings.TrimSpace(dropNotes(a.stderr)), "\n")
	if a.exit != int(row.Exit) || len(lines) < 2 || !strings.HasPrefix(lines[0], "Error: ") ||
		!strings.HasPrefix(lines[1], "Error: "+string(code)) {
		w.t.Errorf("healthsync %s: exit %d, want %s and exit %d:\n%s", strings.Join(args, " "), a.exit, code, row.Exit,
			a.all())
		return
	}
	if row.Remedy != (problem.Remedy{}) && !strings.Contains(a.stderr, "\nFix: ") {
		w.t.Errorf("healthsync %s: no remedy:\n%s", strings.Join(args, " "), a.stderr)
	}
	if again := "healthsync " + args[0] + " --timeout 30000"; code == problem.TimedOut && !strings.Contains(a.stderr, again) {
		w.t.Errorf("healthsync %s: want %q:\n%s", strings.Join(args, " "), again, a.stderr)
	}
}

// dropNotes leaves the error of what was said.
func dropNotes(stderr string) string {
	var b strings.Builder
	for line := range strings.Lines(stderr) {
		if !strings.HasPrefix(line, "healthsync: ") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// picture writes the QR code of a text as a PNG.
func (w *world) picture(name, text string) string {
	w.t.Helper()
	m, err := pairingcode.Encode([]byte(text))
	if err != nil {
		w.t.Fatal(err)
	}
	return w.pngFile(name, m.Image(4))
}

func (w *world) pngFile(name string, img image.Image) string {
	w.t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		w.t.Fatal(err)
	}
	return w.file(name, b.Bytes())
}

func (w *world) file(name string, content []byte) string {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// edited gives a payload with one field changed.
func edited(p pairingcode.Payload, field string, value any) string {
	var m map[string]any
	if err := json.Unmarshal(p.JSON(), &m); err != nil {
		return ""
	}
	m[field] = value
	raw, _ := json.Marshal(m) // a map of strings and numbers
	return string(raw)
}

// TestBadPairingInput: each a clear error with its code, and the pairing that
// was there is still there and works.
func TestBadPairingInput(t *testing.T) {
	for protocol := 1; protocol <= 2; protocol++ {
		w := newWorld(t, protocol)
		w.pair()
		_, p := w.showCode()
		gray := image.NewGray(image.Rect(0, 0, 400, 300))
		for i := range gray.Pix {
			gray.Pix[i] = uint8(i * 7)
		}
		good, err := os.ReadFile(filepath.Join(w.dir, "code.png"))
		if err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct {
			code problem.Code
			file string
		}{
			"a code of hours ago": {problem.PairingCodeExpired,
				w.picture("old.png", edited(p, "expiresAt", "2026-01-01T00:00:00Z"))},
			"a public address":      {problem.HostNotLocal, w.picture("public.png", edited(p, "host", "8.8.8.8"))},
			"a public name":         {problem.HostNotLocal, w.picture("name.png", edited(p, "host", "example.com"))},
			"no code in it":         {problem.QRNotFound, w.pngFile("gray.png", gray)},
			"a web address":         {problem.QRNotHealthSync, w.picture("web.png", "https://example.com/")},
			"a Wi-Fi password":      {problem.QRNotHealthSync, w.picture("wifi.png", "WIFI:T:WPA;S:home;P:secret;;")},
			"a version of tomorrow": {problem.QRInvalid, w.picture("v3.png", edited(p, "version", "3"))},
			"no fingerprint":        {problem.QRInvalid, w.picture("nofp.png", edited(p, "certificateFingerprint", ""))},
			"a port out of range":   {problem.QRInvalid, w.picture("port.png", edited(p, "port", 70000))},
			"cut short":             {problem.PictureUnreadable, w.file("cut.png", good[:len(good)/2])},
			"empty":                 {problem.PictureUnreadable, w.file("empty.png", nil)},
			"50 MB": {problem.PictureUnreadable,
				w.file("big.png", append(bytes.Clone(good[:64]), make([]byte, 50<<20)...))},
			"no picture": {problem.PictureUnreadable, w.file("text.png", []byte("this is not a picture"))},
			"not there":  {problem.FileError, filepath.Join(w.dir, "nothing.png")},
			"a folder":   {problem.Usage, w.dir},
		} {
			t.Run(name, func(t *testing.T) { w.wantError(c.code, "scan", "--file", c.file) })
		}
		w.wantError(problem.QRNotHealthSync, "pair", "--qr", `{"version":"1"}`)
		w.wantError(problem.QRInvalid, "pair", "--qr", edited(p, "code", ""))
		w.wantError(problem.QRNotHealthSync, "pair", "--qr", "hello")
		w.wantError(problem.Usage, "pair", "--host", "127.0.0.1")
		w.wantError(problem.Usage, "pair", "--host", "127.0.0.1", "--port", "1", "--code", "x", "--fingerprint", "zz")
		if a := w.run("status"); a.exit != 0 {
			t.Errorf("protocol %d: after all that the pairing does not work: %s", protocol, a.all())
		}
	}
}

// TestWrongCodes: the iPhone takes five wrong codes, then none.
func TestWrongCodes(t *testing.T) {
	w := newWorld(t, 1)
	_, p := w.showCode()
	args := []string{"pair", "--host", p.Host, "--port", w.port(), "--fingerprint", p.Leaf.Hex(), "--code"}
	for range 5 {
		w.wantError(problem.PairingCodeInvalid, append(args, "AAAAAAAA")...)
	}
	w.wantError(problem.PairingLockedOut, append(args, "AAAAAAAA")...)
	w.wantError(problem.PairingNoSession, append(args, p.Code)...)
	_, p = w.showCode()
	w.must(append(args, p.Code)...)
}

// TestBadAnswers: what a phone can do wrong in the middle. What was stored
// stays, and the next sync completes.
func TestBadAnswers(t *testing.T) {
	for fault, code := range map[string]problem.Code{
		"cut-page": problem.ResponseCut, "not-json": problem.ResponseInvalid, "stall": problem.TimedOut, "http-500": problem.PhoneError,
		"rate-limited": problem.RateLimited, "locked": problem.PhoneLocked, "refuse": problem.ConnRefused, "reset": problem.ConnReset, "hang-up": problem.ConnReset,
		"health-unavailable": problem.PhoneError,
	} {
		t.Run(fault, func(t *testing.T) {
			w := newWorld(t, 2)
			w.pair()
			w.must("sync", "--types", "steps")
			before := w.must("sql", "SELECT count(*) FROM samples").stdout
			w.fault(fault)
			timeout := "30000"
			if fault == "stall" {
				timeout = "300"
			}
			w.wantError(code, "sync", "--timeout", timeout, "--no-pacing")
			w.wantError(code, "fetch", "--timeout", timeout, "--no-pacing")
			w.fault()
			if fault == "refuse" {
				w.phone.Stop()
				w.share()
			}
			if after := w.must("sql", "SELECT count(*) FROM samples").stdout; after != before {
				t.Errorf("%s before, %s after", before, after)
			}
			w.must("sync")
			if a := w.must("sync"); !strings.Contains(a.stdout, "nothing new") {
				t.Errorf("after the fault: %s", a.all())
			}
		})
	}
}

// TestBadQuestions: wrong types, dates, formats.
func TestBadQuestions(t *testing.T) {
	w := newWorld(t, 2)
	w.pair()
	w.wantError(problem.UnknownType, "fetch", "--types", "hartRate")
	w.wantError(problem.InvalidDate, "fetch", "--start", "soon")
	w.wantError(problem.InvalidDate, "fetch", "--start", "2026-02-30")
	w.wantError(problem.Usage, "fetch", "--today", "--days", "3")
	w.wantError(problem.InvalidDate, "sync", "--since", "13/13/2026")
	w.wantError(problem.Usage, "fetch", "--format", "xml")
	w.wantError(problem.Usage, "fetch", "--aggregate", "monthly")
	w.wantError(problem.Usage, "fetch", "--timeout", "soon")
	w.wantError(problem.Usage, "fetch", "--delimiter", ";;")
	w.wantError(problem.Usage, "fetch", "--vault", "cloud")
	w.wantError(problem.NoData, "types", "--local")
	w.wantError(problem.HostNotLocal, "fetch", "--host", "8.8.8.8")
	w.wantError(problem.Usage, "cert", "export")
	path := w.file("there.pem", []byte("mine"))
	w.wantError(problem.FileExists, "cert", "export", "--output", path)
	if raw, _ := os.ReadFile(path); string(raw) != "mine" {
		t.Error("the file was replaced")
	}
	w.must("cert", "export", "--output", path, "--force")
	raw, _ := os.ReadFile(path)
	if !bytes.HasPrefix(raw, []byte("-----BEGIN CERTIFICATE-----")) || bytes.Contains(raw, []byte("PRIVATE")) {
		t.Errorf("exported: %s", raw)
	}
	// An output that fails leaves nothing behind, and what was there as it was.
	out := w.file("out.csv", []byte("earlier"))
	w.fault("cut-page")
	w.wantError(problem.ResponseCut, "fetch", "--output", out)
	if raw, _ := os.ReadFile(out); string(raw) != "earlier" {
		t.Errorf("a failed fetch left %q", raw)
	}
	if left, _ := filepath.Glob(filepath.Join(w.dir, ".out.csv*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	w.fault("type-disabled:steps")
	w.wantError(problem.TypeNotEnabled, "fetch", "--types", "steps")
}
