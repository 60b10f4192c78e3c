package bonjour

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"

	"github.com/grandcat/zeroconf"
)

// This file is the only one that touches the library (v1.0.0), and holds what
// is needed to live with it:
//
//   - A browse tells of each instance once: neither of another address or port,
//     nor of a goodbye (TestZeroconfTellsOfNoChange), nor of the interface that
//     something came from, so that a link-local address has no zone. Only the
//     addresses of one packet are told. So the library asks, and the answers,
//     which everybody on the link hears (RFC 6762 section 6), are read by
//     the listener. https://github.com/grandcat/zeroconf/issues/122
//     https://github.com/grandcat/zeroconf/issues/65
//     https://github.com/grandcat/zeroconf/issues/51
//     https://github.com/grandcat/zeroconf/issues/27
//   - A resolver is good for one browse, as that closes its sockets; so is a
//     channel of entries. The interfaces are those at the moment when a resolver
//     is made. So each question has another.
//     https://github.com/grandcat/zeroconf/issues/53
//     https://github.com/grandcat/zeroconf/issues/118
//   - An entry is handed over by a send without a way out; who stops to receive
//     leaks a goroutine and two sockets. So entries are received until the
//     channel is closed, which happens when the context is done.
//     https://github.com/enbility/ship-go/pull/69
//   - A resolver of both families is refused where the system has only one
//     (client.go, newClient). So each family has its own.
//   - Instance names go in DNS presentation form (name.go).
//   - The server's WaitGroup is raised by the goroutines that it counts
//     (server.go, recv4 and recv6), so that Shutdown may come before them: see
//     [Announcer.Close].

// browse asks once, by both families, for instances of [Service]. The error is
// nil if it could be asked by one of them.
func browse(ifaces []net.Interface) error {
	err4, err6 := browseBy(zeroconf.IPv4, ifaces), browseBy(zeroconf.IPv6, ifaces)
	if err4 != nil && err6 != nil {
		return errors.Join(err4, err6)
	}
	return nil
}

func browseBy(family zeroconf.IPType, ifaces []net.Interface) error {
	r, err := zeroconf.NewResolver(zeroconf.SelectIfaces(ifaces), zeroconf.SelectIPTraffic(family))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	entries := make(chan *zeroconf.ServiceEntry)
	err = r.Browse(ctx, Service, "local.", entries) // when it returns, the question has been sent
	cancel()
	for range entries { // the listener reads the answers
	}
	return err
}

// register announces; the result takes it back when it is shut down.
func register(name string, port int, host string, addrs []netip.Addr, ifaces []net.Interface) (interface{ Shutdown() }, error) {
	ips := make([]string, 0, len(addrs))
	for _, a := range addrs {
		ips = append(ips, a.String())
	}
	// The library compares a host without its last dot with a domain that has
	// one, and so would put a second ".local" behind the first (server.go,
	// RegisterProxy).
	host = strings.TrimSuffix(strings.TrimSuffix(host, "."), ".local")
	return zeroconf.RegisterProxy(escape(name), Service, "local.", port, host, ips, nil, ifaces)
}
