package vault

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"healthsync/sync/testenv"
)

const keyringPassword = "test-password"

func TestSecretService(t *testing.T) {
	s := newSession(t)
	s.keyring(keyringPassword)
	open := func(_ *testing.T, namespace string) Vault { return s.vault(namespace) }
	testVault(t, open)
	t.Run("homes", func(t *testing.T) { testHomes(t, open) })
}

// TestSecretServiceKept: what is stored survives the service, the session and
// the bus, and one vault value carries on through all of it.
func TestSecretServiceKept(t *testing.T) {
	ctx := t.Context()
	s := newSession(t)
	s.keyring(keyringPassword)
	v := s.vault("")
	must(t, v.Set(ctx, Token, Secret("kept")))
	made, err := v.NewSigner(ctx, Key)
	must(t, err)
	read := func(when string) {
		t.Helper()
		if got, err := v.Get(ctx, Token); err != nil || string(got) != "kept" {
			t.Fatalf("%s: %v", when, err)
		}
		found, err := v.Signer(ctx, Key)
		if err != nil || !found.Public().(*ecdsa.PublicKey).Equal(made.Public()) {
			t.Fatalf("%s: not the key, %v", when, err)
		}
		sign(t, found)
	}
	read("at first")

	s.endKeyring()
	_, err = v.Get(ctx, Token)
	if u := wantAs[*UnavailableError](t, err); u.Reason != NoService {
		t.Errorf("reason %q", u.Reason)
	}
	s.keyring(keyringPassword)
	if _, err := s.vault("").Get(ctx, Token); err != nil { // takes the number of v's session
		t.Fatal(err)
	}
	read("after the service was restarted")

	s.endKeyring()
	s.bus.Stop()
	_, err = v.Get(ctx, Token)
	if u := wantAs[*UnavailableError](t, err); u.Reason != NoBus {
		t.Errorf("reason %q", u.Reason)
	}
	s.bus.Start(t)
	s.keyring(keyringPassword)
	read("after a new login")
}

// TestSecretServiceTool: what secret-tool sees is what the documentation says.
func TestSecretServiceTool(t *testing.T) {
	tool := testenv.NeedTool(t, "secret-tool", "libsecret-tools")
	ctx := t.Context()
	s := newSession(t)
	s.keyring(keyringPassword)
	v := s.vault("")
	must(t, v.Set(ctx, Token, Secret("seen")))
	out, err := exec.Command(tool, "lookup", "service", "healthsync", "account", "token").Output()
	if err != nil || string(out) != "seen" {
		t.Fatalf("%q, %v", out, err)
	}
	for service, account := range map[string]string{"another program": "token", "healthsync": "no name of ours"} {
		put := exec.Command(tool, "store", "--label=x", "service", service, "account", account)
		put.Stdin = strings.NewReader("x")
		must(t, put.Run())
	}
	if removed := clearOwn(t, v); len(removed) != 2 || !removed[0].Stray && !removed[1].Stray {
		t.Fatalf("%+v", removed)
	}
	if out, err := exec.Command(tool, "lookup", "service", "another program").Output(); err != nil || string(out) != "x" {
		t.Fatalf("another program's secret: %q, %v", out, err)
	}
}

// TestSecretServiceCopies: two items of one name, as a copied keyring or a
// race leaves them.
func TestSecretServiceCopies(t *testing.T) {
	tool := testenv.NeedTool(t, "secret-tool", "libsecret-tools")
	ctx := t.Context()
	s := newSession(t)
	s.keyring(keyringPassword)
	v := s.vault("")
	must(t, v.Set(ctx, Token, Secret("first")))
	copyWith := func(text string) {
		put := exec.Command(tool, "store", "--label=copy", "--collection=session",
			"service", "healthsync", "account", "token")
		put.Stdin = strings.NewReader(text)
		must(t, put.Run())
	}
	copyWith("first")
	if got, err := v.Get(ctx, Token); err != nil || string(got) != "first" {
		t.Fatalf("equal copies: %v", err)
	}
	copyWith("second")
	wantAs[*CorruptError](t, errOf(v.Get(ctx, Token)))
	must(t, v.Set(ctx, Token, Secret("third")))
	if got, err := v.Get(ctx, Token); err != nil || string(got) != "third" {
		t.Fatalf("after a new one was set: %v", err)
	}
	copyWith("second")
	must(t, v.Delete(ctx, Token))
	wantNotFound(t, errOf(v.Get(ctx, Token)))
}

// everyOperation runs all of them against a vault that cannot serve, each with
// a limit of its own where one is given.
func everyOperation(t *testing.T, v Vault, limit time.Duration, want func(op string, err error)) {
	t.Helper()
	for op, run := range map[string]func(ctx context.Context) error{
		"get":        func(ctx context.Context) error { _, err := v.Get(ctx, Token); return err },
		"signer":     func(ctx context.Context) error { _, err := v.Signer(ctx, Key); return err },
		"new signer": func(ctx context.Context) error { _, err := v.NewSigner(ctx, Key); return err },
		"set":        func(ctx context.Context) error { return v.Set(ctx, Token, Secret("x")) },
		"delete":     func(ctx context.Context) error { return v.Delete(ctx, Token) },
		"check":      v.Check,
	} {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		want(op, run(ctx))
		cancel()
	}
}

func TestSecretServiceMissing(t *testing.T) {
	s := newSession(t)
	unavailable := func(reason Reason) func(string, error) {
		return func(op string, err error) {
			t.Helper()
			u := wantAs[*UnavailableError](t, err)
			if u.Reason != reason || u.Detail == "" {
				t.Errorf("%s: reason %q, detail %q; want %q", op, u.Reason, u.Detail, reason)
			}
		}
	}
	everyOperation(t, s.vault(""), time.Minute, unavailable(NoService))
	_, err := s.vault("").List(t.Context())
	unavailable(NoService)("list", err)

	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+s.dir+"/nothing")
	everyOperation(t, s.vault(""), time.Minute, unavailable(NoBus))

	// With no address at all the library would run dbus-launch; this one says so.
	bin := t.TempDir()
	must(t, os.WriteFile(bin+"/dbus-launch", []byte("#!/bin/sh\n: >"+bin+"/launched\n"), 0o700))
	t.Setenv("PATH", bin)
	for _, address := range []string{"", "autolaunch:"} {
		t.Setenv("DBUS_SESSION_BUS_ADDRESS", address)
		if haveBus() {
			t.Skip("this machine has a session bus of its own")
		}
		everyOperation(t, s.vault(""), time.Minute, unavailable(NoBus))
	}
	if _, err := os.Stat(bin + "/launched"); err == nil {
		t.Error("a bus was launched")
	}
}

// TestSecretServiceLocked: locked by the person, and unlocked with a wrong
// password at login, where the daemon reports success. The real prompter ends
// at once without a display, as if the person had dismissed it.
func TestSecretServiceLocked(t *testing.T) {
	ctx := t.Context()
	s := newSessionWithServices(t, nil)
	s.keyring(keyringPassword)
	v := s.vault("")
	must(t, v.Set(ctx, Token, Secret("x")))
	_, err := v.NewSigner(ctx, Key)
	must(t, err)

	for _, when := range []string{"locked by the person", "wrong password at login"} {
		if when == "locked by the person" {
			s.lock()
		} else {
			s.endKeyring()
			s.keyring("wrong")
		}
		if items, err := v.List(ctx); err != nil || len(items) != 2 {
			t.Errorf("%s: attributes are no secret: %v, %v", when, items, err)
		}
		everyOperation(t, v, time.Minute, func(op string, err error) {
			t.Helper()
			if l := wantAs[*LockedError](t, err); l.Dismissed != (op != "check") {
				t.Errorf("%s: %s: %v", when, op, err)
			}
		})
		wantAs[*LockedError](t, errOf(v.NewSigner(ctx, "another")))
	}

	s.endKeyring()
	s.keyring(keyringPassword)
	if got, err := v.Get(ctx, Token); err != nil || string(got) != "x" {
		t.Fatalf("the token did not survive: %v", err)
	}
	if _, err := v.Signer(ctx, Key); err != nil {
		t.Fatalf("the key did not survive: %v", err)
	}
}

// TestSecretServiceNeverSetUp: a service that activation started, without a
// login that made a keyring.
func TestSecretServiceNeverSetUp(t *testing.T) {
	testenv.NeedTool(t, "gnome-keyring-daemon", "gnome-keyring")
	ctx := t.Context()
	s := newSessionWithServices(t, nil)
	v := s.vault("")
	_, err := v.Get(ctx, Token)
	wantNotFound(t, err) // there is no keyring for it to be in
	_, newErr := v.NewSigner(ctx, Key)
	for _, err := range []error{v.Set(ctx, Token, Secret("x")), v.Check(ctx), newErr} {
		if u := wantAs[*UnavailableError](t, err); u.Reason != NoCollection {
			t.Errorf("%v", err)
		}
	}
}

// TestSecretServiceHangs stops the daemon (SIGSTOP): every operation ends in
// time, and the same vault works again when the daemon does.
func TestSecretServiceHangs(t *testing.T) {
	ctx := t.Context()
	s := newSession(t)
	s.keyring(keyringPassword)
	v, fresh := s.vault(""), s.vault("")
	signer, err := v.NewSigner(ctx, Key)
	must(t, err)
	must(t, v.Set(ctx, Token, Secret("x")))

	must(t, s.daemon.Process.Signal(syscall.SIGSTOP))
	var status syscall.WaitStatus // of a stopped process only: an ended one stays for the test's end
	if _, err := syscall.Wait4(s.daemon.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("the daemon is not stopped: %v, %v", status, err)
	}
	for _, v := range []Vault{v, fresh} {
		everyOperation(t, v, 100*time.Millisecond, func(op string, err error) {
			t.Helper()
			if to := wantAs[*TimeoutError](t, err); !errors.Is(err, context.DeadlineExceeded) || to.After < 90*time.Millisecond {
				t.Errorf("%s: %v", op, err)
			}
		})
	}
	sign(t, signer) // has its key already

	must(t, s.daemon.Process.Signal(syscall.SIGCONT))
	for _, v := range []Vault{v, fresh} { // it waits for what was given up
		if _, err := v.Get(ctx, Token); err != nil {
			t.Fatalf("after the daemon carried on: %v", err)
		}
	}
}

// TestSecretServiceDeletedMeanwhile: another process stores and deletes while
// this one reads. Each read gives the secret or says that there is none.
func TestSecretServiceDeletedMeanwhile(t *testing.T) {
	ctx := t.Context()
	s := newSession(t)
	s.keyring(keyringPassword)
	v, other := s.vault(""), s.vault("")
	must(t, v.Set(ctx, Token, Secret("x")))

	f := v.op("get", Token) // for certain, once
	err := doInService(ctx, v, f, func(ctx context.Context) error {
		paths, err := v.find(ctx, f)
		if err != nil {
			return err
		}
		if err := other.Delete(ctx, Token); err != nil {
			return err
		}
		_, err = v.secret(ctx, paths[0])
		if !gone(err) {
			t.Errorf("a deleted item: %v", err)
		}
		if _, err := v.attributesOf(ctx, paths[0]); !gone(err) {
			t.Errorf("a deleted item's attributes: %v", err)
		}
		return nil
	})
	must(t, err)

	done := make(chan struct{})
	go func() { // and by chance, often
		defer close(done)
		for range 60 {
			if err := other.Set(ctx, Token, Secret("y")); err != nil {
				t.Error(err)
			}
			if err := other.Delete(ctx, Token); err != nil {
				t.Error(err)
			}
		}
	}()
	found, absent := 0, 0
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		switch got, err := v.Get(ctx, Token); {
		case err == nil && string(got) == "y":
			found++
		case errors.Is(err, ErrNotFound):
			absent++
		default:
			t.Fatalf("%q, %v", []byte(got), err)
		}
	}
	t.Logf("read %d times, absent %d times", found, absent)
}
