package simulator

import (
	"net/netip"
	"testing"
)

func TestLocalName(t *testing.T) {
	for device, want := range map[string]string{
		"Ana's iPhone": "Anas-iPhone.local", "Ana\u2019s\u00a0iPhone": "Anas-iPhone.local", " -a--b- ": "a-b.local",
		"\u00e9\u00e8": "iPhone.local",
	} {
		if got := localName(device); got != want {
			t.Errorf("%q is %s, want %s", device, got, want)
		}
	}
}

// What goes into the QR code can be reached from elsewhere.
func TestBestHost(t *testing.T) {
	for want, addrs := range map[string][]string{
		"192.168.1.9": {"127.0.0.1", "::1", "fe80::1", "169.254.3.3", "fd00::1", "192.168.1.9", "10.0.0.1"},
		"fd00::1":     {"127.0.0.1", "::1", "fe80::1", "fd00::1"},
		"169.254.3.3": {"127.0.0.1", "fe80::1", "169.254.3.3"},
		"127.0.0.1":   {"127.0.0.1", "::1"},
		"a.local":     {"127.0.0.1", "fe80::1"},
	} {
		var list []netip.Addr
		for _, a := range addrs {
			list = append(list, netip.MustParseAddr(a))
		}
		if got := bestHost(list, "a.local"); got != want {
			t.Errorf("%v: %s, want %s", addrs, got, want)
		}
	}
	c := start(t, Options{})
	if got := c.phone.Host(); got != "127.0.0.1" {
		t.Errorf("listening on 127.0.0.1: %s", got)
	}
}
