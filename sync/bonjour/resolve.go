package bonjour

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/net/ipv4"
)

// Resolver finds the addresses of a `.local` name by multicast DNS, for
// programs whose system resolver does not: Go without cgo on Linux asks a DNS
// server, which knows no such name. It asks once by IPv4 and is answered
// directly (RFC 6762 section 5.1), so that it needs no port 5353 of its own. The
// zero value asks on [Interfaces].
type Resolver struct {
	// Interfaces lists where to ask; nil means the function [Interfaces].
	Interfaces func() ([]net.Interface, error)
}

// The times of a resolution.
const (
	resolveTime  = 3 * time.Second
	resolveAgain = 700 * time.Millisecond
	// resolveGrace is how long a second answer (the IPv6 addresses, another
	// interface) is waited for after the first.
	resolveGrace = 50 * time.Millisecond
)

// LookupNetIP has the form of [net.Resolver]'s method. network is "ip", "ip4"
// or "ip6". A link-local address has the zone of the interface on which its
// answer came. A name that nobody answers for gives a [net.DNSError] with
// IsNotFound, and a ctx that is done its own error.
func (r *Resolver) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	list := r.Interfaces
	if list == nil {
		list = Interfaces
	}
	ifaces, err := list()
	if err != nil {
		return nil, err
	}
	question := dns.CanonicalName(host)
	if _, ok := dns.IsDomainName(question); !ok || !strings.HasSuffix(question, ".local.") {
		return nil, notFound(host, errors.New("not a name in .local"))
	}
	conn, err := net.ListenUDP("udp4", nil)
	if err != nil {
		return nil, &NetworkError{Interfaces: names(ifaces), Err: err}
	}
	defer func() { _ = conn.Close() }() // nothing is left to be sent
	defer context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Now()) })()
	found, err := ask(ctx, ipv4.NewPacketConn(conn), ifaces, question, network)
	switch {
	case len(found) > 0:
		return found, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	return nil, notFound(host, err)
}

func notFound(host string, err error) error {
	reason := "no answer by multicast DNS"
	if err != nil {
		reason = err.Error()
	}
	return &net.DNSError{Err: reason, Name: host, IsNotFound: true, UnwrapErr: err}
}

// ask sends the question, again until there is an answer, and collects what
// comes back.
func ask(ctx context.Context, pc *ipv4.PacketConn, ifaces []net.Interface, question, network string) ([]netip.Addr, error) {
	if err := pc.SetControlMessage(ipv4.FlagInterface, true); err != nil {
		return nil, fmt.Errorf("learn where an answer comes from: %w", err)
	}
	_ = pc.SetMulticastTTL(255) // RFC 6762 section 11
	_ = pc.SetMulticastLoopback(true)
	query := new(dns.Msg)
	query.SetQuestion(question, dns.TypeA)
	query.RecursionDesired = false
	query.Question = append(query.Question, dns.Question{Name: question, Qtype: dns.TypeAAAA, Qclass: dns.ClassINET})
	packet, err := query.Pack()
	if err != nil {
		return nil, fmt.Errorf("write the question: %w", err)
	}
	var found []netip.Addr
	end := time.Now().Add(resolveTime)
	again := time.Time{}
	buf := make([]byte, 9000) // RFC 6762 section 17
	for ctx.Err() == nil && time.Now().Before(end) {
		if now := time.Now(); len(found) == 0 && !now.Before(again) {
			again = now.Add(resolveAgain)
			for _, i := range ifaces {
				to := &net.UDPAddr{IP: net.IPv4(224, 0, 0, 251), Port: 5353}
				// An interface that cannot be asked has no answer.
				_, _ = pc.WriteTo(packet, &ipv4.ControlMessage{IfIndex: i.Index}, to)
			}
		}
		wait := again
		if len(found) > 0 || wait.After(end) {
			wait = end
		}
		_ = pc.SetReadDeadline(wait)
		if ctx.Err() != nil { // it may have been done before the deadline was set
			break
		}
		n, from, _, err := pc.ReadFrom(buf)
		if err != nil {
			continue
		}
		zone := ""
		if from != nil {
			if i, err := net.InterfaceByIndex(from.IfIndex); err == nil {
				zone = i.Name
			}
		}
		before := len(found)
		found = collect(found, buf[:n], query.Id, question, network, zone)
		if before == 0 && len(found) > 0 {
			end = time.Now().Add(resolveGrace)
		}
	}
	return found, nil
}

// collect adds the addresses that an answer gives for the name in question.
func collect(found []netip.Addr, packet []byte, id uint16, question, network, zone string) []netip.Addr {
	var m dns.Msg
	if m.Unpack(packet) != nil || !m.Response || m.Id != id {
		return found
	}
	for _, rr := range slices.Concat(m.Answer, m.Extra) {
		if !strings.EqualFold(rr.Header().Name, question) || rr.Header().Ttl == 0 {
			continue
		}
		var ip net.IP
		switch rr := rr.(type) {
		case *dns.A:
			ip = rr.A
		case *dns.AAAA:
			ip = rr.AAAA
		}
		a, ok := netip.AddrFromSlice(ip)
		a = a.Unmap()
		switch {
		case !ok, a.IsUnspecified(), a.IsMulticast(), len(found) == maxAddrs,
			network == "ip4" && !a.Is4(), network == "ip6" && !a.Is6():
			continue
		case a.Is6() && a.IsLinkLocalUnicast():
			if zone == "" {
				continue
			}
			a = a.WithZone(zone)
		}
		if !slices.Contains(found, a) {
			found = append(found, a)
		}
	}
	return found
}
