package bonjour

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func packed(t *testing.T, id uint16, response bool, records ...string) []byte {
	t.Helper()
	m := new(dns.Msg)
	m.Id, m.Response = id, response
	for _, text := range records {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		m.Answer = append(m.Answer, rr)
	}
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestCollect(t *testing.T) {
	const name = "ana.local."
	good := []string{"Ana.local. 120 IN A 192.168.1.2", "ana.local. 120 IN AAAA fe80::1", "ana.local. 120 IN AAAA fd00::1", "ana.local. 120 IN A 192.168.1.2"}
	for _, c := range []struct {
		what          string
		packet        []byte
		network, zone string
		want          string
	}{
		{"all", packed(t, 7, true, good...), "ip", "en0", "[192.168.1.2 fe80::1%en0 fd00::1]"},
		{"no zone", packed(t, 7, true, good...), "ip", "", "[192.168.1.2 fd00::1]"},
		{"IPv4", packed(t, 7, true, good...), "ip4", "en0", "[192.168.1.2]"},
		{"IPv6", packed(t, 7, true, good...), "ip6", "en0", "[fe80::1%en0 fd00::1]"},
		{"another question's answer", packed(t, 8, true, good...), "ip", "en0", "[]"},
		{"a question", packed(t, 7, false, good...), "ip", "en0", "[]"},
		{"another name", packed(t, 7, true, "ben.local. 120 IN A 192.168.1.3"), "ip", "en0", "[]"},
		{"a goodbye", packed(t, 7, true, "ana.local. 0 IN A 192.168.1.2"), "ip", "en0", "[]"},
		{"no addresses", packed(t, 7, true, "ana.local. 120 IN A 0.0.0.0", "ana.local. 120 IN A 224.0.0.251", `ana.local. 120 IN TXT "x"`), "ip", "en0", "[]"},
		{"junk", []byte("junk"), "ip", "en0", "[]"},
	} {
		if got := collect(nil, c.packet, 7, name, c.network, c.zone); fmt.Sprint(got) != c.want {
			t.Errorf("%s: %v, want %s", c.what, got, c.want)
		}
	}
}

func TestResolverNotFound(t *testing.T) {
	t.Parallel()
	lo := loopback(t)
	r := Resolver{Interfaces: func() ([]net.Interface, error) { return lo, nil }}
	for _, host := range []string{"nobody-of-that-name.local", "example.com", "", "..local"} {
		began := time.Now()
		_, err := r.LookupNetIP(t.Context(), "ip", host)
		var dnsError *net.DNSError
		if !errors.As(err, &dnsError) || !dnsError.IsNotFound {
			t.Errorf("%q: %v", host, err)
		}
		if host != "nobody-of-that-name.local" && time.Since(began) > time.Second {
			t.Errorf("%q was asked for", host)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := r.LookupNetIP(ctx, "ip", "nobody-of-that-name.local"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

var _ interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
} = (*Resolver)(nil)
