package vault

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrNotFound is provable absence: the store was reached and unlocked and has
// no such item. Nothing else matches it.
var ErrNotFound = errors.New("vault: item not found")

// Failure is what every error of a store says. No field holds a secret.
type Failure struct {
	Vault  string // where: "Secret Service", "login keychain", a path
	Op     string // what was tried: "get", "set", "sign", ...
	Name   string // the item's name, if one was meant
	Code   int    // OSStatus on macOS, else 0
	Detail string // the raw text of system or store
	Err    error  // the cause, if it is an error value
}

// Unwrap returns the cause.
func (f Failure) Unwrap() error { return f.Err }

func (f Failure) text(what string) string {
	text := "vault: " + strings.TrimSpace(f.Op+" "+f.Name) + ": " + what
	if f.Vault != "" {
		text += " (" + f.Vault + ")"
	}
	switch {
	case f.Detail != "":
		text += ": " + f.Detail
	case f.Err != nil:
		text += ": " + f.Err.Error()
	}
	if f.Code != 0 {
		text += fmt.Sprintf(" [OSStatus %d]", f.Code)
	}
	return text
}

// checkName refuses a name that cannot be used.
func (f Failure) checkName() error {
	if ValidName(f.Name) {
		return nil
	}
	f.Detail = fmt.Sprintf("bad name %q", f.Name)
	return &FailedError{f}
}

// checkKind refuses an item of another kind than it should be.
func (f Failure) checkKind(have, want ItemKind) error {
	if have == want {
		return nil
	}
	f.Detail = fmt.Sprintf("it is a %s, not a %s", have, want)
	return &CorruptError{f}
}

// failure is how this package knows its own errors: each embeds a Failure.
func (f Failure) failure() Failure { return f }

// NotFoundError is [ErrNotFound] with its Failure.
type NotFoundError struct{ Failure }

func (e *NotFoundError) Error() string { return e.text("not found") }

// Is makes errors.Is(err, ErrNotFound) true.
func (e *NotFoundError) Is(target error) bool { return target == ErrNotFound }

// ExistsError says that NewSigner found a key, which it never replaces.
type ExistsError struct{ Failure }

func (e *ExistsError) Error() string { return e.text("already exists") }

// LockedError says that the store is locked, so that it is unknown what it
// holds.
type LockedError struct {
	Failure
	Dismissed bool // the person, or a machine without a display, dismissed the request for the password
}

func (e *LockedError) Error() string {
	if e.Dismissed {
		return e.text("locked, and the request to unlock was dismissed")
	}
	return e.text("locked")
}

// DeniedError says that the store or the person refused access to the item, or
// that a file belongs to somebody else.
type DeniedError struct{ Failure }

func (e *DeniedError) Error() string { return e.text("access denied") }

// Reason says why a store is not there.
type Reason string

// The reasons of [UnavailableError].
const (
	NoBus        Reason = "no session bus"                     // Linux: no D-Bus session
	NoService    Reason = "no secret service"                  // Linux: nothing answers as org.freedesktop.secrets
	NoCollection Reason = "no default keyring"                 // Linux: a service that was never set up
	NoKeychain   Reason = "no keychain"                        // macOS: no login keychain, or unusable
	NotInBuild   Reason = "not available in this build"        // this binary has no code for it
	DarkWake     Reason = "the computer is only half awake"    // macOS: no dialog can be shown now
	NoFolder     Reason = "no folder"                          // file: Options.Dir is empty
	Newer        Reason = "written by a newer version"         // file: a schema that this version does not know
	Offline      Reason = "the store does not answer properly" // the store's own failure
)

// UnavailableError says that there is no store to talk to.
type UnavailableError struct {
	Failure
	Reason Reason
}

func (e *UnavailableError) Error() string { return e.text(string(e.Reason)) }

// CorruptError says that something is stored but damaged. It is left as it is.
type CorruptError struct{ Failure }

func (e *CorruptError) Error() string { return e.text("damaged") }

// ExposedError says that others may read or replace the file vault: its file
// is wider than 0600, its folder wider than 0700.
type ExposedError struct {
	Failure
	Path string
	Mode uint32 // the permission bits found
}

func (e *ExposedError) Error() string {
	return e.text(fmt.Sprintf("%s is open to others (mode %04o)", e.Path, e.Mode))
}

// TimeoutError says that the store did not answer in time. What was asked for
// may still happen.
type TimeoutError struct {
	Failure
	After time.Duration
}

func (e *TimeoutError) Error() string {
	return e.text(fmt.Sprintf("no answer after %v", e.After.Round(time.Millisecond)))
}

// Is makes errors.Is(err, context.DeadlineExceeded) true.
func (e *TimeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// FailedError is any other failure of the store; Code and Detail say more.
type FailedError struct{ Failure }

func (e *FailedError) Error() string { return e.text("failed") }

// UnknownKindError says that [Open] knows no such vault.
type UnknownKindError struct{ Kind string }

func (e *UnknownKindError) Error() string { return fmt.Sprintf("vault: unknown kind %q", e.Kind) }
