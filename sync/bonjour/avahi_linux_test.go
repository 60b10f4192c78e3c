package bonjour

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"healthsync/sync/testenv"
)

// These tests hold the package against a real Avahi on a link of its own: two
// network namespaces joined by a veth pair, from which nothing leads out. They
// need root.

// helperVar makes the test binary a watcher or an announcer, to be run inside a
// namespace.
const helperVar = "HEALTHSYNC_BONJOUR_HELPER"

func TestMain(m *testing.M) {
	switch os.Getenv(helperVar) {
	case "":
		os.Exit(m.Run())
	case "watch":
		helpWatch()
	case "announce":
		helpAnnounce()
	case "hold": // the port, for itself alone
		_, err4 := net.ListenPacket("udp4", ":5353")
		_, err6 := net.ListenPacket("udp6", "[::]:5353")
		fmt.Println("held", errors.Join(err4, err6))
		select {}
	case "resolve":
		began := time.Now()
		addrs, err := new(Browser).LookupNetIP(context.Background(), "ip", "Adas-iPhone.local")
		fmt.Println(addrs, err, time.Since(began) < resolveTime)
	}
}

type heard struct {
	Kind  string
	Name  string
	Port  int
	Addrs []netip.Addr
	Err   string
}

func helpWatch() {
	var b Browser
	out := json.NewEncoder(os.Stdout)
	_ = b.Watch(context.Background(), WatchOptions{}, func(e Event) {
		t := heard{Kind: e.Kind.String(), Name: e.Instance.Name, Port: e.Instance.Port, Addrs: e.Instance.Addrs}
		if e.Err != nil {
			t.Err = e.Err.Error()
		}
		_ = out.Encode(t)
	})
}

func helpAnnounce() {
	a, err := Announce(Announcement{
		Name: "Ada’s iPhone (2)", Host: "adas-iphone", Port: 8445,
		Addrs: []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("10.77.0.2")},
	})
	if err != nil {
		fmt.Println("error:", err)
		return
	}
	fmt.Println("announced")
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	<-stop
	a.Close()
}

func expect(t *testing.T, lines <-chan string, within time.Duration, want func(heard) bool, what string) heard {
	t.Helper()
	timeout := time.After(within)
	var seen []string
	for {
		select {
		case line, ok := <-lines:
			var e heard
			if !ok || json.Unmarshal([]byte(line), &e) != nil {
				t.Fatalf("the watcher says %q, waiting for %s", line, what)
			}
			if seen = append(seen, line); want(e) {
				return e
			}
		case <-timeout:
			t.Fatalf("not in %v: %s; seen %v", within, what, seen)
		}
	}
}

func TestAvahi(t *testing.T) {
	t.Parallel()
	l := testenv.NewLink(t)
	avahi := l.Avahi(8443, false)
	_, _, lines := l.Start(l.B, []string{helperVar + "=watch"}, os.Args[0])

	has := func(addr string) func(heard) bool {
		return func(e heard) bool {
			return e.Name == "Ada’s iPhone" && len(e.Addrs) > 0 && e.Addrs[0].String() == addr
		}
	}
	began := time.Now()
	e := expect(t, lines, 15*time.Second, func(e heard) bool { return e.Kind == "appeared" }, "the phone appearing")
	if !has("10.77.0.1")(e) || e.Port != 8443 {
		t.Errorf("got %+v", e)
	}
	t.Logf("appeared after %v", time.Since(began).Round(10*time.Millisecond))

	_, _, answer := l.Start(l.B, []string{helperVar + "=resolve"}, os.Args[0])
	if got := <-answer; !strings.Contains(got, "10.77.0.1") || !strings.HasSuffix(got, "<nil> true") {
		t.Errorf("the name resolves to %s", got)
	} else {
		t.Log("the name resolves to", got)
	}

	began = time.Now()
	l.IP("-n", l.A, "addr", "del", "10.77.0.1/24", "dev", "hslink")
	l.IP("-n", l.A, "addr", "add", "10.77.0.50/24", "dev", "hslink")
	expect(t, lines, 20*time.Second, has("10.77.0.50"), "the new address")
	t.Logf("address followed after %v", time.Since(began).Round(10*time.Millisecond))

	began = time.Now()
	_ = avahi.Process.Signal(syscall.SIGTERM) // with a goodbye, which no browse is told
	expect(t, lines, 20*time.Second, func(e heard) bool { return e.Kind == "gone" }, "the phone going")
	t.Logf("gone after %v", time.Since(began).Round(10*time.Millisecond))

	began = time.Now()
	avahi = l.Avahi(9443, false)
	e = expect(t, lines, 20*time.Second, func(e heard) bool { return e.Kind == "appeared" }, "the phone coming back")
	if e.Port != 9443 {
		t.Errorf("got %+v", e)
	}
	t.Logf("back after %v, start of avahi included", time.Since(began).Round(10*time.Millisecond))

	// The Mac's own interface goes and comes; then the phone shares anew.
	l.IP("-n", l.B, "link", "set", "hslink", "down")
	time.Sleep(time.Second)
	l.IP("-n", l.B, "link", "set", "hslink", "up")
	began = time.Now()
	l.Announce("Ada’s iPhone", 9555)
	_ = avahi.Process.Signal(syscall.SIGHUP)
	expect(t, lines, 20*time.Second, func(e heard) bool { return e.Port == 9555 && has("10.77.0.50")(e) }, "the phone after the interface was down")
	t.Logf("heard %v after the interface was up", time.Since(began).Round(10*time.Millisecond))
}

// A phone with IPv6 only is found and resolved, although both ends have an IPv4
// address: 127.0.0.1. First there are link-local addresses alone, then one in a
// subnet that both are in, which comes first.
func TestAvahiIPv6Only(t *testing.T) {
	t.Parallel()
	l := testenv.NewLink(t)
	l.IP("-n", l.A, "addr", "del", "10.77.0.1/24", "dev", "hslink")
	l.IP("-n", l.B, "addr", "del", "10.77.0.2/24", "dev", "hslink")
	avahi := l.Avahi(8443, false)
	_, _, lines := l.Start(l.B, []string{helperVar + "=watch"}, os.Args[0])
	e := expect(t, lines, 15*time.Second, func(e heard) bool { return e.Kind == "appeared" }, "the phone appearing")
	if e.Port != 8443 || len(e.Addrs) != 1 || !e.Addrs[0].IsLinkLocalUnicast() || e.Addrs[0].Zone() != "hslink" {
		t.Errorf("got %+v", e)
	}
	_, _, answer := l.Start(l.B, []string{helperVar + "=resolve"}, os.Args[0])
	if got := <-answer; !strings.Contains(got, e.Addrs[0].String()) || !strings.HasSuffix(got, "<nil> true") {
		t.Errorf("the name resolves to %s", got)
	}
	l.IP("-n", l.B, "addr", "add", "fd77::2/64", "dev", "hslink")
	l.IP("-n", l.A, "addr", "add", "fd77::1/64", "dev", "hslink")
	began := time.Now()
	expect(t, lines, 20*time.Second, func(e heard) bool { return len(e.Addrs) > 0 && e.Addrs[0].String() == "fd77::1" }, "the new address")
	t.Logf("address followed after %v", time.Since(began).Round(10*time.Millisecond))

	began = time.Now()
	_ = avahi.Process.Signal(syscall.SIGKILL) // without a goodbye
	expect(t, lines, 25*time.Second, func(e heard) bool { return e.Kind == "gone" }, "the phone going")
	t.Logf("gone after %v", time.Since(began).Round(10*time.Millisecond))
}

// Where another program keeps the port to itself, that is told, and its end.
func TestPortTaken(t *testing.T) {
	t.Parallel()
	l := testenv.NewLink(t)
	holder, _, held := l.Start(l.B, []string{helperVar + "=hold"}, os.Args[0])
	if line := <-held; line != "held <nil>" {
		t.Fatal(line)
	}
	_, _, lines := l.Start(l.B, []string{helperVar + "=watch"}, os.Args[0])
	e := expect(t, lines, 15*time.Second, func(e heard) bool { return e.Kind == "failed" }, "the failure")
	if !strings.Contains(e.Err, "address already in use") {
		t.Errorf("got %+v", e)
	}
	_ = holder.Process.Signal(syscall.SIGKILL)
	expect(t, lines, 15*time.Second, func(e heard) bool { return e.Kind == "recovered" }, "its end")
}

// The simulated phone is found by a browser that is not ours.
func TestAvahiFindsOurs(t *testing.T) {
	t.Parallel()
	testenv.NeedTool(t, "avahi-browse", "avahi-utils")
	testenv.NeedTool(t, "nsenter", "util-linux")
	l := testenv.NewLink(t)
	avahi := l.Avahi(0, true)
	announcer, _, lines := l.Start(l.B, []string{helperVar + "=announce"}, os.Args[0])
	if line := <-lines; line != "announced" {
		t.Fatal(line)
	}
	want := []string{"=", "hslink", "IPv4", `Ada\226\128\153s\032iPhone\032\0402\041`, "_healthsync._tcp", "local", "adas-iphone.local", "10.77.0.2", "8445"}
	var out []byte
	for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(300 * time.Millisecond) {
		var err error
		out, err = exec.Command("nsenter", "-t", fmt.Sprint(avahi.Process.Pid), "-m", "-n",
			"avahi-browse", "--resolve", "--parsable", "--terminate", Service).CombinedOutput()
		if err == nil && strings.Contains(string(out), strings.Join(want, ";")) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("avahi-browse: %v\n%s\nwant %s", err, out, strings.Join(want, ";"))
		}
	}
	if strings.Contains(string(out), "127.0.0.1") {
		t.Errorf("loopback was announced to the network:\n%s", out)
	}
	_ = announcer.Process.Signal(syscall.SIGTERM)
}
