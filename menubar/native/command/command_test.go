package command

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"healthsync/menubar/native/login"
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
	program, absent, bin := app(t, "Ana's Applications"), filepath.Join(t.TempDir(), "absent"), t.TempDir()
	folders := []string{absent, bin}
	look := func(program string) Offer { return Look(program, folders, "/nowhere") }
	o := look(program)
	if o.State != Possible || o.Link != filepath.Join(bin, Name) {
		t.Fatalf("%+v", o)
	}
	if err := o.Make(); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(o.Link).Output(); err != nil || string(out) != "here\n" {
		t.Errorf("%q, %v", out, err)
	}
	if o := look(program); o.State != There || o.Make() != nil {
		t.Errorf("%+v", o)
	}
	// The app was moved: the old link leads nowhere, and is ours to replace.
	moved := app(t, "elsewhere")
	if err := os.RemoveAll(program); err != nil {
		t.Fatal(err)
	}
	if o := look(moved); o.State != Possible || o.Make() != nil || look(moved).State != There {
		t.Errorf("after a move: %+v", o)
	}
	removed, err := Remove(moved, folders)
	if err != nil || !slices.Equal(removed, []string{filepath.Join(bin, Name)}) || look(moved).State != Possible {
		t.Errorf("%q, %v", removed, err)
	}
	if removed, err := Remove(moved, folders); err != nil || removed != nil {
		t.Errorf("twice: %q, %v", removed, err)
	}
}

// Whatever else is there stays there, whoever tries.
func TestTaken(t *testing.T) {
	program, other, bin := app(t, "Applications"), app(t, "another copy, in use"), t.TempDir()
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
		o := Look(program, []string{bin}, "/nowhere")
		var taken *TakenError
		if o.State != Taken || !errors.As(o.Make(), &taken) || taken.Path != link {
			t.Errorf("%s: %+v", what, o)
		}
		o.State = Possible // it came between the look and the link
		if !errors.As(o.Make(), &taken) {
			t.Errorf("%s was replaced", what)
		}
		if what != "a folder" && exec.Command("/bin/sh", "-c", o.Shell()).Run() == nil {
			t.Errorf("%s was replaced by an administrator", what)
		}
		if removed, err := Remove(program, []string{bin}); err != nil || removed != nil {
			t.Errorf("%s was removed: %q, %v", what, removed, err)
		}
		if _, err := os.Lstat(link); err != nil {
			t.Errorf("%s is gone", what)
		}
		if err := os.RemoveAll(link); err != nil {
			t.Fatal(err)
		}
	}
	// The link of another copy that is in use is that copy's to remove.
	if err := os.Symlink(other, link); err != nil {
		t.Fatal(err)
	}
	if removed, err := Remove(program, []string{bin}); err != nil || removed != nil {
		t.Errorf("%q, %v", removed, err)
	}
}

// On a Mac without Homebrew only an administrator may write there. What the
// shell is told does the same as Link, also where an older link is.
func TestNeedsAdmin(t *testing.T) {
	program, admin := app(t, "Ana's Applications"), filepath.Join(t.TempDir(), "usr's", "bin")
	o := Look(program, []string{"/nonexistent/a", admin}, admin)
	var e *AdminError
	if o.State != NeedsAdmin || o.Link != filepath.Join(admin, Name) || !errors.As(o.Make(), &e) || e.Shell != o.Shell() {
		t.Fatalf("%+v", o)
	}
	for range 2 {
		if out, err := exec.Command("/bin/sh", "-c", o.Shell()).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s\n%s", err, out, o.Shell())
		}
		if got := Look(program, []string{admin}, admin); got.State != There {
			t.Errorf("%+v", got)
		}
	}
}

func TestProgram(t *testing.T) {
	program := app(t, "Applications")
	link := filepath.Join(t.TempDir(), Name)
	if err := os.Symlink(program, link); err != nil {
		t.Fatal(err)
	}
	if got, err := Program(link); got != program || err != nil {
		t.Errorf("through a link: %q, %v", got, err)
	}
	bare := filepath.Join(t.TempDir(), Name)
	if err := os.WriteFile(bare, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Program(bare); !errors.Is(err, ErrNoApp) {
		t.Errorf("a bare program: %v", err)
	}
	if _, err := Program(app(t, "AppTranslocation/1B2C/d")); !errors.Is(err, login.ErrTranslocated) {
		t.Errorf("a copy that is gone tomorrow: %v", err)
	}
}

func TestFolders(t *testing.T) {
	home := t.TempDir()
	if got := Folders(home); !slices.Equal(got, []string{"/opt/homebrew/bin", Admin}) {
		t.Errorf("%q", got)
	}
	own := filepath.Join(home, ".local", "bin")
	if err := os.MkdirAll(own, 0o755); err != nil {
		t.Fatal(err)
	}
	if got := Folders(home); got[len(got)-1] != own {
		t.Errorf("%q", got)
	}
}
