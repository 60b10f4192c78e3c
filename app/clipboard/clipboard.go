// Package clipboard reads what a person has copied: text, files or a picture.
//
// macOS is asked itself. Elsewhere the programs that every desktop has for it
// are, because a command that runs for a second is no window: Wayland has
// wl-paste, X11 xclip.
package clipboard

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// ErrEmpty says that the clipboard holds nothing of the kind asked for.
var ErrEmpty = errors.New("clipboard: nothing of that kind in it")

// NoToolError says that nothing on this machine can read its clipboard.
type NoToolError struct {
	Tools []string
	// NoDesktop: no clipboard exists, because neither Wayland nor X11 runs here.
	NoDesktop bool
}

func (e *NoToolError) Error() string {
	if e.NoDesktop {
		return "clipboard: no desktop here"
	}
	return "clipboard: none of " + strings.Join(e.Tools, ", ") + " is installed"
}

// maxBytes bounds what is read: a screenshot of the largest screens is less.
const maxBytes = 64 << 20

var errTooMuch = fmt.Errorf("clipboard: more than %d MB in it", maxBytes>>20)

// board is the clipboard of one kind of system. system is the one of this.
type board interface {
	text(ctx context.Context) (string, error)
	image(ctx context.Context) ([]byte, error)
	files(ctx context.Context) ([]string, error)
}

// Text reads the clipboard as UTF-8 text.
func Text(ctx context.Context) (string, error) { return system.text(ctx) }

// Image reads the clipboard as a picture of a common format.
func Image(ctx context.Context) ([]byte, error) { return system.image(ctx) }

// Files gives the paths of the files that were copied.
func Files(ctx context.Context) ([]string, error) { return system.files(ctx) }
