//go:build linux

package menubar_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/godbus/dbus/v5/prop"
)

// Connect connects to a bus for the length of the test.
func Connect(t testing.TB, addr string) *dbus.Conn {
	t.Helper()
	conn, err := dbus.Connect(addr)
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// Watcher is a host for icons without a screen: it owns
// org.kde.StatusNotifierWatcher.
type Watcher struct {
	conn *dbus.Conn
	// Registered has the name on the bus of each icon that registers.
	Registered chan string
}

const watcherName = "org.kde.StatusNotifierWatcher"

type watcherObject struct{ w *Watcher }

// RegisterStatusNotifierItem is what an icon calls. Its argument is an object
// path, so the sender says whose it is.
func (o watcherObject) RegisterStatusNotifierItem(_ string, from dbus.Sender) *dbus.Error {
	o.w.Registered <- string(from)
	return nil
}

// RegisterStatusNotifierHost is for hosts.
func (o watcherObject) RegisterStatusNotifierHost(string) *dbus.Error { return nil }

// StartWatcher starts a host.
func StartWatcher(t testing.TB, addr string) *Watcher {
	t.Helper()
	w := &Watcher{conn: Connect(t, addr), Registered: make(chan string, 64)}
	must(t, w.conn.Export(watcherObject{w}, "/StatusNotifierWatcher", watcherName))
	if _, err := prop.Export(w.conn, "/StatusNotifierWatcher", prop.Map{watcherName: {
		"IsStatusNotifierHostRegistered": {Value: true}, "ProtocolVersion": {Value: int32(0)}, "RegisteredStatusNotifierItems": {Value: []string{}},
	}}); err != nil {
		t.Fatal(err)
	}
	if r, err := w.conn.RequestName(watcherName, dbus.NameFlagDoNotQueue); err != nil || r != dbus.RequestNameReplyPrimaryOwner {
		t.Fatalf("the name of the watcher: %v %v", r, err)
	}
	return w
}

// Stop goes away as a panel does that crashes.
func (w *Watcher) Stop() { _ = w.conn.Close() }

// Wait waits for an icon and gives it.
func (w *Watcher) Wait(t testing.TB, d time.Duration) Item {
	t.Helper()
	select {
	case name := <-w.Registered:
		return Item{Conn: w.conn, Name: name}
	case <-time.After(d):
		t.Fatalf("no icon was registered in %s", d)
	}
	return Item{}
}

// Item is an icon with its menu, as a panel sees it.
type Item struct {
	Conn *dbus.Conn
	Name string // on the bus
}

func (i Item) icon() dbus.BusObject { return i.Conn.Object(i.Name, "/StatusNotifierItem") }
func (i Item) menu() dbus.BusObject { return i.Conn.Object(i.Name, "/StatusNotifierItem/menu") }

// Properties are those of org.kde.StatusNotifierItem.
func (i Item) Properties() (map[string]dbus.Variant, error) {
	var m map[string]dbus.Variant
	err := i.icon().Call("org.freedesktop.DBus.Properties.GetAll", 0, "org.kde.StatusNotifierItem").Store(&m)
	return m, err
}

// Pixmap is the icon: 32 bits a pixel, alpha first.
type Pixmap struct {
	W, H int32
	Pix  []byte
}

// Icon is what is shown.
func (i Item) Icon() (Pixmap, error) {
	v, err := i.icon().GetProperty("org.kde.StatusNotifierItem.IconPixmap")
	if err != nil {
		return Pixmap{}, err
	}
	var p []Pixmap
	if err := v.Store(&p); err != nil {
		return Pixmap{}, err
	}
	if len(p) != 1 || p[0].W == 0 {
		return Pixmap{}, errors.New("no picture")
	}
	return p[0], nil
}

// Node is a row.
type Node struct {
	ID       int32
	Props    map[string]dbus.Variant
	Children []*Node
}

// Label is the row's text, as a panel draws it: an underscore marks a key, two
// of them are one.
func (n *Node) Label() string {
	s, _ := n.Props["label"].Value().(string)
	s = strings.ReplaceAll(s, "__", "\x00")
	return strings.ReplaceAll(strings.ReplaceAll(s, "_", ""), "\x00", "_")
}

func (n *Node) flag(key string) bool {
	b, ok := n.Props[key].Value().(bool)
	return b || !ok
}

// Visible says whether the row is shown, Enabled whether it can be clicked.
func (n *Node) Visible() bool { return n.flag("visible") }

// Enabled says whether the row can be clicked.
func (n *Node) Enabled() bool { return n.flag("enabled") }

// Checked says whether the row has its mark.
func (n *Node) Checked() bool { v, _ := n.Props["toggle-state"].Value().(int32); return v == 1 }

// Separator says whether the row is one.
func (n *Node) Separator() bool { s, _ := n.Props["type"].Value().(string); return s == "separator" }

// Find gives the visible row whose label contains a text.
func (n *Node) Find(label string) *Node {
	for _, c := range n.Children {
		if !c.Visible() {
			continue
		}
		if !c.Separator() && strings.Contains(c.Label(), label) {
			return c
		}
		if f := c.Find(label); f != nil {
			return f
		}
	}
	return nil
}

// String draws the visible rows.
func (n *Node) String() string {
	var b strings.Builder
	var draw func(*Node, string)
	draw = func(n *Node, indent string) {
		for _, c := range n.Children {
			switch {
			case !c.Visible():
				continue
			case c.Separator():
				b.WriteString(indent + "---\n")
				continue
			}
			b.WriteString(indent + c.Label())
			if kind, _ := c.Props["toggle-type"].Value().(string); kind == "checkmark" {
				b.WriteString(map[bool]string{true: "  [x]", false: "  [ ]"}[c.Checked()])
			}
			if !c.Enabled() {
				b.WriteString("  (greyed)")
			}
			b.WriteString("\n")
			draw(c, indent+"    ")
		}
	}
	draw(n, "")
	return b.String()
}

type layout struct {
	ID       int32
	Props    map[string]dbus.Variant
	Children []dbus.Variant
}

func (l layout) node() (*Node, error) {
	n := &Node{ID: l.ID, Props: l.Props}
	for _, v := range l.Children {
		var c layout
		if err := v.Store(&c); err != nil {
			return nil, err
		}
		child, err := c.node()
		if err != nil {
			return nil, err
		}
		n.Children = append(n.Children, child)
	}
	return n, nil
}

// Menu reads the menu. The library answers its first reader one level deep, so
// it is read until the submenus have rows.
func (i Item) Menu(ctx context.Context) (*Node, error) {
	for {
		var revision uint32
		var l layout
		if err := i.menu().CallWithContext(ctx, "com.canonical.dbusmenu.GetLayout", 0, int32(0), int32(-1), []string{}).Store(&revision, &l); err != nil {
			return nil, err
		}
		n, err := l.node()
		if err != nil {
			return nil, err
		}
		whole := len(n.Children) > 0
		for _, c := range n.Children {
			kind, _ := c.Props["children-display"].Value().(string)
			whole = whole && (kind != "submenu" || len(c.Children) > 0)
		}
		if whole {
			return n, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

type menuEvent struct {
	ID   int32
	Name string
	Data dbus.Variant
	Time uint32
}

// Click clicks on rows, all in one call of EventGroup, as libdbusmenu does.
func (i Item) Click(ids ...int32) error {
	var events []menuEvent
	for _, id := range ids {
		events = append(events, menuEvent{id, "clicked", dbus.MakeVariant(int32(0)), 0})
	}
	return i.menu().Call("com.canonical.dbusmenu.EventGroup", 0, events).Err
}

// ClickSingly clicks on rows by one call of Event each, without waiting for
// the answers, as others do.
func (i Item) ClickSingly(ids ...int32) error {
	done := make(chan *dbus.Call, len(ids))
	for _, id := range ids {
		i.menu().Go("com.canonical.dbusmenu.Event", 0, done, id, "clicked", dbus.MakeVariant(int32(0)), uint32(0))
	}
	var errs []error
	for range ids {
		errs = append(errs, (<-done).Err)
	}
	return errors.Join(errs...)
}

// WaitFor reads the menu until a row says what is wanted, and gives it with
// the time that it took. It gives up when the menu has been as it is for d: a
// sync that moves on a busy machine is waited for.
func (i Item) WaitFor(t testing.TB, d time.Duration, label string) (*Node, time.Duration) {
	t.Helper()
	begin := time.Now()
	last, since := "", begin
	read := func() *Node {
		ctx, cancel := context.WithTimeout(t.Context(), d)
		defer cancel()
		m, err := i.Menu(ctx)
		if err != nil {
			return nil
		}
		if text := m.String(); text != last {
			last, since = text, time.Now()
		}
		return m.Find(label)
	}
	for {
		if n := read(); n != nil {
			return n, time.Since(begin)
		}
		if time.Since(since) > d {
			t.Fatalf("no row says %q, for %s; the menu is:\n%s", label, d, last)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// ItemOf is the icon of a process.
func ItemOf(conn *dbus.Conn, pid int) Item {
	return Item{Conn: conn, Name: fmt.Sprintf("org.kde.StatusNotifierItem-%d-1", pid)}
}
