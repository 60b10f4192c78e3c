//go:build linux

package desktop

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// mac is a desktop whose osascript and open write down their arguments.
func mac(t *testing.T, script string) (*Mac, func() []string) {
	t.Helper()
	args := tool(t, "osascript", script)
	dir := os.Getenv("PATH")
	if err := os.Link(filepath.Join(dir, "osascript"), filepath.Join(dir, "open")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", "/bin:/usr/bin")
	return &Mac{tools: dir}, args
}

// What a person or an iPhone wrote is an argument of its own, behind the one
// that ends the options, and never part of the script.
func TestMacDialogs(t *testing.T) {
	const hostile = `-e "; do shell script "id" --`
	d, args := mac(t, "exit 0")
	if yes, err := d.Confirm(t.Context(), hostile, "Yes, Unpair", "No, Keep It"); !yes || err != nil {
		t.Errorf("%v, %v", yes, err)
	}
	if got := args(); !slices.Equal(got[len(got)-4:], []string{"--", hostile, "Yes, Unpair", "No, Keep It"}) || got[0] != "-e" {
		t.Errorf("%q", got)
	}
	d, args = mac(t, "echo '/Users/ana/a b.pem'")
	if path, err := d.SaveAs(t.Context(), hostile); path != "/Users/ana/a b.pem" || err != nil {
		t.Errorf("%q, %v", path, err)
	}
	if got := args(); !slices.Equal(got[len(got)-2:], []string{"--", hostile}) {
		t.Errorf("%q", got)
	}
	// osascript says 1 for error -128, "User canceled".
	d, _ = mac(t, "exit 1")
	if path, err := d.PickPicture(t.Context()); path != "" || err != nil {
		t.Errorf("a closed window: %q, %v", path, err)
	}
	if yes, err := d.Confirm(t.Context(), "?", "y", "n"); yes || err != nil {
		t.Errorf("no: %v, %v", yes, err)
	}
	d, _ = mac(t, "exit 127")
	if _, err := d.Confirm(t.Context(), "?", "y", "n"); err == nil {
		t.Error("a failure is an answer")
	}
}

func TestMacOpen(t *testing.T) {
	d, args := mac(t, "exit 0")
	if err := d.Open(t.Context(), "-a b"); err != nil || !slices.Equal(args(), []string{"--", "-a b"}) {
		t.Errorf("%v, %q", err, args())
	}
	for pane := range panes { // what other desktops have, a Mac has too
		if err := d.Settings(t.Context(), pane); err != nil || !slices.Equal(args(), macPanes[pane]) {
			t.Errorf("%s: %v, %q", pane, err, args())
		}
	}
	if err := d.Settings(t.Context(), "no such pane"); !errors.Is(err, ErrNone) {
		t.Error(err)
	}
	if d := (&Mac{}); d.tool("open") != "/usr/bin/open" {
		t.Error(d.tool("open"))
	}
}
