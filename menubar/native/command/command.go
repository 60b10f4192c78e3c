// Package command makes the program inside HealthSync.app reachable as
// `healthsync` in a terminal: by a link in a folder that shells look into. It
// replaces and removes nothing but links into a HealthSync.app, and asks nobody
// for a password by itself.
package command

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"healthsync/menubar/native/login"
)

// Name is what people type.
const Name = "healthsync"

// Admin is the folder that every Mac's shells look into (/etc/paths). It is
// root's, and not there at first.
const Admin = "/usr/local/bin"

// State is how it stands.
type State int

// The states.
const (
	// There means that the command is this program.
	There State = iota
	// Possible means that Make can make it so.
	Possible
	// NeedsAdmin means that only an administrator may write where shells look:
	// see Offer.Shell.
	NeedsAdmin
	// Taken means that the command is another program.
	Taken
)

var states = [...]string{"there", "possible", "needs-admin", "taken"}

// String is the name in JSON.
func (s State) String() string { return states[s] }

// Offer is what Look has found.
type Offer struct {
	State State
	// Link is where the command is, or would be.
	Link    string
	Program string
}

// ErrNoApp says that the program is not inside of an app: a bare one belongs
// into such a folder itself.
var ErrNoApp = errors.New("command: this program is not inside of HealthSync.app")

// TakenError says that another program has the name.
type TakenError struct{ Path string }

func (e *TakenError) Error() string { return "command: " + e.Path + " is another program" }

// AdminError says that only an administrator may change a folder. Shell does it
// for one, Sudo is for typing.
type AdminError struct{ Path, Shell, Sudo string }

func (e *AdminError) Error() string { return "command: only an administrator may change " + e.Path }

// Program is what the link is to lead to: the running program, if it is inside
// of an app that stays where it is (see [login.ErrTranslocated]).
func Program(exe string) (string, error) {
	program, err := filepath.EvalSymlinks(exe)
	switch {
	case err != nil:
		return "", err
	case login.Translocated(program):
		return "", login.ErrTranslocated
	case !login.InBundle(program):
		return "", ErrNoApp
	}
	return program, nil
}

// Folders are those that a Mac's shells look into by themselves or after
// Homebrew was installed, and the person's own where they have made one.
func Folders(home string) []string {
	folders := []string{"/opt/homebrew/bin", Admin}
	if own := filepath.Join(home, ".local", "bin"); home != "" && unix.Access(own, unix.W_OK) == nil {
		folders = append(folders, own)
	}
	return folders
}

// Look finds out whether the command is there, or where it could be; folders
// are in order of preference, admin is where an administrator would put it: that
// one is made with the link, where no administrator is needed for it. Look
// changes nothing.
func Look(program string, folders []string, admin string) Offer {
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
		case possible == "" && (unix.Access(dir, unix.W_OK) == nil || dir == admin && canMake(dir)):
			possible = link
		}
	}
	if possible != "" {
		return Offer{Possible, possible, program}
	}
	return Offer{NeedsAdmin, filepath.Join(admin, Name), program}
}

// LookIn is [Look] for the one folder that somebody has named: what is not there
// of it is made with the link, where it can be. The error is a [*fs.PathError]:
// it can be no folder, or nothing can be written there.
func LookIn(program, dir string) (Offer, error) {
	there := dir
	info, err := os.Stat(there)
	for (errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR)) && there != filepath.Dir(there) {
		if _, err := os.Lstat(there); err == nil {
			return Offer{}, &fs.PathError{Op: "mkdir", Path: there, Err: errors.New("is a link that leads nowhere")}
		}
		there = filepath.Dir(there)
		info, err = os.Stat(there)
	}
	var at *fs.PathError
	switch access := unix.Access(there, unix.W_OK|unix.X_OK); {
	case errors.As(err, &at) && !errors.Is(err, fs.ErrPermission):
		return Offer{}, at
	case err == nil && !info.IsDir():
		return Offer{}, &fs.PathError{Op: "mkdir", Path: there, Err: unix.ENOTDIR}
	case access != nil && !errors.Is(access, fs.ErrPermission): // an administrator could not either
		return Offer{}, &fs.PathError{Op: "mkdir", Path: there, Err: access}
	case access == nil && there != dir:
		return Offer{Possible, filepath.Join(dir, Name), program}, nil
	}
	return Look(program, []string{dir}, dir), nil
}

// ours reports whether a path is a link into some HealthSync.app: an older one,
// or one that was moved away.
func ours(path string) bool {
	target, err := os.Readlink(path)
	return err == nil && login.InBundle(target) && strings.EqualFold(filepath.Base(filepath.Dir(filepath.Dir(filepath.Dir(target)))), "HealthSync.app")
}

func isLink(path string) bool {
	_, err := os.Readlink(path)
	return err == nil
}

// Make makes the link. The error is a [*TakenError], an
// [*AdminError] or the system's.
func (o Offer) Make() error {
	switch o.State {
	case There:
		return nil
	case Taken:
		return &TakenError{o.Link}
	case NeedsAdmin:
		return &AdminError{o.Link, o.Shell(), o.sudo()}
	}
	if err := os.MkdirAll(filepath.Dir(o.Link), 0o755); err != nil {
		return err
	}
	if _, err := os.Lstat(o.Link); err == nil {
		if !ours(o.Link) {
			return &TakenError{o.Link}
		}
		if err := os.Remove(o.Link); err != nil {
			return err
		}
	}
	err := os.Symlink(o.Program, o.Link)
	if errors.Is(err, fs.ErrExist) { // it came between
		return &TakenError{o.Link}
	}
	return err
}

// Shell does what Make does in the words of a shell, for an administrator: it
// fails where something else has the name.
func (o Offer) Shell() string {
	link := Quoted(o.Link)
	return fmt.Sprintf("mkdir -p %s && case $(readlink %s) in */HealthSync.app/Contents/MacOS/HealthSync) rm %s;; esac; ln -sn %s %s",
		Quoted(filepath.Dir(o.Link)), link, link, Quoted(o.Program), link)
}

// sudo is Shell for typing, and as short as it can be. Without -f, ln replaces
// nothing; with -n it follows no link to a folder. An older link is removed by a
// shell that looks at it once more.
func (o Offer) sudo() string {
	if isLink(o.Link) {
		return "sudo sh -c " + Quoted(o.Shell())
	}
	words := fmt.Sprintf("sudo ln -sn %s %s", Quoted(o.Program), Quoted(o.Link))
	if dir := filepath.Dir(o.Link); !isThere(dir) {
		return fmt.Sprintf("sudo mkdir -p %s && %s", Quoted(dir), words)
	}
	return words
}

// canMake reports that a folder is not there and can be made. Where a Mac has no
// /usr/local/bin, /usr/local may be the person's: Homebrew on an Intel Mac makes
// it so.
func canMake(dir string) bool {
	return !isThere(dir) && unix.Access(filepath.Dir(dir), unix.W_OK|unix.X_OK) == nil
}

func isThere(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// Quoted is a word for a shell.
func Quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// Remove takes the links to this program out of the folders, and those that
// lead into a HealthSync.app that is no longer there; it says which. The error
// is an [*AdminError] or the system's.
func Remove(program string, folders []string) (removed []string, err error) {
	for _, dir := range folders {
		link := filepath.Join(dir, Name)
		if target, err := filepath.EvalSymlinks(link); err != nil && !ours(link) || err == nil && (target != program || !isLink(link)) {
			continue
		}
		switch err := os.Remove(link); {
		case errors.Is(err, fs.ErrPermission):
			return removed, &AdminError{link, "rm " + Quoted(link), "sudo rm " + Quoted(link)}
		case err != nil:
			return removed, err
		}
		removed = append(removed, link)
	}
	return removed, nil
}
