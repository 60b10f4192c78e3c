package command

import (
	"errors"
	"io/fs"
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

// Where the folder can be made without an administrator, none is asked for.
func TestAdminFolderToMake(t *testing.T) {
	program, local := app(t, "Applications"), t.TempDir()
	admin := filepath.Join(local, "bin")
	folders := []string{filepath.Join(t.TempDir(), "homebrew", "bin"), admin}
	o := Look(program, folders, admin)
	if o.State != Possible || o.Link != filepath.Join(admin, Name) {
		t.Fatalf("%+v", o)
	}
	if _, err := os.Lstat(admin); err == nil {
		t.Error("looking has made the folder")
	}
	if err := o.Make(); err != nil || Look(program, folders, admin).State != There {
		t.Errorf("%v, %+v", err, Look(program, folders, admin))
	}
	// What is there and is no folder is left to an administrator to judge.
	if err := errors.Join(os.RemoveAll(admin), os.Symlink("/nowhere", admin)); err != nil {
		t.Fatal(err)
	}
	if o := Look(program, folders, admin); o.State != NeedsAdmin {
		t.Errorf("a link that leads nowhere: %+v", o)
	}
}

// What is typed with sudo replaces nothing either, also where something came
// between the look and the typing. A sudo that asks nothing stands for it.
func TestSudo(t *testing.T) {
	program, old, admin, sudo := app(t, "Ana's Applications"), app(t, "before"), filepath.Join(t.TempDir(), "usr's", "bin"), t.TempDir()
	if err := os.WriteFile(filepath.Join(sudo, "sudo"), []byte("#!/bin/sh\nexec \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", sudo+":"+os.Getenv("PATH"))
	link := filepath.Join(admin, Name)
	for _, c := range []struct {
		name          string
		before, after func() error // before the look and after it
		want          string       // where the link leads then; "" for no link
	}{
		{"nothing is there", nil, nil, program},
		{"an older link", func() error { return os.Symlink(old, link) }, nil, program},
		{"a folder of the app's own", func() error { return os.Symlink(filepath.Dir(old), link) }, nil, filepath.Dir(old)},
		{"another link that came", nil, func() error { return os.Symlink("/bin/sh", link) }, "/bin/sh"},
		{"a link to a folder that came", nil, func() error { return os.Symlink(sudo, link) }, sudo},
		{"a program that came", nil, func() error { return os.WriteFile(link, []byte("another"), 0o755) }, ""},
		{"another link in the place of the older", func() error { return os.Symlink(old, link) },
			func() error { return errors.Join(os.Remove(link), os.Symlink("/bin/sh", link)) }, "/bin/sh"},
		{"a program in the place of the older", func() error { return os.Symlink(old, link) },
			func() error { return errors.Join(os.Remove(link), os.WriteFile(link, []byte("another"), 0o755)) }, ""},
	} {
		if err := errors.Join(os.RemoveAll(admin), os.MkdirAll(admin, 0o755)); err != nil {
			t.Fatal(err)
		}
		if c.before != nil {
			if err := c.before(); err != nil {
				t.Fatal(err)
			}
		}
		var e *AdminError
		if !errors.As(Offer{NeedsAdmin, link, program}.Make(), &e) {
			t.Fatal("no words for an administrator")
		}
		if c.after != nil {
			if err := c.after(); err != nil {
				t.Fatal(err)
			}
		}
		out, err := exec.Command("/bin/sh", "-c", e.Sudo).CombinedOutput()
		if got, _ := os.Readlink(link); got != c.want || (err == nil) != (c.want == program) {
			t.Errorf("%s: %q leads to %q, want %q: %v\n%s", c.name, e.Sudo, got, c.want, err, out)
		}
		if entries, _ := os.ReadDir(sudo); len(entries) != 1 {
			t.Errorf("%s: something was put into the folder that the link leads to", c.name)
		}
	}
}

// A folder that somebody names is made with the link, if it can be.
func TestLookIn(t *testing.T) {
	program, home := app(t, "Applications"), t.TempDir()
	file := filepath.Join(home, "file")
	if err := errors.Join(os.WriteFile(file, nil, 0o644), os.Symlink("/nowhere", filepath.Join(home, "astray"))); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(home, "a", "bin")
	o, err := LookIn(program, dir)
	if err != nil || o.State != Possible || o.Link != filepath.Join(dir, Name) {
		t.Fatalf("%+v, %v", o, err)
	}
	if _, err := os.Lstat(filepath.Dir(dir)); err == nil {
		t.Error("looking has made a folder")
	}
	if err := o.Make(); err != nil {
		t.Fatal(err)
	}
	if o, err := LookIn(program, dir); err != nil || o.State != There {
		t.Errorf("%+v, %v", o, err)
	}
	for _, bad := range []string{file, filepath.Join(file, "bin"), filepath.Join(home, "astray"), filepath.Join(home, "astray", "bin")} {
		var at *fs.PathError
		if o, err := LookIn(program, bad); !errors.As(err, &at) {
			t.Errorf("%s: %+v, %v", bad, o, err)
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
