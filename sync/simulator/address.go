package simulator

import (
	"cmp"
	"net"
	"net/netip"
	"slices"
	"strings"
	"unicode"
)

// Addr is where the phone shares, or shared last; nil before the first Start.
func (p *Phone) Addr() *net.TCPAddr {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.addr
}

// Port is that of Addr; 0 before the first Start.
func (p *Phone) Port() int {
	if a := p.Addr(); a != nil {
		return a.Port
	}
	return 0
}

// LocalName is the phone's name for its addresses, such as Anas-iPhone.local:
// the first that its server certificate has.
func (p *Phone) LocalName() string { return cmp.Or(p.id.name(), localName(p.opts.DeviceName)) }

// Addrs are the addresses at which the phone can be reached: the one it
// listens on, or all of this machine's where it listens on all. Nil before the
// first Start.
func (p *Phone) Addrs() []netip.Addr {
	a := p.Addr()
	if a == nil {
		return nil
	}
	if ip, ok := netip.AddrFromSlice(a.IP); ok && !ip.IsUnspecified() {
		return []netip.Addr{ip.Unmap()}
	}
	return localAddrs()
}

// Host is what the QR code should say: the address that the phone listens on,
// or, where it listens on all, the first that others can reach. "" before the
// first Start.
func (p *Phone) Host() string { return bestHost(p.Addrs(), p.LocalName()) }

// bestHost picks one of addresses. An IPv6 link-local address needs a zone,
// which each machine names for itself: the .local name is used instead.
func bestHost(addrs []netip.Addr, local string) string {
	rank := func(a netip.Addr) int {
		switch {
		case a.Is4() && a.IsPrivate():
			return 0
		case a.IsLoopback():
			return 3
		case a.Is6() && a.IsLinkLocalUnicast():
			return 2
		}
		return 1
	}
	if len(addrs) == 0 {
		return ""
	}
	best := slices.MinFunc(addrs, func(a, b netip.Addr) int { return cmp.Compare(rank(a), rank(b)) })
	if rank(best) == 2 {
		return local
	}
	return best.String()
}

// localName makes of a person's name for the phone what Bonjour calls it:
// letters, digits and hyphens.
func localName(device string) string {
	kept := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return '-'
		case r == '-' || r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			return r
		}
		return -1
	}, device)
	name := strings.Join(strings.FieldsFunc(kept, func(r rune) bool { return r == '-' }), "-")
	return cmp.Or(name[:min(len(name), 63)], "iPhone") + ".local"
}

// localAddrs lists loopback and this machine's private addresses, those that
// a certificate may name.
func localAddrs() []netip.Addr {
	addrs := []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
	found, err := net.InterfaceAddrs()
	if err != nil {
		return addrs
	}
	for _, a := range found {
		prefix, err := netip.ParsePrefix(a.String())
		if err != nil {
			continue
		}
		if ip := prefix.Addr().WithZone(""); (ip.IsPrivate() || ip.IsLinkLocalUnicast()) &&
			!slices.Contains(addrs, ip) {
			addrs = append(addrs, ip)
		}
	}
	return addrs
}
