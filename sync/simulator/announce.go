package simulator

import "net/netip"

// LocalName is the phone's name for its addresses, such as Anas-iPhone.local:
// the first that its server certificate has.
func (p *Phone) LocalName() string {
	if name := p.id.name(); name != "" {
		return name
	}
	return localName(p.opts.DeviceName)
}

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
