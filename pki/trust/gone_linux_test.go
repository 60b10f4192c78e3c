package trust

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A device that is gone without a trace answers no SYN. It is given up after the
// limit for connecting, which is shorter than the one for the whole. A listener whose queue is
// full stands for it: Linux drops what comes (tcp_abort_on_overflow).
func TestNoAnswerToTheSYN(t *testing.T) {
	t.Parallel()
	fd := must(unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0))(t)
	defer func() { _ = unix.Close(fd) }()
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	port := must(unix.Getsockname(fd))(t).(*unix.SockaddrInet4).Port
	at := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(port)).String()
	for full := false; !full; { // one is queued, perhaps one more waits
		conn, err := (&net.Dialer{Timeout: 300 * time.Millisecond}).Dial("tcp", at)
		if full = err != nil; !full {
			defer func() { _ = conn.Close() }()
		}
	}
	d := &Dialer{Trust: Pinned([32]byte{1}), Resolver: names{"phone.local": {"127.0.0.1", "127.0.0.2"}}}
	const short = 50 * time.Millisecond
	limits := map[time.Duration]time.Duration{short: short}
	if !testing.Short() { // make test-all waits for the whole limit
		limits[0] = connectTimeout
	}
	for limit, want := range limits {
		d.Timeout = limit
		begun := time.Now()
		r, err := dialOnce(t, d, "127.0.0.1", port)
		took := time.Since(begun)
		if f := failure(t, err); f.Kind != TimedOut || f.Addr != at || took < want || took > want+3*time.Second {
			t.Errorf("within %v: %v at %q after %v, %+v", limit, f.Kind, f.Addr, took, r.Attempts)
		}
	}
	// Of two addresses the silent one takes half of the time.
	l := must(net.Listen("tcp", fmt.Sprintf("127.0.0.2:%d", port)))(t)
	defer func() { _ = l.Close() }()
	d.Timeout = time.Second
	r, err := dialOnce(t, d, "phone.local", port)
	if f := failure(t, err); f.Kind != HandshakeTimeout || r.Attempts[0].Took > 900*time.Millisecond {
		t.Errorf("%v, %+v", f.Kind, r.Attempts)
	}
}
