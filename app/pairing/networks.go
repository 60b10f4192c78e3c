package pairing

import (
	"net"
	"net/netip"
	"slices"
	"strings"

	"healthsync/pki/trust"
	"healthsync/sync/bonjour"
)

// Networks are the local networks that this computer is in.
type Networks struct {
	Prefixes []netip.Prefix
	// Tunnels are the names of VPNs that are up.
	Tunnels []string
}

// Holds reports whether an address lies in one of the networks. A link-local
// one with a zone does wherever that interface is; loopback always does.
func (n Networks) Holds(a netip.Addr) bool {
	if a = a.Unmap(); a.IsLoopback() || a.Is6() && a.IsLinkLocalUnicast() {
		return true
	}
	return slices.ContainsFunc(n.Prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
}

// String lists the IPv4 networks.
func (n Networks) String() string {
	var all []string
	for _, p := range n.Prefixes {
		if p.Addr().Is4() {
			all = append(all, p.Masked().String())
		}
	}
	return strings.Join(all, ", ")
}

// FindNetworks lists them as they are now.
func FindNetworks() Networks {
	var n Networks
	usable, err := bonjour.Interfaces()
	if err != nil {
		return n
	}
	for _, i := range usable {
		if i.Flags&net.FlagLoopback == 0 {
			n.Prefixes = append(n.Prefixes, LocalPrefixes(i)...)
		}
	}
	all, err := net.Interfaces()
	if err != nil {
		return n
	}
	for _, i := range all {
		if i.Flags&net.FlagUp != 0 && i.Flags&net.FlagPointToPoint != 0 && hasRealAddress(i) {
			n.Tunnels = append(n.Tunnels, i.Name)
		}
	}
	return n
}

// LocalPrefixes lists the local addresses of an interface with their networks,
// IPv4 before IPv6. Link-local IPv6 is left out: every interface has one.
func LocalPrefixes(i net.Interface) []netip.Prefix {
	var four, six []netip.Prefix
	addrs, err := i.Addrs()
	if err != nil {
		return nil
	}
	for _, a := range addrs {
		p, err := netip.ParsePrefix(a.String())
		if err != nil || !trust.IsLocal(p.Addr()) || p.Addr().Is6() && p.Addr().IsLinkLocalUnicast() {
			continue
		}
		if p.Addr().Is4() {
			four = append(four, p)
		} else {
			six = append(six, p)
		}
	}
	return append(four, six...)
}

// hasRealAddress reports an address that is not link-local: macOS keeps several
// tunnels up with nothing else.
func hasRealAddress(i net.Interface) bool {
	addrs, err := i.Addrs()
	if err != nil {
		return false
	}
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil && !p.Addr().IsLinkLocalUnicast() {
			return true
		}
	}
	return false
}
