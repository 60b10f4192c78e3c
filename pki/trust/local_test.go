package trust

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
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
	for _, c := range []struct {
		host string
		want []string
		kind Kind
	}{
		{"192.168.1.7", []string{"192.168.1.7"}, 0},
		{" [fe80::7%lo] ", []string{"fe80::7%lo"}, 0},
		{"::ffff:192.168.1.7", []string{"192.168.1.7"}, 0},
		{"localhost", []string{"127.0.0.1", "::1"}, 0},
		{"LocalHost.", []string{"127.0.0.1", "::1"}, 0},
		{"phone.local", []string{"192.168.1.7", "fe80::7%lo", "fd00::7"}, 0},
		{"phone.local.", []string{"192.168.1.7", "fe80::7%lo", "fd00::7"}, 0},
		{"Anas-iPhone.local", []string{"10.0.0.7"}, 0},
		{"both.local", []string{"192.168.1.7"}, 0},
		{"rebound.local", nil, NotLocal},
		{"empty.local", nil, NameNotFound},
		{"nobody.local", nil, NameNotFound},
		{"8.8.8.8", nil, NotLocal},
		{"fe80::7", nil, NotLocal},
		{"0.0.0.0", nil, NotLocal},
		{"", nil, NotLocal},
		{".local", nil, NotLocal},
		{"example.com", nil, NotLocal},
		{"phone.local.example.com", nil, NotLocal},
		{"2130706433", nil, NotLocal}, // 127.0.0.1 to some libraries
		{"127.1", nil, NotLocal},
		{"192.168.1.7:8443", nil, NotLocal},
		{"user@phone.local/", nil, NotLocal},
	} {
		addrs, f := localHost(t.Context(), known, c.host)
		var got []string
		for _, a := range addrs {
			got = append(got, a.String())
		}
		if c.kind == 0 {
			if f != nil || !slices.Equal(got, c.want) {
				t.Errorf("%q: %v, %v", c.host, got, f)
			}
		} else if f == nil || f.Kind != c.kind || len(addrs) > 0 || f.Host != c.host {
			t.Errorf("%q: %v, %+v, want %s", c.host, got, f, c.kind)
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
	for _, addr := range []string{"8.8.8.8:443", "[2001:db8::1]:443", "0.0.0.0:443", "[::ffff:1.1.1.1]:443", "224.0.0.251:5353"} {
		conn, err := dialTCP(t.Context(), netip.MustParseAddrPort(addr))
		if err == nil {
			_ = conn.Close()
		}
		if f := failure(t, err); f.Kind != NotLocal {
			t.Errorf("%s: %v", addr, err)
		}
	}
	if err := checkDialled("phone.local:443"); failure(t, err).Kind != NotLocal {
		t.Errorf("a name at the socket: %v", err)
	}
}
