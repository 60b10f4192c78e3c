package center

import (
	"errors"
	"testing"
	"testing/synctest"
)

// Outside of an app macOS ends the program that asks for its notification
// centre, so both halves of the check count.
func TestBundled(t *testing.T) {
	for _, c := range []struct {
		id, path string
		want     bool
	}{
		{"org.mvneves.healthsync.mac", "/Applications/HealthSync.app", true},
		{"org.mvneves.healthsync.mac", "/Applications/HealthSync.APP", true},
		{"", "/Applications/HealthSync.app", false},
		{"org.mvneves.healthsync.mac", "/usr/local/bin", false}, // the embedded plist of a bare program
		{"", "", false},
	} {
		if got := bundled(c.id, c.path); got != c.want {
			t.Errorf("%q, %q: %v", c.id, c.path, got)
		}
	}
}

func TestDesk(t *testing.T) {
	var d desk
	if _, err := d.begin("a"); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("before the person has answered: %v", err)
	}
	d.answer(false)
	if _, err := d.begin("a"); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("denied: %v", err)
	}
	d.answer(true)
	first, err := d.begin("a")
	if err != nil {
		t.Fatal(err)
	}
	second, err := d.begin("a")
	if err != nil {
		t.Fatal(err)
	}
	if err := <-first; err != nil {
		t.Errorf("replaced: %v", err)
	}
	d.end("a", "")
	if err := <-second; err != nil {
		t.Errorf("shown: %v", err)
	}
	third, err := d.begin("b")
	if err != nil {
		t.Fatal(err)
	}
	d.end("b", "no room")
	var refused *RefusedError
	if err := <-third; !errors.As(err, &refused) || refused.Reason != "no room" {
		t.Errorf("refused: %v", err)
	}
	d.end("b", "")       // twice
	d.end("unknown", "") // or never asked
}

func TestClickDoesNotBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := make(chan string)
		d := desk{clicked: func(key string) { got <- key }}
		d.click("expiry")
		if key := <-got; key != "expiry" {
			t.Errorf("%q", key)
		}
		(&desk{}).click("nobody listens")
	})
}
