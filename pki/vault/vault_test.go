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
	must(t, err)
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	must(t, err)
	template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: cn},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	cert, err := x509.ParseCertificate(der)
	must(t, err)
	return cert
}

// wantNotFound is provable absence and none of the other types.
func wantNotFound(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, ErrNotFound) {
		t.Fatalf("got %v, want ErrNotFound", err)
	}
	if !errors.As(err, new(*NotFoundError)) {
		t.Fatalf("%T is ErrNotFound without a Failure", err)
	}
}

// errOf is the error of a call whose value does not matter.
func errOf[T any](_ T, err error) error { return err }

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
	must(t, err)
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
	t.Run("secrets", func(t *testing.T) { testSecrets(t, open) })
	t.Run("key", func(t *testing.T) { testKey(t, open) })
	t.Run("race for the key", func(t *testing.T) { testKeyRace(t, open) })
	t.Run("names, context, check", func(t *testing.T) { testNames(t, open) })
}

func testSecrets(t *testing.T, open opener) {
	ctx := t.Context()
	v := open(t, "")
	wantNotFound(t, errOf(v.Get(ctx, Token)))
	wantNotFound(t, v.Delete(ctx, Token))
	for _, want := range []string{"one", "two\x00\xff with any bytes", strings.Repeat("k", 2100)} {
		must(t, v.Set(ctx, Token, Secret(want)))
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
	must(t, v.Delete(ctx, Token))
	wantNotFound(t, errOf(v.Get(ctx, Token)))
}

func testKey(t *testing.T, open opener) {
	ctx := t.Context()
	v := open(t, "")
	wantNotFound(t, errOf(v.Signer(ctx, Key)))
	made, err := v.NewSigner(ctx, Key)
	must(t, err)
	sign(t, made)
	wantAs[*ExistsError](t, errOf(v.NewSigner(ctx, Key)))
	found, err := open(t, "").Signer(ctx, Key)
	must(t, err)
	sign(t, found)
	if !found.Public().(*ecdsa.PublicKey).Equal(made.Public()) {
		t.Fatal("the stored key is another than the one made")
	}
	_, err = v.Get(ctx, Key)
	if kind := wantAs[*CorruptError](t, err); kind.Detail != "it is a key, not a secret" {
		t.Errorf("it is said: %s", kind.Detail)
	}
	wantAs[*CorruptError](t, v.Set(ctx, Key, Secret("over the key")))
	if _, err := found.Sign(rand.Reader, []byte("short"), crypto.SHA256); err == nil {
		t.Error("a digest of the wrong size was signed")
	}
	must(t, v.Delete(ctx, Key))
	wantNotFound(t, errOf(v.Signer(ctx, Key)))
	again, err := v.NewSigner(ctx, Key)
	must(t, err)
	if again.Public().(*ecdsa.PublicKey).Equal(made.Public()) {
		t.Error("a new key is the old one")
	}
	must(t, v.Delete(ctx, Key))
}

func testKeyRace(t *testing.T, open opener) {
	ctx := t.Context()
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
	clearOwn(t, open(t, ""))
}

func testNames(t *testing.T, open opener) {
	ctx := t.Context()
	v := open(t, "")
	must(t, v.Check(ctx))
	for _, name := range []string{"", "a@b", "a b", "../x", "ä", strings.Repeat("n", maxName+1)} {
		wantAs[*FailedError](t, errOf(v.Get(ctx, name)))
		wantAs[*FailedError](t, v.Set(ctx, name, Secret("x")))
		wantAs[*FailedError](t, v.Delete(ctx, name))
		wantAs[*FailedError](t, errOf(v.Signer(ctx, name)))
		wantAs[*FailedError](t, errOf(v.NewSigner(ctx, name)))
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := v.Get(cancelled, Token); !errors.Is(err, context.Canceled) {
		t.Errorf("with a cancelled context: %v", err)
	}
	if _, err := v.NewSigner(cancelled, Key); !errors.Is(err, context.Canceled) {
		t.Errorf("with a cancelled context: %v", err)
	}
	wantNotFound(t, errOf(v.Signer(ctx, Key)))
}

// testHomes is what vaults must do that several homes share.
func testHomes(t *testing.T, open opener) {
	ctx := t.Context()
	home, other := open(t, ""), open(t, Namespace("/tmp/demo"))
	for _, v := range []Vault{home, other} {
		must(t, v.Set(ctx, Token, Secret("token")))
		_, err := v.NewSigner(ctx, Key)
		must(t, err)
	}
	must(t, home.Set(ctx, Token, Secret("changed")))
	if got, err := other.Get(ctx, Token); err != nil || string(got) == "changed" {
		t.Fatalf("one home changed the other's token: %v", err)
	}
	items, err := home.List(ctx)
	if err != nil || len(items) != 4 {
		t.Fatalf("%d items (%v), %v", len(items), items, err)
	}
	for _, item := range items {
		if item.Own != (item.Namespace == "") || item.Stray || item.Where == "" {
			t.Errorf("%+v", item)
		}
	}
	if removed := clearOwn(t, home); len(removed) != 2 {
		t.Fatalf("cleared %v", removed)
	}
	s, err := other.Signer(ctx, Key)
	must(t, err)
	sign(t, s)
	removed := clearOwn(t, other)
	if len(removed) != 2 {
		t.Fatalf("cleared %v", removed)
	}
	wantNotFound(t, removed[0].Remove(ctx))
}

// clearOwn removes every own item, strays included.
func clearOwn(t *testing.T, v Vault) (removed []Item) {
	t.Helper()
	items, err := v.List(t.Context())
	must(t, err)
	for _, item := range items {
		if item.Own {
			must(t, item.Remove(t.Context()))
			removed = append(removed, item)
		}
	}
	return removed
}

func TestOpen(t *testing.T) {
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
	wantAs[*UnknownKindError](t, errOf(Open("cloud", Options{})))
	wantAs[*FailedError](t, errOf(Open(KindKeychain, Options{Namespace: "a b"})))
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
	a, b := Namespace("/home/a"), Namespace("/home/a/")
	if a != b || len(a) != 12 || !ValidName(a) || a == Namespace("/home/b") {
		t.Errorf("namespaces %q, %q", a, b)
	}
}
