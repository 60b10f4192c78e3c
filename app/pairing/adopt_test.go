package pairing_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"healthsync/app/pairing"
	"healthsync/pki/trust"
	"healthsync/pki/vault"
	"healthsync/sync/phone"
)

const swiftService = "org.mvneves.healthsync.cli"

// swift leaves what the Swift command line tool leaves behind when it pairs: a
// file in a home folder, a token in a keychain. It gives the token too.
func (b *bench) swift(host string) (home string, keychain *vault.Memory, token string) {
	b.Helper()
	record := b.pair()
	secret, err := b.vault.Get(b.Context(), "token-"+record.ID)
	if err != nil {
		b.Fatal(err)
	}
	keychain = vault.NewMemory()
	keychain.SetForeign(swiftService, "token-"+host, secret)
	home = b.TempDir()
	b.write(home, fmt.Sprintf(`{"fingerprint":"%s","host":"%s","port":%d}`, record.Leaf().Hex(), host, b.phone.Port()))
	if _, err := b.station.Unpair(b.Context()); err != nil {
		b.Fatal(err)
	}
	return home, keychain, string(secret)
}

func (b *bench) write(home, text string) {
	b.Helper()
	dir := filepath.Join(home, ".healthsync")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
}

func (b *bench) adopt(home string, keychain vault.Vault) (*pairing.Paired, error) {
	b.Helper()
	a, err := pairing.FindAdoptable(home)
	if err != nil {
		b.Fatal(err)
	}
	return b.station.Adopt(b.Context(), a, keychain, offline)
}

func TestAdopt(t *testing.T) {
	b := newBench(t, 1)
	home, keychain, token := b.swift("127.0.0.1")
	file := filepath.Join(home, ".healthsync", "config.json")
	before, _ := os.ReadFile(file)

	p, err := b.adopt(home, keychain)
	if err != nil {
		t.Fatal(err)
	}
	r := p.Record
	if r.Protocol != 1 || r.Port != b.phone.Port() || r.Name != b.phone.Name() || p.Replaced {
		t.Errorf("adopted %+v", p)
	}
	if left := r.TokenExpiresAt.Sub(b.now()); left < 29*24*time.Hour || left > 30*24*time.Hour {
		t.Errorf("the token is said to end in %v", left)
	}
	l, err := b.station.Link(t.Context(), offline)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Reach(t.Context()); err != nil {
		t.Errorf("the adopted pairing does not work: %v", err)
	}
	if got, err := b.vault.Get(t.Context(), "token-"+r.ID); err != nil || string(got) != token {
		t.Error("the token is not in the vault")
	}

	// What belongs to the other program is as it was.
	if after, _ := os.ReadFile(file); string(after) != string(before) {
		t.Errorf("its file was changed to %s", after)
	}
	if got, err := keychain.Foreign(t.Context(), swiftService, "token-127.0.0.1"); err != nil || string(got) != token {
		t.Error("its token was changed")
	}
	// Ending ours leaves theirs.
	if _, err := b.station.Unpair(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after, _ := os.ReadFile(file); string(after) != string(before) {
		t.Errorf("unpairing changed its file to %s", after)
	}
}

func TestAdoptOldFile(t *testing.T) {
	b := newBench(t, 1)
	home, keychain, _ := b.swift("127.0.0.1")
	old := b.now().AddDate(0, -3, 0) // copied with its date from a backup
	if err := os.Chtimes(filepath.Join(home, ".healthsync", "config.json"), old, old); err != nil {
		t.Fatal(err)
	}
	p, err := b.adopt(home, keychain)
	if err != nil {
		t.Fatal(err)
	}
	if !p.Record.TokenExpiresAt.After(b.now()) {
		t.Errorf("a token that was accepted just now is said to have ended at %v", p.Record.TokenExpiresAt)
	}
}

func TestAdoptRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(b *bench, home string, keychain *vault.Memory) vault.Vault
		want  func(error) bool
	}{
		"paired already": {
			func(b *bench, _ string, k *vault.Memory) vault.Vault { b.pair(); return k },
			func(err error) bool { var e *pairing.PairedError; return errors.As(err, &e) }},
		"no token": {
			func(*bench, string, *vault.Memory) vault.Vault { return vault.NewMemory() },
			func(err error) bool { var e *pairing.AdoptError; return errors.As(err, &e) && e.Token }},
		"keychain locked": {
			func(_ *bench, _ string, k *vault.Memory) vault.Vault { k.Fail(&vault.LockedError{}); return k },
			func(err error) bool { var e *vault.LockedError; return errors.As(err, &e) }},
		"another iPhone": {
			func(b *bench, home string, k *vault.Memory) vault.Vault {
				b.write(home, fmt.Sprintf(`{"fingerprint":"%064x","host":"127.0.0.1","port":%d}`, 7, b.phone.Port()))
				return k
			},
			func(err error) bool {
				var f *trust.Failure
				return errors.As(err, &f) && f.Kind == trust.FingerprintMismatch
			}},
		"gone": {
			func(b *bench, _ string, k *vault.Memory) vault.Vault { b.phone.Stop(); return k },
			func(err error) bool { var f *trust.Failure; return errors.As(err, &f) && f.Kind == trust.Refused }},
		"token rejected": {
			func(b *bench, _ string, k *vault.Memory) vault.Vault {
				k.SetForeign(swiftService, "token-127.0.0.1", vault.Secret("an-old-one"))
				return k
			},
			func(err error) bool { var e *phone.TokenRejectedError; return errors.As(err, &e) }},
		"a public address": {
			func(b *bench, home string, k *vault.Memory) vault.Vault {
				b.write(home, fmt.Sprintf(`{"fingerprint":"%064x","host":"203.0.113.9","port":8443}`, 7))
				return k
			},
			func(err error) bool { var f *trust.Failure; return errors.As(err, &f) && f.Kind == trust.NotLocal }},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, 1)
			home, keychain, _ := b.swift("127.0.0.1")
			k := c.spoil(b, home, keychain)
			before, recordErr := b.station.Record()
			items, _ := b.vault.List(t.Context())
			if _, err := b.adopt(home, k); !c.want(err) {
				t.Errorf("got %v", err)
			}
			after, err := b.station.Record()
			if (before == nil) != (after == nil) || !errors.Is(err, recordErr) {
				t.Errorf("the record became %v, %v", after, err)
			}
			if left, _ := b.vault.List(t.Context()); !slices.Equal(left, items) {
				t.Errorf("the vault holds %v, before %v", left, items)
			}
		})
	}
}

func TestFindAdoptable(t *testing.T) {
	good := fmt.Sprintf(`{"host":"192.168.1.20","port":50123,"fingerprint":"%064x"}`, 1)
	for name, c := range map[string]struct {
		text    string
		nothing bool
		ok      bool
	}{
		"as written":        {good, false, true},
		"with more in it":   {`{"token":"x",` + good[1:], false, true},
		"another program's": {`{"theme":"dark"}`, true, false},
		"not JSON":          {`host = 1`, true, false},
		"empty":             {``, true, false},
		"no fingerprint":    {`{"host":"192.168.1.20","port":1,"fingerprint":""}`, false, false},
		"no port":           {fmt.Sprintf(`{"host":"192.168.1.20","port":0,"fingerprint":"%064x"}`, 1), false, false},
		"no host":           {fmt.Sprintf(`{"host":"","port":1,"fingerprint":"%064x"}`, 1), false, false},
		"port as text":      {fmt.Sprintf(`{"host":"a","port":"1","fingerprint":"%064x"}`, 1), true, false},
	} {
		b := &bench{T: t}
		home := t.TempDir()
		b.write(home, c.text)
		a, err := pairing.FindAdoptable(home)
		if c.ok != (err == nil) || c.nothing != errors.Is(err, pairing.ErrNothingToAdopt) {
			t.Errorf("%s: %v, %v", name, a, err)
		}
		if c.ok && (a.Host != "192.168.1.20" || a.Port != 50123) {
			t.Errorf("%s: %+v", name, a)
		}
	}
	for _, home := range []string{"", t.TempDir()} {
		if _, err := pairing.FindAdoptable(home); !errors.Is(err, pairing.ErrNothingToAdopt) {
			t.Errorf("home %q: %v", home, err)
		}
	}
}

// Only a computer that is not paired, in its own place, is offered anything.
func TestAdoptableIsOffered(t *testing.T) {
	b := newBench(t, 1)
	home, _, _ := b.swift("127.0.0.1")
	if b.station.Adoptable(home) != nil {
		t.Error("offered in a folder of its own")
	}
	b.station.Paths.Home = ""
	if b.station.Adoptable(home) == nil {
		t.Error("not offered")
	}
	b.pair()
	if b.station.Adoptable(home) != nil {
		t.Error("offered to a computer that is paired")
	}
}
