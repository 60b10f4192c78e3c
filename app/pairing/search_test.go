package pairing_test

import (
	"context"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"healthsync/app/pairing"
	"healthsync/sync/bonjour"
	"healthsync/sync/simulator"
	"healthsync/sync/testenv"
)

// A place that accepts and says nothing is not waited for: the iPhone that
// announces itself elsewhere meanwhile is followed.
func TestFollowedWhileTheOldPlaceHangs(t *testing.T) {
	t.Parallel()
	b := newBench(t, 2)
	b.pair()
	was := b.phone.Addr().String()
	b.phone.Stop()
	ln, err := net.Listen("tcp", was)
	must(t, err)
	defer ln.Close()
	must(t, b.phone.Start("127.0.0.1:0"))
	// The old place has a minute; the whole has less.
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	moved := 0
	l, err := b.computer.Link(ctx, pairing.LinkOptions{
		Finder: announcements{announced(b.phone, b.phone.Name())}, Timeout: time.Minute, Moved: func(pairing.Place, pairing.Place) { moved++ },
	})
	must(t, err)
	if st, err := l.Reach(ctx); err != nil || st.Name != b.phone.Name() || moved != 1 || l.Port != b.phone.Port() {
		t.Errorf("%+v, %v, moved %d times to port %d", st, err, moved, l.Port)
	}
}

// An iPhone that is slow where it was is not left for another address of its
// own.
func TestSlowIsNotMoved(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		testenv.Missing(t, "this system has one loopback address")
	}
	b := newBench(t, 1)
	b.phone.Stop()
	var err error
	b.phone, err = simulator.New(simulator.Options{Protocol: 1, NoRateLimit: true, Now: b.now, Latency: 900 * time.Millisecond})
	must(t, err)
	must(t, b.phone.Start("0.0.0.0:0"))
	t.Cleanup(b.phone.Stop)
	b.pair()
	i := announced(b.phone, b.phone.Name(), netip.MustParseAddr("127.0.0.2"), loopback)
	moved, err := b.reached(announcements{i, bonjour.Instance{Name: "Bob's iPhone", Host: "bob.local", Port: 1, Addrs: []netip.Addr{loopback}}})
	if err != nil || len(moved) != 0 {
		t.Errorf("%v, moved %v", err, moved)
	}
	if r, err := b.computer.Record(); err != nil || r.Host != "127.0.0.1" {
		t.Errorf("the record: %+v, %v", r, err)
	}
}
