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
//   - An entry is handed over by a send without a way out; who stops to receive
//     leaks a goroutine and two sockets. So a round receives until the channel
//     is closed, which happens when its context is done.
//   - Each entry is handed over once: a new address, a new port and a goodbye
//     are never told. So there is one round after the other, and the difference
//     is made here (watch.go).
//   - Only the addresses of the packet that an entry is found in come with it.
//     Avahi puts no IPv4 address into a packet that it sends by IPv6: 6 of 15
//     browses found a phone that could not be dialled. So the traffic is IPv4,
//     whose packets hold both kinds, unless an interface has no IPv4 address.
//   - A link-local IPv6 address comes without its zone. Where one interface is
//     asked it is that one; otherwise the address is dropped.
//   - The interfaces are those at the moment a resolver is made.
//   - Instance names come and go in DNS presentation form (name.go).
//   - The server's WaitGroup is raised by the goroutines that it counts
//     (recv4, recv6), so that Shutdown may come before them: see
//     [Announcer.Close].
//
// What can be seen on one machine is held by the tests beside this file.

// limits of what a network may tell in one round.
const (
	maxInstances = 4096 // many: a flood of others must not crowd ours out
	maxAddrs     = 16
	maxText      = 32
)

// round asks once for instances of [Service] and reports each one found until
// ctx is done. found is called from this goroutine, and must not block.
func round(ctx context.Context, ifaces []net.Interface, found func(Instance)) error {
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
	zone := onlyZone(ifaces)
	seen := 0
	for e := range entries {
		if i, ok := fromEntry(e, zone); ok && seen < maxInstances {
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

// fromEntry takes what can be used of an entry; false if nothing can.
func fromEntry(e *zeroconf.ServiceEntry, zone string) (Instance, bool) {
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
		if !ok || a.IsUnspecified() || a.IsMulticast() || len(i.Addrs) == maxAddrs {
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
	for _, t := range e.Text {
		if t != "" && len(i.Text) < maxText {
			i.Text = append(i.Text, printable(t))
		}
	}
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
