package bonjour

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// response makes a packet of records in zone file form. "!" in front of one
// sets its cache-flush bit.
func response(t testing.TB, records ...string) *dns.Msg {
	t.Helper()
	m := &dns.Msg{MsgHdr: dns.MsgHdr{Response: true, Authoritative: true}}
	for _, text := range records {
		bare, flush := strings.CutPrefix(text, "!")
		rr, err := dns.NewRR(bare)
		if err != nil || rr == nil {
			t.Fatalf("%s: %v", text, err)
		}
		if flush {
			rr.Header().Class |= flushBit
		}
		m.Answer = append(m.Answer, rr)
	}
	return m
}

const (
	anaPTR  = `_healthsync._tcp.local. 4500 IN PTR Ana\ 1._healthsync._tcp.local.`
	anaBye  = `_healthsync._tcp.local. 0 IN PTR Ana\ 1._healthsync._tcp.local.`
	anaSRV  = `!Ana\ 1._healthsync._tcp.local. 120 IN SRV 0 0 8443 ana.local.`
	anaSRV9 = `!Ana\ 1._healthsync._tcp.local. 120 IN SRV 0 0 9443 ana.local.`
	anaEvil = `!Ana\ 1._healthsync._tcp.local. 120 IN SRV 0 0 8443 mallory.local.`
	anaEnd  = `Ana\ 1._healthsync._tcp.local. 0 IN SRV 0 0 8443 ana.local.`
	anaA    = `!ana.local. 120 IN A 10.0.0.2`
	anaNoA  = `ana.local. 0 IN A 10.0.0.2`
	anaA9   = `!ana.local. 120 IN A 10.0.0.9`
	anaFE80 = `!ana.local. 120 IN AAAA fe80::2`
	anaFD00 = `!ana.local. 120 IN AAAA fd00::2`
)

// scene is a cache, a clock, and what was told.
type scene struct {
	t    *testing.T
	c    *cache
	now  time.Time
	told []string
	asks int
}

func newScene(t *testing.T) *scene {
	c := newCache()
	c.subnets = []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24"), netip.MustParsePrefix("fd00::1/64")}
	return &scene{t: t, c: c, now: time.Unix(1e9, 0)}
}

// en gives the interface of a number; 0 is loopback.
func en(n int) *net.Interface {
	if n == 0 {
		return &net.Interface{Index: 99, Name: "lo", Flags: net.FlagUp | net.FlagLoopback}
	}
	return &net.Interface{Index: n, Name: fmt.Sprintf("en%d", n), Flags: net.FlagUp | net.FlagMulticast}
}

// pass lets time pass, and the cache be looked at whenever it wants to be.
func (s *scene) pass(d time.Duration) {
	for end := s.now.Add(d); ; {
		events, ask, next := s.c.update(s.now)
		for _, e := range events {
			text := fmt.Sprintf("%s :%d", e.Kind, e.Instance.Port)
			for _, a := range e.Instance.Addrs {
				text += " " + a.String()
			}
			if e.Instance.Host != "ana.local" {
				text += " (" + e.Instance.Host + ")"
			}
			s.told = append(s.told, text)
		}
		if ask {
			s.asks++
		}
		if !next.After(s.now) {
			s.t.Fatalf("to be looked at again at %v, now is %v", next, s.now)
		}
		if next.After(end) {
			s.now = end
			return
		}
		s.now = next
	}
}

// say waits and then has records heard on an interface.
func (s *scene) say(after time.Duration, on int, records ...string) {
	s.pass(after)
	s.c.take(response(s.t, records...), en(on), s.now)
	s.pass(0)
}

func TestCache(t *testing.T) {
	type step struct {
		after   time.Duration
		on      int
		records []string
	}
	say := func(after time.Duration, records ...string) step { return step{after, 1, records} }
	whole := say(0, anaPTR, anaSRV, anaA)
	const first = "appeared :8443 10.0.0.2, "
	const sec, half = time.Second, time.Second / 2
	for _, c := range []struct {
		name  string
		steps []step
		want  string
	}{
		{"all in one packet", []step{whole}, "appeared :8443 10.0.0.2"},
		{"in three", []step{say(0, anaPTR), say(1, anaSRV), say(1, anaA)}, "appeared :8443 10.0.0.2"},
		{"named again", []step{whole, say(5*sec, anaPTR, anaSRV, anaA)}, first + "again :8443 10.0.0.2"},
		{"another port", []step{whole, say(5*sec, anaSRV9)}, first + "changed :9443 10.0.0.2"},
		{"another port within the second", []step{whole, say(half, anaSRV9)}, first + "changed :9443 10.0.0.2"},
		{"another address alone, the old one ends", []step{whole, say(5*sec, anaA9)}, first + "changed :8443 10.0.0.9"},
		{"another address within the second: both until the next", []step{whole, say(half, anaA9), say(2*sec, anaA9)},
			first + "changed :8443 10.0.0.9 10.0.0.2, changed :8443 10.0.0.9"},
		{"a second address that replaces nothing", []step{whole, say(5*sec, "ana.local. 120 IN AAAA fd00::2")},
			first + "changed :8443 10.0.0.2 fd00::2"},
		{"IPv6 given anew leaves IPv4 alone", []step{whole, say(5*sec, anaFD00)},
			first + "changed :8443 10.0.0.2 fd00::2"},
		{"our subnets first, then link-local, then others", []step{say(0, anaPTR, anaSRV, "ana.local. 120 IN A 192.168.5.2", "ana.local. 120 IN AAAA fe80::2",
			"ana.local. 120 IN AAAA 2001:db8::2", "ana.local. 120 IN AAAA fd00::2", "ana.local. 120 IN A 10.0.0.2")},
			"appeared :8443 10.0.0.2 fd00::2 fe80::2%en1 192.168.5.2 2001:db8::2"},
		{"IPv6 alone waits a little for IPv4; link-local has its zone",
			[]step{say(0, anaPTR, anaSRV, anaFE80), say(better)}, "appeared :8443 fe80::2%en1"},
		{"IPv6 and then IPv4",
			[]step{say(0, anaPTR, anaSRV, "ana.local. 120 IN AAAA fd00::2"), say(better/2, anaA), say(better)},
			"appeared :8443 10.0.0.2 fd00::2"},
		{"an address goes and another comes",
			[]step{say(0, anaPTR, anaSRV, anaA, anaFE80), say(5*sec, anaNoA), say(half, anaA9), say(sec)},
			"appeared :8443 10.0.0.2 fe80::2%en1, changed :8443 10.0.0.9 fe80::2%en1"},
		{"two links, two addresses; each replaces its own",
			[]step{whole, {5 * sec, 2, []string{anaSRV, anaA9}}, {5 * sec, 1, []string{"!ana.local. 120 IN A 10.0.0.3"}}},
			first + "changed :8443 10.0.0.9 10.0.0.2, changed :8443 10.0.0.3 10.0.0.9"},
		{"goodbye", []step{whole, say(5*sec, anaBye), say(2 * sec)}, first + "gone :8443 10.0.0.2"},
		{"goodbye and back at once: sharing started again",
			[]step{whole, say(5*sec, anaBye), say(half, anaPTR, anaSRV9, anaA), say(2 * sec)},
			first + "changed :9443 10.0.0.2"},
		{"goodbye of the place", []step{whole, say(5*sec, anaEnd), say(2 * sec)},
			first + "gone :8443 10.0.0.2"},
		{"goodbye of the place before: the new one stays",
			[]step{whole, say(5*sec, anaSRV9), say(sec, anaEnd), say(3 * sec)},
			first + "changed :9443 10.0.0.2"},
		{"goodbye of one address of two",
			[]step{say(0, anaPTR, anaSRV, "ana.local. 120 IN A 10.0.0.2", "ana.local. 120 IN A 10.0.0.9"), say(5*sec, anaNoA), say(2 * sec)},
			"appeared :8443 10.0.0.2 10.0.0.9, changed :8443 10.0.0.9"},
		{"silence for the life of its place", []step{whole, say(121 * sec), say(0, anaPTR, anaSRV, anaA)},
			first + "gone :8443 10.0.0.2, appeared :8443 10.0.0.2"},
		{"another host under the name, and back",
			[]step{whole, say(2*sec, anaEvil, "!mallory.local. 120 IN A 10.0.0.66"), say(2*sec, anaSRV, anaA)},
			first + "gone :8443 10.0.0.2, appeared :8443 10.0.0.66 (mallory.local), gone :8443 10.0.0.66 (mallory.local), appeared :8443 10.0.0.2"},
		{"loopback from the network",
			[]step{say(0, anaPTR, anaSRV, "!ana.local. 120 IN A 127.0.0.1", "!ana.local. 120 IN AAAA ::1")}, ""},
		{"loopback on loopback", []step{{0, 0, []string{anaPTR, anaSRV, "!ana.local. 120 IN A 127.0.0.1"}}},
			"appeared :8443 127.0.0.1"},
		{"no address at all",
			[]step{say(0, anaPTR, anaSRV, "ana.local. 120 IN A 0.0.0.0", "ana.local. 120 IN A 224.0.0.251", "ana.local. 120 IN AAAA ff02::1")},
			""},
		{"no port", []step{say(0, anaPTR, `Ana\ 1._healthsync._tcp.local. 120 IN SRV 0 0 0 ana.local.`, anaA)}, ""},
		{"another service",
			[]step{say(0, `_http._tcp.local. 120 IN PTR Ana._http._tcp.local.`, `Ana._http._tcp.local. 120 IN SRV 0 0 80 ana.local.`, anaA)},
			""},
		{"addresses of nobody", []step{say(0, anaA)}, ""},
		{"a service name alone",
			[]step{say(0, `_healthsync._tcp.local. 4500 IN PTR _healthsync._tcp.local.`, `_healthsync._tcp.local. 120 IN SRV 0 0 1 ana.local.`, anaA)},
			""},
		{"in capitals",
			[]step{say(0, `_HealthSync._TCP.Local. 4500 IN PTR Ana\ 1._HealthSync._tcp.local.`, `Ana\ 1._healthSync._tcp.LOCAL. 120 IN SRV 0 0 8443 ANA.local.`, "Ana.LOCAL. 120 IN A 10.0.0.2")},
			"appeared :8443 10.0.0.2 (ANA.local)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t)
			for _, step := range c.steps {
				s.say(step.after, step.on, step.records...)
			}
			if got := strings.Join(s.told, ", "); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// What an announcement leaves out is asked for, for some seconds, and not when a
// time has run out: nobody is woken for that.
func TestCacheAsks(t *testing.T) {
	s := newScene(t)
	asked := func(want int) {
		t.Helper()
		if s.asks != want {
			t.Errorf("asked %d times, want %d", s.asks, want)
		}
		s.asks = 0
	}
	s.say(0, 1, anaPTR)
	asked(1)
	s.pass(askAgain)
	asked(1)
	s.say(0, 1, anaSRV)
	s.pass(askAgain)
	asked(1)
	s.say(0, 1, anaFE80)
	s.say(better, 1, anaA)
	s.pass(time.Hour)
	asked(0)
	s.say(0, 1, `_healthsync._tcp.local. 4500 IN PTR mute._healthsync._tcp.local.`)
	s.pass(time.Hour)
	asked(int(askFor / askAgain))
	if len(s.c.instances) != 0 {
		t.Errorf("%d are remembered", len(s.c.instances))
	}
}

// Who does not answer is gone, and so is who was on an interface that is gone.
func TestCacheForgets(t *testing.T) {
	for what, forget := range map[string]func(*scene){
		"silent":       func(s *scene) { s.c.silent(s.now.Add(-time.Second)) },
		"no interface": func(s *scene) { s.c.keep(map[int]net.Interface{2: *en(2)}, nil) },
	} {
		s := newScene(t)
		s.say(0, 1, anaPTR, anaSRV, anaA)
		s.c.silent(s.now)
		s.c.keep(map[int]net.Interface{1: *en(1)}, s.c.subnets)
		s.pass(2 * time.Second)
		if len(s.told) != 1 {
			t.Errorf("%s: %q, too soon", what, s.told)
		}
		forget(s)
		s.pass(0)
		if got := strings.Join(s.told, ", "); got != "appeared :8443 10.0.0.2, gone :8443 10.0.0.2" {
			t.Errorf("%s: %s", what, got)
		}
	}
}

// However much is said, what is kept is bounded, as many are told of as are
// there, and a phone is heard when the flood is over.
func TestCacheIsBounded(t *testing.T) {
	s := newScene(t)
	there := map[string]bool{}
	say := func(records ...string) {
		s.now = s.now.Add(time.Millisecond)
		s.c.take(response(t, records...), en(1), s.now)
		events, _, _ := s.c.update(s.now)
		for _, e := range events {
			if there[e.Instance.Name] = e.Kind != Gone; !there[e.Instance.Name] {
				delete(there, e.Instance.Name)
			}
		}
	}
	for i := range 1000 {
		name := fmt.Sprintf("junk%d._healthsync._tcp.local.", i)
		records := []string{"_healthsync._tcp.local. 4500 IN PTR " + name, fmt.Sprintf("%s 4500 IN SRV 0 0 1 h%d.local.", name, i)}
		for a := range i % 40 {
			records = append(records, fmt.Sprintf("h%d.local. 4500 IN A 10.9.%d.%d", i, i%250, a))
		}
		say(records...)
		say(fmt.Sprintf("_healthsync._tcp.local. 4500 IN PTR name%d._healthsync._tcp.local.", i))
		if len(s.c.records) > maxRecords || len(s.c.instances) > maxRecords || len(there) > maxRecords {
			t.Fatalf("%d records, %d instances, %d told of", len(s.c.records), len(s.c.instances), len(there))
		}
	}
	say(anaPTR, anaSRV, anaA)
	if !there["Ana 1"] {
		t.Error("the phone is not heard")
	}
	s.pass(2 * time.Hour)
	if len(s.c.records) != 0 || len(s.c.instances) != 0 {
		t.Errorf("%d records, %d instances are left", len(s.c.records), len(s.c.instances))
	}
}

// BenchmarkFlood gives the cost of one big packet of a flood.
func BenchmarkFlood(b *testing.B) {
	l := newListener(nil)
	l.joined = map[int]net.Interface{1: *en(1)}
	var raw [][]byte
	for k := range 100 {
		var records []string
		for i := range 15 {
			name := fmt.Sprintf("x%d-%d._healthsync._tcp.local.", k, i)
			records = append(records, "_healthsync._tcp.local. 4500 IN PTR "+name, fmt.Sprintf("!%s 120 IN SRV 0 0 1 h%d.local.", name, i))
			for a := range 6 {
				records = append(records, fmt.Sprintf("!h%d.local. 120 IN A 10.%d.0.%d", i, k, a))
			}
		}
		m := response(b, records...)
		m.Compress = true
		p, err := m.Pack()
		if err != nil {
			b.Fatal(err)
		}
		raw = append(raw, p)
	}
	for n := 0; b.Loop(); n++ {
		l.take(packet{raw[n%len(raw)], 1}, now())
		l.cache.update(now())
	}
	b.ReportMetric(float64(len(raw[0])), "bytes/packet")
}

// FuzzCache holds the cache against whatever comes in: it does not fall over,
// and what it tells is fit for use.
func FuzzCache(f *testing.F) {
	for _, records := range [][]string{{anaPTR, anaSRV, anaA}, {anaBye}, {anaSRV9, anaA9}} {
		if b, err := response(f, records...).Pack(); err == nil {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var m dns.Msg
		if m.Unpack(data) != nil {
			return
		}
		s := newScene(t)
		s.say(0, 1, anaPTR, anaSRV, anaA)
		for range 3 {
			s.now = s.now.Add(700 * time.Millisecond)
			s.c.take(&m, en(1), s.now)
			events, _, next := s.c.update(s.now)
			if !next.After(s.now) {
				t.Errorf("next at %v", next)
			}
			for _, e := range events {
				i := e.Instance
				if i.Name == "" || i.Port < 1 || i.Port > 65535 || len(i.Addrs) == 0 || len(i.Addrs) > maxAddrs || printable(i.Name) != i.Name {
					t.Errorf("%+v", i)
				}
				for _, a := range i.Addrs {
					if a.IsLoopback() || a.IsUnspecified() || a.IsMulticast() || a.Is6() && a.IsLinkLocalUnicast() && a.Zone() == "" {
						t.Errorf("%v", a)
					}
				}
			}
		}
	})
}
