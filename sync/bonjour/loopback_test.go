package bonjour

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/grandcat/zeroconf"

	"healthsync/sync/testenv"
)

// The tests of this file need no privileges and send nothing beyond this
// machine: everything is announced and looked for on the loopback interface.

func loopback(t testing.TB) []net.Interface {
	t.Helper()
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	lo := slices.DeleteFunc(all, func(i net.Interface) bool { return i.Flags&net.FlagLoopback == 0 || i.Flags&net.FlagUp == 0 })
	if len(lo) == 0 {
		testenv.Missing(t, "there is no loopback interface")
	}
	return lo[:1]
}

func onLoopback(t testing.TB) *Browser {
	lo := loopback(t)
	return &Browser{Interfaces: func() ([]net.Interface, error) { return lo, nil }}
}

// unique keeps runs of the tests, at the same time on one machine, apart.
func unique(name string) string { return fmt.Sprintf("%s %d", name, os.Getpid()) }

func announce(t testing.TB, name string, port int, text ...string) *Announcer {
	t.Helper()
	a, err := Announce(Announcement{
		Name: name, Host: "Anas-iPhone.local", Port: port, Addrs: []netip.Addr{netip.MustParseAddr("127.0.0.1")}, Text: text,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

func named(name string) func(Instance) bool { return func(i Instance) bool { return i.Name == name } }

func TestAnnounceAndFind(t *testing.T) {
	t.Parallel()
	b := onLoopback(t)
	for _, name := range []string{unique("Ada’s iPhone (2)"), unique("iPhone 15.2; \"Pro\"") + "."} {
		announce(t, name, 8443, "v=1")
		got, ok, err := b.Find(t.Context(), 10*time.Second, named(name))
		if err != nil || !ok {
			t.Fatalf("%s: %v, %v", name, ok, err)
		}
		want := Instance{Name: name, Host: "Anas-iPhone.local", Port: 8443, Addrs: []netip.Addr{netip.MustParseAddr("127.0.0.1")}, Text: []string{"v=1"}}
		if !got.equal(want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	}
	list, err := b.Browse(t.Context(), 3*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, i := range list {
		if i.Port == 8443 && i.Host == "Anas-iPhone.local" {
			found++
		}
	}
	if found < 2 {
		t.Errorf("of two phones %d were found: %+v", found, list)
	}
}

// A browser that asks for the instance itself, as avahi-browse -r may, is
// answered only if the name is registered in the form in which it is read.
func TestAnnouncementAnswersForItsInstance(t *testing.T) {
	t.Parallel()
	name := unique("Ana's iPhone (3)")
	announce(t, name, 8444)
	lookup := func(instance string) bool {
		r, err := zeroconf.NewResolver(zeroconf.SelectIfaces(loopback(t)), zeroconf.SelectIPTraffic(zeroconf.IPv4))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		entries := make(chan *zeroconf.ServiceEntry)
		if err := r.Lookup(ctx, instance, Service, "local.", entries); err != nil {
			t.Fatal(err)
		}
		ok := false
		for e := range entries {
			ok = ok || e.Port == 8444
			cancel()
		}
		return ok
	}
	if !lookup(escape(name)) {
		t.Error("not found")
	}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	name := unique("Ana's iPhone")
	b := onLoopback(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	events := make(chan Event, 100)
	done := make(chan error, 1)
	go func() {
		done <- b.Watch(ctx, WatchOptions{Window: 300 * time.Millisecond, Misses: 2}, func(e Event) {
			if e.Instance.Name == name || e.Kind >= Trouble {
				events <- e
			}
		})
	}()
	next := func(kind EventKind, port int) {
		t.Helper()
		select {
		case e := <-events:
			if e.Kind != kind || e.Instance.Port != port {
				t.Fatalf("got %v %+v %v, want %v :%d", e.Kind, e.Instance, e.Err, kind, port)
			}
		case <-ctx.Done():
			t.Fatalf("no event, want %v :%d", kind, port)
		}
	}
	first := announce(t, name, 1001)
	next(Appeared, 1001)
	first.Close()
	second := announce(t, name, 1002) // sharing started again
	next(Changed, 1002)
	second.Close()
	next(Gone, 1002)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestNetworkTrouble(t *testing.T) {
	t.Parallel()
	var bad *NetworkError
	none := &Browser{Interfaces: func() ([]net.Interface, error) { return nil, nil }}
	if list, err := none.Browse(t.Context(), time.Second); !errors.As(err, &bad) || len(list) != 0 {
		t.Errorf("got %v, %v", list, err)
	}
	if _, ok, err := none.Find(t.Context(), time.Second, func(Instance) bool { return true }); !errors.As(err, &bad) || ok {
		t.Errorf("got %v, %v", ok, err)
	}
	missing := &Browser{Interfaces: func() ([]net.Interface, error) { return []net.Interface{{Index: 1 << 20, Name: "gone0"}}, nil }}
	if _, err := missing.Browse(t.Context(), time.Second); !errors.As(err, &bad) || len(bad.Interfaces) != 1 {
		t.Errorf("got %v", err)
	}

	// An interface that comes later: trouble is told once, and so is its end.
	lo := loopback(t)
	up := make(chan struct{})
	late := &Browser{Interfaces: func() ([]net.Interface, error) {
		select {
		case <-up:
			return lo, nil
		default:
			return nil, nil
		}
	}}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	poke := make(chan struct{}, 1)
	var kinds []EventKind
	_ = late.Watch(ctx, WatchOptions{Window: 50 * time.Millisecond, Poke: poke}, func(e Event) {
		switch e.Kind {
		case Trouble:
			close(up)
			poke <- struct{}{}
		case Recovered:
			cancel()
		}
		if e.Kind >= Trouble {
			kinds = append(kinds, e.Kind)
		}
	})
	if !slices.Equal(kinds, []EventKind{Trouble, Recovered}) {
		t.Errorf("got %v", kinds)
	}
}

func TestAnnounceErrors(t *testing.T) {
	good := Announcement{Name: "x", Host: "x", Port: 1, Addrs: []netip.Addr{netip.MustParseAddr("127.0.0.1")}}
	for name, change := range map[string]func(*Announcement){
		"no name":         func(a *Announcement) { a.Name = "" },
		"long name":       func(a *Announcement) { a.Name = string(make([]byte, 64)) },
		"no host":         func(a *Announcement) { a.Host = "" },
		"no port":         func(a *Announcement) { a.Port = 0 },
		"no address":      func(a *Announcement) { a.Addrs = nil },
		"another machine": func(a *Announcement) { a.Addrs = []netip.Addr{netip.MustParseAddr("203.0.113.9")} },
	} {
		a := good
		change(&a)
		if got, err := Announce(a); err == nil {
			got.Close()
			t.Errorf("%s: no error", name)
		}
	}
}

// Rounds leave neither goroutines nor sockets behind, found or not.
func TestNothingIsLeftBehind(t *testing.T) {
	name := unique("Ana's iPhone")
	a := announce(t, name, 1003)
	lo := loopback(t)
	once := func() (found bool) {
		ctx, cancel := context.WithTimeout(t.Context(), 40*time.Millisecond)
		defer cancel()
		if err := round(ctx, lo, false, func(i Instance) { found = found || i.Name == name }); err != nil {
			t.Fatal(err)
		}
		return found
	}
	count := func() (goroutines, files int) {
		entries, _ := os.ReadDir("/proc/self/fd")
		return runtime.NumGoroutine(), len(entries)
	}
	once()
	goroutines, files := count()
	found := 0
	for range 60 {
		if once() {
			found++
		}
	}
	if found == 0 {
		t.Error("nothing was found")
	}
	for deadline := time.Now().Add(5 * time.Second); ; {
		g, f := count()
		if g <= goroutines && f <= files {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines and %d files, before %d and %d", g, f, goroutines, files)
		}
		time.Sleep(20 * time.Millisecond)
	}
	a.Close()
	a.Close() // twice is once
}

func TestInterfaces(t *testing.T) {
	for name, want := range map[string]bool{
		"en0": true, "en12": true, "eth0": true, "wlan0": true, "wlp3s0": true, "enp0s31f6": true, "br0": true,
		"awdl0": false, "llw0": false, "utun3": false, "docker0": false, "br-1a2b": false, "vethab12": false, "tailscale0": false,
		"bridge100": false, "ap1": false, "apple0": true, "wg0": false, "tun0": false, "virbr0": false,
	} {
		i := net.Interface{Name: name, Flags: net.FlagUp | net.FlagMulticast}
		if usable(i) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
	if usable(net.Interface{Name: "en0", Flags: net.FlagMulticast}) {
		t.Error("down")
	}
	if !usable(net.Interface{Name: "lo", Flags: net.FlagUp | net.FlagLoopback}) {
		t.Error("loopback")
	}
}

func TestFromEntry(t *testing.T) {
	ip := func(s string) net.IP { return net.ParseIP(s) }
	e := zeroconf.NewServiceEntry(`Evil\027[2J\ iPhone`, Service, "local")
	e.HostName, e.Port = "h.local.", 8443
	e.AddrIPv4 = []net.IP{ip("192.168.1.2"), ip("192.168.1.2"), ip("0.0.0.0"), ip("224.0.0.251")}
	e.AddrIPv6 = []net.IP{ip("fe80::1"), ip("fd00::1"), ip("ff02::fb")}
	for range 100 {
		e.Text = append(e.Text, "a", "")
	}
	for zone, want := range map[string]string{"": "[192.168.1.2 fd00::1]", "en0": "[192.168.1.2 fe80::1%en0 fd00::1]"} {
		i, ok := fromEntry(e, zone, false)
		if !ok || i.Name != "Evil\ufffd[2J iPhone" || fmt.Sprint(i.Addrs) != want || len(i.Text) != maxText {
			t.Errorf("%+v", i)
		}
	}
	// Loopback from the network would be this computer.
	e.AddrIPv4, e.AddrIPv6 = []net.IP{ip("127.0.0.1"), ip("10.0.0.2")}, []net.IP{ip("::1")}
	for loop, want := range map[bool]string{false: "[10.0.0.2]", true: "[127.0.0.1 10.0.0.2 ::1]"} {
		if i, ok := fromEntry(e, "", loop); !ok || fmt.Sprint(i.Addrs) != want {
			t.Errorf("loopback alone %v: %v, want %s", loop, i.Addrs, want)
		}
	}
	e.Port = 0
	if _, ok := fromEntry(e, "", false); ok {
		t.Error("a phone without a port")
	}
}
