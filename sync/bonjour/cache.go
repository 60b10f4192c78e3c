package bonjour

import (
	"cmp"
	"maps"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// cache keeps what was heard of phones: the SRV, A and AAAA records of
// [Service], each with its time to live (RFC 6762 section 10). It does no I/O
// and reads no clock.
type cache struct {
	records   map[record]*life
	instances map[string]*spoken // by full name, canonical
	subnets   []netip.Prefix     // our own
	asked     time.Time          // when update last wanted a question
}

// record is one record on one interface. An SRV has host and port, an A and an
// AAAA addr. Names are canonical; a link-local IPv6 address has its zone.
type record struct {
	name string
	kind uint16
	on   int
	host string
	port uint16
	addr netip.Addr
}

// life is when a record was first heard, last heard, and when it ends. An SRV
// has the host's name as it was written.
type life struct {
	since, heard, until time.Time
	shown               string
}

// spoken is an instance that was named.
type spoken struct {
	label string    // unescaped, printable
	heard time.Time // when it was named last
	again bool      // that was since the last update
	told  *Instance // as it was reported; nil if it was not
}

// Anyone on the network can say anything, so what is kept is bounded. A home
// has less than ten phones, with some ten records each.
const (
	maxRecords = 512
	maxRead    = 128 // records of one packet
	maxAddrs   = 16  // of one instance
	// grace is how long a record lives on after a goodbye (RFC 6762 section
	// 10.1), and how old one must be to give way to another of its name (section
	// 10.2).
	grace = time.Second
	// better is how long an IPv4 address is waited for where only IPv6 ones are
	// known: an announcement comes by both, and Avahi puts no IPv4 address into
	// what it sends by IPv6. So one device is reported once.
	better = 250 * time.Millisecond
	// While an instance that was named in the last askFor lacks its place or
	// address, a question is wanted once in askAgain. What an announcement leaves
	// out comes with the answer (RFC 6763 section 12.1).
	askFor   = 5 * time.Second
	askAgain = time.Second
)

// flushBit says that a record replaces all others of its name and type (RFC 6762
// section 10.2).
const flushBit = 1 << 15

var serviceName = dns.CanonicalName(Service + ".local.")

func newCache() *cache {
	return &cache{records: map[record]*life{}, instances: map[string]*spoken{}}
}

// take reads a response that came in on an interface.
func (c *cache) take(m *dns.Msg, on *net.Interface, now time.Time) {
	if !m.Response || m.Rcode != dns.RcodeSuccess {
		return
	}
	all := slices.Concat(m.Answer, m.Extra)
	all = all[:min(len(all), maxRead)]
	if max(len(c.records), len(c.instances))+len(all) > maxRecords {
		// Only a flood comes here. Who is there will be heard again.
		clear(c.records)
		maps.DeleteFunc(c.instances, func(_ string, s *spoken) bool { return s.told == nil })
	}
	r := reading{cache: c, on: on, now: now, flushed: map[record]bool{}, hosts: map[string]bool{}}
	for _, rr := range all {
		switch rr := rr.(type) {
		case *dns.PTR:
			r.name(rr)
		case *dns.SRV:
			r.place(rr)
		}
	}
	for known := range c.records {
		r.hosts[known.host] = true
	}
	for _, rr := range all {
		switch rr := rr.(type) {
		case *dns.A:
			r.addr(&rr.Hdr, rr.A.To4())
		case *dns.AAAA:
			r.addr(&rr.Hdr, rr.AAAA)
		}
	}
	maps.DeleteFunc(c.records, func(k record, l *life) bool {
		return now.Sub(l.heard) > grace && r.flushed[record{name: k.name, kind: k.kind, on: k.on}]
	})
}

// reading is the reading of one packet.
type reading struct {
	*cache
	on      *net.Interface
	now     time.Time
	hosts   map[string]bool // that an instance is on
	flushed map[record]bool // name, kind and interface of records that replace all others
}

// name notes that an instance is there, or, by a goodbye, that its place is
// about to end.
func (r *reading) name(rr *dns.PTR) {
	if dns.CanonicalName(rr.Hdr.Name) != serviceName {
		return
	}
	if rr.Hdr.Ttl > 0 {
		r.speak(rr.Ptr)
		return
	}
	for k, l := range r.records {
		if k.name == dns.CanonicalName(rr.Ptr) && k.on == r.on.Index {
			l.end(r.now.Add(grace))
		}
	}
}

func (r *reading) place(rr *dns.SRV) {
	if rr.Hdr.Ttl > 0 && (rr.Port == 0 || !r.speak(rr.Hdr.Name)) {
		return
	}
	k := record{host: dns.CanonicalName(rr.Target), port: rr.Port}
	r.put(&rr.Hdr, k, printable(strings.TrimSuffix(rr.Target, ".")))
}

// speak notes that an instance was named. It reports false if that is no name of
// one.
func (r *reading) speak(name string) bool {
	key := dns.CanonicalName(name)
	if !strings.HasSuffix(key, "."+serviceName) {
		return false
	}
	s := r.instances[key]
	if s == nil {
		s = &spoken{label: printable(unescape(name))}
		r.instances[key] = s
	}
	s.heard, s.again = r.now, true
	return true
}

// addr notes an address of a host that an instance is on.
func (r *reading) addr(h *dns.RR_Header, ip net.IP) {
	a, ok := netip.AddrFromSlice(ip)
	switch a = a.Unmap(); {
	case !ok, !r.hosts[dns.CanonicalName(h.Name)], a.IsUnspecified(), a.IsMulticast():
		return
	case a.IsLoopback() && r.on.Flags&net.FlagLoopback == 0:
		return // it would be this computer, and no phone
	case a.Is6() && a.IsLinkLocalUnicast():
		a = a.WithZone(r.on.Name)
	}
	r.put(h, record{addr: a}, "")
}

func (r *reading) put(h *dns.RR_Header, k record, shown string) {
	k.name, k.kind, k.on = dns.CanonicalName(h.Name), h.Rrtype, r.on.Index
	l := r.records[k]
	switch {
	case h.Ttl == 0 && l != nil:
		l.end(r.now.Add(grace))
		return
	case h.Ttl == 0:
		return
	case l == nil:
		l = &life{since: r.now}
		r.records[k] = l
	}
	l.heard, l.shown = r.now, shown
	l.until = r.now.Add(time.Duration(h.Ttl) * time.Second)
	if h.Class&flushBit != 0 {
		r.flushed[record{name: k.name, kind: k.kind, on: k.on}] = true
	}
}

// end has a record end at a time, unless it ends before.
func (l *life) end(at time.Time) {
	if at.Before(l.until) {
		l.until = at
	}
}

// keep sets our own subnets and forgets what was heard on other interfaces.
func (c *cache) keep(joined map[int]net.Interface, subnets []netip.Prefix) {
	c.subnets = subnets
	maps.DeleteFunc(c.records, func(r record, _ *life) bool { return joined[r.on].Index == 0 })
}

// silent forgets the places of instances that were not named since.
func (c *cache) silent(since time.Time) {
	maps.DeleteFunc(c.records, func(r record, _ *life) bool {
		s := c.instances[r.name]
		return s != nil && s.heard.Before(since)
	})
}

// update ends what has come to its end. It gives what has changed since it was
// called last, whether who is there should be asked, and when to call it again at
// the latest.
func (c *cache) update(now time.Time) (events []Event, ask bool, next time.Time) {
	next = now.Add(time.Hour)
	maps.DeleteFunc(c.records, func(_ record, l *life) bool { return !l.until.After(now) })
	places, addrs := map[string]record{}, map[string][]record{}
	for r, l := range c.records {
		next = earlier(next, l.until)
		if r.kind != dns.TypeSRV {
			addrs[r.name] = append(addrs[r.name], r)
		} else if old, ok := places[r.name]; !ok || l.heard.After(c.records[old].heard) {
			places[r.name] = r
		}
	}
	mayAsk := now.Sub(c.asked) >= askAgain
	for _, key := range slices.Sorted(maps.Keys(c.instances)) {
		s := c.instances[key]
		place, known := places[key]
		i, wait := c.compose(s, place, addrs[place.host], now)
		events = append(events, s.tell(i, known)...)
		recent := now.Sub(s.heard) < askFor
		switch {
		case wait > 0:
			next = earlier(next, now.Add(wait))
		case !known && !recent:
			delete(c.instances, key)
		case len(i.Addrs) == 0 && recent:
			if mayAsk {
				c.asked, ask = now, true
			}
			next = earlier(next, c.asked.Add(askAgain))
		}
	}
	return events, ask, next
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// compose makes an instance of a place and its addresses. It has none while any
// is missing, or while better ones are waited for.
func (c *cache) compose(s *spoken, place record, addrs []record, now time.Time) (i Instance, wait time.Duration) {
	if place.port == 0 {
		return i, 0
	}
	i = Instance{Name: s.label, Host: c.records[place].shown, Port: int(place.port)}
	slices.SortFunc(addrs, func(a, b record) int { // the newest of a rank first: it is the better guess
		newest := c.records[b].since.Compare(c.records[a].since)
		return cmp.Or(c.rank(a.addr)-c.rank(b.addr), newest, a.addr.Compare(b.addr))
	})
	for _, r := range addrs {
		wait = max(wait, better-now.Sub(c.records[r].since))
		if len(i.Addrs) < maxAddrs && !slices.Contains(i.Addrs, r.addr) {
			i.Addrs = append(i.Addrs, r.addr)
		}
	}
	if wait <= 0 || slices.ContainsFunc(i.Addrs, netip.Addr.Is4) {
		return i, 0
	}
	i.Addrs = nil
	return i, wait
}

// rank is how likely an address can be reached, 0 the most: in our own subnets,
// link-local with its zone, elsewhere; in each IPv4 before IPv6.
func (c *cache) rank(a netip.Addr) int {
	rank := 3
	switch {
	case a.Zone() != "":
		return 2
	case slices.ContainsFunc(c.subnets, func(p netip.Prefix) bool { return p.Contains(a) }):
		rank = 0
	}
	if a.Is6() {
		rank++
	}
	return rank
}

// tell gives what is new about an instance since it was told of last. Known says
// that it has a place. While its address is missing, what was told stands.
func (s *spoken) tell(i Instance, known bool) (events []Event) {
	again := s.again
	s.again = false
	if s.told != nil && (!known || len(i.Addrs) > 0 && s.told.Host != i.Host) {
		events = append(events, Event{Kind: Gone, Instance: *s.told})
		s.told = nil
	}
	if len(i.Addrs) == 0 {
		return events
	}
	kind := Changed
	switch {
	case s.told == nil:
		kind = Appeared
	case !reflect.DeepEqual(*s.told, i):
	case again:
		kind = Again
	default:
		return events
	}
	s.told = &i
	return append(events, Event{Kind: kind, Instance: i})
}
