package cli_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"healthsync/sync/simulator"
	"healthsync/sync/testenv"
)

// The programs that the test of following runs inside its namespaces.

func addPrograms(all map[string]func()) {
	all["hs-phone"], all["hs-clock"] = phoneInNamespace, clockInNamespace
}

// phoneInNamespace is a simulated iPhone that announces nothing: Avahi does.
// It takes "restart" (sharing at a new port) and "reissue ADDR" (a certificate
// for that address) and answers with its port.
func phoneInNamespace() {
	protocol, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	p, err := simulator.New(simulator.Options{
		Protocol: protocol, DeviceName: "Ada’s iPhone", NoRateLimit: true,
		Names: []string{"adas-iphone.local"}, Addrs: []netip.Addr{netip.MustParseAddr("10.77.0.1")},
	})
	if err == nil {
		err = p.Start("[::]:0")
	}
	if err != nil {
		panic(err)
	}
	code, err := p.Payload("10.77.0.1")
	if err != nil {
		panic(err)
	}
	fmt.Println(string(code.JSON()))
	fmt.Println(p.Port())
	for s := bufio.NewScanner(os.Stdin); s.Scan(); {
		word, arg, _ := strings.Cut(s.Text(), " ")
		switch word {
		case "restart":
			p.Stop()
			err = p.Start("[::]:0")
		case "reissue":
			err = p.Reissue([]string{"adas-iphone.local"}, []netip.Addr{netip.MustParseAddr(arg)})
		}
		if err != nil {
			panic(err)
		}
		fmt.Println(p.Port())
	}
}

// clockInNamespace writes down when something is said on the network, by no code
// of ours but the decoder: the time, and each place and address.
func clockInNamespace() {
	ifi, err := net.InterfaceByName("hslink")
	if err != nil {
		panic(err)
	}
	for network, group := range map[string]string{"udp4": "224.0.0.251", "udp6": "ff02::fb"} {
		conn, err := net.ListenMulticastUDP(network, ifi, &net.UDPAddr{IP: net.ParseIP(group), Port: 5353})
		if err != nil {
			panic(err)
		}
		go writeDown(conn)
	}
	select {} // until it is ended
}

func writeDown(conn net.PacketConn) {
	buf := make([]byte, 9000)
	for {
		n, _, err := conn.ReadFrom(buf)
		now := time.Now()
		var m dns.Msg
		if err != nil || m.Unpack(buf[:n]) != nil || !m.Response {
			continue
		}
		for _, rr := range append(m.Answer, m.Extra...) {
			switch rr := rr.(type) {
			case *dns.SRV:
				if rr.Hdr.Ttl > 0 && strings.HasSuffix(rr.Hdr.Name, "_healthsync._tcp.local.") {
					fmt.Println(now.UnixMicro(), rr.Port)
				}
			case *dns.A:
				if rr.Hdr.Ttl > 0 {
					fmt.Println(now.UnixMicro(), rr.A)
				}
			}
		}
	}
}

// followed is the Mac's side in namespace B: the menu-bar app without its icon.
type followed struct {
	*testing.T
	*testenv.Link
	bin, home string
	air       <-chan string
	log       *os.File
}

func (f *followed) env() []string {
	return []string{"HEALTHSYNC_HOME=" + f.home, "HEALTHSYNC_VAULT=file", "HEALTHSYNC_BONJOUR=", "NO_COLOR=1",
		"DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent"}
}

func newFollowed(t *testing.T) *followed {
	f := &followed{T: t, Link: testenv.NewLink(t), bin: t.TempDir(), home: t.TempDir()}
	for _, name := range []string{"healthsync", "hs-phone", "hs-clock"} {
		if err := os.Symlink(os.Args[0], filepath.Join(f.bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// run runs a command in namespace B.
func (f *followed) run(args ...string) (stdout, stderr string, err error) {
	f.Helper()
	cmd := exec.Command("ip", append([]string{"netns", "exec", f.B, filepath.Join(f.bin, "healthsync")}, args...)...)
	cmd.Env = append(os.Environ(), f.env()...)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// when waits for the log to say that the iPhone was followed to a place.
func (f *followed) when(to string) time.Time {
	f.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for seen := ""; time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		raw, err := os.ReadFile(f.log.Name())
		if err != nil {
			f.Fatal(err)
		}
		seen = string(raw)
		for line := range strings.Lines(seen) {
			var l struct {
				Time        time.Time
				Message, To string
			}
			if json.Unmarshal([]byte(line), &l) == nil && l.Message == "followed the iPhone" && l.To == to {
				return l.Time
			}
		}
	}
	raw, _ := os.ReadFile(f.log.Name())
	f.Fatalf("not followed to %s:\n%s", to, raw)
	return time.Time{}
}

// said waits for the first time that something was said on the network.
func (f *followed) said(what string) time.Time {
	f.Helper()
	for {
		select {
		case line := <-f.air:
			at, text, _ := strings.Cut(line, " ")
			if text == what {
				us, err := strconv.ParseInt(at, 10, 64)
				if err != nil {
					f.Fatal(err)
				}
				return time.UnixMicro(us)
			}
		case <-time.After(45 * time.Second): // Avahi holds a service back that was registered 15 times (its entry.c)
			log, _ := os.ReadFile(filepath.Join(f.home, "healthsync.log"))
			f.Fatalf("%s was never announced\n%s", what, log)
		}
	}
}

// A real Avahi announces the iPhone: it is found, and followed by the app to
// another address and to another port; commands follow by themselves. The goal is
// one second from the announcement to verified and followed.
// HEALTHSYNC_MEASURE=20 makes so many rounds and prints the figures of
// docs/performance.md.
func TestFollowAvahi(t *testing.T) {
	rounds := 1
	if n, err := strconv.Atoi(os.Getenv("HEALTHSYNC_MEASURE")); err == nil {
		rounds = n
	}
	for _, protocol := range []int{1, 2} {
		t.Run(fmt.Sprint("protocol ", protocol), func(t *testing.T) { followAvahi(t, protocol, rounds) })
	}
}

func followAvahi(t *testing.T, protocol, rounds int) {
	f := newFollowed(t)
	l := f.Link
	_, phone, said := l.Start(l.A, nil, filepath.Join(f.bin, "hs-phone"), strconv.Itoa(protocol))
	code := <-said
	port := func() int {
		t.Helper()
		n, err := strconv.Atoi(<-said)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	now := port()
	avahi := l.Avahi(now, false)
	if _, errs, err := f.run("pair", "--qr", code); err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}
	_, _, air := l.Start(l.B, nil, filepath.Join(f.bin, "hs-clock"))
	f.air = air
	f.said(strconv.Itoa(now)) // Avahi is there
	if out, errs, err := f.run("config", "show"); err != nil ||
		!strings.Contains(out, fmt.Sprintf("%d  (as paired)\n", now)) {
		t.Errorf("config show: %v\n%s%s", err, out, errs)
	}

	// A command finds the iPhone at its new port by itself.
	fmt.Fprintln(phone, "restart")
	now = port()
	l.Announce("Ada’s iPhone", now)
	_ = avahi.Process.Signal(syscall.SIGHUP)
	out, errs, err := f.run("fetch", "--hours", "1")
	if err != nil || !strings.HasPrefix(out, "id;type;value;") ||
		!strings.Contains(errs, fmt.Sprintf("to 10.77.0.1:%d; it was verified and followed [HOST_CHANGED]", now)) {
		t.Errorf("fetch: %v\n%s%s", err, out, errs)
	}
	for words, want := range map[string]string{"config show": fmt.Sprintf("%d  (followed there on ", now),
		"config get server.port --json": `"from": "followed"`, "config get server.host --json": `"from": "pairing"`} {
		if out, errs, err := f.run(strings.Fields(words)...); err != nil || !strings.Contains(out, want) {
			t.Errorf("%s: %v\n%s%s", words, err, out, errs)
		}
	}
	// --host is not left.
	if _, errs, err := f.run("fetch", "--hours", "1", "--host", "10.77.0.1", "--port", "1"); err == nil ||
		!strings.Contains(errs, "ECONNREFUSED") {
		t.Errorf("with --port: %v\n%s", err, errs)
	}
	out, errs, err = f.run("discover", "--json")
	var seen struct {
		Phones []struct {
			Name, Identity string
			Port           int
		}
	}
	if err != nil || json.Unmarshal([]byte(out), &seen) != nil || len(seen.Phones) != 1 ||
		seen.Phones[0].Identity != "yours" || seen.Phones[0].Port != now {
		t.Errorf("discover: %v\n%s%s", err, out, errs)
	}

	l.Start(l.B, f.env(), filepath.Join(f.bin, "healthsync"), "menubar", "--no-tray")
	f.log, err = os.OpenFile(filepath.Join(f.home, "healthsync.log"), os.O_RDONLY|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.log.Close()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		out, errs, err := f.run("status", "--json")
		if err == nil && strings.Contains(out, `"app"`) {
			break
		}
		if time.Now().After(deadline) {
			log, _ := os.ReadFile(f.log.Name())
			t.Fatalf("the app does not answer: %v\n%s%s%s", err, out, errs, log)
		}
	}

	var ports, addrs []time.Duration
	host := "10.77.0.1"
	for n := range rounds {
		time.Sleep(1200 * time.Millisecond) // a record is not said again within a second (RFC 6762 section 6)
		fmt.Fprintln(phone, "restart")
		now = port()
		l.Announce("Ada’s iPhone", now)
		_ = avahi.Process.Signal(syscall.SIGHUP)
		at := f.said(strconv.Itoa(now))
		ports = append(ports, f.when(net.JoinHostPort(host, strconv.Itoa(now))).Sub(at))

		time.Sleep(1200 * time.Millisecond)
		next := fmt.Sprintf("10.77.0.%d", 50+n)
		if protocol == 2 {
			fmt.Fprintln(phone, "reissue "+next)
			port()
		}
		l.IP("-n", l.A, "addr", "del", host+"/24", "dev", "hslink")
		l.IP("-n", l.A, "addr", "add", next+"/24", "dev", "hslink")
		at = f.said(next)
		addrs = append(addrs, f.when(net.JoinHostPort(next, strconv.Itoa(now))).Sub(at))
		host = next
	}
	for what, took := range map[string][]time.Duration{"another port": ports, "another address": addrs} {
		slices.Sort(took)
		t.Logf("protocol %d, %s: median of %d %v, longest %v", protocol, what, len(took),
			took[len(took)/2].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond))
	}
	// One change is told once, and the app goes on at the new place.
	raw, err := os.ReadFile(f.log.Name())
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(raw), "followed the iPhone"); n != 1+2*rounds {
		t.Errorf("followed %d times, want %d:\n%s", n, 1+2*rounds, raw)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		out, _, err := f.run("status", "--json")
		if err == nil && strings.Contains(out, `"link": "connected"`) && strings.Contains(out, host) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the app is not connected at %s:\n%s", host, out)
		}
	}
	if out, _, err = f.run("trust", "log", "--json"); err != nil ||
		strings.Count(out, `"certificateFingerprint"`) < 1+2*rounds {
		t.Errorf("the trust log: %v\n%s", err, out)
	}
}

// A device that is gone without a trace, as out of a network that answers in its
// place, is given up by the limit for connecting. -v tells how long that took.
func TestGoneWithoutATrace(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: it waits ten seconds for nobody")
	}
	f := newFollowed(t)
	_, _, said := f.Start(f.A, nil, filepath.Join(f.bin, "hs-phone"), "1")
	if _, errs, err := f.run("pair", "--qr", <-said); err != nil {
		t.Fatalf("%v\n%s", err, errs)
	}
	// Packets go on to where it was, and nobody there takes them.
	mac, err := exec.Command("ip", "netns", "exec", f.A, "cat", "/sys/class/net/hslink/address").Output()
	if err != nil {
		t.Fatal(err)
	}
	f.IP("-n", f.B, "neigh", "replace", "10.77.0.1", "lladdr", strings.TrimSpace(string(mac)), "dev", "hslink", "nud",
		"permanent")
	f.IP("-n", f.A, "addr", "del", "10.77.0.1/24", "dev", "hslink")
	for _, c := range []string{"fetch --hours 1", "fetch --hours 1 --timeout 1000"} {
		begun := time.Now()
		out, errs, err := f.run(strings.Fields(c)...)
		var ended *exec.ExitError
		if !errors.As(err, &ended) || ended.ExitCode() != 11 || out != "" ||
			!strings.Contains(errs, "At the address: Connection timed out (ETIMEDOUT)") {
			t.Errorf("%s: %v\n%s%s", c, err, out, errs)
		}
		t.Logf("%s: given up after %v", c, time.Since(begun).Round(100*time.Millisecond))
	}
}

// `healthsync simulate` is found by a Bonjour browser that is not ours.
func TestSimulatedPhoneFoundByAvahi(t *testing.T) {
	testenv.NeedTool(t, "avahi-browse", "avahi-utils")
	testenv.NeedTool(t, "nsenter", "util-linux")
	l := testenv.NewLink(t)
	avahi := l.Avahi(0, true)
	bin := filepath.Join(t.TempDir(), "healthsync")
	if err := os.Symlink(os.Args[0], bin); err != nil {
		t.Fatal(err)
	}
	_, _, said := l.Start(l.B, []string{"HEALTHSYNC_HOME=" + t.TempDir()}, bin, "simulate", "--listen", "10.77.0.2:0",
		"--history", "1d", "--no-qr", "--name", "Ada’s iPhone")
	at := regexp.MustCompile(`at 10\.77\.0\.2:(\d+)`).FindStringSubmatch(<-said)
	if at == nil {
		t.Fatal("it does not say where it shares")
	}
	want := `=;hslink;IPv4;Ada\226\128\153s\032iPhone;_healthsync._tcp;local;Adas-iPhone.local;10.77.0.2;` + at[1] + `;`
	var out []byte
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(300 * time.Millisecond) {
		var err error
		out, err = exec.Command("nsenter", "-t", fmt.Sprint(avahi.Process.Pid), "-m", "-n",
			"avahi-browse", "--resolve", "--parsable", "--terminate", "_healthsync._tcp").CombinedOutput()
		if err == nil && strings.Contains(string(out), want) {
			t.Logf("avahi-browse -r _healthsync._tcp:\n%s", out)
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("avahi-browse: %v\n%s\nwant %s", err, out, want)
		}
	}
}
