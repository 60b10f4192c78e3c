package bonjour

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// Interfaces lists where iPhones may be met now: all that is up and speaks
// multicast, whatever its name, but for point-to-point links (Avahi leaves them
// out too: avahi-daemon.conf, allow-point-to-point), and the loopback interface
// for a simulated one. The list is good for this moment: after sleep or a change
// of network there are others.
func Interfaces() ([]net.Interface, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("bonjour: list the network interfaces: %w", err)
	}
	all = slices.DeleteFunc(all, func(i net.Interface) bool { return !usable(i.Flags) })
	slices.SortStableFunc(all, func(a, b net.Interface) int { return rarity(a.Name) - rarity(b.Name) })
	return all, nil
}

// rarity is 1 for names of interfaces on which an iPhone is rarely met: of
// containers, virtual machines, Apple's peer-to-peer links, and networks that
// this computer shares. They come last, since Linux lets a socket join no more
// than twenty (igmp_max_memberships).
func rarity(name string) int {
	rare := []string{"veth", "docker", "br-", "virbr", "vmnet", "vboxnet", "awdl", "llw", "anpi", "ap", "bridge"}
	if slices.ContainsFunc(rare, func(p string) bool { return strings.HasPrefix(name, p) }) {
		return 1
	}
	return 0
}

func usable(f net.Flags) bool {
	// Linux does not say that its loopback interface can multicast, but it can.
	speaks := f&net.FlagLoopback != 0 || f&net.FlagMulticast != 0 && f&net.FlagPointToPoint == 0
	return speaks && f&net.FlagUp != 0
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
