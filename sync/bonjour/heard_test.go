package bonjour

import (
	"fmt"
	"net/netip"
	"slices"
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
	anaA    = `!ana.local. 120 IN A 10.0.0.2`
	anaA9   = `!ana.local. 120 IN A 10.0.0.9`
)

func TestHeard(t *testing.T) {
	type step struct {
		after   time.Duration
		on      int
		records []string // none: time passes
	}
	say := func(after time.Duration, records ...string) step { return step{after, 1, records} }
	whole := say(0, anaPTR, anaSRV, anaA)
	for _, c := range []struct {
		name  string
		steps []step
		want  string
	}{
		{"all in one packet", []step{whole}, "new :8443 10.0.0.2"},
		{"in three", []step{say(0, anaPTR), say(1, anaSRV), say(1, anaA)}, "new :8443 10.0.0.2"},
		{"named again", []step{whole, say(5*time.Second, anaPTR, anaSRV, anaA)}, "new :8443 10.0.0.2, again :8443 10.0.0.2"},
		{"another port", []step{whole, say(5*time.Second, anaSRV9)}, "new :8443 10.0.0.2, changed :9443 10.0.0.2"},
		{"another address alone, the old one ends", []step{whole, say(5*time.Second, anaA9)}, "new :8443 10.0.0.2, changed :8443 10.0.0.9 -10.0.0.2"},
		{"another address within the second: both for now", []step{whole, say(500*time.Millisecond, anaA9), say(1100 * time.Millisecond)},
			"new :8443 10.0.0.2, changed :8443 10.0.0.9 10.0.0.2, changed :8443 10.0.0.9 -10.0.0.2"},
		{"a second address that replaces nothing", []step{whole, say(5*time.Second, "ana.local. 120 IN AAAA fd00::2")},
			"new :8443 10.0.0.2, changed :8443 10.0.0.2 fd00::2"},
		{"IPv6 given anew leaves IPv4 alone", []step{whole, say(5*time.Second, "!ana.local. 120 IN AAAA fd00::2")},
			"new :8443 10.0.0.2, changed :8443 10.0.0.2 fd00::2"},
		{"link-local has its zone, and waits a little for better", []step{say(0, anaPTR, anaSRV, "!ana.local. 120 IN AAAA fe80::2"), say(better)}, "new :8443 fe80::2%en1"},
		{"link-local and then better", []step{say(0, anaPTR, anaSRV, "!ana.local. 120 IN AAAA fe80::2"), say(better/2, anaA), say(better)}, "new :8443 10.0.0.2 fe80::2%en1"},
		{"link-local alone for a moment", []step{say(0, anaPTR, anaSRV, anaA, "!ana.local. 120 IN AAAA fe80::2"), say(5*time.Second, "ana.local. 0 IN A 10.0.0.2"), say(better/2, anaA9), say(grace)},
			"new :8443 10.0.0.2 fe80::2%en1, changed :8443 10.0.0.9 fe80::2%en1 -10.0.0.2"},
		{"two links, two addresses; each replaces its own", []step{whole, {5 * time.Second, 2, []string{anaSRV, anaA9}}, {5 * time.Second, 1, []string{"!ana.local. 120 IN A 10.0.0.3"}}},
			"new :8443 10.0.0.2, changed :8443 10.0.0.9 10.0.0.2, changed :8443 10.0.0.3 10.0.0.9 -10.0.0.2"},
		{"goodbye", []step{whole, say(5*time.Second, anaBye), say(1100 * time.Millisecond)}, "new :8443 10.0.0.2, again :8443 10.0.0.2, gone :8443 10.0.0.2"},
		{"goodbye and back at once: sharing started again", []step{whole, say(5*time.Second, anaBye), say(300*time.Millisecond, anaPTR, anaSRV9, anaA), say(2 * time.Second)},
			"new :8443 10.0.0.2, again :8443 10.0.0.2, changed :9443 10.0.0.2"},
		{"goodbye of the place", []step{whole, say(5*time.Second, `Ana\ 1._healthsync._tcp.local. 0 IN SRV 0 0 8443 ana.local.`), say(1100 * time.Millisecond)},
			"new :8443 10.0.0.2, again :8443 10.0.0.2, gone :8443 10.0.0.2"},
		{"goodbye of the place before: the new one stays", []step{whole, say(5*time.Second, anaSRV9), say(time.Second, `Ana\ 1._healthsync._tcp.local. 0 IN SRV 0 0 8443 ana.local.`), say(3 * time.Second)},
			"new :8443 10.0.0.2, changed :9443 10.0.0.2, again :9443 10.0.0.2"},
		{"goodbye of one address of two", []step{say(0, anaPTR, anaSRV, "ana.local. 120 IN A 10.0.0.2", "ana.local. 120 IN A 10.0.0.9"), say(5*time.Second, "ana.local. 0 IN A 10.0.0.2"), say(1100 * time.Millisecond)},
			"new :8443 10.0.0.2 10.0.0.9, changed :8443 10.0.0.9 -10.0.0.2"},
		{"silence for the life of its place", []step{whole, say(119 * time.Second), say(2 * time.Second), say(0, anaPTR, anaSRV, anaA)},
			"new :8443 10.0.0.2, gone :8443 10.0.0.2, new :8443 10.0.0.2"},
		{"another host under the name, and back", []step{whole, say(time.Second, anaEvil, "!mallory.local. 120 IN A 10.0.0.66"), say(time.Second, anaSRV, anaA)},
			"new :8443 10.0.0.2, changed :8443 10.0.0.66 (mallory.local), changed :8443 10.0.0.2"},
		{"loopback from the network", []step{say(0, anaPTR, anaSRV, "!ana.local. 120 IN A 127.0.0.1", "!ana.local. 120 IN AAAA ::1")}, ""},
		{"loopback on loopback", []step{{0, 0, []string{anaPTR, anaSRV, "!ana.local. 120 IN A 127.0.0.1"}}}, "new :8443 127.0.0.1"},
		{"no address at all", []step{say(0, anaPTR, anaSRV, "ana.local. 120 IN A 0.0.0.0", "ana.local. 120 IN A 224.0.0.251", "ana.local. 120 IN AAAA ff02::1")}, ""},
		{"no port", []step{say(0, anaPTR, `Ana\ 1._healthsync._tcp.local. 120 IN SRV 0 0 0 ana.local.`, anaA)}, ""},
		{"another service", []step{say(0, `_http._tcp.local. 120 IN PTR Ana._http._tcp.local.`, `Ana._http._tcp.local. 120 IN SRV 0 0 80 ana.local.`, anaA)}, ""},
		{"addresses of nobody", []step{say(0, anaA)}, ""},
		{"a service name alone", []step{say(0, `_healthsync._tcp.local. 4500 IN PTR _healthsync._tcp.local.`, `_healthsync._tcp.local. 120 IN SRV 0 0 1 ana.local.`, anaA)}, ""},
		{"in capitals", []step{say(0, `_HealthSync._TCP.Local. 4500 IN PTR Ana\ 1._HealthSync._tcp.local.`, `Ana\ 1._healthSync._tcp.LOCAL. 120 IN SRV 0 0 8443 ANA.local.`, "Ana.LOCAL. 120 IN A 10.0.0.2")},
			"new :8443 10.0.0.2 (ANA.local)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, now := newHeard(), time.Unix(1e9, 0)
			var got []string
			for _, s := range c.steps {
				now = now.Add(s.after)
				news := h.expire(now)
				if len(s.records) > 0 {
					news = append(news, h.take(response(t, s.records...), s.on, fmt.Sprintf("en%d", s.on), s.on == 0, now)...)
				}
				for _, n := range news {
					got = append(got, describe(n, len(got) == 0 || strings.HasPrefix(got[len(got)-1], "gone")))
				}
			}
			if s := strings.Join(got, ", "); s != c.want {
				t.Errorf("got  %s\nwant %s", s, c.want)
			}
		})
	}
}

func describe(n news, first bool) string {
	kind := "changed"
	switch {
	case n.gone:
		kind = "gone"
	case n.again:
		kind = "again"
	case first:
		kind = "new"
	}
	s := fmt.Sprintf("%s :%d", kind, n.instance.Port)
	for _, a := range n.instance.Addrs {
		s += " " + a.String()
	}
	for _, a := range n.lost {
		s += " -" + a.String()
	}
	if n.instance.Host != "ana.local" {
		s += " (" + n.instance.Host + ")"
	}
	return s
}

// What an announcement leaves out is asked for, a few times, and not when a
// time has run out: nobody is woken for that.
func TestHeardAsks(t *testing.T) {
	h, now := newHeard(), time.Unix(1e9, 0)
	asked := func() string {
		var out []string
		questions, on := h.missing(now)
		for _, q := range questions {
			out = append(out, fmt.Sprint(q.Name, " ", dns.TypeToString[q.Qtype]))
		}
		if len(out) > 0 && !slices.Equal(on, []int{1}) {
			t.Errorf("asked on %v", on)
		}
		return strings.Join(out, ", ")
	}
	want := func(s string) {
		t.Helper()
		if got := asked(); got != s {
			t.Errorf("asked %q, want %q", got, s)
		}
	}
	want("")
	h.take(response(t, anaPTR), 1, "en1", false, now)
	const place = `ana\ 1._healthsync._tcp.local. SRV`
	want(place)
	want("") // not twice at once
	now = now.Add(askAgain)
	want(place)
	h.take(response(t, anaSRV), 1, "en1", false, now)
	now = now.Add(2 * askAgain)
	want("ana.local. A, ana.local. AAAA")
	h.take(response(t, anaA), 1, "en1", false, now)
	now = now.Add(time.Minute)
	want("")
	h.expire(now.Add(10 * time.Minute))
	now = now.Add(10 * time.Minute)
	want("")
	// One that never answers is asked four times.
	h.take(response(t, `_healthsync._tcp.local. 4500 IN PTR mute._healthsync._tcp.local.`), 1, "en1", false, now)
	n := 0
	for range 100 {
		if asked() != "" {
			n++
		}
		now = now.Add(time.Second)
	}
	if n != maxAsked {
		t.Errorf("asked %d times", n)
	}
}

// However much is said, what is kept is bounded, and a phone that is heard of
// stays among it.
func TestHeardIsBounded(t *testing.T) {
	h, now := newHeard(), time.Unix(1e9, 0)
	long := strings.Repeat(`"`+strings.Repeat("x", 250)+`" `, 40) // 10 kB
	for i := range 4 * maxHeard {
		now = now.Add(10 * time.Millisecond)
		name := fmt.Sprintf(`junk%d._healthsync._tcp.local.`, i)
		records := []string{"_healthsync._tcp.local. 4500 IN PTR " + name, name + fmt.Sprintf(" 120 IN SRV 0 0 1 h%d.local.", i), name + " 120 IN TXT " + long}
		for a := range 40 {
			records = append(records, fmt.Sprintf("h%d.local. 120 IN A 10.9.%d.%d", i, i%250, a))
		}
		if i%100 != 0 {
			records = records[:4] // quicker
		}
		h.take(response(t, records...), 1, "en1", false, now)
		if i%500 == 0 { // it answers somebody now and then
			h.take(response(t, anaPTR, anaSRV, anaA), 1, "en1", false, now)
		}
		// One that changes its host all the time leaves none behind.
		h.take(response(t, fmt.Sprintf(`flip._healthsync._tcp.local. 120 IN SRV 0 0 1 flip%d.local.`, i)), 1, "en1", false, now)
	}
	if len(h.instances) > maxHeard || len(h.hosts) > maxHeard {
		t.Errorf("%d instances, %d hosts", len(h.instances), len(h.hosts))
	}
	for _, host := range h.hosts {
		if len(host.addrs) > maxAddrs || len(host.on) < 1 || len(host.on) > maxOnHost {
			t.Fatalf("%d addresses, %d instances on it", len(host.addrs), len(host.on))
		}
	}
	for _, s := range h.instances {
		if size := len(strings.Join(s.text, "")); size > maxTextBytes {
			t.Fatalf("%d bytes of text", size)
		}
	}
	if h.instances[`ana\ 1._healthsync._tcp.local.`] == nil {
		t.Error("the phone was crowded out")
	}
	if h.order.Len() != len(h.instances) {
		t.Errorf("%d in the order of %d", h.order.Len(), len(h.instances))
	}
}

// What gives way to others counts as gone: who counts by what is told keeps no
// more than there is, and one that is named again has appeared.
func TestHeardTellsOfWhatGivesWay(t *testing.T) {
	for _, what := range []string{"many", "many on one host"} {
		h, now := newHeard(), time.Unix(1e9, 0)
		there := map[string]bool{}
		say := func(records ...string) (kinds []string) {
			now = now.Add(time.Millisecond)
			for _, n := range h.take(response(t, records...), 1, "en1", false, now) {
				if n.first == there[n.instance.Name] && !n.gone && !n.again {
					t.Fatalf("%s: %q told as first: %v", what, n.instance.Name, n.first)
				}
				if there[n.instance.Name] = true; n.gone {
					delete(there, n.instance.Name)
				}
				if n.instance.Name == "Ana 1" {
					kinds = append(kinds, describe(n, n.first))
				}
			}
			return kinds
		}
		if got := say(anaPTR, anaSRV, anaA); len(got) != 1 || got[0] != "new :8443 10.0.0.2" {
			t.Fatalf("%s: %q", what, got)
		}
		var gone []string
		for i := range 3 * maxHeard {
			on := "ana.local."
			if what == "many" {
				on = fmt.Sprintf("h%d.local.", i)
			}
			name := fmt.Sprintf("junk%d._healthsync._tcp.local.", i)
			gone = append(gone, say("_healthsync._tcp.local. 4500 IN PTR "+name, name+" 120 IN SRV 0 0 1 "+on, on+" 120 IN A 10.0.0.2")...)
		}
		if len(gone) != 1 || !strings.HasPrefix(gone[0], "gone") {
			t.Errorf("%s: %q", what, gone)
		}
		if len(there) != len(h.instances) {
			t.Errorf("%s: %d are told of, %d kept", what, len(there), len(h.instances))
		}
		if got := say(anaPTR, anaSRV, anaA); len(got) != 1 || !strings.HasPrefix(got[0], "new") {
			t.Errorf("%s: named again: %q", what, got)
		}
	}
}

func TestGuard(t *testing.T) {
	var g guard
	now := time.Unix(1e9, 0)
	flood, phone := netip.MustParseAddr("10.0.0.66"), netip.MustParseAddr("10.0.0.2")
	heardOf := map[netip.Addr]int{}
	for ms := range 10_000 {
		now = now.Add(time.Millisecond)
		if g.admit(flood, now) {
			heardOf[flood]++
		}
		if ms%1000 == 0 && g.admit(phone, now) {
			heardOf[phone]++
		}
	}
	if heardOf[phone] != 10 || heardOf[flood] > 10*perSource+perSourceBurst {
		t.Errorf("heard: %v", heardOf)
	}
	for i := range 100_000 {
		g.admit(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), now)
	}
	if len(g.sources) > maxSources {
		t.Errorf("%d sources", len(g.sources))
	}
}

// FuzzHeard holds a listener against whatever comes in: it does not fall over,
// and what it tells is fit for use.
func FuzzHeard(f *testing.F) {
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
		h, now := newHeard(), time.Unix(1e9, 0)
		h.take(response(t, anaPTR, anaSRV, anaA), 1, "en1", false, now)
		for range 3 {
			now = now.Add(700 * time.Millisecond)
			for _, n := range h.take(&m, 1, "en1", false, now) {
				i := n.instance
				if i.Name == "" || i.Port < 1 || i.Port > 65535 || len(i.Addrs) == 0 || len(i.Addrs) > maxAddrs || printable(i.Name) != i.Name {
					t.Errorf("%+v", i)
				}
				for _, a := range i.Addrs {
					if a.IsLoopback() || a.IsUnspecified() || a.IsMulticast() || a.Is6() && a.IsLinkLocalUnicast() && a.Zone() == "" {
						t.Errorf("%v", a)
					}
				}
			}
			h.missing(now)
		}
	})
}
