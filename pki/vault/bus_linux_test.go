package vault

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/keybase/dbus"

	"healthsync/sync/testenv"
)

// session is a private world for one test: folders, a D-Bus and, when started,
// a real gnome-keyring-daemon. It needs no display and touches no real keyring.
type session struct {
	t      *testing.T
	dir    string
	daemon *exec.Cmd
	bus    *testenv.Bus
}

// newSession starts a bus.
func newSession(t *testing.T) *session { return startSession(t, testenv.StartBus, nil) }

// newSessionWithServices starts a bus that can start the installed services,
// the prompter among them, which shows its dialogs on a display, if there is one.
func newSessionWithServices(t *testing.T, environment map[string]string) *session {
	return startSession(t, testenv.StartBusWithServices, environment)
}

func startSession(t *testing.T, bus func(testing.TB) *testenv.Bus, environment map[string]string) *session {
	t.Helper()
	if testing.Short() {
		t.Skip("long: make test-all")
	}
	s := &session{t: t, dir: t.TempDir()}
	for _, v := range []string{"HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"} {
		dir := filepath.Join(s.dir, v)
		must(t, os.Mkdir(dir, 0o700))
		t.Setenv(v, dir)
	}
	for _, v := range []string{"DISPLAY", "WAYLAND_DISPLAY", "GNOME_KEYRING_CONTROL", "DBUS_STARTER_ADDRESS"} {
		t.Setenv(v, "")
		os.Unsetenv(v)
	}
	for k, v := range environment {
		t.Setenv(k, v)
	}
	s.bus = bus(t)
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", s.bus.Addr)
	return s
}

// start runs a command until the test's end.
func (s *session) start(cmd *exec.Cmd) {
	s.t.Helper()
	must(s.t, cmd.Start())
	s.t.Cleanup(func() { end(cmd) })
}

func end(cmd *exec.Cmd) {
	if cmd.ProcessState == nil {
		cmd.Process.Signal(syscall.SIGCONT)
		cmd.Process.Kill()
		cmd.Wait()
	}
}

// keyring starts gnome-keyring-daemon, as PAM would at login with a password.
// With a wrong one it runs all the same, and the keyring stays locked.
func (s *session) keyring(password string) {
	s.t.Helper()
	path := testenv.NeedTool(s.t, "gnome-keyring-daemon", "gnome-keyring")
	s.daemon = exec.Command(path, "--foreground", "--unlock", "--components=secrets",
		"--control-directory="+filepath.Join(s.dir, "control"))
	s.daemon.Stdin = strings.NewReader(password) // to the end of the file; a newline would belong to it
	s.daemon.Stderr = io.Discard
	s.start(s.daemon)
	s.waitFor(uint32(s.daemon.Process.Pid))
}

// endKeyring kills the daemon, and is done when the bus knows.
func (s *session) endKeyring() {
	s.t.Helper()
	end(s.daemon)
	s.waitFor(0)
}

// waitFor waits until the Secret Service on the bus is that of a process; 0
// stands for none.
func (s *session) waitFor(pid uint32) {
	s.t.Helper()
	const name = "org.freedesktop.secrets"
	conn := s.conn()
	defer conn.Close()
	changes := make(chan *dbus.Signal, 100)
	conn.Signal(changes)
	must(s.t, conn.AddMatchSignal(dbus.WithMatchInterface("org.freedesktop.DBus"),
		dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchOption("arg0", name)))
	for limit := time.After(time.Minute); ; {
		var owner uint32
		err := conn.BusObject().Call("org.freedesktop.DBus.GetConnectionUnixProcessID", 0, name).Store(&owner)
		if err != nil && errorName(err) != "org.freedesktop.DBus.Error.NameHasNoOwner" {
			s.t.Fatal(err)
		}
		if owner == pid {
			return
		}
		select {
		case <-changes: // of this name, or that this connection has one
		case <-limit:
			s.t.Fatalf("%s is of process %d, not %d", name, owner, pid)
		}
	}
}

func (s *session) conn() *dbus.Conn {
	s.t.Helper()
	conn, err := dbus.Connect(s.bus.Addr)
	must(s.t, err)
	return conn
}

// lock locks the login keyring, as a person may at any time.
func (s *session) lock() {
	s.t.Helper()
	conn := s.conn()
	defer conn.Close()
	paths := []dbus.ObjectPath{"/org/freedesktop/secrets/collection/login"}
	must(s.t, conn.Object("org.freedesktop.secrets", "/org/freedesktop/secrets").Call(ssService+".Lock", 0, paths).Err)
}

// vault opens the keychain of this session.
func (s *session) vault(namespace string) *secretService {
	s.t.Helper()
	v, err := Open(KindKeychain, Options{Namespace: namespace})
	must(s.t, err)
	return v.(*secretService)
}
