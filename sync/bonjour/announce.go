package bonjour

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/grandcat/zeroconf"
)

// Announcement is what a simulated phone says of itself.
type Announcement struct {
	// Name is the instance name: the device's name, up to 63 bytes.
	Name string
	// Host is the name of the addresses, with or without ".local".
	Host string
	// Port is where it listens.
	Port int
	// Addrs are its addresses. Loopback addresses are announced on the
	// loopback interface, and only if there are no others: to another machine
	// they would mean itself.
	Addrs []netip.Addr
}

// Announcer keeps an announcement up.
type Announcer struct {
	server *zeroconf.Server
	since  time.Time
	once   sync.Once
}

// Announce announces a until it is closed. It answers for the addresses that a
// names and for no others; if one of them changes, close it and announce again.
func Announce(a Announcement) (*Announcer, error) {
	switch {
	case a.Name == "" || len(a.Name) > 63: // RFC 6763 section 4.1.1
		return nil, errors.New("bonjour: an instance name has 1 to 63 bytes")
	case a.Host == "":
		return nil, errors.New("bonjour: no host name to announce")
	case a.Port < 1 || a.Port > 65535:
		return nil, fmt.Errorf("bonjour: there is no port %d", a.Port)
	}
	addrs := make([]netip.Addr, 0, len(a.Addrs))
	for _, x := range a.Addrs {
		addrs = append(addrs, x.Unmap().WithZone(""))
	}
	if slices.ContainsFunc(addrs, func(x netip.Addr) bool { return !x.IsLoopback() }) {
		addrs = slices.DeleteFunc(addrs, netip.Addr.IsLoopback)
	}
	ifaces, err := owners(addrs)
	if err != nil {
		return nil, err
	}
	ips := make([]string, 0, len(addrs))
	for _, x := range addrs {
		ips = append(ips, x.String())
	}
	// The library compares a host without its last dot with a domain that has
	// one, and so would put a second ".local" behind the first (server.go,
	// RegisterProxy).
	host := strings.TrimSuffix(strings.TrimSuffix(a.Host, "."), ".local")
	server, err := zeroconf.RegisterProxy(escape(a.Name), Service, "local.", a.Port, host, ips, nil, ifaces)
	if err != nil {
		return nil, &NetworkError{Interfaces: names(ifaces), Err: err}
	}
	return &Announcer{server: server, since: time.Now()}, nil
}

// settleTime is how long an announcer lives at least: any machine has run its
// goroutines by then.
const settleTime = 250 * time.Millisecond

// Close says goodbye and stops to answer.
func (a *Announcer) Close() {
	a.once.Do(func() {
		// The library's receivers raise the WaitGroup that counts them
		// (server.go, recv4 and recv6): a shutdown before they run would not
		// wait for them, or panic. Its sockets are closed by then.
		time.Sleep(time.Until(a.since.Add(settleTime)))
		defer func() { _ = recover() }()
		a.server.Shutdown()
	})
}
