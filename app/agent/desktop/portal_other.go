//go:build !darwin

package desktop

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
)

const (
	portalName = "org.freedesktop.portal.Desktop"
	portalPath = "/org/freedesktop/portal/desktop"
	chooser    = "org.freedesktop.portal.FileChooser"
	requestOf  = "org.freedesktop.portal.Request"
)

// portal asks for a file by the desktop's own window (xdg-desktop-portal,
// interface org.freedesktop.portal.FileChooser). "" means that the person
// chose none; an error, that there is no portal.
func portal(ctx context.Context, method, title, name string) (string, error) {
	conn, err := dbus.ConnectSessionBus(dbus.WithContext(ctx))
	if err != nil {
		return "", err
	}
	defer conn.Close()
	// The answer is a signal of an object that is made by the call; it may
	// come before the call returns, so all of them are listened to.
	if err := conn.AddMatchSignalContext(ctx, dbus.WithMatchInterface(requestOf),
		dbus.WithMatchMember("Response")); err != nil {
		return "", err
	}
	signals := make(chan *dbus.Signal, 8)
	conn.Signal(signals)
	options := map[string]dbus.Variant{}
	if name != "" {
		options["current_name"] = dbus.MakeVariant(name)
	}
	asking, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var handle dbus.ObjectPath
	call := conn.Object(portalName, portalPath).CallWithContext(asking, chooser+"."+method, 0, "", title, options)
	if err := call.Store(&handle); err != nil {
		return "", err
	}
	ctx, cancel = context.WithTimeout(ctx, longest)
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			return "", nil
		case s, ok := <-signals:
			if !ok {
				return "", errors.New("desktop: the portal's bus is gone")
			}
			if s.Path == handle {
				return chosenFile(s.Body)
			}
		}
	}
}

// chosenFile reads the portal's answer: 0 and a list of file URIs, or 1 for a
// window that was closed.
func chosenFile(body []any) (string, error) {
	var code uint32
	var results map[string]dbus.Variant
	if err := dbus.Store(body, &code, &results); err != nil {
		return "", err
	}
	if code != 0 {
		return "", nil
	}
	uris, ok := results["uris"].Value().([]string)
	if !ok || len(uris) == 0 {
		return "", errors.New("desktop: the portal names no file")
	}
	u, err := url.Parse(uris[0])
	if err != nil || u.Scheme != "file" || !strings.HasPrefix(u.Path, "/") {
		return "", errors.New("desktop: the portal names no local file")
	}
	return u.Path, nil
}
