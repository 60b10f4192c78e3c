package trust

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"healthsync/sync/testenv"
)

const envIsolated = "HEALTHSYNC_TEST_NETNS"

// isolate runs the test once more in a network namespace of its own, in which
// there is nothing but loopback: gnutls-serv cannot be told to listen on one
// address, every port is free, and an address can be truly unreachable. It
// reports whether this process is the one inside; otherwise the test is done.
func isolate(t *testing.T) (inside bool) {
	t.Helper()
	if os.Getenv(envIsolated) == "1" {
		loopbackUp(t)
		return true
	}
	args := []string{"-test.run", "^" + t.Name() + "$", "-test.v", "-test.timeout", "5m"}
	cmd := exec.Command(must(os.Executable())(t), args...)
	cmd.Env = append(os.Environ(), envIsolated+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	var ran *exec.ExitError
	if err != nil && !errors.As(err, &ran) && os.Getuid() == 0 {
		// No user namespaces here; root needs none.
		cmd = exec.Command(cmd.Path, args...)
		cmd.Env = append(os.Environ(), envIsolated+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
		out, err = cmd.CombinedOutput()
	}
	switch {
	case err == nil && strings.Contains(string(out), "--- SKIP: "+t.Name()+" ("):
		t.Skipf("skipped inside:\n%s", out)
	case err == nil:
		t.Logf("%s", out)
	case len(out) == 0:
		testenv.Missing(t, fmt.Sprintf("no network namespace is to be had: %v", err))
	default:
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

func loopbackUp(t *testing.T) {
	t.Helper()
	fd := must(unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0))(t)
	defer func() { _ = unix.Close(fd) }()
	lo := must(unix.NewIfreq("lo"))(t)
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo); err != nil {
		t.Fatalf("loopback up: %v", err)
	}
}
