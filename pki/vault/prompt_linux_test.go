package vault

import (
	"bufio"
	"os/exec"
	"strings"
	"testing"
	"time"

	"healthsync/sync/testenv"
)

// TestSecretServicePrompt shows the real dialog on a display of its own: a
// person dismisses it, types a wrong password, and then the right one.
func TestSecretServicePrompt(t *testing.T) {
	xvfb := testenv.NeedTool(t, "Xvfb", "xvfb")
	xdotool := testenv.NeedTool(t, "xdotool", "xdotool")
	if testing.Short() {
		t.Skip("long: make test-all")
	}
	display := exec.Command(xvfb, "-displayfd", "1", "-screen", "0", "640x480x24", "-nolisten", "tcp", "-noreset")
	out, err := display.StdoutPipe()
	must(t, err)
	must(t, display.Start())
	t.Cleanup(func() { end(display) })
	number, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("no display: %v", err)
	}

	s := newSessionWithServices(t, map[string]string{
		"DISPLAY": ":" + strings.TrimSpace(number), "GDK_BACKEND": "x11", "NO_AT_BRIDGE": "1",
	})
	s.keyring(keyringPassword)
	v := s.vault("")
	must(t, v.Set(t.Context(), Token, Secret("behind a password")))
	s.lock()

	do := func(args ...string) {
		t.Helper()
		if text, err := exec.CommandContext(t.Context(), xdotool, args...).CombinedOutput(); err != nil {
			t.Fatalf("xdotool %v: %v %s", args, err, text)
		}
	}
	// ask reads the token and acts on the dialog, again and again: a key typed
	// before the entry has the keyboard is lost.
	ask := func(act func(try int)) error {
		t.Helper()
		done := make(chan error, 1)
		go func() {
			_, err := v.Get(t.Context(), Token)
			done <- err
		}()
		do("search", "--sync", "--onlyvisible", "--class", "gcr-prompter")
		for try := range 20 {
			time.Sleep(200 * time.Millisecond)
			act(try)
			select {
			case err := <-done:
				return err
			case <-time.After(600 * time.Millisecond):
			}
		}
		t.Fatal("the dialog stays")
		return nil
	}
	err = ask(func(int) { do("key", "Escape") })
	if l := wantAs[*LockedError](t, err); !l.Dismissed {
		t.Errorf("after Escape: %v", err)
	}
	err = ask(func(try int) {
		if try == 0 {
			do("type", "wrong")
			do("key", "Return") // it asks again
		} else {
			do("key", "Escape")
		}
	})
	if l := wantAs[*LockedError](t, err); !l.Dismissed {
		t.Errorf("after a wrong password: %v", err)
	}
	err = ask(func(int) {
		do("key", "ctrl+a")
		do("type", keyringPassword)
		do("key", "Return")
	})
	if err != nil {
		t.Errorf("after the right password: %v", err)
	}
}
