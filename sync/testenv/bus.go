package testenv

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// busConf has no folder of services, but where a test wants them: nothing is
// started behind its back. Without the receive rule a client's Hello gets no answer.
const busConf = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=%s</listen><auth>EXTERNAL</auth>%s
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>`

// Bus is a private D-Bus session bus.
type Bus struct {
	Addr         string
	conf, socket string
	cmd          *exec.Cmd
}

// SessionBus starts a private bus that ends with the test, and gives its
// address.
func SessionBus(t testing.TB) string { return StartBus(t).Addr }

// StartBus starts a private bus that ends with the test.
func StartBus(t testing.TB) *Bus { return startBus(t, "") }

// StartBusWithServices starts one that starts the installed services by itself,
// with the environment of now.
func StartBusWithServices(t testing.TB) *Bus { return startBus(t, "<standard_session_servicedirs/>") }

func startBus(t testing.TB, services string) *Bus {
	t.Helper()
	NeedTool(t, "dbus-daemon", "dbus")
	dir, err := os.MkdirTemp("/tmp", "bus") // a socket needs a short name
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	b := &Bus{conf: filepath.Join(dir, "conf"), socket: filepath.Join(dir, "bus")}
	t.Cleanup(b.Stop)
	if err := os.WriteFile(b.conf, fmt.Appendf(nil, busConf, b.socket, services), 0o600); err != nil {
		t.Fatal(err)
	}
	b.Start(t)
	return b
}

// Start starts the bus again after a Stop, at the same address.
func (b *Bus) Start(t testing.TB) {
	t.Helper()
	b.cmd = exec.Command("dbus-daemon", "--config-file="+b.conf, "--nofork", "--print-address=1")
	out, err := b.cmd.StdoutPipe()
	if err == nil {
		err = b.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("dbus-daemon: %v", err)
	}
	b.Addr = strings.TrimSpace(line)
}

// Stop kills the bus, as a crash does.
func (b *Bus) Stop() {
	if b.cmd == nil {
		return
	}
	_ = b.cmd.Process.Kill()
	_ = b.cmd.Wait()
	b.cmd = nil
	_ = os.Remove(b.socket) // a killed daemon leaves its socket behind
}
