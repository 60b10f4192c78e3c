// Package desktop asks the desktop around the app for what only it can do:
// open a folder, choose a file, put a question.
//
// Each is done by what the system has for it; what is not there is an error,
// and the caller has another way (a question is put in the menu, an export gets
// a name of its own).
package desktop

import (
	"context"
	"errors"
	"io"
	"os/exec"
	"strings"
	"time"
)

// ErrNone says that this desktop has nothing to do it with.
var ErrNone = errors.New("desktop: nothing here can do that")

// longest is how long a window may stay open.
const longest = 10 * time.Minute

// start starts a program that lives on by itself; it is waited for so that it
// leaves nothing behind. No shell is between.
func start(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(context.WithoutCancel(ctx), name, args...)
	if err := cmd.Start(); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case err := <-done:
		return err
	case <-time.After(3 * time.Second): // it shows a window itself
		return nil
	}
}

// answer runs a program that asks the person, and gives what it prints. Its
// exit status 1 means that the person said no or closed the window.
func answer(ctx context.Context, name string, args ...string) (text string, yes bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, io.Discard
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return strings.TrimRight(out.String(), "\r\n"), true, nil
	case errors.As(err, &exit) && exit.ExitCode() == 1:
		return "", false, nil
	}
	return "", false, err
}
