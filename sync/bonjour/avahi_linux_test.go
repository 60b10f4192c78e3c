package bonjour

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
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
	case "resolve":
		var r Resolver
		began := time.Now()
		addrs, err := r.LookupNetIP(context.Background(), "ip", "Adas-iPhone.local")
		fmt.Println(addrs, err, time.Since(began) < resolveTime)
	}
}

type told struct {
	Kind  string
	Name  string
	Port  int
	Addrs []netip.Addr
	Err   string
}

func helpWatch() {
	var b Browser
	out := json.NewEncoder(os.Stdout)
	_ = b.Watch(context.Background(), WatchOptions{Window: 1200 * time.Millisecond}, func(e Event) {
		t := told{Kind: e.Kind.String(), Name: e.Instance.Name, Port: e.Instance.Port, Addrs: e.Instance.Addrs}
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

// link is a pair of namespaces, a with 10.77.0.1 and b with 10.77.0.2.
type link struct {
	t    *testing.T
	a, b string
}

var links atomic.Int32

func newLink(t *testing.T) *link {
	t.Helper()
	if os.Geteuid() != 0 {
		testenv.Missing(t, "network namespaces need root")
	}
	testenv.NeedTool(t, "ip", "iproute2")
	testenv.NeedTool(t, "avahi-daemon", "avahi-daemon")
	n := links.Add(1)
	l := &link{t: t, a: fmt.Sprintf("hs%da%d", os.Getpid(), n), b: fmt.Sprintf("hs%db%d", os.Getpid(), n)}
	t.Cleanup(func() {
		for _, ns := range []string{l.a, l.b} {
			l.killAll(ns)
			_ = exec.Command("ip", "netns", "del", ns).Run()
		}
	})
	if out, err := exec.Command("ip", "netns", "add", l.a).CombinedOutput(); err != nil {
		testenv.Missing(t, "this machine gives no network namespaces: "+string(bytes.TrimSpace(out)))
	}
	l.ip("netns", "add", l.b)
	l.ip("link", "add", "hslink", "netns", l.a, "type", "veth", "peer", "name", "hslink", "netns", l.b)
	for i, ns := range []string{l.a, l.b} {
		l.ip("-n", ns, "link", "set", "lo", "up")
		// Link-local addresses are to be usable at once.
		_ = exec.Command("ip", "netns", "exec", ns, "sysctl", "-qw", "net.ipv6.conf.hslink.accept_dad=0").Run()
		l.ip("-n", ns, "addr", "add", fmt.Sprintf("10.77.0.%d/24", i+1), "dev", "hslink")
		l.ip("-n", ns, "link", "set", "hslink", "up")
	}
	return l
}

// killAll ends what runs in a namespace of ours: a program may have children
// that keep its pipes open.
func (l *link) killAll(ns string) {
	out, _ := exec.Command("ip", "netns", "pids", ns).Output()
	for pid := range strings.FieldsSeq(string(out)) {
		if n, err := strconv.Atoi(pid); err == nil {
			_ = syscall.Kill(n, syscall.SIGKILL)
		}
	}
}

func (l *link) ip(args ...string) {
	l.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		l.t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// start runs a program in a namespace and ends it with the test. Its lines go
// to the channel.
func (l *link) start(ns string, env []string, name string, args ...string) (*exec.Cmd, <-chan string) {
	l.t.Helper()
	cmd := exec.Command("ip", append([]string{"netns", "exec", ns, name}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	lines := make(chan string, 1000)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			lines <- s.Text()
		}
	}()
	l.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		l.killAll(ns)
		<-done
		_ = cmd.Wait()
		if l.t.Failed() && stderr.Len() > 0 {
			l.t.Logf("%s: %s", name, stderr.String())
		}
	})
	return cmd, lines
}

// avahi announces "Ada’s iPhone" at port 8443 from namespace a, or, with a bus,
// is there for the avahi tools.
func (l *link) avahi(port int, bus bool) *exec.Cmd {
	l.t.Helper()
	dir := l.t.TempDir()
	write := func(name, text string) {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			l.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			l.t.Fatal(err)
		}
	}
	yes := map[bool]string{true: "yes", false: "no"}
	write("avahi.conf", "[server]\nhost-name=adas-iphone\nuse-ipv4=yes\nuse-ipv6=yes\nenable-dbus="+yes[bus]+
		"\n[wide-area]\nenable-wide-area=no\n[publish]\npublish-hinfo=no\npublish-workstation=no\n[rlimits]\n")
	if err := os.Mkdir(filepath.Join(dir, "services"), 0o755); err != nil {
		l.t.Fatal(err)
	}
	start := ""
	if bus {
		testenv.NeedTool(l.t, "dbus-daemon", "dbus")
		start = "dbus-daemon --system --nofork --nopidfile & sleep .3\n"
	} else {
		write("services/hs.service", `<?xml version="1.0" standalone='no'?><!DOCTYPE service-group SYSTEM "avahi-service.dtd">
<service-group><name>Ada’s iPhone</name><service><type>_healthsync._tcp</type><port>`+fmt.Sprint(port)+`</port></service></service-group>`)
	}
	// ip netns exec gives a mount namespace of its own, so these mounts are
	// nobody else's.
	write("run.sh", "mount -t tmpfs none /run; mkdir -p /run/avahi-daemon /run/dbus\nmount --bind "+dir+"/services /etc/avahi/services\n"+
		start+"exec $(command -v avahi-daemon || echo /usr/sbin/avahi-daemon) -f "+dir+"/avahi.conf --no-drop-root --no-chroot --no-proc-title\n")
	cmd, _ := l.start(l.a, nil, "bash", dir+"/run.sh")
	return cmd
}

func (l *link) expect(lines <-chan string, within time.Duration, want func(told) bool, what string) told {
	l.t.Helper()
	timeout := time.After(within)
	var seen []string
	for {
		select {
		case line, ok := <-lines:
			var e told
			if !ok || json.Unmarshal([]byte(line), &e) != nil {
				l.t.Fatalf("the watcher says %q, waiting for %s", line, what)
			}
			if seen = append(seen, line); want(e) {
				return e
			}
		case <-timeout:
			l.t.Fatalf("not in %v: %s; seen %v", within, what, seen)
		}
	}
}

func TestAvahi(t *testing.T) {
	t.Parallel()
	l := newLink(t)
	avahi := l.avahi(8443, false)
	_, lines := l.start(l.b, []string{helperVar + "=watch"}, os.Args[0])

	has := func(addr string) func(told) bool {
		return func(e told) bool {
			return e.Name == "Ada’s iPhone" && len(e.Addrs) > 0 && e.Addrs[0].String() == addr
		}
	}
	began := time.Now()
	e := l.expect(lines, 15*time.Second, func(e told) bool { return e.Kind == "appeared" }, "the phone appearing")
	if !has("10.77.0.1")(e) || e.Port != 8443 {
		t.Errorf("got %+v", e)
	}
	t.Logf("appeared after %v", time.Since(began).Round(10*time.Millisecond))

	_, answer := l.start(l.b, []string{helperVar + "=resolve"}, os.Args[0])
	if got := <-answer; !strings.Contains(got, "10.77.0.1") || !strings.HasSuffix(got, "<nil> true") {
		t.Errorf("the name resolves to %s", got)
	} else {
		t.Log("the name resolves to", got)
	}

	began = time.Now()
	l.ip("-n", l.a, "addr", "del", "10.77.0.1/24", "dev", "hslink")
	l.ip("-n", l.a, "addr", "add", "10.77.0.50/24", "dev", "hslink")
	l.expect(lines, 20*time.Second, has("10.77.0.50"), "the new address")
	t.Logf("address followed after %v", time.Since(began).Round(10*time.Millisecond))

	began = time.Now()
	_ = avahi.Process.Signal(syscall.SIGTERM) // with a goodbye, which no browse is told
	l.expect(lines, 20*time.Second, func(e told) bool { return e.Kind == "gone" }, "the phone going")
	t.Logf("gone after %v", time.Since(began).Round(10*time.Millisecond))

	began = time.Now()
	l.avahi(9443, false)
	e = l.expect(lines, 20*time.Second, func(e told) bool { return e.Kind == "appeared" }, "the phone coming back")
	if e.Port != 9443 {
		t.Errorf("got %+v", e)
	}
	t.Logf("back after %v, start of avahi included", time.Since(began).Round(10*time.Millisecond))
}

// The simulated phone is found by a browser that is not ours.
func TestAvahiFindsOurs(t *testing.T) {
	t.Parallel()
	testenv.NeedTool(t, "avahi-browse", "avahi-utils")
	testenv.NeedTool(t, "nsenter", "util-linux")
	l := newLink(t)
	avahi := l.avahi(0, true)
	announcer, lines := l.start(l.b, []string{helperVar + "=announce"}, os.Args[0])
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
