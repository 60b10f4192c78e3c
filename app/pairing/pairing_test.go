package pairing_test

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"healthsync/app/config"
	"healthsync/app/pairing"
	"healthsync/pki/trust"
	"healthsync/pki/vault"
	"healthsync/sync/phone"
	"healthsync/sync/simulator"
)

// bench is a Mac's side in a folder of its own, with a vault in memory, and a
// simulated iPhone.
type bench struct {
	*testing.T
	computer *pairing.Computer
	vault    vault.Vault
	phone    *simulator.Phone
	ahead    atomic.Int64 // of both clocks, in nanoseconds
}

func newBench(t *testing.T, protocol int) *bench {
	t.Helper()
	dir := t.TempDir()
	paths, err := config.Locate(func(k string) string { return map[string]string{config.HomeVar: dir}[k] })
	must(t, err)
	v, err := vault.Open(vault.KindFile, vault.Options{Dir: dir})
	must(t, err)
	b := &bench{T: t, vault: v}
	b.computer = &pairing.Computer{
		Paths: paths, Now: b.now, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		OpenVault: func() (vault.Vault, error) { return b.vault, nil },
	}
	if b.phone, err = simulator.New(simulator.Options{Protocol: protocol, NoRateLimit: true, Now: b.now}); err != nil {
		t.Fatal(err)
	}
	must(t, b.phone.Start("127.0.0.1:0"))
	t.Cleanup(b.phone.Stop)
	return b
}

func (b *bench) now() time.Time { return time.Now().Add(time.Duration(b.ahead.Load())) }

func (b *bench) request() pairing.Request {
	b.Helper()
	p, err := b.phone.Payload("127.0.0.1")
	must(b, err)
	return pairing.Request{Protocol: p.Version, Host: p.Host, Port: p.Port, Code: p.Code, ExpiresAt: p.ExpiresAt, Leaf: p.Leaf, CA: p.CA, ClientName: "test"}
}

var offline = pairing.LinkOptions{NoSearch: true}

func (b *bench) pair() *pairing.Record {
	b.Helper()
	p, err := b.computer.Pair(b.Context(), b.request(), offline)
	must(b, err)
	if p.StatusErr != nil || p.Leftover != nil {
		b.Fatalf("status: %v, leftover: %v", p.StatusErr, p.Leftover)
	}
	return p.Record
}

// items lists the names in the vault.
func (b *bench) items() []string {
	b.Helper()
	items, err := b.vault.List(b.Context())
	must(b, err)
	var names []string
	for _, i := range items {
		names = append(names, i.Name)
	}
	slices.Sort(names)
	return names
}

// works asks the iPhone by the pairing.
func (b *bench) works() error {
	b.Helper()
	l, err := b.computer.Link(b.Context(), offline)
	if err != nil {
		return err
	}
	_, err = l.Reach(b.Context())
	return err
}

// stands wants the pairing to be this one still, with nothing beside it.
func (b *bench) stands(what string, id string) {
	b.Helper()
	if r, err := b.computer.Record(); err != nil || r.ID != id || len(b.items()) != 1 {
		b.Errorf("%s: the pairing is now %+v, %v, items %v", what, r, err, b.items())
	}
	if err := b.works(); err != nil {
		b.Errorf("%s: the pairing does not work: %v", what, err)
	}
}

// record is the pairing's.
func (b *bench) record() *pairing.Record {
	b.Helper()
	r, err := b.computer.Record()
	must(b, err)
	return r
}

// restart shares anew, at another place.
func (b *bench) restart(addr string) {
	b.Helper()
	b.phone.Stop()
	must(b, b.phone.Start(addr))
}

func TestPairAndUnpair(t *testing.T) {
	for protocol := 1; protocol <= 2; protocol++ {
		b := newBench(t, protocol)
		if _, err := b.computer.Record(); !errors.Is(err, pairing.ErrNotPaired) {
			t.Fatalf("before: %v", err)
		}
		r := b.pair()
		if r.Name != simulator.DefaultName || r.Protocol != protocol || len(b.items()) != 1 {
			t.Errorf("protocol %d: %+v, items %v", protocol, r, b.items())
		}
		if err := b.works(); err != nil {
			t.Errorf("protocol %d: %v", protocol, err)
		}
		if st, err := os.Stat(b.computer.Paths.PairingFile()); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("the record: %v, %v", st.Mode(), err)
		}
		u, err := b.computer.Unpair(t.Context())
		wantPhone := map[int]pairing.OnPhone{1: pairing.NotOffered, 2: pairing.RevokedThere}[protocol]
		if err != nil || u.OnPhone != wantPhone || len(u.Removed) != 1 || len(b.items()) != 0 {
			t.Errorf("protocol %d: unpaired: %+v, %v; left %v", protocol, u, err, b.items())
		}
		if _, err := b.computer.Record(); !errors.Is(err, pairing.ErrNotPaired) {
			t.Errorf("after: %v", err)
		}
		if u, err := b.computer.Unpair(t.Context()); err != nil || u.OnPhone != pairing.NothingThere {
			t.Errorf("twice: %+v, %v", u, err)
		}
	}
}

// Pairing again changes everything, and only once it is complete.
func TestPairAgain(t *testing.T) {
	b := newBench(t, 2)
	first, before := b.pair(), b.items()
	second := b.pair()
	if first.ID == second.ID || len(b.items()) != 1 || slices.Equal(before, b.items()) {
		t.Errorf("first %v, second %v", before, b.items())
	}
	if err := b.works(); err != nil {
		t.Error(err)
	}
	for _, fault := range []string{"invalid-code", "http-500", "cut-page", "not-json", "other-ca", "refuse", "stall-handshake"} {
		req := b.request()
		must(t, b.phone.SetFaults(fault))
		_, err := b.computer.Pair(t.Context(), req, pairing.LinkOptions{NoSearch: true, Timeout: 200 * time.Millisecond})
		if err == nil {
			t.Errorf("%s: paired", fault)
		}
		must(t, b.phone.SetFaults())
		if fault == "refuse" { // nothing listens any more
			if err := b.phone.Start(b.phone.Addr().String()); err != nil && !strings.Contains(err.Error(), "already") {
				t.Logf("start: %v", err)
			}
		}
		b.stands("after "+fault, second.ID)
	}
}

// A vault that fails at any step leaves the earlier pairing as it was.
func TestPairWithAFailingVault(t *testing.T) {
	for protocol := 1; protocol <= 2; protocol++ {
		b := newBench(t, protocol)
		r := b.pair()
		for n := range 8 {
			flaky := &flakyVault{Vault: b.vault, allow: n}
			_, err := b.another(flaky).Pair(t.Context(), b.request(), offline)
			if err == nil {
				break // as many steps as a pairing has
			}
			if !errors.Is(err, errFlaky) {
				t.Fatalf("step %d: %v", n, err)
			}
			b.stands(fmt.Sprintf("step %d", n), r.ID)
		}
	}
}

// flakyVault is a vault that allows some writes and then refuses all.
type flakyVault struct {
	vault.Vault
	allow int
}

func (f *flakyVault) spend() error {
	if f.allow == 0 {
		return errFlaky
	}
	f.allow--
	return nil
}

func (f *flakyVault) Set(ctx context.Context, name string, s vault.Secret) error {
	if err := f.spend(); err != nil {
		return err
	}
	return f.Vault.Set(ctx, name, s)
}

func (f *flakyVault) NewSigner(ctx context.Context, name string) (crypto.Signer, error) {
	if err := f.spend(); err != nil {
		return nil, err
	}
	return f.Vault.NewSigner(ctx, name)
}

var errFlaky = errors.New("the vault fails")

func TestDamagedRecordIsLeftAndCanBeUnpaired(t *testing.T) {
	for name, text := range map[string]string{"empty": "", "no JSON": "{", "another file": `{"a":1}`, "newer": `{"schema":99,"id":"x","protocol":2}`} {
		b := newBench(t, 2)
		b.pair()
		path := b.computer.Paths.PairingFile()
		must(t, os.WriteFile(path, []byte(text), 0o600))
		var damaged *pairing.RecordError
		if _, err := b.computer.Record(); !errors.As(err, &damaged) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := b.computer.Link(t.Context(), offline); !errors.As(err, &damaged) {
			t.Errorf("%s: a link: %v", name, err)
		}
		if raw, _ := os.ReadFile(path); string(raw) != text {
			t.Errorf("%s: the file was changed", name)
		}
		if u, err := b.computer.Unpair(t.Context()); err != nil || len(u.Removed) != 1 || len(b.items()) != 0 {
			t.Errorf("%s: unpair: %+v, %v", name, u, err)
		}
	}
}

func TestRenew(t *testing.T) {
	b := newBench(t, 2)
	before := b.pair()
	b.ahead.Add(int64(340 * 24 * time.Hour))
	renewed, err := b.computer.Renew(t.Context(), offline)
	must(t, err)
	if got := renewed.Until.Sub(renewed.Before); got < 330*24*time.Hour || got > 350*24*time.Hour {
		t.Errorf("renewed from %v to %v", renewed.Before, renewed.Until)
	}
	r, err := b.computer.Record()
	if err != nil || r.ID == before.ID || len(b.items()) != 1 || !r.ClientExpiresAt.Equal(renewed.Until) {
		t.Errorf("%+v, %v, %v", r, err, b.items())
	}
	// The server's own certificate is about to end too; the client's is new.
	b.ahead.Add(int64(20 * 24 * time.Hour))
	if err := b.works(); err != nil {
		t.Error(err)
	}
	must(t, b.phone.SetFaults("no-renew"))
	var offered *phone.NotOfferedError
	if _, err := b.computer.Renew(t.Context(), offline); !errors.As(err, &offered) {
		t.Errorf("a phone that does not renew: %v", err)
	}
	b.stands("after a refusal", r.ID)
}

func TestCodeExpired(t *testing.T) {
	b := newBench(t, 2)
	var expired *pairing.CodeExpiredError
	old := b.request()
	old.ExpiresAt = b.now().Add(-2 * time.Hour)
	if _, err := b.computer.Pair(t.Context(), old, offline); !errors.As(err, &expired) {
		t.Errorf("hours late: %v", err)
	}
	// A little late by this clock: only the iPhone can tell, and it takes it.
	late := b.request()
	late.ExpiresAt = b.now().Add(-time.Minute)
	if _, err := b.computer.Pair(t.Context(), late, offline); err != nil {
		t.Errorf("a minute late by our clock: %v", err)
	}
	// A little late, and there is no answer: the code is reported.
	late = b.request()
	late.ExpiresAt = b.now().Add(-time.Minute)
	b.phone.Stop()
	if _, err := b.computer.Pair(t.Context(), late, offline); !errors.As(err, &expired) {
		t.Errorf("late and no answer: %v", err)
	}
}

func TestClocksAreComparedBeforeACertificateIsBlamed(t *testing.T) {
	b := newBench(t, 2)
	b.pair()
	mac := b.now()
	b.computer.Now = func() time.Time { return mac.Add(400 * 24 * time.Hour) }
	var clock *pairing.ClockError
	if err := b.works(); !errors.As(err, &clock) || clock.Ahead > -399*24*time.Hour {
		t.Errorf("the Mac's clock is a year ahead: %v", err)
	}
	// Both clocks agree: then it is the certificate.
	b.ahead.Add(int64(400 * 24 * time.Hour))
	var f *trust.Failure
	if err := b.works(); errors.As(err, &clock) || !errors.As(err, &f) || f.Kind != trust.Expired {
		t.Errorf("a year later for both: %v", err)
	}
}

func TestMissingPartsAreTold(t *testing.T) {
	isMissing := func(err error) bool {
		var m *pairing.MissingError
		return errors.As(err, &m) && m.ClientCertificate
	}
	for name, c := range map[string]struct {
		lose func(b *bench, r *pairing.Record) error
		ok   func(error) bool
	}{
		"CA": {func(b *bench, _ *pairing.Record) error { return b.edit(func(r *pairing.Record) { r.CACert = nil }) }, func(err error) bool {
			var f *trust.Failure
			return errors.As(err, &f) && f.Kind == trust.BrokenChain && f.Whose == trust.CA
		}},
		"client certificate": {func(b *bench, _ *pairing.Record) error {
			return b.edit(func(r *pairing.Record) { r.ClientCert = nil })
		}, isMissing},
		"key": {func(b *bench, r *pairing.Record) error { return b.vault.Delete(b.Context(), vault.Key+"-"+r.ID) }, isMissing},
	} {
		b := newBench(t, 2)
		r := b.pair()
		before := len(b.items())
		must(t, c.lose(b, r))
		if err := b.works(); !c.ok(err) {
			t.Errorf("without the %s: %v", name, err)
		}
		if len(b.items()) > before || name == "key" && len(b.items()) != 0 { // a failed load never makes a new identity
			t.Errorf("something was made anew: %v", b.items())
		}
	}
}

// edit changes the record behind the program's back.
func (b *bench) edit(change func(*pairing.Record)) error {
	r, err := b.computer.Record()
	if err != nil {
		return err
	}
	change(r)
	raw, err := json.Marshal(r)
	return errors.Join(err, os.WriteFile(b.computer.Paths.PairingFile(), raw, 0o600))
}

func TestTokenExpired(t *testing.T) {
	b := newBench(t, 1)
	b.pair()
	must(t, b.phone.Revoke())
	var rejected *phone.TokenRejectedError
	var expired *pairing.TokenExpiredError
	if err := b.works(); !errors.As(err, &rejected) || errors.As(err, &expired) {
		t.Errorf("revoked: %v", err)
	}
	b.ahead.Add(int64(31 * 24 * time.Hour))
	if err := b.works(); !errors.As(err, &expired) {
		t.Errorf("31 days later: %v", err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
