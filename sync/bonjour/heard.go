package bonjour

import (
	"cmp"
	"container/list"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// heard is what a listener has heard of phones: the records of RFC 6763 for
// [Service], each with its time to live, as RFC 6762 section 10 has them kept.
// It does no I/O and reads no clock.
//
// Whoever is on the network can say anything, so all of it is bounded: how many
// instances are kept and how many of them on one host (the one not heard of for
// the longest time gives way, and counts as gone), how many addresses and how
// much text each, how many records of a packet are read.
// What an instance is worth is for the handshake to say.
type heard struct {
	instances map[string]*spoken // by the full name, canonical
	hosts     map[string]*host   // by name, canonical; only those that an instance is on
	order     *list.List         // the keys of instances, the one heard of last in front
	pushed    []news             // of those that gave way and were told of
}

// spoken is an instance as it was spoken of.
type spoken struct {
	label string // unescaped, printable
	host  string // canonical; "" while only its name is known
	shown string // the host's name as it is shown
	port  int
	text  []string
	until time.Time     // the end of its life, unless it is heard of again
	srv   time.Time     // the end of host and port
	last  time.Time     // when it was heard of
	turn  *list.Element // its place in heard.order
	on    map[int]bool  // the interfaces that it was heard on
	told  *Instance
	// What is missing is asked for, while it is of interest: it was named just
	// now. Nobody is woken because a time has run out.
	wanted bool
	hold   time.Time // the end of the wait for a better address
	waited bool      // it is over
	asked  int       // questions asked since it was last complete
	askNow time.Time // when to ask again
}

// host is where instances are.
type host struct {
	addrs map[addrKey]*addrLife
	on    map[*spoken]string // the instances on it, with their keys
}

type addrKey struct {
	addr netip.Addr // link-local with its zone
	on   int        // the interface
}

type addrLife struct {
	since, last, until time.Time
}

// The limits of what is kept.
const (
	maxHeard     = 256
	maxOnHost    = 8    // instances; a phone is one
	maxRecords   = 128  // read of one packet
	maxTextBytes = 1024 // of one instance
	maxLife      = 75 * time.Minute
	// grace is how long a record lives on after a goodbye, or after others of
	// its name came in its place (RFC 6762 sections 10.1 and 10.2): what comes
	// back meanwhile has never been away.
	grace = time.Second
	// better is how long other addresses are waited for where the first is a
	// link-local one of IPv6: an announcement comes by IPv6 and IPv4, and Avahi
	// puts no IPv4 address into the former.
	better = 250 * time.Millisecond
)

// news is a change of what is known of one instance.
type news struct {
	instance Instance
	gone     bool
	first    bool         // it was not there, as far as was told
	again    bool         // nothing has changed: it was named once more
	lost     []netip.Addr // addresses that it had and has no longer
}

func newHeard() *heard {
	return &heard{instances: map[string]*spoken{}, hosts: map[string]*host{}, order: list.New()}
}

var serviceName = dns.CanonicalName(Service + ".local.")

// take reads a response that came in on an interface. Its zone is the
// interface's name; loop says that it is the loopback interface.
func (h *heard) take(m *dns.Msg, on int, zone string, loop bool, now time.Time) []news {
	if !m.Response || m.Rcode != dns.RcodeSuccess {
		return nil
	}
	records := slices.Concat(m.Answer, m.Extra)
	records = records[:min(len(records), maxRecords)]
	touched := map[string]bool{}
	for _, rr := range records { // names before addresses
		h.takeName(rr, on, now, touched)
	}
	fresh := map[string][2]bool{} // hosts whose IPv4, IPv6 addresses are given anew
	grown := map[string]bool{}    // hosts with an address that they did not have
	for _, rr := range records {
		h.takeAddr(rr, on, zone, loop, now, fresh, grown)
	}
	for name, families := range fresh {
		h.replace(name, on, families, now)
	}
	out := append(h.pushed, h.expire(now)...)
	h.pushed = nil
	for key := range touched {
		if h.instances[key] != nil {
			out = h.tell(out, key, true, now)
		}
	}
	if len(grown) > 0 { // rarely: most addresses are said again
		for name := range grown {
			host := h.hosts[name]
			if host == nil {
				continue // all on it have just ended
			}
			for _, key := range host.on {
				if !touched[key] {
					out = h.tell(out, key, false, now)
				}
			}
		}
	}
	slices.SortStableFunc(out, func(a, b news) int { return cmp.Compare(a.instance.Name, b.instance.Name) })
	return out
}

// life is how long a record lives: as long as it says, within reason.
func life(hdr *dns.RR_Header, now time.Time) time.Time {
	if hdr.Ttl == 0 {
		return now.Add(grace)
	}
	return now.Add(min(time.Duration(hdr.Ttl)*time.Second, maxLife))
}

func (h *heard) takeName(rr dns.RR, on int, now time.Time, touched map[string]bool) {
	hdr := rr.Header()
	switch rr := rr.(type) {
	case *dns.PTR:
		if dns.CanonicalName(hdr.Name) != serviceName {
			return
		}
		key := dns.CanonicalName(rr.Ptr)
		s := h.instance(key, rr.Ptr, hdr.Ttl > 0, now)
		if s == nil {
			return
		}
		h.speak(s, on, now)
		touched[key], s.wanted = true, hdr.Ttl > 0
		if end := life(hdr, now); hdr.Ttl == 0 || end.After(s.until) {
			s.until = end
		}
	case *dns.SRV:
		key := dns.CanonicalName(hdr.Name)
		if !strings.HasSuffix(key, "."+serviceName) {
			return
		}
		s := h.instance(key, hdr.Name, hdr.Ttl > 0, now)
		if s == nil {
			return
		}
		h.speak(s, on, now)
		touched[key] = true
		if hdr.Ttl == 0 {
			if dns.CanonicalName(rr.Target) == s.host && int(rr.Port) == s.port { // not what has taken its place
				s.until = now.Add(grace)
			}
			return
		}
		s.wanted = true
		h.place(s, key, dns.CanonicalName(rr.Target))
		s.shown, s.port = printable(unescape(strings.TrimSuffix(rr.Target, "."))), int(rr.Port)
		s.srv = life(hdr, now)
		if s.until.Before(s.srv) { // also after a goodbye: it is there again
			s.until = s.srv
		}
	case *dns.TXT:
		if s := h.instances[dns.CanonicalName(hdr.Name)]; s != nil && hdr.Ttl > 0 {
			s.text = textOf(rr.Txt)
			touched[dns.CanonicalName(hdr.Name)] = true
		}
	}
}

func textOf(from []string) []string {
	var out []string
	size := 0
	for _, t := range from {
		if size += len(t); size > maxTextBytes || len(out) == maxText {
			break
		}
		if t != "" {
			out = append(out, printable(t))
		}
	}
	return out
}

// instance finds an instance, or makes room for a new one; nil if it is not to
// be kept.
func (h *heard) instance(key, full string, make bool, now time.Time) *spoken {
	if s := h.instances[key]; s != nil || !make {
		return s
	}
	label, ok := strings.CutSuffix(key, "."+serviceName)
	if !ok || label == "" || len(full) < len(label) {
		return nil
	}
	if len(h.instances) >= maxHeard {
		h.push(h.order.Back().Value.(string))
	}
	s := &spoken{label: printable(unescape(full[:len(label)])), last: now, on: map[int]bool{}, askNow: now, turn: h.order.PushFront(key)}
	h.instances[key] = s
	return s
}

// speak notes that an instance was spoken of on an interface.
func (h *heard) speak(s *spoken, on int, now time.Time) {
	s.on[on], s.last = true, now
	h.order.MoveToFront(s.turn)
}

// place notes on which host an instance is; "" takes it off the last one. A host
// that nothing is on is forgotten.
func (h *heard) place(s *spoken, key, name string) {
	if s.host == name {
		return
	}
	if old := h.hosts[s.host]; old != nil {
		if delete(old.on, s); len(old.on) == 0 {
			delete(h.hosts, s.host)
		}
	}
	if s.host = name; name == "" {
		return
	}
	to := h.hosts[name]
	if to == nil {
		to = &host{addrs: map[addrKey]*addrLife{}, on: map[*spoken]string{}}
		h.hosts[name] = to
	}
	if to.on[s] = key; len(to.on) > maxOnHost {
		var oldest *spoken
		for other := range to.on {
			if other != s && (oldest == nil || other.last.Before(oldest.last)) {
				oldest = other
			}
		}
		h.push(to.on[oldest])
	}
}

// push drops an instance to make room for another.
func (h *heard) push(key string) {
	if s := h.instances[key]; s.told != nil {
		h.pushed = append(h.pushed, news{instance: *s.told, gone: true})
	}
	h.forget(key)
}

// forget drops an instance.
func (h *heard) forget(key string) {
	s := h.instances[key]
	h.place(s, key, "")
	h.order.Remove(s.turn)
	delete(h.instances, key)
}

func (h *heard) takeAddr(rr dns.RR, on int, zone string, loop bool, now time.Time, fresh map[string][2]bool, grown map[string]bool) {
	hdr := rr.Header()
	var a netip.Addr
	var ok bool
	switch rr := rr.(type) {
	case *dns.A:
		a, ok = netip.AddrFromSlice(rr.A.To4())
	case *dns.AAAA:
		a, ok = netip.AddrFromSlice(rr.AAAA)
	}
	if !ok {
		return
	}
	name := dns.CanonicalName(hdr.Name)
	host := h.hosts[name]
	if host == nil || a.IsUnspecified() || a.IsMulticast() {
		return
	}
	if a = a.Unmap(); a.IsLoopback() && !loop {
		return // it would be this computer, and no phone
	}
	if a.Is6() && a.IsLinkLocalUnicast() {
		a = a.WithZone(zone)
	}
	families := fresh[name]
	key := addrKey{a, on}
	old := host.addrs[key]
	switch {
	case hdr.Ttl == 0 && old == nil:
	case hdr.Ttl == 0: // an address is one host's alone: nobody else can keep it
		old.until = now
	case old != nil:
		old.last, old.until = now, life(hdr, now)
	case len(host.addrs) < maxAddrs:
		host.addrs[key] = &addrLife{since: now, last: now, until: life(hdr, now)}
		grown[name] = true
	}
	if hdr.Ttl > 0 && hdr.Class&flushBit != 0 {
		families[family(a)] = true
	}
	fresh[name] = families
}

// flushBit says that a record is the whole truth about its name and type (RFC
// 6762 section 10.2).
const flushBit = 1 << 15

func family(a netip.Addr) int {
	if a.Is4() {
		return 0
	}
	return 1
}

// replace ends the addresses of a host that were not given again by who says to
// have given all of them, on that interface: those that came in the last second
// belong to the same answer.
func (h *heard) replace(name string, on int, families [2]bool, now time.Time) {
	for key, life := range h.hosts[name].addrs {
		if key.on != on || !families[family(key.addr)] || life.last.Equal(now) {
			continue
		}
		end := now
		if now.Sub(life.last) < grace {
			end = now.Add(grace)
		}
		if end.Before(life.until) {
			life.until = end
		}
	}
}

// expire ends what has come to its end and tells of it.
func (h *heard) expire(now time.Time) []news {
	ended := map[string]bool{}
	for name, host := range h.hosts {
		for key, life := range host.addrs {
			if !life.until.After(now) {
				delete(host.addrs, key)
				ended[name] = true
			}
		}
	}
	var out []news
	for key, s := range h.instances {
		switch {
		case !s.until.After(now):
			if s.told != nil {
				out = append(out, news{instance: *s.told, gone: true})
			}
			h.forget(key)
		case s.told != nil && (ended[s.host] || !s.srv.After(now)), !s.hold.IsZero() && !s.hold.After(now):
			out = h.tell(out, key, false, now)
		}
	}
	return out
}

// next is when something ends, or is to be asked, next; zero if nothing is.
func (h *heard) next() time.Time {
	var at time.Time
	earliest := func(t time.Time) {
		if at.IsZero() || t.Before(at) {
			at = t
		}
	}
	for _, s := range h.instances {
		earliest(s.until)
		if s.told != nil {
			earliest(s.srv)
		}
		if !s.hold.IsZero() {
			earliest(s.hold)
		}
		if s.wanted && s.asked < maxAsked {
			earliest(s.askNow)
		}
	}
	for _, host := range h.hosts {
		for _, life := range host.addrs {
			earliest(life.until)
		}
	}
	return at
}

// tell adds what is new about an instance since it was last told of. named says
// that it was named just now.
func (h *heard) tell(out []news, key string, named bool, now time.Time) []news {
	s := h.instances[key]
	i, ok := h.compose(s, now)
	if !ok {
		if s.told != nil && !s.srv.After(now) { // nobody knows where it is any more
			out = append(out, news{instance: *s.told, gone: true})
			s.told = nil
		}
		return out // incomplete: what was told stands for now
	}
	s.wanted, s.asked = false, 0
	if s.told != nil && i.equal(*s.told) {
		if named {
			out = append(out, news{instance: i, again: true})
		}
		return out
	}
	n := news{instance: i, first: s.told == nil}
	if s.told != nil && s.told.Host == i.Host {
		for _, a := range s.told.Addrs {
			if !slices.Contains(i.Addrs, a) {
				n.lost = append(n.lost, a)
			}
		}
	}
	s.told = &i
	return append(out, n)
}

// compose makes an instance of what was heard; false while a part is missing.
func (h *heard) compose(s *spoken, now time.Time) (Instance, bool) {
	i := Instance{Name: s.label, Host: s.shown, Port: s.port, Text: s.text}
	host := h.hosts[s.host]
	if host == nil || i.Name == "" || i.Port < 1 || !s.srv.After(now) {
		return i, false
	}
	best := map[netip.Addr]addrLife{}
	for key, life := range host.addrs {
		if old, ok := best[key.addr]; !ok || life.since.After(old.since) {
			best[key.addr] = *life
		}
	}
	for a := range best {
		i.Addrs = append(i.Addrs, a)
	}
	// IPv4 first, link-local last, and the newest of each first: it is the better
	// guess.
	slices.SortFunc(i.Addrs, func(a, b netip.Addr) int {
		return cmp.Or(cmp.Compare(min(len(a.Zone()), 1), min(len(b.Zone()), 1)), cmp.Compare(family(a), family(b)), best[b].since.Compare(best[a].since), a.Compare(b))
	})
	if len(i.Addrs) == 0 || i.Addrs[0].Zone() == "" {
		s.hold, s.waited = time.Time{}, false
		return i, len(i.Addrs) > 0
	}
	switch {
	case s.waited:
	case s.hold.IsZero():
		s.hold = now.Add(better)
	case !s.hold.After(now):
		s.hold, s.waited = time.Time{}, true
	}
	return i, s.waited
}

// The questions that a listener asks: an announcement need not hold the place
// and the addresses that it is about.
const (
	maxAsked    = 4  // about one instance
	maxQuestion = 10 // in one packet
	askAgain    = time.Second
)

// missing gives the questions for what is missing, and the interfaces to ask
// them on. An instance is asked about at once and then at growing intervals,
// four times in all, until it is heard of again.
func (h *heard) missing(now time.Time) (questions []dns.Question, on []int) {
	// What was heard last first: a flood of names must not stand in its way.
	for e := h.order.Front(); e != nil && len(questions)+2 <= maxQuestion; e = e.Next() {
		key := e.Value.(string)
		s := h.instances[key]
		if !s.wanted || s.asked >= maxAsked || now.Before(s.askNow) {
			continue
		}
		if _, ok := h.compose(s, now); ok {
			continue
		}
		if s.port == 0 || !s.srv.After(now) {
			questions = append(questions, dns.Question{Name: key, Qtype: dns.TypeSRV, Qclass: dns.ClassINET})
		} else {
			for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA} {
				questions = append(questions, dns.Question{Name: s.host, Qtype: kind, Qclass: dns.ClassINET})
			}
		}
		s.askNow = now.Add(askAgain << s.asked)
		s.asked++
		for i := range s.on {
			if !slices.Contains(on, i) {
				on = append(on, i)
			}
		}
	}
	return questions, on
}
