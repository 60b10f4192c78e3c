package bonjour

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grandcat/zeroconf"
	"golang.org/x/net/ipv4"

	"healthsync/sync/testenv"
)

// The tests of this file need no privileges and send nothing beyond this
// machine: everything is announced and looked for on the loopback interface.

func loopback(t testing.TB) []net.Interface {
	t.Helper()
	all, err := Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	lo := slices.DeleteFunc(all, func(i net.Interface) bool { return i.Flags&net.FlagLoopback == 0 })
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

// hostOf gives each name a host of its own.
func hostOf(name string) string {
	return strings.Map(func(r rune) rune {
		if r < 'a' && (r < '0' || r > '9') || r > 'z' {
			return '-'
		}
		return r
	}, strings.ToLower(name)) + ".local"
}

func announce(t testing.TB, name string, port int) *Announcer {
	t.Helper()
	a, err := Announce(Announcement{Name: name, Host: hostOf(name), Port: port, Addrs: []netip.Addr{netip.MustParseAddr("127.0.0.1")}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

// watcher is a watch at work, of instances of one name.
type watcher struct {
	t      *testing.T
	events chan Event
	cancel func()
	done   chan error
}

func watch(t *testing.T, b *Browser, o WatchOptions, name string) *watcher {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	w := &watcher{t, make(chan Event, 1000), cancel, make(chan error, 1)}
	t.Cleanup(cancel)
	go func() {
		w.done <- b.Watch(ctx, o, func(e Event) {
			if e.Kind != Again && (e.Instance.Name == name || e.Kind >= Failed) {
				w.events <- e
			}
		})
	}()
	return w
}

// next waits for an event, and says something over and over meanwhile: on the
// network, too, an announcement is made several times.
func (w *watcher) next(kind EventKind, port int, say func()) Instance {
	w.t.Helper()
	for {
		if say != nil {
			say()
		}
		select {
		case e := <-w.events:
			if e.Kind != kind || e.Instance.Port != port {
				w.t.Fatalf("got %v %+v %v, want %v :%d", e.Kind, e.Instance, e.Err, kind, port)
			}
			return e.Instance
		case err := <-w.done:
			w.t.Fatalf("ended with %v, want %v :%d", err, kind, port)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func TestAnnounceAndFind(t *testing.T) {
	t.Parallel()
	b := onLoopback(t)
	for _, name := range []string{unique("Ada’s iPhone (2)"), unique("iPhone 15.2; \"Pro\"") + "."} {
		announce(t, name, 8443)
		want := Instance{Name: name, Host: hostOf(name), Port: 8443, Addrs: []netip.Addr{netip.MustParseAddr("127.0.0.1")}}
		got, ok, err := b.Find(t.Context(), 10*time.Second, func(i Instance) bool { return i.Name == name })
		if err != nil || !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v, %v, %v\nwant %+v", got, ok, err, want)
		}
		addrs, err := b.LookupNetIP(t.Context(), "ip", strings.ToUpper(hostOf(name))+".")
		if err != nil || !slices.Equal(addrs, want.Addrs) {
			t.Errorf("%s resolves to %v, %v", hostOf(name), addrs, err)
		}
	}
	if _, ok, err := b.Find(t.Context(), 100*time.Millisecond, func(Instance) bool { return false }); ok || err != nil {
		t.Errorf("nobody: %v, %v", ok, err)
	}
	var unknown *net.DNSError
	if _, err := b.LookupNetIP(t.Context(), "ip", "nobody-of-that-name.local"); !errors.As(err, &unknown) || !unknown.IsNotFound {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := b.LookupNetIP(ctx, "ip", "nobody-of-that-name.local"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	for _, quiet := range []bool{false, true} {
		name := unique(fmt.Sprint("Watched ", quiet))
		w := watch(t, onLoopback(t), WatchOptions{Quiet: quiet}, name)
		time.Sleep(100 * time.Millisecond) // it listens
		first := announce(t, name, 1001)
		w.next(Appeared, 1001, nil)
		first.Close()
		second := announce(t, name, 1002) // sharing started again
		w.next(Changed, 1002, nil)
		second.Close()
		w.next(Gone, 1002, nil)
		w.cancel()
		if err := <-w.done; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
}

// A browser that asks for the instance itself, as avahi-browse -r may, is
// answered only if the name is registered in the form in which it is read.
func TestAnnouncementAnswersForItsInstance(t *testing.T) {
	t.Parallel()
	name := unique("Ana's iPhone (3)")
	announce(t, name, 8444)
	r, err := zeroconf.NewResolver(zeroconf.SelectIfaces(loopback(t)), zeroconf.SelectIPTraffic(zeroconf.IPv4))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	entries := make(chan *zeroconf.ServiceEntry)
	if err := r.Lookup(ctx, escape(name), Service, "local.", entries); err != nil {
		t.Fatal(err)
	}
	found := false
	for e := range entries {
		found = found || e.Port == 8444
		cancel()
	}
	if !found {
		t.Error("not found")
	}
}

// speaker says records of its own making on the loopback interface.
type speaker struct {
	t *testing.T
	p *ipv4.PacketConn
}

func newSpeaker(t *testing.T) speaker {
	t.Helper()
	c, err := open("udp4", group4)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return speaker{t, ipv4.NewPacketConn(c.UDPConn)}
}

func (s speaker) say(records ...string) {
	s.t.Helper()
	data, err := response(s.t, records...).Pack()
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.p.WriteTo(data, &ipv4.ControlMessage{IfIndex: loopback(s.t)[0].Index}, group4); err != nil {
		s.t.Fatal(err)
	}
}

// phone gives the records of an instance: its name, its place, its address.
func phone(name string, port int, addr string) []string {
	full := escape(name) + "._healthsync._tcp.local."
	return []string{
		"_healthsync._tcp.local. 4500 IN PTR " + full,
		fmt.Sprintf("!%s 120 IN SRV 0 0 %d %s.", full, port, hostOf(name)),
		fmt.Sprintf("!%s. 120 IN A %s", hostOf(name), addr),
	}
}

// Each change is reported when it is said. What an announcement leaves out is
// asked for, and answered by the announcer that it belongs to.
func TestWatchHearsChanges(t *testing.T) {
	t.Parallel()
	s := newSpeaker(t)
	name := unique("Spoken")
	w := watch(t, onLoopback(t), WatchOptions{Quiet: true}, name)
	w.next(Appeared, 1001, func() { s.say(phone(name, 1001, "127.0.0.1")...) })
	w.next(Changed, 1002, func() { s.say(phone(name, 1002, "127.0.0.1")...) })
	time.Sleep(grace)
	i := w.next(Changed, 1002, func() { s.say(phone(name, 1002, "127.0.0.2")[2]) })
	if fmt.Sprint(i.Addrs) != "[127.0.0.2]" {
		t.Errorf("got %+v", i)
	}
	w.next(Gone, 1002, func() { s.say("_healthsync._tcp.local. 0 IN PTR " + escape(name) + "._healthsync._tcp.local.") })

	name = unique("Asked")
	announce(t, name, 1234)
	time.Sleep(4 * time.Second) // its announcements are over
	w = watch(t, onLoopback(t), WatchOptions{Quiet: true}, name)
	w.next(Appeared, 1234, func() { s.say(phone(name, 0, "")[0]) })
}

func TestNetworkTrouble(t *testing.T) {
	t.Parallel()
	for names, list := range map[string][]net.Interface{"[]": nil, "[gone0]": {{Index: 1 << 20, Name: "gone0"}}} {
		b := &Browser{Interfaces: func() ([]net.Interface, error) { return list, nil }}
		var bad *NetworkError
		if _, ok, err := b.Find(t.Context(), time.Second, func(Instance) bool { return true }); !errors.As(err, &bad) || ok || fmt.Sprint(bad.Interfaces) != names {
			t.Errorf("%s: got %v, %v", names, ok, err)
		}
		if _, err := b.LookupNetIP(t.Context(), "ip", "ana.local"); !errors.As(err, &bad) {
			t.Errorf("%s: got %v", names, err)
		}
	}
}

// Interfaces come and go under a running watch.
func TestInterfacesComeAndGo(t *testing.T) {
	t.Parallel()
	s := newSpeaker(t)
	name := unique("Come and gone")
	var mu sync.Mutex
	var now []net.Interface
	poke := make(chan struct{})
	set := func(i []net.Interface) {
		mu.Lock()
		defer mu.Unlock()
		now = i
	}
	b := &Browser{Interfaces: func() ([]net.Interface, error) {
		mu.Lock()
		defer mu.Unlock()
		return now, nil
	}}
	w := watch(t, b, WatchOptions{Quiet: true, Poke: poke}, name)
	w.next(Failed, 0, nil)
	set(loopback(t))
	poke <- struct{}{}
	w.next(Recovered, 0, nil)
	w.next(Appeared, 1002, func() { s.say(phone(name, 1002, "127.0.0.1")...) })
	set(nil)
	poke <- struct{}{}
	w.next(Failed, 0, nil)
	w.next(Gone, 1002, nil)
	set(loopback(t))
	poke <- struct{}{}
	w.next(Recovered, 0, nil)
	w.next(Appeared, 1003, func() { s.say(phone(name, 1003, "127.0.0.1")...) })
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

// Watches, searches and an announcement leave neither goroutines nor sockets
// behind, whether they end at once, a little later, or with a find.
func TestNothingIsLeftBehind(t *testing.T) {
	b := onLoopback(t)
	name := unique("Left behind")
	count := func() (goroutines, files int) {
		entries, _ := os.ReadDir("/proc/self/fd")
		return runtime.NumGoroutine(), len(entries)
	}
	goroutines, files := count()
	a := announce(t, name, 1003)
	times := 300
	if testing.Short() {
		times = 30
	}
	for n := range times {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(n%5)*time.Millisecond)
		var both sync.WaitGroup
		both.Go(func() { _ = b.Watch(ctx, WatchOptions{Quiet: n%2 == 0}, func(Event) {}) })
		both.Go(func() { _, _, _ = b.Find(ctx, time.Minute, func(Instance) bool { return true }) })
		both.Wait()
		cancel()
	}
	if _, ok, err := b.Find(t.Context(), 10*time.Second, func(i Instance) bool { return i.Name == name }); !ok {
		t.Errorf("not found: %v", err)
	}
	a.Close()
	a.Close() // twice is once
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		g, f := count()
		if g <= goroutines && f <= files {
			return
		}
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<16)
			t.Fatalf("%d goroutines and %d files, before %d and %d\n%s", g, f, goroutines, files, buf[:runtime.Stack(buf, true)])
		}
	}
}

// Flags exclude interfaces, names do not.
func TestInterfaces(t *testing.T) {
	const up, cast = net.FlagUp, net.FlagMulticast
	for flags, want := range map[net.Flags]bool{
		up | cast: true, up | net.FlagLoopback: true, cast: false, up: false, up | cast | net.FlagPointToPoint: false,
	} {
		if usable(flags) != want {
			t.Errorf("%v: %v", flags, !want)
		}
	}
	if rarity("en0") >= rarity("bridge100") || rarity("wlp3s0") >= rarity("veth1a2b") || rarity("br0") >= rarity("br-lan") {
		t.Error("rare ones are not the last")
	}
}
