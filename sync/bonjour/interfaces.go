package bonjour

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// virtual are the beginnings of interface names on which no iPhone is met:
// Apple's peer-to-peer links (which would drop Wi-Fi packets when used), VPN
// tunnels, containers and virtual machines.
var virtual = []string{
	"awdl", "llw", "utun", "tun", "tap", "ipsec", "ppp", "wg", "zt", "tailscale",
	"docker", "br-", "virbr", "veth", "vmnet", "vboxnet", "bridge", "gif", "stf", "anpi", "ap",
}

// Interfaces lists where iPhones may be met now: what is up, speaks multicast
// and is no tunnel, and the loopback interface for a simulated one. The list is
// good for this moment: after sleep or a change of network there are others.
func Interfaces() ([]net.Interface, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("bonjour: list the network interfaces: %w", err)
	}
	return slices.DeleteFunc(all, func(i net.Interface) bool { return !usable(i) }), nil
}

func usable(i net.Interface) bool {
	switch {
	case i.Flags&net.FlagUp == 0, i.Flags&net.FlagPointToPoint != 0:
		return false
	case i.Flags&net.FlagLoopback != 0:
		return true // Linux does not say that it can multicast, but it can
	case i.Flags&net.FlagMulticast == 0:
		return false
	}
	return !slices.ContainsFunc(virtual, func(p string) bool {
		rest, ok := strings.CutPrefix(i.Name, p)
		return ok && (rest == "" || p == "br-" || digit(rest[0]) || p == "veth" || p == "docker" || p == "tailscale" || p == "virbr")
	})
}

// owners lists the interfaces that have one of these addresses.
func owners(addrs []netip.Addr) ([]net.Interface, error) {
	all, err := Interfaces()
	if err != nil {
		return nil, err
	}
	own := slices.DeleteFunc(all, func(i net.Interface) bool {
		has, err := i.Addrs()
		return err != nil || !slices.ContainsFunc(has, func(a net.Addr) bool {
			p, err := netip.ParsePrefix(a.String())
			return err == nil && slices.Contains(addrs, p.Addr().Unmap().WithZone(""))
		})
	})
	if len(own) == 0 {
		return nil, &NetworkError{Err: errors.New("none has an address to announce")}
	}
	return own, nil
}

func names(ifaces []net.Interface) []string {
	var out []string
	for _, i := range ifaces {
		out = append(out, i.Name)
	}
	return out
}
