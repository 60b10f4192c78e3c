package trust

import (
	"context"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// attemptDelay is how long one address is waited for before the next is tried
// beside it: the Connection Attempt Delay of RFC 8305 section 5.
const attemptDelay = 250 * time.Millisecond

// interleave alternates the address families, beginning with that of the first
// address (RFC 8305 section 4): if one family does not work at all, no more than
// one address of it is waited for.
func interleave(addrs []netip.Addr) []netip.Addr {
	if len(addrs) < 3 {
		return addrs
	}
	var families [2][]netip.Addr
	for _, a := range addrs {
		i := 0
		if a.Is4() != addrs[0].Is4() {
			i = 1
		}
		families[i] = append(families[i], a)
	}
	out := make([]netip.Addr, 0, len(addrs))
	for i := 0; len(out) < len(addrs); i++ {
		for _, family := range families {
			if i < len(family) {
				out = append(out, family[i])
			}
		}
	}
	return out
}

type connected struct {
	index int
	conn  net.Conn
	begun time.Time
	took  time.Duration
	err   error
}

// race connects to the first address that answers and lets go of the others.
func (t *dialing) race(addrs []netip.Addr, port int) (net.Conn, netip.Addr, *Failure) {
	ctx, cancel := context.WithTimeout(t.budget, t.connectTimeout())
	defer cancel()
	results := make(chan connected, len(addrs))
	started, pending := 0, 0
	start := func() {
		i := started
		started++
		pending++
		go func() {
			begun := time.Now()
			conn, err := connect(ctx, netip.AddrPortFrom(addrs[i], uint16(port))) //nolint:gosec // checked to be 1..65535
			results <- connected{i, conn, begun, time.Since(begun), err}
		}()
	}
	start()
	timer := time.NewTimer(attemptDelay)
	defer timer.Stop()
	var worst *Failure
	for pending > 0 {
		select {
		case <-timer.C:
			if started < len(addrs) {
				start()
				timer.Reset(attemptDelay)
			}
		case c := <-results:
			pending--
			if c.err == nil {
				t.attempt(addrs[c.index], port, c, "connected")
				cancel()
				t.letGo(addrs, port, results, pending)
				return c.conn, addrs[c.index], nil
			}
			f := t.connectFailure(c.err, addrs[c.index], port)
			t.attempt(addrs[c.index], port, c, f.Kind.String())
			worst = moreTelling(worst, f)
			if started < len(addrs) {
				start()
				timer.Reset(attemptDelay)
			}
		}
	}
	return nil, netip.Addr{}, worst
}

// letGo closes the connections that came second.
func (t *dialing) letGo(addrs []netip.Addr, port int, results <-chan connected, pending int) {
	for range pending {
		c := <-results // soon: their context has ended
		if c.conn != nil {
			_ = c.conn.Close() // nothing has been sent on it
		}
		c.err = nil
		t.attempt(addrs[c.index], port, c, "not needed")
	}
}

func (t *dialing) attempt(a netip.Addr, port int, c connected, outcome string) {
	at := Attempt{
		Addr:  netip.AddrPortFrom(a, uint16(port)).String(), //nolint:gosec // checked to be 1..65535
		After: c.begun.Sub(t.begun), Took: c.took, Outcome: outcome,
	}
	if c.err != nil {
		at.Err = c.err.Error()
	}
	t.report.Attempts = append(t.report.Attempts, at)
}

func (t *dialing) connectFailure(err error, a netip.Addr, port int) *Failure {
	addr := netip.AddrPortFrom(a, uint16(port)).String() //nolint:gosec // checked to be 1..65535
	if t.budget.Err() != nil {
		f := contextFailure(context.Cause(t.budget), TimedOut, t.report.Host)
		f.Addr = addr
		return f
	}
	f := Classify(err)
	f.Host, f.Addr = t.report.Host, addr
	return f
}

// connect dials one address. The address is checked once more where the socket
// is made, so that nothing between here and there can make it another.
func connect(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	d := net.Dialer{
		ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
			return checkDialled(address)
		},
	}
	return d.DialContext(ctx, "tcp", addr.String())
}
