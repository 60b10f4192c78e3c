// Package command makes the program inside HealthSync.app reachable as
// `healthsync` in a terminal: by a link in a folder that shells look into. It
// replaces nothing but a link of its own, and asks nobody for a password.
package command

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Name is what people type.
const Name = "healthsync"

// State is how it stands.
type State int

// The states.
const (
	// There means that the command is this program.
	There State = iota
	// Possible means that Link can make it so.
	Possible
	// NeedsAdmin means that only an administrator may write where shells look:
	// see Offer.Command.
	NeedsAdmin
	// Taken means that the command is another program.
	Taken
)

// Offer is what Look has found.
type Offer struct {
	State State
	// Link is where the command is, or would be.
	Link    string
	Program string
}

// Command does by hand what Link does.
func (o Offer) Command() string {
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
	return fmt.Sprintf("sudo mkdir -p %s && sudo ln -sf %s %s", quote(filepath.Dir(o.Link)), quote(o.Program), quote(o.Link))
}

// TakenError says that another program has the name.
type TakenError struct{ Path string }

func (e *TakenError) Error() string { return "command: " + e.Path + " is another program" }

// Folders are those that a Mac's shells look into by themselves (/etc/paths),
// or after Homebrew was installed.
func Folders() []string { return []string{"/opt/homebrew/bin", "/usr/local/bin"} }

// Look finds out whether the command is there, or where it could be. folders
// are in order of preference; the last is where an administrator would put it.
func Look(program string, folders []string) Offer {
	possible := ""
	for _, dir := range folders {
		link := filepath.Join(dir, Name)
		target, err := filepath.EvalSymlinks(link)
		_, exists := os.Lstat(link)
		switch {
		case err == nil && target == program:
			return Offer{There, link, program}
		case exists == nil && !ours(link):
			return Offer{Taken, link, program}
		case possible == "" && writable(dir):
			possible = link
		}
	}
	if possible != "" {
		return Offer{Possible, possible, program}
	}
	return Offer{NeedsAdmin, filepath.Join(folders[len(folders)-1], Name), program}
}

// ours reports whether a path is a link into some HealthSync.app: an older one,
// or one that was moved away.
func ours(path string) bool {
	target, err := os.Readlink(path)
	return err == nil && strings.HasSuffix(target, "HealthSync.app/Contents/MacOS/HealthSync")
}

// writable tries, because access rights do not tell all (ACLs, read-only disks).
func writable(dir string) bool {
	f, err := os.CreateTemp(dir, "."+Name+"-*")
	if err != nil {
		return false
	}
	return errors.Join(f.Close(), os.Remove(f.Name())) == nil
}

// Link makes the link of an offer.
func Link(o Offer) error {
	switch o.State {
	case There:
		return nil
	case Taken:
		return &TakenError{o.Link}
	}
	if _, err := os.Lstat(o.Link); err == nil {
		if !ours(o.Link) {
			return &TakenError{o.Link}
		}
		if err := os.Remove(o.Link); err != nil {
			return err
		}
	}
	return os.Symlink(o.Program, o.Link)
}
