package bonjour

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// rare are the beginnings of names of interfaces on which an iPhone is rarely
// met: Apple's peer-to-peer links, containers, virtual machines, and networks
// that this computer shares with others. They come last and are used all the
// same.
var rare = []string{"awdl", "llw", "anpi", "ap", "bridge", "docker", "br-", "virbr", "veth", "vmnet", "vboxnet"}

// Interfaces lists where iPhones may be met now: all that is up and speaks
// multicast, but for point-to-point links (Avahi leaves them out too: avahi-daemon.conf,
// allow-point-to-point). The loopback interface, where a simulated one may be,
// is the last. The list is good for this moment: after sleep or a change of
// network there are others.
func Interfaces() ([]net.Interface, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("bonjour: list the network interfaces: %w", err)
	}
	all = slices.DeleteFunc(all, func(i net.Interface) bool { return !usable(i) })
	slices.SortStableFunc(all, func(a, b net.Interface) int { return cmp.Compare(rarity(a), rarity(b)) })
	return all, nil
}

func usable(i net.Interface) bool {
	// Linux does not say that its loopback interface can multicast, but it can.
	speaks := i.Flags&net.FlagLoopback != 0 || i.Flags&net.FlagMulticast != 0 && i.Flags&net.FlagPointToPoint == 0
	return speaks && i.Flags&net.FlagUp != 0
}

func rarity(i net.Interface) int {
	switch {
	case i.Flags&net.FlagLoopback != 0:
		return 2
	case slices.ContainsFunc(rare, func(p string) bool { return strings.HasPrefix(i.Name, p) }):
		return 1
	}
	return 0
}

// owners lists the interfaces that have one of these addresses.
func owners(addrs []netip.Addr) ([]net.Interface, error) {
	all, err := Interfaces()
	if err != nil {
		return nil, err
	}
	own := slices.DeleteFunc(all, func(i net.Interface) bool {
		return !slices.ContainsFunc(prefixes(i), func(p netip.Prefix) bool { return slices.Contains(addrs, p.Addr()) })
	})
	if len(own) == 0 {
		return nil, &NetworkError{Err: errors.New("none has an address to announce")}
	}
	return own, nil
}

// prefixes gives the addresses of an interface, without zones, with their
// subnets.
func prefixes(i net.Interface) (all []netip.Prefix) {
	addrs, err := i.Addrs()
	if err != nil {
		return nil // it has just gone
	}
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			all = append(all, p)
		}
	}
	return all
}

func names(ifaces []net.Interface) []string {
	out := make([]string, len(ifaces))
	for n, i := range ifaces {
		out[n] = i.Name
	}
	return out
}
