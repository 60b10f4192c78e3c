package bonjour

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// The groups of multicast DNS (RFC 6762 section 3). Package net lets others have
// the port too where it listens at a group's address: with SO_REUSEADDR, and on
// BSD and macOS with SO_REUSEPORT, as mDNSResponder and Avahi do (net,
// sockopt_bsd.go and sockopt_linux.go, setDefaultMulticastSockopts).
var (
	group4 = &net.UDPAddr{IP: net.IPv4(224, 0, 0, 251), Port: 5353}
	group6 = &net.UDPAddr{IP: net.ParseIP("ff02::fb"), Port: 5353}
)

// maxPacket is the largest packet of multicast DNS (RFC 6762 section 17).
const maxPacket = 9000

// conn is a socket of one family. A system may have one family only, and an
// interface too.
type conn struct {
	*net.UDPConn
	group  *net.UDPAddr
	member interface {
		JoinGroup(*net.Interface, net.Addr) error
		LeaveGroup(*net.Interface, net.Addr) error
	}
	read func([]byte) (n, on int, to net.IP, from net.Addr, err error)
}

func open(network string, group *net.UDPAddr) (*conn, error) {
	udp, err := net.ListenUDP(network, group)
	if err != nil {
		return nil, err
	}
	c := &conn{UDPConn: udp, group: group}
	if network == "udp4" {
		p := ipv4.NewPacketConn(udp)
		err = p.SetControlMessage(ipv4.FlagInterface|ipv4.FlagDst, true)
		c.member, c.read = p, func(b []byte) (n, on int, to net.IP, from net.Addr, err error) {
			n, cm, from, err := p.ReadFrom(b)
			if cm != nil {
				on, to = cm.IfIndex, cm.Dst
			}
			return n, on, to, from, err
		}
	} else {
		p := ipv6.NewPacketConn(udp)
		err = p.SetControlMessage(ipv6.FlagInterface|ipv6.FlagDst, true)
		c.member, c.read = p, func(b []byte) (n, on int, to net.IP, from net.Addr, err error) {
			n, cm, from, err := p.ReadFrom(b)
			if cm != nil {
				on, to = cm.IfIndex, cm.Dst
			}
			return n, on, to, from, err
		}
	}
	if err != nil {
		return nil, errors.Join(err, udp.Close())
	}
	return c, nil
}

// listener hears what is said on the interfaces that are there. Its methods are
// called from one goroutine.
type listener struct {
	list    func() ([]net.Interface, error)
	conns   []*conn
	readers sync.WaitGroup
	packets chan packet
	cache   *cache
	ifaces  []net.Interface
	joined  map[int]net.Interface
	state   string // of the interfaces, when the groups were joined
}

// packet is a response and the interface that it came in on.
type packet struct {
	data []byte
	on   int
}

func newListener(list func() ([]net.Interface, error)) *listener {
	if list == nil {
		list = Interfaces
	}
	return &listener{list: list, packets: make(chan packet, 64), cache: newCache()}
}

// refresh opens the sockets where they are not open, and joins the groups anew
// where the interfaces or their addresses have changed, or where that is asked
// for: a switch may have forgotten who wanted what. The error is a
// [NetworkError].
func (l *listener) refresh(anew bool) error {
	if len(l.conns) == 0 {
		if err := l.open(); err != nil {
			return &NetworkError{Err: err}
		}
	}
	list, err := l.list()
	if err != nil {
		return &NetworkError{Err: err}
	}
	state := ""
	var subnets []netip.Prefix
	for _, i := range list {
		own := prefixes(i)
		subnets = append(subnets, own...)
		state += fmt.Sprintln(i.Index, i.Name, i.Flags, own)
	}
	if state == l.state && len(l.joined) > 0 && !anew {
		return nil
	}
	l.state, l.ifaces = state, list
	err = l.join(list)
	l.cache.keep(l.joined, subnets)
	if len(l.joined) == 0 {
		return &NetworkError{Interfaces: names(list), Err: err}
	}
	return nil
}

func (l *listener) open() error {
	var errs []error
	for network, group := range map[string]*net.UDPAddr{"udp4": group4, "udp6": group6} {
		c, err := open(network, group)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		l.conns = append(l.conns, c)
		l.readers.Go(func() { c.receive(l.packets) })
	}
	if len(l.conns) == 0 {
		return errors.Join(errs...)
	}
	return nil
}

// join leaves the groups and joins them on the interfaces of the list. The error
// is why one could not be joined.
func (l *listener) join(list []net.Interface) error {
	for _, i := range l.joined {
		for _, c := range l.conns {
			_ = c.member.LeaveGroup(&i, c.group) // it may be gone
		}
	}
	l.joined = map[int]net.Interface{}
	err := errors.New("there is none")
	for _, i := range list {
		for _, c := range l.conns {
			if jerr := c.member.JoinGroup(&i, c.group); jerr != nil {
				err = jerr
				continue
			}
			l.joined[i.Index] = i
		}
	}
	return err
}

func (l *listener) take(p packet, now time.Time) {
	i, ok := l.joined[p.on]
	if !ok { // another program has joined there: Linux gives it to all
		return
	}
	var m dns.Msg
	if m.Unpack(p.data) == nil {
		l.cache.take(&m, &i, now)
	}
}

func (l *listener) close() {
	for _, c := range l.conns {
		_ = c.Close() // nothing is left to be sent
	}
	l.readers.Wait()
}

// receive passes responses on until the socket is closed. What was not sent to
// the group need not come from this link, and a response comes from port 5353
// (RFC 6762 sections 11 and 6). Where nobody takes them, packets are dropped.
func (c *conn) receive(out chan<- packet) {
	buf := make([]byte, maxPacket+1)
	for {
		n, on, to, from, err := c.read(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // an interface went down, say; the next read may work
			time.Sleep(100 * time.Millisecond)
			continue
		}
		response := n >= 12 && n <= maxPacket && buf[2]&0x80 != 0
		u, ok := from.(*net.UDPAddr)
		if !response || !ok || u.Port != group4.Port || to != nil && !to.Equal(c.group.IP) {
			continue
		}
		select {
		case out <- packet{append([]byte(nil), buf[:n]...), on}:
		default:
		}
		time.Sleep(floodPause)
	}
}

// floodPause is the least time between two packets of a socket. It bounds what a
// flood costs; a home has some ten packets a second.
const floodPause = 5 * time.Millisecond
