package cli

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"healthsync/app/problem"
)

// The menu's offer on a Mac with a folder that the person may write.
func TestTerminal(t *testing.T) {
	home, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	program, bin := filepath.Join(home, "Applications/HealthSync.app/Contents/MacOS/HealthSync"), filepath.Join(home, "bin")
	if err := errors.Join(os.MkdirAll(filepath.Dir(program), 0o755), os.WriteFile(program, nil, 0o755), os.Mkdir(bin, 0o755)); err != nil {
		t.Fatal(err)
	}
	offer := terminal{func() (string, error) { return program, nil }, []string{filepath.Join(home, "absent"), bin}, "/nowhere", nil}
	if got := offer.question(); got != "Use HealthSync in Terminal, too? This makes the link "+bin+"/healthsync, which leads into the app." {
		t.Errorf("%q", got)
	}
	for range 2 {
		if err := offer.link(t.Context()); err != nil {
			t.Fatal(err)
		}
		if target, err := os.Readlink(filepath.Join(bin, "healthsync")); target != program || err != nil {
			t.Errorf("%q, %v", target, err)
		}
		if got := offer.question(); got != "" {
			t.Errorf("offered again: %q", got)
		}
	}
	// Another program has the name: nothing is offered, and a late yes changes nothing.
	link := filepath.Join(bin, "healthsync")
	if err := errors.Join(os.Remove(link), os.WriteFile(link, []byte("another"), 0o755)); err != nil {
		t.Fatal(err)
	}
	var e *problem.Error
	if got := offer.question(); got != "" || !errors.As(offer.link(t.Context()), &e) || e.Code != problem.FileExists {
		t.Errorf("%q, %v", got, e)
	}
	bare := terminal{appProgram, offer.folders, offer.admin, nil} // this test is in no app
	if got := bare.question(); got != "" {
		t.Errorf("a bare program offers %q", got)
	}
}

// On a Mac without Homebrew an administrator is asked for by macOS; a person
// who is none is told what one could type.
func TestTerminalAsAdmin(t *testing.T) {
	home, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	program, admin := filepath.Join(home, "HealthSync.app/Contents/MacOS/HealthSync"), filepath.Join(home, "usr", "local", "bin")
	if err := errors.Join(os.MkdirAll(filepath.Dir(program), 0o755), os.WriteFile(program, nil, 0o755)); err != nil {
		t.Fatal(err)
	}
	password := false
	offer := terminal{func() (string, error) { return program, nil }, []string{admin}, admin, func(ctx context.Context, shell, prompt string) (bool, error) {
		if prompt != "HealthSync makes the link "+admin+"/healthsync." {
			t.Errorf("%q", prompt)
		}
		return password, exec.CommandContext(ctx, "/bin/sh", "-c", map[bool]string{true: shell, false: "true"}[password]).Run()
	}}
	if got := offer.question(); got != "Use HealthSync in Terminal, too? This makes the link "+admin+"/healthsync, which leads into the app. macOS will ask for an administrator's password." {
		t.Errorf("%q", got)
	}
	var e *problem.Error
	if err := offer.link(t.Context()); !errors.As(err, &e) || e.Code != problem.FileError || e.Remedy.Command != "sudo mkdir -p '"+admin+"' && sudo ln -sn '"+program+"' '"+admin+"/healthsync'" {
		t.Errorf("no password: %v", err)
	}
	password = true
	if err := offer.link(t.Context()); err != nil || offer.question() != "" {
		t.Errorf("%v, %q", err, offer.question())
	}
}
