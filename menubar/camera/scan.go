package camera

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// Child says which program to start as the child. The zero value is this
// program as `healthsync scan --camera`.
type Child struct {
	Program string
	Args    []string
	// Grace is how long a child may take to leave when the scan is called
	// off; 0 means 3 seconds. Then it is killed.
	Grace time.Duration
}

// maxReport bounds what is read from a child: a payload is under 4 KiB.
const maxReport = 64 << 10

// Scan shows the camera window in a child and returns the text of the code
// that the child accepted. The error is an [*Error] with the outcome, an
// [*UnavailableError], or ctx's error when the caller called it off; the
// child is gone when it returns.
func Scan(ctx context.Context, c Child) (string, error) {
	if c.Program == "" {
		if err := Available(); err != nil {
			return "", err
		}
		program, err := ownProgram()
		if err != nil {
			return "", err
		}
		c.Program, c.Args = program, []string{"scan", "--camera"}
	}
	if c.Grace == 0 {
		c.Grace = lastWish
	}
	cmd := exec.CommandContext(ctx, c.Program, c.Args...)
	cmd.Env = append(os.Environ(), parentVar+"=1")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return "", err
	}
	defer stdin.Close()
	cmd.Cancel = stdin.Close // the child ends by itself, and the camera with it
	cmd.WaitDelay = c.Grace
	var out, trace limited
	cmd.Stdout, cmd.Stderr = &out, &trace
	err = cmd.Run()
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	return readOutcome(err, out.Bytes(), trace.Bytes())
}

// ownProgram finds this program's file. A link (Homebrew makes one) would hide
// the bundle that it lies in, and with it the name and the usage text that
// macOS shows when it asks for the camera.
func ownProgram() (string, error) {
	exe, err := os.Executable()
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(exe)
}

// readOutcome reads how the child ended: its line, and whether it crashed.
func readOutcome(err error, out, trace []byte) (string, error) {
	var r report
	jerr := json.Unmarshal(out, &r)
	var ended *exec.ExitError
	switch {
	case err == nil && jerr == nil && r.Payload != "":
		return r.Payload, nil
	case err == nil:
		return "", &Error{Outcome: Failed, Detail: "the camera window ended without a word"}
	case !errors.As(err, &ended):
		return "", &Error{Outcome: Failed, Detail: err.Error()}
	}
	if jerr == nil && slices.Contains(Outcomes(), r.Outcome) {
		return "", &Error{Outcome: r.Outcome, Detail: r.Detail}
	}
	return "", &Error{Outcome: Failed, Detail: fmt.Sprintf("the camera window crashed (%v)%s", ended, exception(trace))}
}

// exception finds the reason of an uncaught Objective-C exception, which is
// what a crash most likely was, in what the child left on standard error.
func exception(trace []byte) string {
	_, after, found := bytes.Cut(trace, []byte("reason: '"))
	if !found {
		return ""
	}
	reason, _, _ := bytes.Cut(after, []byte("'"))
	return ": " + string(reason[:min(len(reason), 200)])
}

// limited keeps the beginning of what is written and drops the rest.
type limited struct{ bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	if room := maxReport - l.Len(); room > 0 {
		_, _ = l.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
