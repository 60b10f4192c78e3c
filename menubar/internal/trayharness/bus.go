// Package trayharness drives the menu-bar app as a desktop does: a private
// D-Bus, a host for its icon, a notification daemon that writes everything
// down; or a whole desktop under Xvfb. It is for tests.
package trayharness

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"healthsync/sync/testenv"
)

// Bus is a private session bus.
type Bus struct {
	Addr string
	cmd  *exec.Cmd
	conf string
}

// busConf lets everybody hear everything, and has no service folder: nothing
// is started behind the test's back. Without the receive rule the client's
// Hello gets no answer, and godbus waits for ever.
const busConf = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path=%s</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>`

// StartBus starts a bus in a folder, which must have a short name. It ends
// with the test.
func StartBus(t testing.TB, dir string) *Bus {
	t.Helper()
	testenv.NeedTool(t, "dbus-daemon", "dbus")
	b := &Bus{conf: filepath.Join(dir, "bus.conf")}
	if err := os.WriteFile(b.conf, fmt.Appendf(nil, busConf, filepath.Join(dir, "bus")), 0o600); err != nil {
		t.Fatal(err)
	}
	b.Start(t)
	t.Cleanup(b.Stop)
	return b
}

// Start starts the bus, at the same address after a Stop.
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

// Stop kills the bus.
func (b *Bus) Stop() {
	if b.cmd == nil {
		return
	}
	_ = b.cmd.Process.Kill()
	_ = b.cmd.Wait()
	b.cmd = nil
	_ = os.Remove(filepath.Join(filepath.Dir(b.conf), "bus")) // a killed daemon leaves its socket behind
}
