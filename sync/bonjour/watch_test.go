package bonjour

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

func at(name, host string, port int, addrs ...string) Instance {
	i := Instance{Name: name, Host: host, Port: port}
	for _, a := range addrs {
		i.Addrs = append(i.Addrs, netip.MustParseAddr(a))
	}
	return i
}

// A roster is told what each window saw; the events are what a watcher hears.
func TestRoster(t *testing.T) {
	ana := at("Ana's iPhone", "ana.local", 8443, "10.0.0.2")
	for _, c := range []struct {
		name    string
		windows [][]Instance
		want    string
	}{
		{"stays", [][]Instance{{ana}, {ana}, {ana, ana}}, "0 appeared"},
		{"a miss is nothing", [][]Instance{{ana}, {}, {ana}, {}, {}, {ana}}, "0 appeared"},
		{"three misses are", [][]Instance{{ana}, {}, {}, {}, {}, {ana}}, "0 appeared, 3 gone, 5 appeared"},
		{"never there", [][]Instance{{}, {}, {}, {}}, ""},
		{"new port", [][]Instance{{ana}, {at("Ana's iPhone", "ana.local", 9000, "10.0.0.2")}},
			"0 appeared, 1 changed :9000 10.0.0.2"},
		{"back and forth in one window", [][]Instance{{ana, at("Ana's iPhone", "ana.local", 9000, "10.0.0.2"), ana}},
			"0 appeared, 0 changed :9000 10.0.0.2, 0 changed :8443 10.0.0.2"},
		{"another address beside the first", [][]Instance{{ana}, {at("Ana's iPhone", "ana.local", 8443, "fd00::2", "10.0.0.2")}},
			"0 appeared, 1 changed :8443 fd00::2 10.0.0.2"},
		{"another address instead", [][]Instance{{ana}, {at("Ana's iPhone", "ana.local", 8443, "10.0.0.9")}, {at("Ana's iPhone", "ana.local", 8443, "10.0.0.9")}, {at("Ana's iPhone", "ana.local", 8443, "10.0.0.9")}},
			"0 appeared, 1 changed :8443 10.0.0.9 10.0.0.2, 3 changed :8443 10.0.0.9"},
		{"a packet without all addresses", [][]Instance{
			{at("Ana's iPhone", "ana.local", 8443, "10.0.0.2", "fd00::2")}, {ana}, {ana},
			{at("Ana's iPhone", "ana.local", 8443, "fd00::2")}, {ana}}, "0 appeared"},
		{"another host under the name", [][]Instance{{ana}, {at("Ana's iPhone", "mallory.local", 8443, "10.0.0.66")}},
			"0 appeared, 1 appeared"},
		{"two", [][]Instance{{ana, at("Ben's iPhone", "ben.local", 1, "10.0.0.3")}, {ana}, {ana}, {ana}}, "0 appeared, 0 appeared, 3 gone"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := roster{misses: 3}
			var got []string
			note := func(w int, e Event) {
				s := fmt.Sprintf("%d %s", w, e.Kind)
				if e.Kind == Changed {
					s += fmt.Sprintf(" :%d", e.Instance.Port)
					for _, a := range e.Instance.Addrs {
						s += " " + a.String()
					}
				}
				got = append(got, s)
			}
			for w, window := range c.windows {
				for _, i := range window {
					if e, ok := r.see(i); ok {
						note(w, e)
					}
				}
				for _, e := range r.endWindow() {
					note(w, e)
				}
			}
			if s := strings.Join(got, ", "); s != c.want {
				t.Errorf("got  %s\nwant %s", s, c.want)
			}
		})
	}
}

func TestRosterIsBounded(t *testing.T) {
	r := roster{misses: 3}
	for i := range maxInstances + 100 {
		r.see(at(fmt.Sprint(i), "x.local", 1, "10.0.0.1"))
	}
	if len(r.known) != maxInstances {
		t.Errorf("%d instances", len(r.known))
	}
}
