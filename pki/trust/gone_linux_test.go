package trust

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A device that is gone without a trace answers no SYN. That is found out by the
// limit for connecting, before the one for the whole. A listener whose queue is
// full stands for it: Linux drops what comes (tcp_abort_on_overflow).
func TestNoAnswerToTheSYN(t *testing.T) {
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
	p := newPhone(t)
	for _, d := range []Dialer{{ConnectTimeout: 50 * time.Millisecond, Timeout: time.Hour}, {Timeout: 50 * time.Millisecond}} {
		ctx, cancel := context.WithCancel(t.Context())
		stop := time.AfterFunc(30*time.Second, cancel)
		d.Trust = p.mutual(p.client)
		_, r, err := d.Dial(ctx, "127.0.0.1", port)
		if f := failure(t, err); f.Kind != TimedOut || f.Addr != at || len(r.Attempts) != 1 {
			t.Errorf("connect %v, whole %v: %v at %q, %+v", d.ConnectTimeout, d.Timeout, f.Kind, f.Addr, r.Attempts)
		}
		stop.Stop()
		cancel()
	}
}
