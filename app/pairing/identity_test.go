package pairing_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"net/netip"
	"testing"

	"healthsync/app/pairing"
	"healthsync/pki"
	"healthsync/pki/trust"
	"healthsync/sync/bonjour"
	"healthsync/sync/simulator"
)

var loopback = netip.MustParseAddr("127.0.0.1")

// announced is what a phone announces.
func announced(p *simulator.Phone, name string, addrs ...netip.Addr) bonjour.Instance {
	if len(addrs) == 0 {
		addrs = []netip.Addr{loopback}
	}
	return bonjour.Instance{Name: name, Host: "phone.local", Port: p.Port(), Addrs: addrs}
}

func (b *bench) link() *pairing.Link {
	b.Helper()
	l, err := b.computer.Link(b.Context(), offline)
	must(b, err)
	return l
}

func TestLook(t *testing.T) {
	for _, protocol := range []int{1, 2} {
		b, other := newBench(t, protocol), newBench(t, protocol)
		b.pair()
		name := b.phone.Name()
		faulty := pairing.YoursInvalid
		if protocol == 1 { // its certificate is pinned: another one is another phone
			faulty = pairing.Impostor
		}
		for what, c := range map[string]struct {
			fault string
			seen  bonjour.Instance
			want  pairing.Identity
		}{
			"ours":              {"", announced(b.phone, name), pairing.Yours},
			"ours, renamed":     {"", announced(b.phone, "another name"), pairing.Yours},
			"another address":   {"", announced(b.phone, name, netip.MustParseAddr("203.0.113.9"), loopback), pairing.Yours},
			"another one":       {"", announced(other.phone, "another name"), pairing.Other},
			"in its name":       {"", announced(other.phone, name), pairing.Impostor},
			"public":            {"", announced(b.phone, name, netip.MustParseAddr("203.0.113.9")), pairing.Foreign},
			"no address at all": {"", bonjour.Instance{Name: name, Port: 1}, pairing.Foreign},
			"expired":           {"expired-server-cert", announced(b.phone, name), faulty},
			"not sharing":       {"refuse", announced(b.phone, name), pairing.Refusing},
			"not TLS":           {"not-tls", announced(b.phone, name), pairing.NoPhone},
		} {
			var faults []string
			if c.fault != "" {
				faults = []string{c.fault}
			}
			must(t, b.phone.SetFaults(faults...))
			before := b.phone.Meters().Requests + other.phone.Meters().Requests
			got := b.link().Look(t.Context(), c.seen)
			if got.Identity != c.want {
				t.Errorf("protocol %d, %s: %s (%v), want %s", protocol, what, got.Identity, got.Err, c.want)
			}
			if (got.Err == nil) != (c.want == pairing.Yours) {
				t.Errorf("protocol %d, %s: error %v", protocol, what, got.Err)
			}
			if after := b.phone.Meters().Requests + other.phone.Meters().Requests; after != before {
				t.Errorf("protocol %d, %s: %d requests were made", protocol, what, after-before)
			}
		}
	}
}

// Without a pairing nobody is dialled, and nobody's identity is claimed.
func TestLookUnpaired(t *testing.T) {
	b := newBench(t, 2)
	var none *pairing.Link
	got := none.Look(t.Context(), announced(b.phone, "x"))
	if got.Identity != pairing.NotPaired || got.Place.Port != b.phone.Port() {
		t.Errorf("got %+v", got)
	}
	if n := b.phone.Meters().Connections; n != 0 {
		t.Errorf("%d connections", n)
	}
}

func TestSettle(t *testing.T) {
	fake := func() pairing.Seen {
		return pairing.Seen{Identity: pairing.Impostor, Err: &pairing.ImpostorError{Err: &trust.Failure{Kind: trust.SelfSigned, Cert: &x509.Certificate{Subject: pkix.Name{CommonName: pki.CommonNameV1}}}}}
	}
	all := []pairing.Seen{fake(), {Identity: pairing.Silent}}
	if pairing.Settle(all); all[0].Identity != pairing.Impostor {
		t.Errorf("alone: %+v", all)
	}
	all = []pairing.Seen{fake(), {Identity: pairing.Yours}}
	if pairing.Settle(all); all[0].Identity != pairing.Other || errors.As(all[0].Err, new(*pairing.ImpostorError)) {
		t.Errorf("beside the right one: %+v", all)
	}
}

// The certificate of a device nobody trusts yet is seen, and says how to pair;
// the device learns nothing.
func TestObserve(t *testing.T) {
	for _, protocol := range []int{1, 2} {
		b := newBench(t, protocol)
		leaf, ca, err := b.phone.Fingerprints()
		must(t, err)
		at := pairing.Place{Host: "127.0.0.1", Port: b.phone.Port()}
		r, err := b.computer.Observe(t.Context(), at, offline)
		must(t, err)
		offer, err := pairing.ReadOffer(at, r)
		if err != nil || offer != (pairing.Offer{Protocol: protocol, Leaf: leaf, CA: ca}) {
			t.Errorf("protocol %d: %+v, %v", protocol, offer, err)
		}
		if n := b.phone.Meters().Requests; n != 0 {
			t.Errorf("protocol %d: %d requests", protocol, n)
		}
		if protocol == 1 {
			continue
		}
		for _, fault := range []string{"self-signed", "broken-chain"} {
			must(t, b.phone.SetFaults(fault))
			r, err := b.computer.Observe(t.Context(), at, offline)
			must(t, err)
			var strange *pairing.StrangeError
			if offer, err := pairing.ReadOffer(at, r); !errors.As(err, &strange) {
				t.Errorf("%s: %+v, %v", fault, offer, err)
			}
		}
		b.phone.Stop()
		if r, err := b.computer.Observe(t.Context(), at, offline); err == nil || r == nil {
			t.Error("nobody is there")
		}
	}
}
