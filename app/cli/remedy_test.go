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

	"github.com/spf13/cobra"

	"healthsync/app/problem"
	"healthsync/pki/qr"
	"healthsync/sync/simulator"
)

// A remedy that is to run a command again names the one that was run; what the
// condition's own remedy is, stays.
func TestFittedRemedies(t *testing.T) {
	byPath := map[string]*cobra.Command{}
	every(t, func(cmd *cobra.Command) { byPath[strings.TrimPrefix(cmd.CommandPath(), "healthsync ")] = cmd })
	for _, c := range []struct {
		code           problem.Code
		command        string
		text, sentence string // "" for the table's
		fix            string
	}{
		{problem.PhoneLocked, "fetch", "", "", "healthsync fetch --wait 2"},
		{problem.PhoneLocked, "sync", "", "", "healthsync sync --wait 2"},
		{problem.PhoneLocked, "types", "unlock it, keep the app open, and run the command again", "", "healthsync types"},
		{problem.TimedOut, "sync", "", "", "healthsync sync --timeout 30000"},
		{problem.TimedOut, "status", "", "", "healthsync fetch --timeout 30000"},
		{problem.RateLimited, "ping", "", "", "healthsync ping"},
		{problem.ResponseCut, "sync", "", "", "healthsync sync"},
		{problem.ResponseCut, "fetch", "keep the app in front on the iPhone and run the command again", "", "healthsync fetch"},
		{problem.DiskFull, "sync", "", "", "healthsync sync"},
		{problem.DiskFull, "export", "free some space and run the command again", "", "healthsync export"},
		{problem.DiskFull, "backup", "free some space and run the command again", "", ""},
		{problem.StoreBusy, "sql", "", "", ""},
		{problem.Interrupted, "sync", "", "", "healthsync sync"},
		{problem.Interrupted, "sql", "-", "Interrupted", ""},
		{problem.NotPaired, "fetch", "", "", "healthsync scan"},
	} {
		row, _ := problem.Lookup(c.code)
		cmd := byPath[c.command]
		if cmd == nil {
			t.Fatalf("no command %s", c.command)
		}
		e := fitted(problem.New(c.code, "", nil), cmd)
		text, sentence := row.Remedy.Text, row.Sentence
		if c.text != "" {
			text = strings.TrimPrefix(c.text, "-")
		}
		if c.sentence != "" {
			sentence = c.sentence
		}
		if e.Remedy.Text != text || e.Remedy.Command != c.fix || e.Sentence != sentence {
			t.Errorf("%s after %s: %q, fix %q", c.code, c.command, e.Sentence, e.Remedy)
		}
	}
	own := problem.New(problem.DiskFull, "", nil)
	own.Remedy = problem.Remedy{Text: "choose another place"}
	if got := fitted(own, byPath["fetch"]); got.Remedy != own.Remedy {
		t.Errorf("a remedy of the case became %q", got.Remedy)
	}
}

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
	for _, line := range [][]string{{"pair", "--qr", string(p.JSON())}, {"unpair"}, {"keychain", "clear"}, {"config", "reset"}, {"pair", "--manual"}, {"pair", "--token", "-"}} {
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
	vars := map[string]string{"HEALTHSYNC_HOME": filepath.Join(dir, "home"), "HEALTHSYNC_VAULT": "file", "HEALTHSYNC_BONJOUR": "off", "HOME": dir}
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

// A code is recognised however it was copied; a picture is none.
func TestTextOrPicture(t *testing.T) {
	for text, want := range map[string]bool{
		`{"version":"1"`: true, "\ufeff {": true, "\u200b{": true, "\u201c{\u201dversion": true, "\n\t'{'": true,
		"\x89PNG\r\n": false, "GIF89a{": false, "this is no code": false, "": false,
	} {
		if got := qr.LooksLikePayload([]byte(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
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
