package trust

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"
)

func TestIsLocal(t *testing.T) {
	for addr, want := range map[string]bool{
		"127.0.0.1": true, "127.255.255.254": true, "::1": true,
		"10.0.0.0": true, "10.255.255.255": true, "9.255.255.255": false, "11.0.0.0": false,
		"172.15.255.255": false, "172.16.0.0": true, "172.31.255.255": true, "172.32.0.0": false,
		"192.167.255.255": false, "192.168.0.0": true, "192.168.255.255": true, "192.169.0.0": false,
		"169.253.255.255": false, "169.254.0.0": true, "169.254.255.255": true, "169.255.0.0": false,
		"fe80::1": false, "fe80::1%lo": true, "febf::1%lo": true, "fec0::1%lo": false,
		"fbff::1": false, "fc00::": true, "fdff:ffff::1": true, "fe00::1": false,
		"0.0.0.0": false, "::": false, "255.255.255.255": false, "224.0.0.251": false,
		"ff02::fb%lo": false, "100.64.0.1": false, "8.8.8.8": false, "2001:db8::1": false,
		"::ffff:192.168.1.1": true, "::ffff:8.8.8.8": false, "64:ff9b::a00:1": false, "2002:a00:1::": false,
	} {
		if got := IsLocal(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %v", addr, got)
		}
	}
}

func TestLocalHost(t *testing.T) {
	known := names{
		"phone.local":       {"192.168.1.7", "fe80::7%lo", "fd00::7"},
		"Anas-iPhone.local": {"::ffff:10.0.0.7"},
		"both.local":        {"2001:db8::7", "192.168.1.7"},
		"rebound.local":     {"8.8.8.8", "0.0.0.0", "fe80::7"},
		"empty.local":       {},
	}
	for host, want := range map[string]string{
		"192.168.1.7": "[192.168.1.7]", " [fe80::7%lo] ": "[fe80::7%lo]", "::ffff:192.168.1.7": "[192.168.1.7]",
		"localhost": "[127.0.0.1 ::1]", "LocalHost.": "[127.0.0.1 ::1]",
		"phone.local": "[192.168.1.7 fe80::7%lo fd00::7]", "phone.local.": "[192.168.1.7 fe80::7%lo fd00::7]",
		"Anas-iPhone.local": "[10.0.0.7]", "both.local": "[192.168.1.7]",
	} {
		if got, f := localHost(t.Context(), known, host); f != nil || fmt.Sprint(got) != want {
			t.Errorf("%q: %v, %v", host, got, f)
		}
	}
	for kind, hosts := range map[Kind][]string{
		NameNotFound: {"empty.local", "nobody.local"},
		NotLocal: {
			"8.8.8.8", "fe80::7", "0.0.0.0", "", ".local", "rebound.local", "example.com", "phone.local.example.com",
			"2130706433", "127.1", // 127.0.0.1 to some libraries
			"192.168.1.7:8443", "user@phone.local/",
		},
	} {
		for _, host := range hosts {
			if got, f := localHost(t.Context(), known, host); f == nil || f.Kind != kind || len(got) > 0 || f.Host != host {
				t.Errorf("%q: %v, %+v, want %s", host, got, f, kind)
			}
		}
	}
	if _, err := LocalHost(t.Context(), "1.1.1.1"); failure(t, err).Kind != NotLocal {
		t.Errorf("got %v", err)
	}
	if addrs, err := LocalHost(t.Context(), "10.1.2.3"); err != nil || len(addrs) != 1 {
		t.Errorf("got %v, %v", addrs, err)
	}
}

// silent never answers a question.
type silent struct{}

func (silent) LookupNetIP(ctx context.Context, _, _ string) ([]netip.Addr, error) {
	<-ctx.Done()
	return nil, &net.DNSError{Err: ctx.Err().Error(), IsTimeout: true}
}

func TestNameThatIsNeverAnswered(t *testing.T) {
	d := &Dialer{Trust: Pinned([32]byte{1}), Resolver: silent{}, Timeout: 20 * time.Millisecond}
	_, err := dialOnce(t, d, "phone.local", 1)
	if f := failure(t, err); f.Kind != NameNotFound || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err = d.Dial(ctx, "phone.local", 1)
	if f := failure(t, err); f.Kind != Canceled {
		t.Errorf("got %v", err)
	}
}

// The gate at the socket holds whatever came before it.
func TestDialledAddressIsChecked(t *testing.T) {
	for _, addr := range []string{"8.8.8.8", "2001:db8::1", "0.0.0.0", "::ffff:1.1.1.1", "224.0.0.251"} {
		_, err := dialTCP(t.Context(), netip.AddrPortFrom(netip.MustParseAddr(addr), 443))
		if f := failure(t, err); f.Kind != NotLocal {
			t.Errorf("%s: %v", addr, err)
		}
	}
	if err := checkDialled("phone.local:443"); failure(t, err).Kind != NotLocal {
		t.Errorf("a name at the socket: %v", err)
	}
}
