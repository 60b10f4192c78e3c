package center

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"healthsync/sync/testenv"
)

// Outside of an app macOS ends the program that asks for its notification
// centre; the embedded plist of a bare program does not help.
func TestBundled(t *testing.T) {
	for exe, want := range map[string]bool{
		"/Applications/HealthSync.app/Contents/MacOS/HealthSync":       true,
		"/Users/ana/Renamed by Ana.app/Contents/MacOS/HealthSync":      true,
		"/usr/local/bin/healthsync":                                    false,
		"/opt/homebrew/bin/healthsync":                                 false, // a link
		"/Applications/HealthSync.app/Contents/Resources/x/healthsync": false,
	} {
		if got := bundled(exe, nil); got != want {
			t.Errorf("%s: %v", exe, got)
		}
	}
	if bundled("/Applications/HealthSync.app/Contents/MacOS/HealthSync", errors.New("no name")) {
		t.Error("a program that cannot be named")
	}
}

// A click opens the menu by a method of systray's own delegate, which is not
// part of its interface: where an update takes it away, a click does nothing.
func TestSystrayOpensItsMenu(t *testing.T) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "fyne.io/systray").Output()
	if err != nil {
		testenv.Missing(t, "systray's source is not in the module cache; get it with: go mod download")
	}
	src, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "systray_darwin.m"))
	if err != nil {
		t.Fatal(err)
	}
	ours, err := os.ReadFile("center_darwin.m")
	if err != nil {
		t.Fatal(err)
	}
	delegate, ok := strings.CutPrefix(string(src[max(0, bytes.Index(src, []byte("@implementation SystrayAppDelegate"))):]), "@implementation SystrayAppDelegate")
	if delegate, _, _ = strings.Cut(delegate, "@end"); !ok || !strings.Contains(delegate, "\n- (void)show_menu\n") || !strings.Contains(string(ours), "@selector(show_menu)") {
		t.Error("systray has another way to open its menu")
	}
}

func TestPending(t *testing.T) {
	var d pending
	first, second := d.begin("a"), d.begin("a")
	if err := <-first; err != nil {
		t.Errorf("replaced: %v", err)
	}
	d.end("a", "")
	if err := <-second; err != nil {
		t.Errorf("shown: %v", err)
	}
	d.end("a", "")       // twice
	d.end("unknown", "") // or never asked
}

// The first notification waits for what the system says, as every later one:
// an answer that was given long ago comes in a moment.
func TestShow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &Center{}
		says := func(reason string, after time.Duration) {
			c.show = func(key, _, _ string) { time.AfterFunc(after, func() { c.end(key, reason) }) }
		}
		says("", time.Millisecond)
		if err := c.Show(t.Context(), "a", "Title", "Body"); err != nil {
			t.Error(err)
		}
		says("denied", time.Millisecond)
		if err := c.Show(t.Context(), "a", "", ""); !errors.Is(err, ErrDenied) {
			t.Errorf("denied: %v", err)
		}
		says("Notifications are not allowed for this application", time.Millisecond)
		var refused *RefusedError
		if err := c.Show(t.Context(), "a", "", ""); !errors.As(err, &refused) || !strings.HasPrefix(refused.Reason, "Notifications") {
			t.Errorf("signed ad hoc: %v", err)
		}
		says("", time.Hour) // the question stands on the screen, and nobody is there
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := c.Show(ctx, "a", "", ""); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("no answer: %v", err)
		}
		time.Sleep(2 * time.Hour) // the answer comes to nobody
	})
}

func TestClickDoesNotBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := make(chan string)
		d := pending{clicked: func(key string) { got <- key }}
		d.click("expiry")
		if key := <-got; key != "expiry" {
			t.Errorf("%q", key)
		}
		(&pending{}).click("nobody listens")
	})
}
