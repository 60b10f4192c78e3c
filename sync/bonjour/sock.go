package bonjour

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// The groups of multicast DNS (RFC 6762 section 3). Listening at a group's
// address has package net share the port: with SO_REUSEADDR, and on BSD and
// macOS with SO_REUSEPORT too, as mDNSResponder and Avahi do (net,
// sockopt_bsd.go and sockopt_linux.go, setDefaultMulticastSockopts).
var (
	group4 = &net.UDPAddr{IP: net.IPv4(224, 0, 0, 251), Port: 5353}
	group6 = &net.UDPAddr{IP: net.ParseIP("ff02::fb"), Port: 5353}
)

// maxPacket is the largest packet of multicast DNS (RFC 6762 section 17).
const maxPacket = 9000

// sock is a socket of one family.
type sock struct {
	conn  *net.UDPConn
	guard guard // each socket has a goroutine of its own
	read  func([]byte) (n, on int, to net.IP, from net.Addr, err error)
	join  func(*net.Interface) error
	leave func(*net.Interface) error
	write func([]byte, *net.Interface) error
}

func (s *sock) close() error { return s.conn.Close() }

func (s *sock) send(data []byte, i *net.Interface) { _ = s.write(data, i) }

func open4() (*sock, error) {
	conn, err := net.ListenUDP("udp4", group4)
	if err != nil {
		return nil, err
	}
	p := ipv4.NewPacketConn(conn)
	if err := p.SetControlMessage(ipv4.FlagInterface|ipv4.FlagDst, true); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	_ = p.SetMulticastTTL(255) // RFC 6762 section 11
	_ = p.SetMulticastLoopback(true)
	return &sock{
		conn: conn,
		read: func(b []byte) (n, on int, to net.IP, from net.Addr, err error) {
			n, cm, from, err := p.ReadFrom(b)
			if cm != nil {
				on, to = cm.IfIndex, cm.Dst
			}
			return n, on, to, from, err
		},
		join:  func(i *net.Interface) error { return p.JoinGroup(i, group4) },
		leave: func(i *net.Interface) error { return p.LeaveGroup(i, group4) },
		write: func(b []byte, i *net.Interface) error {
			_, err := p.WriteTo(b, &ipv4.ControlMessage{IfIndex: i.Index}, group4)
			return err
		},
	}, nil
}

func open6() (*sock, error) {
	conn, err := net.ListenUDP("udp6", group6)
	if err != nil {
		return nil, err
	}
	p := ipv6.NewPacketConn(conn)
	if err := p.SetControlMessage(ipv6.FlagInterface|ipv6.FlagDst, true); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	_ = p.SetMulticastHopLimit(255)
	_ = p.SetMulticastLoopback(true)
	return &sock{
		conn: conn,
		read: func(b []byte) (n, on int, to net.IP, from net.Addr, err error) {
			n, cm, from, err := p.ReadFrom(b)
			if cm != nil {
				on, to = cm.IfIndex, cm.Dst
			}
			return n, on, to, from, err
		},
		join:  func(i *net.Interface) error { return p.JoinGroup(i, group6) },
		leave: func(i *net.Interface) error { return p.LeaveGroup(i, group6) },
		write: func(b []byte, i *net.Interface) error {
			_, err := p.WriteTo(b, &ipv6.ControlMessage{IfIndex: i.Index}, &net.UDPAddr{IP: group6.IP, Port: 5353, Zone: i.Name})
			return err
		},
	}, nil
}

// receive passes responses on until the socket is closed. What was not sent to
// the group did not come from this link for sure, and a response comes from
// port 5353 (RFC 6762 sections 6 and 11): neither is looked at, nor is what
// comes too fast. Where nobody takes them, packets are dropped.
func (s *sock) receive(ctx context.Context, out chan<- packet) {
	buf := make([]byte, maxPacket+1)
	for ctx.Err() == nil {
		n, on, to, from, err := s.read(buf)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			// An interface went down, say. The next read may work.
			sleep(ctx, 100*time.Millisecond)
			continue
		}
		u, ok := from.(*net.UDPAddr)
		if !ok || n > maxPacket || n < 12 || buf[2]&0x80 == 0 { // a question
			continue
		}
		if to != nil && !to.Equal(group4.IP) && !to.Equal(group6.IP) || u.Port != 5353 {
			continue
		}
		source, _ := netip.AddrFromSlice(u.IP)
		if !s.guard.admit(source.Unmap(), time.Now()) {
			continue
		}
		select {
		case out <- packet{append([]byte(nil), buf[:n]...), on}:
		default:
		}
	}
}
