package bonjour

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grandcat/zeroconf"
)

// speaker says records of its own making on the loopback interface.
type speaker struct {
	t *testing.T
	s *sock
	i net.Interface
}

func newSpeaker(t *testing.T) *speaker {
	t.Helper()
	s, err := open4()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.close() })
	return &speaker{t, s, loopback(t)[0]}
}

func (s *speaker) say(records ...string) {
	s.t.Helper()
	data, err := response(s.t, records...).Pack()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.s.write(data, &s.i); err != nil {
		s.t.Fatal(err)
	}
}

// phone gives the records of an instance.
func (s *speaker) phone(name string, port int, addr string) []string {
	full := escape(name) + "._healthsync._tcp.local."
	host := fmt.Sprintf("spoken-%d.local.", os.Getpid())
	return []string{
		"_healthsync._tcp.local. 4500 IN PTR " + full,
		fmt.Sprintf("!%s 120 IN SRV 0 0 %d %s", full, port, host),
		fmt.Sprintf("!%s 120 IN A %s", host, addr),
	}
}

// The reason for a listener of our own: a browse that runs is told of an
// instance once, and then neither of another port, nor of another address, nor
// of a goodbye. It is alive all the while: it tells of another instance.
func TestZeroconfTellsOfNoChange(t *testing.T) {
	t.Parallel()
	say := newSpeaker(t)
	first, second := unique("Zeroconf A"), unique("Zeroconf B")
	r, err := zeroconf.NewResolver(zeroconf.SelectIfaces(loopback(t)), zeroconf.SelectIPTraffic(zeroconf.IPv4))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	entries := make(chan *zeroconf.ServiceEntry)
	if err := r.Browse(ctx, Service, "local.", entries); err != nil {
		t.Fatal(err)
	}
	var told []string
	until := func(name string, records []string) {
		t.Helper()
		again := time.NewTicker(50 * time.Millisecond)
		defer again.Stop()
		say.say(records...)
		for {
			select {
			case e, ok := <-entries:
				if !ok {
					t.Fatalf("%s was not found", name)
				}
				if n := unescape(e.Instance); n == first || n == second {
					told = append(told, fmt.Sprintf("%s :%d %v %d", n, e.Port, e.AddrIPv4, e.TTL))
					if n == name {
						return
					}
				}
			case <-again.C:
				say.say(records...)
			}
		}
	}
	until(first, say.phone(first, 1001, "127.0.0.1"))
	say.say(say.phone(first, 1002, "127.0.0.1")...)
	say.say(say.phone(first, 1002, "127.0.0.2")...)
	say.say("_healthsync._tcp.local. 0 IN PTR " + escape(first) + "._healthsync._tcp.local.")
	until(second, say.phone(second, 1003, "127.0.0.1"))
	cancel()
	for range entries { // until it is closed: nothing is left behind
	}
	want := fmt.Sprintf("%s :1001 [127.0.0.1] 120; %s :1003 [127.0.0.1] 120", first, second)
	if got := strings.Join(told, "; "); got != want {
		t.Errorf("the library tells\n%s\nwant\n%s\n(if it tells of changes now, the listener may go)", got, want)
	}
}

// The same, heard by the listener: each change when it is said.
func TestListen(t *testing.T) {
	t.Parallel()
	say := newSpeaker(t)
	name := unique("Spoken")
	lo := loopback(t)
	l := Listener{Interfaces: func() ([]net.Interface, error) { return lo, nil }}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	events := make(chan Event, 100)
	done := make(chan error, 1)
	go func() {
		done <- l.Listen(ctx, func(e Event) {
			if e.Instance.Name == name {
				events <- e
			}
		})
	}()
	next := func(kind EventKind, port int, addr string) {
		t.Helper()
		for {
			select {
			case e := <-events:
				if e.Kind == Again {
					continue
				}
				if e.Kind != kind || e.Instance.Port != port || e.Instance.Addrs[0].String() != addr {
					t.Fatalf("got %v %+v, want %v :%d %s", e.Kind, e.Instance, kind, port, addr)
				}
				return
			case <-ctx.Done():
				t.Fatalf("no event, want %v :%d %s", kind, port, addr)
			}
		}
	}
	// It may not be listening yet.
	for len(events) == 0 && ctx.Err() == nil {
		say.say(say.phone(name, 1001, "127.0.0.1")...)
		time.Sleep(10 * time.Millisecond)
	}
	next(Appeared, 1001, "127.0.0.1")
	say.say(say.phone(name, 1002, "127.0.0.1")...)
	next(Changed, 1002, "127.0.0.1")
	say.say(say.phone(name, 1002, "127.0.0.2")[2]) // the address alone
	next(Changed, 1002, "127.0.0.2")
	say.say("_healthsync._tcp.local. 0 IN PTR " + escape(name) + "._healthsync._tcp.local.")
	for { // the old address ends a second after the new one was said
		e := <-events
		if e.Kind == Gone {
			break
		}
		if ctx.Err() != nil {
			t.Fatal("not gone")
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// An announcement without place or address is asked about, and answered by the
// announcer (the library's) that it belongs to.
func TestListenAsks(t *testing.T) {
	t.Parallel()
	say := newSpeaker(t)
	name := unique("Asked")
	lo := loopback(t)
	announce(t, name, 1234)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	found := make(chan Instance, 10)
	go func() {
		_ = (&Listener{Interfaces: func() ([]net.Interface, error) { return lo, nil }}).Listen(ctx, func(e Event) {
			if e.Instance.Name == name {
				select {
				case found <- e.Instance:
				default:
				}
			}
		})
	}()
	for {
		say.say("_healthsync._tcp.local. 4500 IN PTR " + escape(name) + "._healthsync._tcp.local.")
		select {
		case i := <-found:
			if i.Port != 1234 || i.Addrs[0].String() != "127.0.0.1" {
				t.Errorf("got %+v", i)
			}
			return
		case <-time.After(50 * time.Millisecond):
			if ctx.Err() != nil {
				t.Fatal("not found")
			}
		}
	}
}

// A flood of junk in big packets does not keep a phone from being heard. It is
// not run beside others: on loopback all have one address, and so one budget.
func TestListenThroughJunk(t *testing.T) {
	say, junk := newSpeaker(t), newSpeaker(t)
	name := unique("In the noise")
	lo := loopback(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var flood sync.WaitGroup
	flood.Go(func() {
		long := strings.Repeat(`"`+strings.Repeat("x", 250)+`" `, 40) // 10 kB: more than a packet may have
		for i := 0; ctx.Err() == nil; i++ {
			full := fmt.Sprintf("junk%d-%d._healthsync._tcp.local.", os.Getpid(), i)
			records := []string{"_healthsync._tcp.local. 4500 IN PTR " + full, full + " 120 IN SRV 0 0 9 junk.local.", "junk.local. 120 IN A 127.0.0.1"}
			if i%2 == 0 {
				records = append(records, full+" 120 IN TXT "+long)
			}
			junk.say(records...)
			time.Sleep(10 * time.Millisecond)
		}
	})
	defer flood.Wait()
	defer cancel()
	ports := make(chan int, 1000)
	go func() {
		_ = (&Listener{Interfaces: func() ([]net.Interface, error) { return lo, nil }}).Listen(ctx, func(e Event) {
			if e.Instance.Name == name {
				select {
				case ports <- e.Instance.Port:
				default:
				}
			}
		})
	}()
	for port := 1001; port < 1006; port++ {
		for heard := false; !heard; {
			// On loopback all have one address, and so one budget: it may need
			// some repeats, as a phone makes them too (RFC 6762 section 8.3).
			say.say(say.phone(name, port, "127.0.0.1")...)
			select {
			case got := <-ports:
				heard = got == port
			case <-time.After(20 * time.Millisecond):
				if ctx.Err() != nil {
					t.Fatalf("port %d was not heard", port)
				}
			}
		}
	}
}

// A thousand starts and stops of a listener, an announcer and a watch leave
// neither goroutines nor sockets behind.
func TestThousandStarts(t *testing.T) {
	lo := loopback(t)
	list := func() ([]net.Interface, error) { return lo, nil }
	times := 1000
	if testing.Short() {
		times = 50
	}
	one := func(n int) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var all sync.WaitGroup
		all.Go(func() { _ = (&Listener{Interfaces: list}).Listen(ctx, func(Event) {}) })
		all.Go(func() {
			_ = (&Browser{Interfaces: list}).Watch(ctx, WatchOptions{Window: time.Millisecond}, func(Event) {})
		})
		switch n % 3 { // ended at once, a little later, by somebody being found
		case 0:
		case 1:
			time.Sleep(time.Duration(n%7) * time.Millisecond)
		case 2:
			_, _, _ = (&Browser{Interfaces: list}).Find(ctx, 5*time.Millisecond, func(Instance) bool { return true })
		}
		cancel()
		all.Wait()
	}
	one(1)
	goroutines, files := counts()
	for n := range times {
		one(n)
	}
	settled(t, goroutines, files)
	if raceEnabled {
		t.Log("without announcers: the library raises the WaitGroup of its receivers in themselves, which is a race (server.go, recv4)")
		return
	}
	for batch := range times / 50 { // side by side: each lives for a twentieth of a second
		var all sync.WaitGroup
		for n := range 50 {
			all.Go(func() {
				a, err := Announce(Announcement{
					Name: fmt.Sprintf("%s %d", unique("Start"), n), Host: "start.local", Port: 1 + batch, Addrs: []netip.Addr{netip.MustParseAddr("127.0.0.1")},
				})
				if err != nil {
					t.Error(err)
					return
				}
				a.Close()
			})
		}
		all.Wait()
	}
	settled(t, goroutines, files)
}

func counts() (goroutines, files int) {
	entries, _ := os.ReadDir("/proc/self/fd")
	return runtime.NumGoroutine(), len(entries)
}

// settled waits for what was left to end by itself.
func settled(t *testing.T, goroutines, files int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		g, f := counts()
		if g <= goroutines && f <= files {
			return
		}
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<16)
			t.Fatalf("%d goroutines and %d files, before %d and %d\n%s", g, f, goroutines, files, buf[:runtime.Stack(buf, true)])
		}
	}
}

// Interfaces come and go under a running listener.
func TestListenInterfacesComeAndGo(t *testing.T) {
	t.Parallel()
	say := newSpeaker(t)
	name := unique("Come and gone")
	lo := loopback(t)
	var mu sync.Mutex
	var now []net.Interface
	set := func(i []net.Interface) {
		mu.Lock()
		defer mu.Unlock()
		now = i
	}
	poke := make(chan struct{})
	l := Listener{Poke: poke, Interfaces: func() ([]net.Interface, error) {
		mu.Lock()
		defer mu.Unlock()
		return now, nil
	}}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	events := make(chan Event, 100)
	go func() {
		_ = l.Listen(ctx, func(e Event) {
			if e.Instance.Name == name || e.Err != nil || e.Kind == Recovered {
				events <- e
			}
		})
	}()
	next := func(kind EventKind) {
		t.Helper()
		for {
			select {
			case e := <-events:
				if e.Kind != Again {
					if e.Kind != kind {
						t.Fatalf("%v, want %v", e.Kind, kind)
					}
					return
				}
			case <-ctx.Done():
				t.Fatalf("no event, want %v", kind)
			}
		}
	}
	next(Trouble)
	say.say(say.phone(name, 1001, "127.0.0.1")...) // not heard
	set(lo)
	poke <- struct{}{}
	next(Recovered)
	for port, seen := 1002, false; !seen; {
		say.say(say.phone(name, port, "127.0.0.1")...)
		select {
		case e := <-events:
			seen = e.Instance.Port == port // the one before may have been on its way
		case <-time.After(20 * time.Millisecond):
			if ctx.Err() != nil {
				t.Fatal("not heard after it had come")
			}
		}
	}
	set(nil)
	poke <- struct{}{}
	next(Trouble)
	set(lo)
	poke <- struct{}{}
	next(Recovered)
	say.say(say.phone(name, 1003, "127.0.0.1")...)
	next(Changed)
}
