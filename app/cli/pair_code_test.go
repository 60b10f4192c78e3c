package cli_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"healthsync/sync/bonjour"
)

// The code goes to the iPhone only after a person has compared its certificate.
func TestPairByCode(t *testing.T) {
	for _, protocol := range []int{1, 2} {
		w := newWorld(t, protocol)
		ears := (&air{}).add("Ana's iPhone", w.phone)
		code := w.phone.NewCode()
		leaf, ca, err := w.phone.Fingerprints()
		if err != nil {
			t.Fatal(err)
		}
		asked := func() int64 { return w.phone.Meters().Requests }

		// Nobody is there to compare.
		a := w.runAt(ears, nil, "pair", "--token", code)
		if a.exit != 3 || !strings.Contains(a.stderr, "CONFIRMATION_NEEDED") ||
			!strings.Contains(a.stderr, leaf.Hex()[:8]) || !strings.Contains(a.stderr, "--fingerprint") {
			t.Errorf("protocol %d, without a terminal: %d\n%s", protocol, a.exit, a.all())
		}
		if strings.Contains(a.all(), code) {
			t.Errorf("the code was printed: %s", a.all())
		}
		// A person says no, or nothing.
		for _, answer := range []string{"n", ""} {
			a = w.runAt(ears, []string{answer}, "pair", "--token", code)
			if a.exit != 1 || !strings.Contains(a.stderr, "DECLINED") {
				t.Errorf("protocol %d, %q: %d\n%s", protocol, answer, a.exit, a.all())
			}
		}
		// Another fingerprint was given.
		a = w.runAt(ears, nil, "pair", "--token", code, "--fingerprint", strings.Repeat("ab", 32))
		if a.exit != 12 || !strings.Contains(a.stderr, "CERT_FINGERPRINT_MISMATCH") {
			t.Errorf("protocol %d, another fingerprint: %d\n%s", protocol, a.exit, a.all())
		}
		if protocol == 2 { // the CA's is no substitute: the phone shows the server's
			if a = w.runAt(ears, nil, "pair", "--token", code, "--fingerprint", ca.Hex()); a.exit != 12 {
				t.Errorf("the CA's fingerprint: %d", a.exit)
			}
		}
		if asked() != 0 {
			t.Fatalf("protocol %d: %d requests were made before anyone compared", protocol, asked())
		}

		a = w.runAt(ears, []string{"y"}, "pair", "--token", code)
		if a.exit != 0 || !strings.Contains(a.stdout, "Paired with Ana's iPhone.") {
			t.Fatalf("protocol %d, yes: %d\n%s", protocol, a.exit, a.all())
		}
		if hex := strings.Join(strings.Fields(a.stderr), ""); !strings.Contains(hex, leaf.Hex()) {
			t.Errorf("protocol %d: the fingerprint was not shown as the iPhone does:\n%s", protocol, a.stderr)
		}
		if a = w.run("status"); a.exit != 0 {
			t.Errorf("protocol %d: status: %s", protocol, a.all())
		}

		// By fingerprint, and the code on standard input.
		a = w.runAt(ears, nil, "pair", "--token", w.phone.NewCode(), "--fingerprint", leaf.String())
		if a.exit != 0 {
			t.Errorf("protocol %d, by fingerprint: %d\n%s", protocol, a.exit, a.all())
		}
		if a = w.runAt(ears, nil, "pair", "--token", "-"); a.exit != 3 {
			t.Errorf("no code on standard input: %d", a.exit)
		}
	}
}

func TestPairByCodeChoosesThePhone(t *testing.T) {
	w, other := newWorld(t, 2), another(t, 2)
	ears := (&air{}).add("Ana's iPhone", w.phone).add("Bob's iPhone", other)
	code := w.phone.NewCode()

	a := w.runAt(ears, nil, "pair", "--token", code)
	if a.exit != 3 || !strings.Contains(a.stderr, "Ana's iPhone at 127.0.0.1:") ||
		!strings.Contains(a.stderr, "Bob's iPhone at") || !strings.Contains(a.stderr, "--host 127.0.0.1 --port") {
		t.Errorf("several: %d\n%s", a.exit, a.all())
	}
	if a = w.runAt(ears, []string{"3"}, "pair", "--token", code); a.exit != 1 {
		t.Errorf("no such choice: %d", a.exit)
	}
	if a = w.runAt(ears, []string{"1", "y"}, "pair", "--token", code); a.exit != 0 ||
		!strings.Contains(a.stdout, "Paired") {
		t.Errorf("the first: %d\n%s", a.exit, a.all())
	}
	a = w.runAt(ears, []string{"y"}, "pair", "--token", w.phone.NewCode(), "--port", w.port())
	if a.exit != 0 {
		t.Errorf("by port: %d\n%s", a.exit, a.all())
	}
	ears.all[1].Host = "bobs-iphone.local"
	if a = w.runAt(ears, []string{"y"}, "pair", "--token", other.NewCode(), "--host", "Bobs-iPhone.local."); a.exit != 0 {
		t.Errorf("by its host's name: %d\n%s", a.exit, a.all())
	}
	if n := other.Meters().Requests; n == 0 {
		t.Error("the other iPhone was not asked")
	}
	// With both, nobody needs to be heard.
	if a = w.runAt(&air{err: errors.New("deaf")}, []string{"y"}, "pair", "--token", w.phone.NewCode(), "--host",
		"127.0.0.1", "--port", w.port()); a.exit != 0 {
		t.Errorf("by host and port: %d\n%s", a.exit, a.all())
	}
}

func TestPairByCodeRefusals(t *testing.T) {
	w := newWorld(t, 2)
	code := w.phone.NewCode()
	ears := (&air{}).add("Ana's iPhone", w.phone)
	for name, c := range map[string]struct {
		ears *air
		args []string
		exit int
		says string
	}{
		"nobody":           {&air{}, nil, 11, "PHONE_NOT_FOUND"},
		"not at that host": {ears, []string{"--host", "192.168.77.7"}, 11, "192.168.77.7"},
		"a public host":    {ears, []string{"--host", "8.8.8.8"}, 15, "HOST_NOT_LOCAL"},
		"a public address": {&air{all: []bonjour.Instance{{Name: "x", Port: 1,
			Addrs: []netip.Addr{netip.MustParseAddr("203.0.113.9")}}}}, nil, 11, "PHONE_NOT_FOUND"},
		"no port":        {ears, []string{"--port", "70000"}, 3, "USAGE"},
		"no fingerprint": {ears, []string{"--fingerprint", "xyz"}, 3, "USAGE"},
	} {
		a := w.runAt(c.ears, nil, append([]string{"pair", "--token", code}, c.args...)...)
		if a.exit != c.exit || !strings.Contains(a.stderr, c.says) || strings.Contains(a.stderr, code) {
			t.Errorf("%s: %d\n%s", name, a.exit, a.all())
		}
	}
	for _, bad := range []string{"a", "a b c d e f", strings.Repeat("x", 500), `","host":"1.2.3.4`} {
		if a := w.runAt(ears, nil, "pair", "--token", bad); a.exit != 3 || !strings.Contains(a.stderr, "pairing code") {
			t.Errorf("%q: %d\n%s", bad, a.exit, a.all())
		}
	}
	for fault, want := range map[string]int{"self-signed": 11, "not-tls": 11, "refuse": 11, "tls12": 12} {
		w.fault(fault)
		if a := w.runAt(ears, []string{"y"}, "pair", "--token", code); a.exit != want ||
			strings.Contains(a.stdout, "Paired") {
			t.Errorf("%s: %d\n%s", fault, a.exit, a.all())
		}
	}
	w.fault()
	if n := w.phone.Meters().Requests; n != 0 {
		t.Errorf("%d requests were made", n)
	}
}
