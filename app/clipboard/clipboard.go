// Package clipboard reads what a person has copied: text, files or a picture.
//
// macOS is asked itself. Elsewhere the programs that every desktop has for it
// are, because a command that runs for a second is no window: Wayland has
// wl-paste, X11 xclip.
package clipboard

import (
	"errors"
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
