// Package clipboard reads what a person has copied: text or a picture.
//
// It asks the programs that every desktop has for it, because a command that
// runs for a second is no window: macOS has pbpaste and osascript, Wayland
// wl-paste, X11 xclip.
package clipboard

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// ErrEmpty says that the clipboard holds nothing of the kind asked for.
var ErrEmpty = errors.New("clipboard: nothing of that kind in it")

// NoToolError says that nothing on this machine can read its clipboard.
type NoToolError struct{ Tools []string }

func (e *NoToolError) Error() string {
	return "clipboard: none of " + strings.Join(e.Tools, ", ") + " is installed"
}

// maxBytes bounds what is read: a screenshot of the largest screens is less.
const maxBytes = 64 << 20

// output runs a program and returns what it prints; the text of a failure is
// not passed on, because it may quote the clipboard.
func output(ctx context.Context, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	n, rerr := io.Copy(&buf, io.LimitReader(pipe, maxBytes+1))
	if n > maxBytes {
		_ = cmd.Process.Kill()
		rerr = fmt.Errorf("clipboard: more than %d MB in it", maxBytes>>20)
	}
	werr := cmd.Wait()
	if rerr != nil {
		return nil, rerr
	}
	return buf.Bytes(), werr
}
