package bonjour

import (
	"context"
	"errors"
	"net"

	"github.com/grandcat/zeroconf"
)

// What is needed to ask by zeroconf v1.0.0 (announce.go has the rest):
//
//   - A browse tells of each instance once: neither of another address or port,
//     nor of a goodbye, nor of the interface that something came from, so that a
//     link-local address has no zone. Only the addresses of one packet are told.
//     So the library asks, and the answers, which everybody on the link hears
//     (RFC 6762 section 6), are read by the listener.
//     https://github.com/grandcat/zeroconf/issues/122
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

// browse asks once, by both families, for instances of [Service]. The error is a
// [NetworkError] if it cannot be asked by either.
func browse(ifaces []net.Interface) error {
	err4, err6 := browseBy(zeroconf.IPv4, ifaces), browseBy(zeroconf.IPv6, ifaces)
	if err4 != nil && err6 != nil {
		return &NetworkError{Interfaces: names(ifaces), Err: errors.Join(err4, err6)}
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
