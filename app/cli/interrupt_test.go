package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"healthsync/app/problem"
	"healthsync/sync/simulator"
)

// Ctrl-C at a question ends as it does everywhere, not as an answer.
func TestInterruptedQuestions(t *testing.T) {
	phone, err := simulator.New(simulator.Options{Protocol: 2, NoRateLimit: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := phone.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	defer phone.Stop()
	p, err := phone.Payload("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, line := range [][]string{{"pair", "--qr", string(p.JSON())}, {"unpair"}, {"keychain", "clear"},
		{"config", "reset"}, {"pair", "--manual"}, {"pair", "--token", "-"}} {
		ask := line[0] != "pair" || line[1] != "--qr"
		if exit, errs := interrupted(t, dir, ask, line...); exit != map[bool]int{true: 130, false: 0}[ask] {
			t.Errorf("%v ends with %d:\n%s", line, exit, errs)
		}
	}
}

// interrupted runs a command on a terminal where somebody types Ctrl-C as soon
// as a question is there.
func interrupted(t *testing.T, dir string, ask bool, args ...string) (exit int, stderr string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	never, keep := io.Pipe()
	defer keep.Close()
	errs := &watched{stop: stop}
	vars := map[string]string{"HEALTHSYNC_HOME": filepath.Join(dir, "home"), "HEALTHSYNC_VAULT": "file",
		"HEALTHSYNC_BONJOUR": "off", "HOME": dir}
	exit = Main(ctx, &Env{
		Args: args, Stdin: never, Stdout: io.Discard, Stderr: errs, InTTY: ask, ErrTTY: ask,
		Getenv: func(k string) string { return vars[k] }, Now: time.Now,
	})
	return exit, errs.String()
}

// watched is a terminal that is interrupted when it shows a question.
type watched struct {
	bytes.Buffer
	stop func()
}

func (w *watched) Write(p []byte) (int, error) {
	if text := string(p); strings.HasSuffix(text, "[y/N] ") || strings.HasSuffix(text, ": ") {
		w.stop()
	}
	return w.Buffer.Write(p)
}

func TestOutputLost(t *testing.T) {
	a := &answer{w: failing{}}
	_, err := a.Write([]byte("x"))
	e := (&Env{Now: time.Now}).explain(err)
	if e.Code != problem.FileError || e.Detail != "Standard output: gone." || a.err == nil {
		t.Errorf("%v", e)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("gone") }
