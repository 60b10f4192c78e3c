//go:build linux

package menubar_test

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"healthsync/menubar"
	"healthsync/sync/bonjour"
	"healthsync/sync/testenv"
)

// The iPhone takes another address and another port, in the middle of a sync
// and while one waits for it: the app follows by itself, the sync goes on, and
// it is said once. In a network of its own, by Bonjour as it is.
func TestFollow(t *testing.T) {
	if testing.Short() {
		t.Skip("long: make test-all")
	}
	if !isolated(t) {
		return
	}
	d, _ := newDay(t)
	d.bonjour, d.history = "", 180
	n := &nomad{day: d}
	d.addrs = []netip.Addr{n.addr(0), n.addr(1), n.addr(2)}
	d.begin()
	n.announce()
	d.showCodeAt(n.addr(0).String())
	d.click("From Image File...")

	// It moves in the middle of the first sync.
	d.row("read")
	n.move(1)
	d.eventuallyIn(90*time.Second, "the whole history", func() bool {
		samples, _ := d.stored()
		return samples == d.whole()
	})
	d.item.WaitFor(t, 30*time.Second, "Last sync just now")
	d.icon(menubar.IconConnected)
	d.follows(n)
	d.said("Paired with Ana's iPhone", "has a new address")

	// A sync is due while it is away; it comes back elsewhere, and nobody clicks.
	n.leave()
	d.set("sync.interval", "15m")
	_, before := d.stored()
	d.clock(20 * time.Minute)
	d.click("Check Now")
	d.item.WaitFor(t, 30*time.Second, "Ana's iPhone - Not sharing") // Bonjour is listened to first
	d.icon(menubar.IconAway)
	n.move(2)
	d.eventuallyIn(90*time.Second, "the sync that waited", func() bool {
		_, runs := d.stored()
		return runs > before
	})
	d.row("Ana's iPhone - Connected")
	d.row("Last sync just now")
	d.follows(n)

	// Sharing stops and starts: another port, which is no news.
	n.move(2)
	d.click("Check Now")
	d.eventuallyIn(30*time.Second, "the new port", func() bool { return d.where() == n.place() })
	d.row("Ana's iPhone - Connected")

	// Once a day is enough, so the second address was not told.
	d.said("Paired with Ana's iPhone", "has a new address")
	d.quit()
}

// nomad is an iPhone that goes from address to address.
type nomad struct {
	day *day
	at  int
	a   *bonjour.Announcer
}

func (n *nomad) addr(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 77, 0, byte(20 + i)}) }

func (n *nomad) place() string { return fmt.Sprintf("%s:%d", n.addr(n.at), n.day.phone.Port()) }

func (n *nomad) announce() {
	n.day.t.Helper()
	a, err := bonjour.Announce(bonjour.Announcement{Name: n.day.phone.Name(), Host: n.day.phone.LocalName(), Port: n.day.phone.Port(), Addrs: []netip.Addr{n.addr(n.at)}})
	must(n.day.t, err)
	n.a = a
	n.day.t.Cleanup(a.Close)
}

// leave takes it off the network.
func (n *nomad) leave() {
	n.a.Close()
	n.day.phone.Stop()
}

// move takes it to another address, at which it takes a port that is free.
func (n *nomad) move(to int) {
	n.day.t.Helper()
	n.leave()
	n.at = to
	must(n.day.t, n.day.phone.Start(netip.AddrPortFrom(n.addr(to), 0).String()))
	n.announce()
}

// follows wants the settings to say where the iPhone is.
func (d *day) follows(n *nomad) {
	d.t.Helper()
	if got := d.where(); got != n.place() {
		d.t.Errorf("it is looked for at %s, and is at %s", got, n.place())
	}
}

// where is the place at which the iPhone is looked for.
func (d *day) where() string {
	d.t.Helper()
	get := func(key string) string {
		out, err := d.command("config", "get", key)
		if err != nil {
			d.t.Fatalf("%v\n%s", err, out)
		}
		return strings.TrimSpace(out)
	}
	return get("server.host") + ":" + get("server.port")
}

// isolated runs the test once more in a network namespace with one network that
// leads nowhere, and reports whether this process is the one inside.
func isolated(t *testing.T) bool {
	t.Helper()
	if os.Getenv("HEALTHSYNC_TEST_NETNS") == "1" {
		for _, args := range []string{"link set lo up", "link add home type veth peer name none", "link set none up", "link set home up", "addr add 10.77.0.20/24 dev home", "addr add 10.77.0.21/24 dev home", "addr add 10.77.0.22/24 dev home", "route add 224.0.0.0/4 dev home"} {
			if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
				t.Fatalf("ip %s: %v\n%s", args, err, out)
			}
		}
		return true
	}
	testenv.NeedTool(t, "ip", "iproute2")
	testenv.NeedTool(t, "dbus-daemon", "dbus")
	exe, err := os.Executable()
	must(t, err)
	cmd := exec.Command(exe, "-test.run", "^"+t.Name()+"$", "-test.v", "-test.timeout", "8m")
	cmd.Env = append(os.Environ(), "HEALTHSYNC_TEST_NETNS=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	var ran *exec.ExitError
	switch {
	case err == nil:
		t.Logf("%s", out)
	case errors.As(err, &ran):
		t.Errorf("%v\n%s", err, out)
	default:
		testenv.Missing(t, fmt.Sprintf("no network namespace is to be had: %v", err))
	}
	return false
}
