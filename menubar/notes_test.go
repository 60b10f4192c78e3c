//go:build linux

package menubar_test

import (
	"sync"
	"testing"

	"github.com/godbus/dbus/v5"
)

// Note is a notification as the daemon got it.
type Note struct {
	App, Summary, Body string
	Picture            bool
}

// Notes is a notification daemon that shows nothing and writes down all.
type Notes struct {
	mu   sync.Mutex
	all  []Note
	conn *dbus.Conn
}

type notesObject struct{ n *Notes }

// GetCapabilities says that bodies are read as markup.
func (o notesObject) GetCapabilities() ([]string, *dbus.Error) {
	return []string{"body", "body-markup"}, nil
}

// GetServerInformation names the daemon.
func (o notesObject) GetServerInformation() (name, vendor, version, spec string, _ *dbus.Error) {
	return "recorder", "test", "1", "1.2", nil
}

// CloseNotification does nothing.
func (o notesObject) CloseNotification(uint32) *dbus.Error { return nil }

// Notify takes a notification.
func (o notesObject) Notify(app string, _ uint32, _, summary, body string, _ []string, hints map[string]dbus.Variant, _ int32) (uint32, *dbus.Error) {
	o.n.mu.Lock()
	defer o.n.mu.Unlock()
	_, picture := hints["image-data"]
	o.n.all = append(o.n.all, Note{app, summary, body, picture})
	return uint32(len(o.n.all)), nil
}

// StartNotes starts the daemon.
func StartNotes(t testing.TB, addr string) *Notes {
	t.Helper()
	n := &Notes{conn: Connect(t, addr)}
	must(t, n.conn.Export(notesObject{n}, "/org/freedesktop/Notifications", "org.freedesktop.Notifications"))
	if _, err := n.conn.RequestName("org.freedesktop.Notifications", dbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}
	return n
}

// All gives what was shown so far.
func (n *Notes) All() []Note {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]Note(nil), n.all...)
}
