package command

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func app(t *testing.T, name string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name, "HealthSync.app/Contents/MacOS/HealthSync")
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte("#!/bin/sh\necho here\n"), 0o755)); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLink(t *testing.T) {
	program, absent, bin := app(t, "Applications"), filepath.Join(t.TempDir(), "absent"), t.TempDir()
	folders := []string{absent, bin}
	o := Look(program, folders)
	if o.State != Possible || o.Link != filepath.Join(bin, Name) {
		t.Fatalf("%+v", o)
	}
	if err := Link(o); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(o.Link).Output(); err != nil || string(out) != "here\n" {
		t.Errorf("%q, %v", out, err)
	}
	if o := Look(program, folders); o.State != There || Link(o) != nil {
		t.Errorf("%+v", o)
	}
	// The app was moved: the old link leads nowhere, and is ours to replace.
	moved := app(t, "elsewhere")
	if err := os.RemoveAll(program); err != nil {
		t.Fatal(err)
	}
	if o := Look(moved, folders); o.State != Possible || Link(o) != nil || Look(moved, folders).State != There {
		t.Errorf("after a move: %+v", o)
	}
}

// Whatever else is there stays there.
func TestTaken(t *testing.T) {
	program, bin := app(t, "Applications"), t.TempDir()
	link := filepath.Join(bin, Name)
	for what, make := range map[string]func() error{
		"a program":     func() error { return os.WriteFile(link, []byte("another"), 0o755) },
		"another link":  func() error { return os.Symlink("/bin/sh", link) },
		"a broken link": func() error { return os.Symlink("/nowhere/healthsync", link) },
		"a folder":      func() error { return os.Mkdir(link, 0o755) },
	} {
		if err := make(); err != nil {
			t.Fatal(err)
		}
		o := Look(program, []string{bin})
		var taken *TakenError
		if o.State != Taken || !errors.As(Link(o), &taken) || taken.Path != link {
			t.Errorf("%s: %+v", what, o)
		}
		o.State = Possible // it came between the look and the link
		if !errors.As(Link(o), &taken) {
			t.Errorf("%s was replaced", what)
		}
		if err := os.Remove(link); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNeedsAdmin(t *testing.T) {
	o := Look("/Applications/Ana's/HealthSync.app/Contents/MacOS/HealthSync", []string{"/nonexistent/a", "/nonexistent/b"})
	want := `sudo mkdir -p '/nonexistent/b' && sudo ln -sf '/Applications/Ana'\''s/HealthSync.app/Contents/MacOS/HealthSync' '/nonexistent/b/healthsync'`
	if o.State != NeedsAdmin || o.Command() != want {
		t.Errorf("%+v\n%s", o, o.Command())
	}
}
