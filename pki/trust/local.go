package trust

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// Resolver finds the addresses of a name. [*net.Resolver] is one. On Linux
// without cgo the standard one knows no multicast DNS, so `.local` names need a
// resolver of their own there.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// IsLocal reports whether an address may be dialled: loopback, private IPv4
// (RFC 1918), link-local (IPv6 with a zone), or unique local IPv6 (RFC 4193).
// The unspecified address and multicast are not local, nor is the shared space
// of carriers and overlay networks (100.64.0.0/10).
func IsLocal(a netip.Addr) bool { return whyNotLocal(a) == nil }

var (
	errNoZone   = errors.New("a link-local address needs its zone, as in fe80::1%en0")
	errPublic   = errors.New("not a loopback, private, link-local or unique local address")
	errNotLocal = errors.New("neither an address nor a name in .local")
)

func whyNotLocal(a netip.Addr) error {
	a = a.Unmap()
	switch {
	case a.IsLoopback(), a.IsPrivate():
		return nil
	case a.IsLinkLocalUnicast():
		if a.Is6() && a.Zone() == "" {
			return errNoZone
		}
		return nil
	}
	return errPublic
}

// LocalHost checks a host as a person or a pairing code gives it and returns
// the local addresses it stands for now. What is dialled later is checked again
// then. Public addresses that a `.local` name has beside its local ones are left
// out (a phone announces all of its own). The error is a [*Failure] of kind
// NotLocal, NameNotFound, TimedOut or Canceled.
func LocalHost(ctx context.Context, host string) ([]netip.Addr, error) {
	addrs, f := localHost(ctx, nil, host)
	if f != nil {
		return nil, f
	}
	return addrs, nil
}

func localHost(ctx context.Context, r Resolver, host string) ([]netip.Addr, *Failure) {
	bare := trimHost(host)
	if a, err := netip.ParseAddr(bare); err == nil {
		if err := whyNotLocal(a); err != nil {
			return nil, &Failure{Kind: NotLocal, Host: host, Err: err}
		}
		return []netip.Addr{a.Unmap()}, nil
	}
	lower := strings.ToLower(bare)
	if lower == "localhost" { // RFC 6761 section 6.3: loopback, whatever a server says
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}, nil
	}
	if !strings.HasSuffix(lower, ".local") || len(lower) == len(".local") || len(lower) > 253 {
		return nil, &Failure{Kind: NotLocal, Host: host, Err: errNotLocal}
	}
	if r == nil {
		r = net.DefaultResolver
	}
	found, err := r.LookupNetIP(ctx, "ip", bare)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return nil, contextFailure(cause, NameNotFound, host)
		}
		return nil, &Failure{Kind: NameNotFound, Host: host, Err: err}
	}
	var local []netip.Addr
	var refused []string
	for _, a := range found {
		if a = a.Unmap(); IsLocal(a) {
			local = append(local, a)
		} else {
			refused = append(refused, a.String())
		}
	}
	switch {
	case len(local) > 0:
		return local, nil
	case len(refused) > 0:
		return nil, &Failure{Kind: NotLocal, Host: host, Names: refused, Err: errPublic}
	}
	return nil, &Failure{Kind: NameNotFound, Host: host, Err: errors.New("the name has no address")}
}

// contextFailure tells a caller that gave up from time that ran out; onTimeout
// is the kind of the latter.
func contextFailure(cause error, onTimeout Kind, host string) *Failure {
	if errors.Is(cause, context.Canceled) {
		return &Failure{Kind: Canceled, Host: host, Err: cause}
	}
	return &Failure{Kind: onTimeout, Host: host, Err: cause}
}

// trimHost takes off what people write around a host: white space, the brackets
// of an IPv6 address, the final dot of a name.
func trimHost(host string) string {
	host = strings.TrimSpace(host)
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		host = host[1 : len(host)-1]
	}
	return strings.TrimSuffix(host, ".")
}

// nameToVerify is the host in the form that certificates hold: an address has
// no zone there.
func nameToVerify(host string) string {
	host = trimHost(host)
	if a, err := netip.ParseAddr(host); err == nil {
		return a.Unmap().WithZone("").String()
	}
	return host
}

// checkDialled is the last gate: it sees the address that the socket is about
// to connect to.
func checkDialled(address string) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return &Failure{Kind: NotLocal, Addr: address, Err: fmt.Errorf("not an address: %w", err)}
	}
	if err := whyNotLocal(ap.Addr()); err != nil {
		return &Failure{Kind: NotLocal, Host: ap.Addr().String(), Addr: address, Err: err}
	}
	return nil
}
