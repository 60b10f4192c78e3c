package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"healthsync/app/cli"
	"healthsync/pki"
	"healthsync/sync/bonjour"
	"healthsync/sync/simulator"
)

// air is what can be heard: phones, under the names they announce.
type air struct {
	all    []bonjour.Instance
	err    error
	events []bonjour.Event // for Watch
}

func (a *air) add(name string, p *simulator.Phone) *air {
	a.all = append(a.all, bonjour.Instance{Name: name, Host: "phone.local", Port: p.Port(),
		Addrs: []netip.Addr{netip.MustParseAddr("127.0.0.1")}})
	return a
}

func (a *air) Find(_ context.Context, _ time.Duration,
	match func(bonjour.Instance) bool) (bonjour.Instance, bool, error) {
	for _, i := range a.all {
		if match(i) {
			return i, true, nil
		}
	}
	return bonjour.Instance{}, false, a.err
}

func (a *air) Watch(ctx context.Context, _ bonjour.WatchOptions, report func(bonjour.Event)) error {
	for _, e := range a.events {
		report(e)
	}
	<-ctx.Done()
	return ctx.Err()
}

// person types one line at each question.
type person struct{ lines []string }

func (p *person) Read(b []byte) (int, error) {
	if len(p.lines) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.lines[0]+"\n")
	p.lines = p.lines[1:]
	return n, nil
}

// runAt runs a command under these ears; with lines a person answers at a
// terminal.
func (w *world) runAt(a *air, lines []string, args ...string) answer {
	w.t.Helper()
	var out, errs bytes.Buffer
	env := &cli.Env{
		Args: args, Stdin: &person{lines}, Stdout: &out, Stderr: &errs,
		Getenv: func(k string) string { return w.vars[k] }, Now: time.Now, Finder: a,
	}
	env.InTTY, env.ErrTTY = lines != nil, lines != nil
	exit := cli.Main(w.t.Context(), env)
	return answer{exit, out.String(), errs.String()}
}

// another is a second iPhone.
func another(t *testing.T, protocol int) *simulator.Phone {
	t.Helper()
	p, err := simulator.New(simulator.Options{Protocol: protocol, NoRateLimit: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}

func TestDiscover(t *testing.T) {
	w, other := newWorld(t, 2), another(t, 2)
	name := w.phone.Name()
	row := func(out, name, identity string) bool {
		for line := range strings.Lines(out) {
			if strings.HasPrefix(line, name+" ") && strings.HasSuffix(line, "  "+identity+"\n") {
				return true
			}
		}
		return false
	}
	both := (&air{}).add(name, w.phone).add("Bob's iPhone", other)

	a := w.runAt(both, nil, "discover")
	if a.exit != 0 || !row(a.stdout, name, "not paired with this computer") ||
		!row(a.stdout, "Bob's iPhone", "not paired with this computer") {
		t.Errorf("not paired: %d\n%s", a.exit, a.all())
	}
	if n := w.phone.Meters().Connections; n != 0 {
		t.Errorf("%d connections to an iPhone that is not paired", n)
	}

	w.pair()
	requests := w.phone.Meters().Requests
	a = w.runAt(both, nil, "discover")
	if a.exit != 0 || !row(a.stdout, name, "yours, verified") || !row(a.stdout, "Bob's iPhone", "another iPhone") ||
		strings.Count(a.stdout, name) != 1 {
		t.Errorf("paired: %d\n%s", a.exit, a.all())
	}
	if at := strings.Index(a.stdout, name); at > strings.Index(a.stdout, "Bob's") {
		t.Errorf("mine is not first:\n%s", a.stdout)
	}
	if n := w.phone.Meters().Requests + other.Meters().Requests - requests; n != 0 {
		t.Errorf("%d requests were sent", n)
	}

	// One in its name: named as such only while ours is not there.
	fake := (&air{}).add(name, other)
	if a = w.runAt(fake, nil, "discover"); !row(a.stdout, name, "another iPhone") ||
		!strings.Contains(a.stdout, "not announced") {
		t.Errorf("beside ours, which is not announced:\n%s", a.all())
	}
	w.phone.Stop()
	if a = w.runAt(fake, nil, "discover"); a.exit != 0 ||
		!row(a.stdout, name, "NOT yours, but uses its name [HOST_UNVERIFIED]") ||
		!strings.Contains(a.stderr, "HOST_UNVERIFIED") {
		t.Errorf("in its name: %d\n%s", a.exit, a.all())
	}
	if a = w.runAt(&air{all: both.all[:1]}, nil, "discover"); !row(a.stdout, name, "does not answer [ECONNREFUSED]") {
		t.Errorf("gone:\n%s", a.all())
	}
}

// Two that claim one name and one host are two rows, in whatever order they
// are heard: one is verified, the other is not.
func TestDiscoverDoubles(t *testing.T) {
	w, other := newWorld(t, 2), another(t, 2)
	w.pair()
	name := w.phone.Name()
	for _, ears := range []*air{(&air{}).add(name, w.phone).add(name, other),
		(&air{}).add(name, other).add(name, w.phone)} {
		for n := range 3 * 64 { // and a crowd in other names does not hide ours
			ears.all = append([]bonjour.Instance{{Name: fmt.Sprint("junk ", n), Host: "junk.local", Port: 1,
				Addrs: []netip.Addr{netip.MustParseAddr("203.0.113.9")}}}, ears.all...)
		}
		a := w.runAt(ears, nil, "discover")
		if a.exit != 0 || strings.Count(a.stdout, name+"  ") != 2 || !strings.Contains(a.stdout, "yours, verified\n") ||
			!strings.Contains(a.stdout, "another iPhone\n") {
			t.Errorf("%d\n%s", a.exit, a.all())
		}
		var events []bonjour.Event
		for n, i := range ears.all[len(ears.all)-2:] {
			events = append(events, bonjour.Event{Kind: []bonjour.EventKind{bonjour.Appeared, bonjour.Changed}[n], Instance: i})
		}
		a = w.runAt(&air{events: events}, nil, "discover", "--watch", "--timeout", "700")
		if a.exit != 0 || strings.Count(a.stdout, "found") != 2 || strings.Contains(a.stdout, "changed") {
			t.Errorf("watched: %d\n%s", a.exit, a.all())
		}
	}
}

func TestDiscoverJSONAndVerbose(t *testing.T) {
	w := newWorld(t, 1)
	w.pair()
	ears := (&air{}).add("evil\x1b[2Jname", w.phone)
	a := w.runAt(ears, nil, "discover", "--json")
	var got struct {
		Schema  int
		Paired  bool
		Bonjour string
		Phones  []struct {
			Name, Host, Identity   string
			Port, Protocol         int
			Announced              bool
			CertificateFingerprint pki.Fingerprint
		}
	}
	if err := json.Unmarshal([]byte(a.stdout), &got); err != nil || len(got.Phones) != 1 {
		t.Fatalf("%v\n%s", err, a.all())
	}
	leaf, _, err := w.phone.Fingerprints()
	if err != nil {
		t.Fatal(err)
	}
	p := got.Phones[0]
	if got.Schema != 1 || !got.Paired || got.Bonjour != "ok" || p.Identity != "yours" || p.Protocol != 1 ||
		!p.Announced || !leaf.Equal(p.CertificateFingerprint) || p.Port != w.phone.Port() {
		t.Errorf("%+v", got)
	}
	if strings.Contains(a.all(), "\x1b") || strings.Contains(a.all(), `\u001b`) {
		t.Errorf("a name got through to the terminal: %q", a.all())
	}
	a = w.runAt(ears, nil, "discover", "--verbose")
	if !strings.Contains(a.stdout, leaf.Hex()+" (verified)") || strings.Contains(a.stdout, "\x1b") {
		t.Errorf("verbose: %q", a.stdout)
	}
}

// Without a pairing nothing is dialled, so that there is no report of a
// handshake; that holds for a phone that goes before it was looked at, too.
func TestDiscoverUnpaired(t *testing.T) {
	w := newWorld(t, 2)
	ears := (&air{}).add("Ana's iPhone", w.phone)
	appeared := bonjour.Event{Kind: bonjour.Appeared, Instance: ears.all[0]}
	leaf, _, err := w.phone.Fingerprints()
	if err != nil {
		t.Fatal(err)
	}
	a := w.runAt(ears, nil, "discover", "--json")
	if a.exit != 0 || !strings.Contains(a.stdout, `"identity": "not-paired"`) ||
		!strings.Contains(a.stdout, `"paired": false`) || strings.Contains(a.stdout, "ertificateFingerprint") {
		t.Errorf("--json: %d\n%s", a.exit, a.all())
	}
	ears.events = []bonjour.Event{appeared}
	a = w.runAt(ears, nil, "discover", "--watch", "--timeout", "700", "--json")
	if a.exit != 0 || strings.Count(a.stdout, "\n") != 1 || !strings.Contains(a.stdout, `"event":"found"`) ||
		!strings.Contains(a.stdout, `"identity":"not-paired"`) {
		t.Errorf("--watch --json: %d\n%s", a.exit, a.all())
	}
	if n := w.phone.Meters().Connections; n != 0 {
		t.Errorf("%d connections to an iPhone that is not paired", n)
	}
	ears.events = []bonjour.Event{appeared, {Kind: bonjour.Gone, Instance: ears.all[0]}}
	a = w.runAt(ears, nil, "discover", "--watch", "--timeout", "700", "--json")
	if a.exit != 0 || !strings.Contains(a.stdout, `"event":"gone"`) {
		t.Errorf("gone: %d\n%s", a.exit, a.all())
	}
	a = w.runAt(ears, nil, "discover", "--verbose")
	if a.exit != 0 || !strings.Contains(a.stdout, leaf.Hex()+" (as it says, not verified)") {
		t.Errorf("--verbose: %d\n%s", a.exit, a.all())
	}
	silent := another(t, 2)
	away := (&air{}).add("Bob's iPhone", silent)
	silent.Stop()
	a = w.runAt(away, nil, "discover", "--verbose")
	if a.exit != 0 || !strings.Contains(a.stdout, "not paired with this computer") ||
		strings.Contains(a.stdout, "Certificate:") {
		t.Errorf("--verbose, silent: %d\n%s", a.exit, a.all())
	}
	// An address of no network here is not looked at, whoever is paired.
	w.pair()
	ears.all[0].Addrs = []netip.Addr{netip.MustParseAddr("8.8.8.8")}
	for _, mode := range []string{"--json", "--verbose"} {
		if a = w.runAt(ears, nil, "discover", mode); a.exit != 0 {
			t.Errorf("foreign %s: %d\n%s", mode, a.exit, a.all())
		}
	}
}

func TestDiscoverNobody(t *testing.T) {
	w := newWorld(t, 2)
	a := w.runAt(&air{}, nil, "discover")
	if a.exit != 0 || !strings.HasPrefix(a.stdout, "No iPhone found.\n") ||
		!strings.Contains(a.stdout, "Start Sharing") || !strings.Contains(a.stdout, "same Wi-Fi") {
		t.Errorf("%d\n%s", a.exit, a.all())
	}
	a = w.runAt(&air{err: &bonjour.NetworkError{Err: context.DeadlineExceeded}}, nil, "discover")
	if a.exit != 0 || !strings.Contains(a.stderr, "Bonjour cannot be used here") {
		t.Errorf("%d\n%s", a.exit, a.all())
	}
	w.pair()
	w.phone.Stop()
	if a = w.runAt(&air{}, nil, "discover", "--json"); a.exit != 0 || !strings.Contains(a.stdout, `"phones": []`) {
		t.Errorf("%d\n%s", a.exit, a.all())
	}
}

// The record is there and the secrets are not: phones are listed all the same.
func TestDiscoverWithoutSecrets(t *testing.T) {
	w := newWorld(t, 2)
	w.pair()
	ears := (&air{}).add("x", w.phone)
	w.must("keychain", "clear", "--yes")
	a := w.runAt(ears, nil, "discover")
	if a.exit != 0 || !strings.Contains(a.stdout, "not checked") || strings.Contains(a.stdout, "verified") ||
		!strings.Contains(a.stderr, "fix: ") {
		t.Errorf("%d\n%s", a.exit, a.all())
	}
}

func TestDiscoverWatch(t *testing.T) {
	w, other := newWorld(t, 2), another(t, 2)
	w.pair()
	one := (&air{}).add("Ana's iPhone", w.phone).add("Bob's iPhone", other).all
	event := func(k bonjour.EventKind, i bonjour.Instance) bonjour.Event {
		return bonjour.Event{Kind: k, Instance: i}
	}
	ears := &air{events: []bonjour.Event{event(bonjour.Appeared, one[0]), event(bonjour.Appeared, one[1])}}
	a := w.runAt(ears, nil, "discover", "--watch", "--timeout", "700ms")
	if a.exit != 0 || strings.Count(a.stdout, "found") != 2 || !strings.Contains(a.stdout, "yours, verified") ||
		!strings.Contains(a.stdout, "another iPhone") || strings.Contains(a.stdout, "\x1b") {
		t.Errorf("%d\n%s", a.exit, a.all())
	}
	a = w.runAt(ears, nil, "discover", "--watch", "--timeout", "700", "--json")
	for line := range strings.Lines(a.stdout) {
		var e struct {
			Schema int
			Event  string
			Phone  struct{ Identity string }
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Schema != 1 || e.Event != "found" {
			t.Errorf("%v: %s", err, line)
		}
	}
	ears.events = append(ears.events, event(bonjour.Gone, one[1]),
		bonjour.Event{Kind: bonjour.Failed, Err: context.Canceled}, bonjour.Event{Kind: bonjour.Recovered})
	a = w.runAt(ears, nil, "discover", "--watch", "--timeout", "700")
	if a.exit != 0 || !strings.Contains(a.stdout, "gone     Bob's iPhone") || !strings.Contains(a.stderr, "works again") {
		t.Errorf("%d\n%s", a.exit, a.all())
	}
}

func TestDiscoverAutoScan(t *testing.T) {
	w := newWorld(t, 2)
	_, p := w.showCode()
	w.clipboard(t, string(p.JSON()))
	if a := w.runAt(&air{}, nil, "discover", "--auto-scan"); a.exit != 0 || strings.Contains(a.all(), "scanning") {
		t.Errorf("nobody: %d\n%s", a.exit, a.all())
	}
	a := w.runAt((&air{}).add("Ana's iPhone", w.phone), nil, "discover", "--auto-scan")
	if a.exit != 0 || !strings.Contains(a.stdout, "not paired with this computer") ||
		!strings.Contains(a.stdout, "Paired with Ana's iPhone.") {
		t.Errorf("%d\n%s", a.exit, a.all())
	}
	if a := w.runAt(&air{}, nil, "discover", "--auto-scan", "--watch"); a.exit != 3 {
		t.Errorf("with --watch: %d", a.exit)
	}
}
