//go:build !darwin

package menubar

import (
	"context"
	"errors"
	"strings"
	"time"

	"fyne.io/systray"
	"github.com/godbus/dbus/v5"
)

// label writes a text for a menu of com.canonical.dbusmenu, where a single
// underscore marks the key of a row.
func label(s string) string { return strings.ReplaceAll(s, "_", "__") }

// picture is the icon in the form of this system.
func (t *Tray) picture(i Icon) ([]byte, error) { return i.Tray() }

// setIcon keeps the picture for the next bus where this one is just dying: the
// library notes it, then panics over the property that it cannot change
// (systray_unix.go, SetIcon; prop.SetMust).
func (t *Tray) setIcon(png []byte) {
	defer func() {
		if lost := recover(); lost != nil {
			t.icon = nil
			t.source.Log.Warn("the icon was not drawn", "err", lost)
		}
	}()
	systray.SetIcon(png)
}

// dialTime bounds a connection to the bus: a bus that accepts and says nothing
// would hold godbus for ever.
const dialTime = 5 * time.Second

// busAgain is how often a bus that is gone is looked for.
const busAgain = 2 * time.Second

// run keeps the icon on whatever session bus there is. The library connects
// once and notices nothing when the bus dies; but its start can be called
// again, on a new bus, with the menu that is built already
// (systray_unix.go, nativeStart).
//
// Everything is set before the start, while no bus knows of it: what is set
// during it may be lost (it is read into the properties before they are there
// to be changed).
func (t *Tray) run(ctx context.Context) error {
	start, _ := systray.RunWithExternalLoop(nil, nil) // its end would panic without a bus
	t.build()
	systray.SetTitle("HealthSync")
	quiet := false
	for {
		conn, err := sessionBus(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !quiet:
			t.source.Log.Warn("no session bus, so no icon; the rest works", "err", err)
			quiet = true
		}
		if err != nil {
			if sleep(ctx, busAgain) != nil {
				return nil
			}
			continue
		}
		quiet = false
		t.forget()
		t.redraw()
		start()
		t.source.Log.Info("the icon is on the session bus")
		t.untilGone(ctx, conn)
		if ctx.Err() != nil {
			return nil
		}
		t.source.Log.Warn("the session bus is gone, and the icon with it")
	}
}

// untilGone draws until the bus dies.
func (t *Tray) untilGone(ctx context.Context, conn *dbus.Conn) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(conn.Context(), cancel)
	defer stop()
	defer cancel()
	t.draw(ctx)
}

// sessionBus connects as the library is about to: both share godbus' one
// connection.
func sessionBus(ctx context.Context) (*dbus.Conn, error) {
	type result struct {
		conn *dbus.Conn
		err  error
	}
	done := make(chan result, 1)
	go func() {
		conn, err := dbus.SessionBus()
		done <- result{conn, err}
	}()
	select {
	case r := <-done:
		return r.conn, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(dialTime):
		return nil, errors.New("the session bus does not answer")
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
