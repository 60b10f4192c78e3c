package vault

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"
)

// opener gives the vault of a namespace; all of one opener share what is stored.
type opener func(t *testing.T, namespace string) Vault

// testCertificate is self-signed, valid for a year.
func testCertificate(t testing.TB, cn string) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: cn},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// wantNotFound is provable absence and none of the other types.
func wantNotFound(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, ErrNotFound) {
		t.Fatalf("got %v, want ErrNotFound", err)
	}
	if !errors.As(err, new(*NotFoundError)) {
		t.Fatalf("%T is ErrNotFound without the facts", err)
	}
}

func wantAs[T error](t *testing.T, err error) T {
	t.Helper()
	var want T
	if !errors.As(err, &want) {
		t.Fatalf("got %T (%v), want %T", err, err, want)
	}
	if errors.Is(err, ErrNotFound) {
		t.Fatalf("%v passes for absence", err)
	}
	if !strings.HasPrefix(err.Error(), "vault: ") {
		t.Errorf("error text %q does not say where it is from", err)
	}
	return want
}

// sign checks that a signer's signature is good under its public key.
func sign(t *testing.T, s crypto.Signer) {
	t.Helper()
	digest := sha256.Sum256([]byte("to be signed"))
	signature, err := s.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	public, ok := s.Public().(*ecdsa.PublicKey)
	if !ok {
		t.Fatalf("public key is a %T, which crypto/tls does not offer", s.Public())
	}
	if !ecdsa.VerifyASN1(public, digest[:], signature) {
		t.Fatal("the signature does not verify")
	}
}

// testVault is what every vault must do.
func testVault(t *testing.T, open opener) {
	ctx := t.Context()
	t.Run("secrets", func(t *testing.T) {
		v := open(t, "")
		_, err := v.Get(ctx, Token)
		wantNotFound(t, err)
		wantNotFound(t, v.Delete(ctx, Token))
		for _, want := range []string{"one", "two\x00\xff with any bytes", strings.Repeat("k", 2100)} {
			buffer := append(make([]byte, 0, 4096), want...)
			spare := buffer[len(buffer):4096]
			if err := v.Set(ctx, Token, buffer); err != nil {
				t.Fatal(err)
			}
			for _, b := range spare {
				if b != 0 {
					t.Fatal("Set wrote into its caller's memory")
				}
			}
			got, err := v.Get(ctx, Token)
			if err != nil || string(got) != want {
				t.Fatalf("got %d bytes, %v; want %d", len(got), err, len(want))
			}
			clear(got) // a copy: this must not reach the store
		}
		wantAs[*FailedError](t, v.Set(ctx, Token, nil))
		if got, err := v.Get(ctx, Token); err != nil || len(got) != 2100 || got[0] != 'k' {
			t.Fatalf("a refused secret changed what was stored: %d bytes, %v", len(got), err)
		}
		if err := v.Delete(ctx, Token); err != nil {
			t.Fatal(err)
		}
		_, err = v.Get(ctx, Token)
		wantNotFound(t, err)
	})

	t.Run("key", func(t *testing.T) {
		v := open(t, "")
		_, err := v.Signer(ctx, Key)
		wantNotFound(t, err)
		made, err := v.NewSigner(ctx, Key)
		if err != nil {
			t.Fatal(err)
		}
		sign(t, made)
		_, err = v.NewSigner(ctx, Key)
		wantAs[*ExistsError](t, err)
		found, err := open(t, "").Signer(ctx, Key)
		if err != nil {
			t.Fatal(err)
		}
		sign(t, found)
		if !found.Public().(*ecdsa.PublicKey).Equal(made.Public()) {
			t.Fatal("the stored key is another than the one made")
		}
		_, err = v.Get(ctx, Key)
		if kind := wantAs[*KindError](t, err); kind.Have != ItemKey {
			t.Errorf("it is said to be a %s", kind.Have)
		}
		wantAs[*KindError](t, v.Set(ctx, Key, Secret("over the key")))
		wantAs[*KindError](t, v.SetCertificate(ctx, Key, testCertificate(t, "healthsync-client")))
		_, err = v.Certificate(ctx, Key)
		wantAs[*KindError](t, err)
		if _, err := found.Sign(rand.Reader, []byte("short"), crypto.SHA256); err == nil {
			t.Error("a digest of the wrong size was signed")
		}
		if err := v.Delete(ctx, Key); err != nil {
			t.Fatal(err)
		}
		_, err = v.Signer(ctx, Key)
		wantNotFound(t, err)
		again, err := v.NewSigner(ctx, Key)
		if err != nil {
			t.Fatal(err)
		}
		if again.Public().(*ecdsa.PublicKey).Equal(made.Public()) {
			t.Error("a new key is the old one")
		}
		if err := v.Delete(ctx, Key); err != nil {
			t.Fatal(err)
		}
	})

	t.Run("certificates", func(t *testing.T) {
		v := open(t, "")
		_, err := v.Certificate(ctx, ClientCertificate)
		wantNotFound(t, err)
		ca, first, second := testCertificate(t, "healthsync-ca"), testCertificate(t, "healthsync-client"), testCertificate(t, "healthsync-client")
		for name, cert := range map[string]*x509.Certificate{CACertificate: ca, ClientCertificate: first} {
			if err := v.SetCertificate(ctx, name, cert); err != nil {
				t.Fatal(err)
			}
			if err := v.SetCertificate(ctx, name, cert); err != nil { // the same again
				t.Fatal(err)
			}
		}
		if err := v.SetCertificate(ctx, ClientCertificate, second); err != nil {
			t.Fatal(err)
		}
		got, err := v.Certificate(ctx, ClientCertificate)
		if err != nil || !got.Equal(second) {
			t.Fatalf("not the certificate that was stored last: %v", err)
		}
		if got, err = v.Certificate(ctx, CACertificate); err != nil || !got.Equal(ca) {
			t.Fatalf("not the CA: %v", err)
		}
		for _, name := range []string{CACertificate, ClientCertificate} {
			if err := v.Delete(ctx, name); err != nil {
				t.Fatal(err)
			}
			_, err = v.Certificate(ctx, name)
			wantNotFound(t, err)
		}
		if items, err := v.List(ctx); err != nil || len(items) != 0 {
			t.Fatalf("left behind: %v, %v", items, err)
		}
	})

	t.Run("homes", func(t *testing.T) {
		home, other := open(t, ""), open(t, Namespace("/tmp/demo"))
		shared := testCertificate(t, "healthsync-ca") // both homes may be paired with one phone
		for _, v := range []Vault{home, other} {
			if err := v.Set(ctx, Token, Secret("token of "+v.Where())); err != nil {
				t.Fatal(err)
			}
			if _, err := v.NewSigner(ctx, Key); err != nil {
				t.Fatal(err)
			}
			if err := v.SetCertificate(ctx, CACertificate, shared); err != nil {
				t.Fatal(err)
			}
		}
		if err := home.Set(ctx, Token, Secret("changed")); err != nil {
			t.Fatal(err)
		}
		if got, err := other.Get(ctx, Token); err != nil || string(got) == "changed" {
			t.Fatalf("one home changed the other's token: %v", err)
		}
		items, err := home.List(ctx)
		if err != nil || len(items) != 6 {
			t.Fatalf("%d items (%v), %v", len(items), items, err)
		}
		own := 0
		for _, item := range items {
			if item.Own != (item.Namespace == "") || item.Stray || item.Where == "" {
				t.Errorf("%+v", item)
			}
			if item.Own {
				own++
			}
		}
		if own != 3 {
			t.Fatalf("%d of the items are said to be this home's", own)
		}
		removed, err := Clear(ctx, home)
		if err != nil || len(removed) != 3 {
			t.Fatalf("cleared %v, %v", removed, err)
		}
		if removed, err = Clear(ctx, home); err != nil || len(removed) != 0 {
			t.Fatalf("cleared again %v, %v", removed, err)
		}
		if s, err := other.Signer(ctx, Key); err != nil {
			t.Fatalf("the other home's key went with it: %v", err)
		} else {
			sign(t, s)
		}
		if _, err := other.Certificate(ctx, CACertificate); err != nil {
			t.Fatalf("the other home's certificate went with it: %v", err)
		}
		if removed, err = Clear(ctx, other); err != nil || len(removed) != 3 {
			t.Fatalf("cleared %v, %v", removed, err)
		}
		if err := other.Remove(ctx, removed[0]); !errors.Is(err, ErrNotFound) {
			t.Fatalf("an item that was removed before: %v", err)
		}
	})

	t.Run("race for the key", func(t *testing.T) {
		const racers = 6
		var wg sync.WaitGroup
		var mu sync.Mutex
		var winners []crypto.Signer
		for range racers {
			v := open(t, "")
			wg.Go(func() {
				s, err := v.NewSigner(ctx, Key)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					winners = append(winners, s)
				} else if !errors.As(err, new(*ExistsError)) {
					t.Errorf("lost the race by %v", err)
				}
			})
		}
		wg.Wait()
		stored, err := open(t, "").Signer(ctx, Key)
		switch {
		case len(winners) > 1:
			t.Fatalf("%d made the key", len(winners))
		case len(winners) == 0:
			wantNotFound(t, err) // allowed where a store cannot create in one step
		case err != nil:
			t.Fatal(err)
		case !stored.Public().(*ecdsa.PublicKey).Equal(winners[0].Public()):
			t.Fatal("the winner holds another key than the vault")
		}
		if _, err := Clear(ctx, open(t, "")); err != nil {
			t.Fatal(err)
		}
	})

	t.Run("names, context, check", func(t *testing.T) {
		v := open(t, "")
		if err := v.Check(ctx); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"", "a@b", "a b", "../x", "ä", strings.Repeat("n", maxName+1)} {
			_, err := v.Get(ctx, name)
			wantAs[*NameError](t, err)
			wantAs[*NameError](t, v.Set(ctx, name, Secret("x")))
			wantAs[*NameError](t, v.Delete(ctx, name))
			_, err = v.Signer(ctx, name)
			wantAs[*NameError](t, err)
			_, err = v.NewSigner(ctx, name)
			wantAs[*NameError](t, err)
			_, err = v.Certificate(ctx, name)
			wantAs[*NameError](t, err)
		}
		_, err := v.Foreign(ctx, "org.mvneves.healthsync.cli", "token-nobody")
		wantNotFound(t, err)
		cancelled, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := v.Get(cancelled, Token); !errors.Is(err, context.Canceled) {
			t.Errorf("with a cancelled context: %v", err)
		}
		if _, err := v.NewSigner(cancelled, Key); !errors.Is(err, context.Canceled) {
			t.Errorf("with a cancelled context: %v", err)
		}
		_, err = v.Signer(ctx, Key)
		wantNotFound(t, err)
	})
}

func TestMemory(t *testing.T) {
	m := NewMemory()
	testVault(t, func(t *testing.T, namespace string) Vault { return m.Home(namespace) })

	ctx := t.Context()
	m.SetForeign("org.mvneves.healthsync.cli", "token-192.168.1.20", Secret("old"))
	if got, err := m.Foreign(ctx, "org.mvneves.healthsync.cli", "token-192.168.1.20"); err != nil || string(got) != "old" {
		t.Fatalf("%q, %v", []byte(got), err)
	}
	if items, err := m.List(ctx); err != nil || len(items) != 0 {
		t.Fatalf("another program's secret is listed as ours: %v, %v", items, err)
	}
	m.Fail(&LockedError{})
	_, err := m.Get(ctx, Token)
	wantAs[*LockedError](t, err)
	_, err = m.NewSigner(ctx, Key)
	wantAs[*LockedError](t, err)
	m.Fail(nil)
	if _, err := m.NewSigner(ctx, Key); err != nil {
		t.Fatal(err)
	}
}

func TestOpen(t *testing.T) {
	if v, err := Open(KindMemory, Options{}); err != nil || v.Kind() != KindMemory {
		t.Errorf("%v, %v", v, err)
	}
	for _, kind := range []string{KindDefault, KindKeychain} {
		if v, err := Open(kind, Options{}); err != nil || v.Kind() != KindKeychain {
			t.Errorf("%q: %v, %v", kind, v, err)
		}
	}
	if v, err := Open(KindFile, Options{Dir: t.TempDir()}); err != nil || v.Kind() != KindFile {
		t.Errorf("%v, %v", v, err)
	}
	_, err := Open(KindFile, Options{})
	if u := wantAs[*UnavailableError](t, err); u.Reason != NoFolder {
		t.Errorf("reason %q", u.Reason)
	}
	_, err = Open("cloud", Options{})
	wantAs[*UnknownKindError](t, err)
	_, err = Open(KindMemory, Options{Namespace: "a b"})
	wantAs[*NameError](t, err)
}

func TestAccount(t *testing.T) {
	for _, c := range []struct{ namespace, name, account string }{
		{"", "token", "token"},
		{"0a1b2c3d4e5f", "token", "token@0a1b2c3d4e5f"},
		{"", "token-192.168.1.20", "token-192.168.1.20"},
	} {
		if got := account(c.namespace, c.name); got != c.account {
			t.Errorf("account(%q, %q) = %q", c.namespace, c.name, got)
		}
		if ns, name, ok := splitAccount(c.account); !ok || ns != c.namespace || name != c.name {
			t.Errorf("splitAccount(%q) = %q, %q, %v", c.account, ns, name, ok)
		}
	}
	for _, bad := range []string{"", "@", "a@", "@b", "a@b@c", "a b", "https://host"} {
		if ns, name, ok := splitAccount(bad); ok || ns != "" || name != bad {
			t.Errorf("splitAccount(%q) = %q, %q, %v", bad, ns, name, ok)
		}
	}
	if a, b := Namespace("/home/a"), Namespace("/home/a/"); a != b || len(a) != 12 || !ValidName(a) || a == Namespace("/home/b") {
		t.Errorf("namespaces %q, %q", a, b)
	}
}
