package bonjour

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/grandcat/zeroconf"
)

// This file is the only one that touches the library (v1.0.0), and holds what
// is needed to live with it:
//
//   - A resolver is good for one browse: the first one closes its sockets, a
//     second finds nothing and says nothing. So each round makes a new one.
//     https://github.com/grandcat/zeroconf/issues/53
//   - A channel of entries is closed by each browse that has it, so each browse
//     has one of its own. https://github.com/grandcat/zeroconf/issues/118
//   - An entry is handed over by a send without a way out; who stops to receive
//     leaks a goroutine and two sockets. So a round receives until the channel
//     is closed, which happens when its context is done.
//     https://github.com/enbility/ship-go/pull/69
//   - Each entry is handed over once: a new address or port is never told, nor
//     is a goodbye (TestZeroconfTellsOfNoChange). So there is one round after
//     the other, the difference is made here (watch.go), and a listener of our
//     own hears what phones say by themselves (listen.go).
//     https://github.com/grandcat/zeroconf/issues/122
//     https://github.com/grandcat/zeroconf/issues/65
//   - It stops asking when it has found the first.
//     https://github.com/grandcat/zeroconf/pull/92 (after v1.0.0)
//   - Only the addresses of the packet that an entry is found in come with it,
//     and nothing asks for what is missing. Avahi puts no IPv4 address into a
//     packet that it sends by IPv6: 6 of 15 browses found a phone that could not
//     be dialled. So the traffic is IPv4, whose packets hold both kinds, unless
//     an interface has no IPv4 address; the listener hears both.
//     https://github.com/grandcat/zeroconf/issues/27
//   - A link-local IPv6 address comes without its zone, and nothing says on
//     which interface anything came. So such addresses, and those of loopback
//     (which from the network would mean this computer), are the listener's to
//     tell. https://github.com/grandcat/zeroconf/issues/51
//   - The interfaces are those at the moment a resolver is made; there is one
//     each round.
//   - One error of a read ends a receiver without a word (client.go, recv): the
//     next round has another.
//   - Instance names come and go in DNS presentation form (name.go).
//   - The server's WaitGroup is raised by the goroutines that it counts
//     (server.go, recv4 and recv6), so that Shutdown may come before them: see
//     [Announcer.Close].
//
// Where no thread is named, none was found; the place in the source is. What
// can be seen on one machine is held by the tests beside this file.

// limits of what a network may tell in one round.
const (
	maxInstances = 4096 // many: a flood of others must not crowd ours out
	maxAddrs     = 16
	maxText      = 32
)

// round asks once for instances of [Service] and reports each one found until
// ctx is done. found is called from this goroutine, and must not block.
// listening says that a listener tells of the addresses that have a meaning on
// one interface only.
func round(ctx context.Context, ifaces []net.Interface, listening bool, found func(Instance)) error {
	if len(ifaces) == 0 {
		return &NetworkError{Err: errors.New("there is none")}
	}
	resolver, err := zeroconf.NewResolver(zeroconf.SelectIfaces(ifaces), zeroconf.SelectIPTraffic(traffic(ifaces)))
	if err != nil {
		return &NetworkError{Interfaces: names(ifaces), Err: err}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	entries := make(chan *zeroconf.ServiceEntry)
	asked := resolver.Browse(ctx, Service, "local.", entries)
	if asked != nil {
		cancel()
	}
	zone, loop := onlyZone(ifaces), onlyLoopback(ifaces)
	if listening {
		zone = ""
	}
	seen := 0
	for e := range entries {
		if i, ok := fromEntry(e, zone, loop); ok && seen < maxInstances {
			seen++
			found(i)
		}
	}
	if asked != nil {
		return &NetworkError{Interfaces: names(ifaces), Err: asked}
	}
	return nil
}

// traffic is IPv4 wherever there is any.
func traffic(ifaces []net.Interface) zeroconf.IPType {
	for _, i := range ifaces {
		addrs, err := i.Addrs()
		if err != nil {
			continue
		}
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Unmap().Is4() {
				return zeroconf.IPv4
			}
		}
	}
	return zeroconf.IPv6
}

// onlyZone is the zone of what arrives, "" where it cannot be told. Loopback
// does not count: it has no link-local addresses.
func onlyZone(ifaces []net.Interface) string {
	zone := ""
	for _, i := range ifaces {
		switch {
		case i.Flags&net.FlagLoopback != 0:
		case zone != "":
			return ""
		default:
			zone = i.Name
		}
	}
	return zone
}

// onlyLoopback reports that nothing comes from beyond this computer.
func onlyLoopback(ifaces []net.Interface) bool {
	return !slices.ContainsFunc(ifaces, func(i net.Interface) bool { return i.Flags&net.FlagLoopback == 0 })
}

// fromEntry takes what can be used of an entry; false if nothing can. loop says
// that it came from this computer.
func fromEntry(e *zeroconf.ServiceEntry, zone string, loop bool) (Instance, bool) {
	i := Instance{
		Name: printable(unescape(e.Instance)),
		Host: printable(unescape(strings.TrimSuffix(e.HostName, "."))),
		Port: e.Port,
	}
	if i.Name == "" || len(i.Name) > 4*63 || i.Port < 1 || i.Port > 65535 {
		return Instance{}, false
	}
	for _, ip := range slices.Concat(e.AddrIPv4, e.AddrIPv6) {
		a, ok := netip.AddrFromSlice(ip)
		a = a.Unmap()
		if !ok || a.IsUnspecified() || a.IsMulticast() || a.IsLoopback() && !loop || len(i.Addrs) == maxAddrs {
			continue
		}
		if a.Is6() && a.IsLinkLocalUnicast() {
			if zone == "" {
				continue
			}
			a = a.WithZone(zone)
		}
		if !slices.Contains(i.Addrs, a) {
			i.Addrs = append(i.Addrs, a)
		}
	}
	i.Text = textOf(e.Text)
	return i, len(i.Addrs) > 0
}

// register announces; the result takes it back when it is shut down.
func register(name string, port int, host string, addrs []netip.Addr, text []string, ifaces []net.Interface) (interface{ Shutdown() }, error) {
	ips := make([]string, 0, len(addrs))
	for _, a := range addrs {
		ips = append(ips, a.String())
	}
	// The library compares a host without its last dot with a domain that has
	// one, and so would put a second ".local" behind the first (server.go,
	// RegisterProxy).
	host = strings.TrimSuffix(strings.TrimSuffix(host, "."), ".local")
	return zeroconf.RegisterProxy(escape(name), Service, "local.", port, host, ips, text, ifaces)
}
