package vault

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/keybase/dbus"
	ss "github.com/keybase/go-keychain/secretservice"
)

// do runs fn with a session, alone. When the connection or the session turns
// out to have ended (the bus or the service was restarted), or to be of no use,
// it starts both anew and runs fn once more; fn must bear that.
func (v *secretService) do(ctx context.Context, f Fact, fn func(ctx context.Context) error) error {
	start := time.Now()
	return v.lane.do(ctx, f, func() error {
		for attempt := 0; ; attempt++ {
			err := v.connect(ctx)
			if err == nil {
				err = fn(ctx)
			}
			if err == nil {
				return nil
			}
			switch {
			case lost(err):
				v.svc, v.session = nil, nil
			case isDBus(err, errNoSession), errors.As(err, new(*noiseError)):
				v.session = nil
			default:
				return v.fail(ctx, f, err, start)
			}
			if attempt > 0 {
				return v.fail(ctx, f, err, start)
			}
		}
	})
}

// connect makes what is missing of connection and session.
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
	if v.session == nil {
		session, err := v.openSession(ctx)
		if err != nil {
			return err
		}
		v.session = session
	}
	return nil
}

// errNoBus is made without asking the library: where it finds no address it
// would run dbus-launch, which starts a bus of its own that nobody ends.
var errNoBus = errors.New("no session bus: DBUS_SESSION_BUS_ADDRESS is not set and /run/user has none")

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

// call is one D-Bus call that ends with ctx.
func (v *secretService) call(ctx context.Context, path dbus.ObjectPath, method string, args ...any) error {
	return v.svc.Obj(path).CallWithContext(ctx, method, 0, args...).Err
}

func (v *secretService) property(ctx context.Context, path dbus.ObjectPath, iface, name string, to any) error {
	var value dbus.Variant
	err := v.svc.Obj(path).CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0, iface, name).Store(&value)
	if err != nil {
		return err
	}
	return value.Store(to)
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

func isDBus(err error, name string) bool { return errorName(err) == name }

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

// noiseError says that an answer cannot be decrypted. The key of the session is
// at fault: what is stored is neither absent nor known to be damaged.
type noiseError struct{}

func (*noiseError) Error() string { return "what the service sent cannot be decrypted" }

// fail turns whatever came back into this package's errors.
func (v *secretService) fail(ctx context.Context, f Fact, err error, start time.Time) error {
	var typed interface{ facts() Fact }
	if errors.As(err, &typed) {
		return err
	}
	f.Err, f.Detail = err, err.Error()
	var bus *busError
	var dismissed ss.PromptDismissedError
	switch {
	case ctx.Err() != nil:
		return stopped(ctx, f, start)
	case errors.Is(err, errNoBus), errors.As(err, &bus):
		return &UnavailableError{f, NoBus}
	case errors.As(err, &dismissed):
		return &LockedError{f, true}
	case lost(err), errors.As(err, new(*noiseError)):
		return &UnavailableError{f, Offline}
	}
	switch errorName(err) {
	case errIsLocked:
		return &LockedError{f, false}
	case "org.freedesktop.DBus.Error.AccessDenied", "org.freedesktop.DBus.Error.AuthFailed":
		return &DeniedError{f}
	case "org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner",
		"org.freedesktop.DBus.Error.Spawn.ServiceNotFound", "org.freedesktop.DBus.Error.Spawn.ExecFailed",
		"org.freedesktop.DBus.Error.Spawn.ChildExited", "org.freedesktop.DBus.Error.Spawn.Failed":
		return &UnavailableError{f, NoService}
	case "org.freedesktop.DBus.Error.NoReply", "org.freedesktop.DBus.Error.Disconnected", "org.freedesktop.DBus.Error.Timeout",
		"org.freedesktop.DBus.Error.TimedOut":
		return &UnavailableError{f, Offline}
	}
	return &FailedError{f}
}
