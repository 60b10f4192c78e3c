package vault

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/keybase/dbus"
	ss "github.com/keybase/go-keychain/secretservice"
)

// Names of D-Bus errors that are handled by themselves.
const (
	errIsLocked     = "org.freedesktop.Secret.Error.IsLocked"
	errNoSession    = "org.freedesktop.Secret.Error.NoSession"
	errNoSuchObject = "org.freedesktop.Secret.Error.NoSuchObject"
)

// inService runs an operation with a session, alone; see [alone]. When the
// connection or the session turns out to have ended (the bus or the service was
// restarted), it starts both anew and runs fn once more; fn must bear that.
func inService[T any](
	ctx context.Context, v *secretService, f Failure, fn func(ctx context.Context) (T, error),
) (T, error) {
	start := time.Now()
	return alone(ctx, v.serial, f, func(ctx context.Context) (out T, err error) {
		for attempt := 0; ; attempt++ {
			if err = v.connect(ctx); err == nil {
				out, err = fn(ctx)
			}
			if err == nil {
				return out, nil
			}
			ended := errorName(err) == errNoSession
			if lost(err) {
				v.svc, ended = nil, true
			}
			if ended {
				v.session = ""
			}
			if !ended || attempt > 0 {
				return out, v.fail(ctx, f, err, start)
			}
		}
	})
}

// doInService is inService for what gives only an error.
func doInService(ctx context.Context, v *secretService, f Failure, fn func(ctx context.Context) error) error {
	_, err := inService(ctx, v, f, func(ctx context.Context) (none, error) { return none{}, fn(ctx) })
	return err
}

// connect makes what is missing of connection and session. The session is a
// plain one: the bus is a local socket, and who can read it can ask the service.
func (v *secretService) connect(ctx context.Context) error {
	if v.svc == nil {
		if !haveBus() {
			return errNoBus
		}
		svc, err := ss.NewService()
		if err != nil {
			return &busError{err}
		}
		v.svc = svc
	}
	if v.session != "" {
		return nil
	}
	var output dbus.Variant
	plain := []any{string(ss.AuthenticationInsecurePlain), dbus.MakeVariant("")}
	return v.callService(ctx, "OpenSession", plain, &output, &v.session)
}

// errNoBus is made without asking the library: where it finds no address it
// would run dbus-launch, which starts a bus of its own that nobody ends.
var errNoBus = errors.New("no session bus: DBUS_SESSION_BUS_ADDRESS is not set and /run/user has none")

// haveBus looks where the library looks, short of starting one.
func haveBus() bool {
	if a := os.Getenv("DBUS_SESSION_BUS_ADDRESS"); a != "" && a != "autolaunch:" {
		return true
	}
	run := filepath.Join("/run/user", strconv.Itoa(os.Getuid()))
	for _, name := range []string{"bus", "dbus-session"} {
		if _, err := os.Stat(filepath.Join(run, name)); err == nil {
			return true
		}
	}
	return false
}

// busError is a failure to reach the bus at all.
type busError struct{ err error }

func (e *busError) Error() string { return e.err.Error() }
func (e *busError) Unwrap() error { return e.err }

// lost reports whether the connection ended under a call: as closed, or as
// whatever its socket said at that moment.
func lost(err error) bool {
	return !errors.As(err, new(*busError)) &&
		(errors.Is(err, dbus.ErrClosed) || errors.Is(err, io.EOF) || errors.As(err, new(*net.OpError)))
}

// errorName is the D-Bus name of an error. The library's bus package is a fork
// of godbus, with an error type of its own.
func errorName(err error) string {
	var e dbus.Error
	if errors.As(err, &e) {
		return e.Name
	}
	var p *dbus.Error
	if errors.As(err, &p) {
		return p.Name
	}
	return ""
}

// goneError says that an item which a search had listed was not there when it
// was asked for. Only calls on items make it: the same D-Bus names would mean
// something else, and never absence, as answers of the service itself.
type goneError struct{ err error }

func (e *goneError) Error() string { return e.err.Error() }
func (e *goneError) Unwrap() error { return e.err }

// onItem marks an error of a call on an item. GNOME Keyring says UnknownMethod,
// with "Object does not exist at path" in the text.
func onItem(err error) error {
	switch errorName(err) {
	case errNoSuchObject, "org.freedesktop.DBus.Error.UnknownMethod", "org.freedesktop.DBus.Error.UnknownObject",
		"org.freedesktop.DBus.Error.UnknownInterface":
		return &goneError{err}
	}
	return err
}

func gone(err error) bool { return errors.As(err, new(*goneError)) }

// fail turns whatever came back into this package's errors.
func (v *secretService) fail(ctx context.Context, f Failure, err error, start time.Time) error {
	var typed interface{ failure() Failure }
	if errors.As(err, &typed) {
		return err
	}
	f.Err, f.Detail = err, err.Error()
	switch {
	case ctx.Err() != nil:
		return stopped(ctx, f, start)
	case errors.Is(err, errNoBus), errors.As(err, new(*busError)):
		return &UnavailableError{f, NoBus}
	case errors.As(err, new(ss.PromptDismissedError)):
		return &LockedError{f, true}
	case lost(err):
		return &UnavailableError{f, Offline}
	}
	switch name := errorName(err); strings.TrimPrefix(name, "org.freedesktop.DBus.Error.") {
	case errIsLocked:
		return &LockedError{f, false}
	case "AccessDenied", "AuthFailed":
		return &DeniedError{f}
	case "ServiceUnknown", "NameHasNoOwner",
		"Spawn.ServiceNotFound", "Spawn.ExecFailed", "Spawn.ChildExited", "Spawn.Failed":
		return &UnavailableError{f, NoService}
	case "NoReply", "Disconnected", "Timeout", "TimedOut":
		return &UnavailableError{f, Offline}
	}
	return &FailedError{f}
}
