package testenv

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// Link is a pair of network namespaces, A with 10.77.0.1 and B with 10.77.0.2,
// from which nothing leads out. The interface is "hslink" in both.
type Link struct {
	t    *testing.T
	A, B string
	dir  string // of the Avahi that was started last
}

var links atomic.Int32

// NewLink makes one, or skips the test where that cannot be done. It goes with
// the test, and so do all programs in it.
func NewLink(t *testing.T) *Link {
	t.Helper()
	if os.Geteuid() != 0 {
		Missing(t, "network namespaces need root")
	}
	NeedTool(t, "ip", "iproute2")
	NeedTool(t, "avahi-daemon", "avahi-daemon")
	n := links.Add(1)
	l := &Link{t: t, A: fmt.Sprintf("hs%da%d", os.Getpid(), n), B: fmt.Sprintf("hs%db%d", os.Getpid(), n)}
	t.Cleanup(func() {
		for _, ns := range []string{l.A, l.B} {
			l.killAll(ns)
			_ = exec.Command("ip", "netns", "del", ns).Run()
		}
	})
	if out, err := exec.Command("ip", "netns", "add", l.A).CombinedOutput(); err != nil {
		Missing(t, "this machine gives no network namespaces: "+string(out))
	}
	l.IP("netns", "add", l.B)
	l.IP("link", "add", "hslink", "netns", l.A, "type", "veth", "peer", "name", "hslink", "netns", l.B)
	for i, ns := range []string{l.A, l.B} {
		l.IP("-n", ns, "link", "set", "lo", "up")
		// Link-local addresses are to be usable at once.
		noWait := "net.ipv6.conf.hslink.accept_dad=0"
		_ = exec.Command("ip", "netns", "exec", ns, "sysctl", "-qw", noWait).Run()
		l.IP("-n", ns, "addr", "add", fmt.Sprintf("10.77.0.%d/24", i+1), "dev", "hslink")
		l.IP("-n", ns, "link", "set", "hslink", "up")
	}
	return l
}

// killAll ends what runs in a namespace of ours: a program may have children
// that keep its pipes open.
func (l *Link) killAll(ns string) {
	out, _ := exec.Command("ip", "netns", "pids", ns).Output()
	for pid := range strings.FieldsSeq(string(out)) {
		if n, err := strconv.Atoi(pid); err == nil {
			_ = syscall.Kill(n, syscall.SIGKILL)
		}
	}
}

// IP runs the program ip; it has to succeed.
func (l *Link) IP(args ...string) {
	l.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		l.t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// Start runs a program in a namespace and ends it with the test. Its lines go to
// the channel, and what is written to in goes to it.
func (l *Link) Start(ns string, env []string, name string, args ...string) (cmd *exec.Cmd, in io.Writer,
	out <-chan string) {
	l.t.Helper()
	cmd = exec.Command("ip", append([]string{"netns", "exec", ns, name}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	from, err := cmd.StdoutPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	if in, err = cmd.StdinPipe(); err != nil {
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
		for s := bufio.NewScanner(from); s.Scan(); {
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
	return cmd, in, lines
}

// avahiConf has Avahi answer by both families, and touch nothing beside.
const avahiConf = `[server]
host-name=adas-iphone
use-ipv4=yes
use-ipv6=yes
enable-dbus=%s
[wide-area]
enable-wide-area=no
[publish]
publish-hinfo=no
publish-workstation=no
[rlimits]
`

// Avahi announces "Ada’s iPhone" at a port from namespace A, or, with a bus,
// is there for the avahi tools.
func (l *Link) Avahi(port int, bus bool) *exec.Cmd {
	l.t.Helper()
	l.dir = l.t.TempDir()
	if err := os.Mkdir(filepath.Join(l.dir, "services"), 0o755); err != nil {
		l.t.Fatal(err)
	}
	dbus, start := "no", ""
	if bus {
		NeedTool(l.t, "dbus-daemon", "dbus")
		dbus, start = "yes", "dbus-daemon --system --nofork --nopidfile & sleep .3\n"
	} else {
		l.Announce("Ada’s iPhone", port)
	}
	l.write("avahi.conf", fmt.Sprintf(avahiConf, dbus))
	// ip netns exec gives a mount namespace of its own, so these mounts are
	// nobody else's.
	l.write("run.sh", "mount -t tmpfs none /run; mkdir -p /run/avahi-daemon /run/dbus\n"+
		"mount --bind "+l.dir+"/services /etc/avahi/services\n"+start+
		"PATH=$PATH:/usr/sbin exec avahi-daemon -f "+l.dir+"/avahi.conf --no-drop-root --no-chroot --no-proc-title\n")
	cmd, _, _ := l.Start(l.A, nil, "bash", l.dir+"/run.sh")
	return cmd
}

// Announce writes what Avahi announces; one that is running takes it over at the
// signal SIGHUP.
func (l *Link) Announce(name string, port int) {
	l.t.Helper()
	l.write("hs.service", fmt.Sprintf(`<?xml version="1.0" standalone='no'?>
<!DOCTYPE service-group SYSTEM "avahi-service.dtd">
<service-group><name>%s</name><service><type>_healthsync._tcp</type><port>%d</port></service></service-group>
`, name, port))
	// In one step: Avahi watches the folder, and would read half of it.
	if err := os.Rename(filepath.Join(l.dir, "hs.service"), filepath.Join(l.dir, "services",
		"hs.service")); err != nil {
		l.t.Fatal(err)
	}
}

func (l *Link) write(name, text string) {
	l.t.Helper()
	if err := os.WriteFile(filepath.Join(l.dir, name), []byte(text), 0o644); err != nil {
		l.t.Fatal(err)
	}
}
