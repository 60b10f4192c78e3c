package vault

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"errors"
	"maps"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestKeychain(t *testing.T) {
	api := newFake()
	testVault(t, func(t *testing.T, namespace string) Vault { return fakeVault(api, Options{Namespace: namespace}) })
	if len(api.words)+len(api.priv)+len(api.certs) != 0 {
		t.Fatalf("left in the keychain: %d names, %d keys, %d certificates", len(api.words), len(api.priv), len(api.certs))
	}
}

// TestKeychainStatus gives each code to each operation and looks at the type.
func TestKeychainStatus(t *testing.T) {
	ctx := t.Context()
	for s, class := range statusClasses {
		if class == classOK || class == classNotFound {
			continue
		}
		for _, locked := range []bool{false, true} {
			api := newFake()
			v := fakeVault(api, Options{})
			if err := v.Set(ctx, Token, Secret("x")); err != nil {
				t.Fatal(err)
			}
			signer, err := v.NewSigner(ctx, Key)
			if err != nil {
				t.Fatal(err)
			}
			api.locked = locked
			api.answer = map[string]osStatus{"password": s, "sign": s, "passwords": s}
			_, getErr := v.Get(ctx, Token)
			_, newErr := v.NewSigner(ctx, "other")
			_, listErr := v.List(ctx)
			_, signErr := signer.Sign(rand.Reader, make([]byte, 32), crypto.SHA256)
			for op, err := range map[string]error{"get": getErr, "new": newErr, "list": listErr, "sign": signErr} {
				var facts interface{ facts() Fact }
				if !errors.As(err, &facts) || facts.facts().Code != int(s) || facts.facts().Detail == "" {
					t.Fatalf("%d %s: %v lacks the code or the text", s, op, err)
				}
				switch class {
				case classLocked:
					wantAs[*LockedError](t, err)
				case classCancelled:
					if locked {
						if l := wantAs[*LockedError](t, err); !l.Dismissed {
							t.Errorf("%d: a cancelled password is not said to be dismissed", s)
						}
					} else {
						wantAs[*DeniedError](t, err)
					}
				case classDenied:
					wantAs[*DeniedError](t, err)
				case classMissing, classDarkWake:
					wantAs[*UnavailableError](t, err)
				case classCorrupt:
					wantAs[*CorruptError](t, err)
				case classExists:
					wantAs[*ExistsError](t, err)
				case classFull:
					if wantAs[*FailedError](t, err); !errors.Is(err, syscall.ENOSPC) {
						t.Errorf("%d: %v does not say that the disk is full", s, err)
					}
				}
			}
			if api.made != 1 {
				t.Fatalf("%d: a key was made although it was not known whether there is one", s)
			}
		}
	}
	if err := osStatus(-67671).fail(Fact{Op: "get"}, "unheard of", false); !errors.As(err, new(*FailedError)) {
		t.Errorf("a code that is not in the table: %v", err)
	}
}

// TestKeychainMissing: without a keychain every search "finds nothing", which
// must not pass for absence: the program would make a new identity.
func TestKeychainMissing(t *testing.T) {
	ctx := t.Context()
	for _, s := range []osStatus{errSecNoDefaultKeychain, errSecNoSuchKeychain, errSecInvalidKeychain, errSecItemNotFound} {
		api := newFake()
		v := fakeVault(api, Options{})
		api.broken = s
		_, getErr := v.Get(ctx, Token)
		_, signerErr := v.Signer(ctx, Key)
		_, newErr := v.NewSigner(ctx, Key)
		_, certErr := v.Certificate(ctx, CACertificate)
		_, listErr := v.List(ctx)
		_, foreignErr := v.Foreign(ctx, "s", "a")
		for op, err := range map[string]error{"get": getErr, "signer": signerErr, "new": newErr, "certificate": certErr,
			"list": listErr, "foreign": foreignErr, "delete": v.Delete(ctx, Token), "check": v.Check(ctx)} {
			if s == errSecInvalidKeychain {
				wantAs[*CorruptError](t, err)
			} else if u := wantAs[*UnavailableError](t, err); u.Reason != NoKeychain {
				t.Errorf("%s: %v", op, err)
			}
		}
	}
}

func TestKeychainLocked(t *testing.T) {
	ctx := t.Context()
	api := newFake()
	asking, quiet := fakeVault(api, Options{}), fakeVault(api, Options{NoPrompt: true})
	if err := quiet.Set(ctx, Token, Secret("x")); err != nil {
		t.Fatal(err)
	}
	api.locked = true
	wantAs[*LockedError](t, asking.Check(ctx))
	_, err := asking.Get(ctx, Token)
	wantAs[*LockedError](t, err)
	_, err = asking.Get(ctx, "absent") // attributes are readable in a locked keychain
	wantNotFound(t, err)
	api.answer["password"] = errSecAuthFailed // would be asked for; must not be reached
	_, err = quiet.Get(ctx, Token)
	if l := wantAs[*LockedError](t, err); l.Dismissed || l.Code != 0 {
		t.Errorf("%v was asked of the system", err)
	}
	if items, err := quiet.List(ctx); err != nil || len(items) != 1 {
		t.Errorf("list of a locked keychain: %v, %v", items, err)
	}
}

// TestKeychainBrokenIdentity: a name without its key, and a key without its name.
func TestKeychainBrokenIdentity(t *testing.T) {
	ctx := t.Context()
	api := newFake()
	v, other := fakeVault(api, Options{}), fakeVault(api, Options{Namespace: "other"})
	if _, err := v.NewSigner(ctx, Key); err != nil {
		t.Fatal(err)
	}
	clear(api.priv)
	clear(api.label)
	_, err := v.Signer(ctx, Key)
	wantAs[*CorruptError](t, err)
	_, err = v.NewSigner(ctx, Key)
	wantAs[*ExistsError](t, err)
	if err := v.Delete(ctx, Key); err != nil {
		t.Fatal(err)
	}

	api.answer["addPassword"] = errSecDiskFull // after the key was made
	_, err = v.NewSigner(ctx, Key)
	wantAs[*FailedError](t, err)
	if len(api.priv) != 0 {
		t.Fatal("a failed pairing left its key in the keychain")
	}
	clear(api.answer)

	if _, err := other.NewSigner(ctx, Key); err != nil {
		t.Fatal(err)
	}
	api.createKey(keyLabel)          // interrupted before it got a name
	api.createKey("somebody else's") // not ours
	stray := testCertificate(t, "healthsync-client")
	api.addCertificate(stray.Raw)
	api.addCertificate(testCertificate(t, "healthsync-client of another").Raw) // not ours
	items, err := v.List(ctx)
	if err != nil || len(items) != 3 {
		t.Fatalf("%+v, %v", items, err)
	}
	removed, err := Clear(ctx, v)
	if err != nil || len(removed) != 2 {
		t.Fatalf("%+v, %v", removed, err)
	}
	for _, item := range removed {
		if !item.Stray {
			t.Errorf("%+v", item)
		}
	}
	if len(api.priv) != 2 || len(api.certs) != 1 {
		t.Fatalf("%d keys and %d certificates left", len(api.priv), len(api.certs))
	}
	if items, err = other.List(ctx); err != nil || len(items) != 1 || !items[0].Own {
		t.Fatalf("%+v, %v", items, err)
	}
}

// TestKeychainCertificateItem: what the guide does by hand counts.
func TestKeychainCertificateItem(t *testing.T) {
	ctx := t.Context()
	api := newFake()
	v := fakeVault(api, Options{})
	cert := testCertificate(t, "healthsync-client")
	if err := v.SetCertificate(ctx, ClientCertificate, cert); err != nil {
		t.Fatal(err)
	}
	api.certs = nil // security delete-certificate -c "healthsync-client"
	_, err := v.Certificate(ctx, ClientCertificate)
	wantNotFound(t, err)
	if err := v.SetCertificate(ctx, ClientCertificate, cert); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Certificate(ctx, ClientCertificate); err != nil {
		t.Fatal(err)
	}
	if err := v.SetCertificate(ctx, ClientCertificate, testCertificate(t, "healthsync-client")); err != nil {
		t.Fatal(err)
	}
	if len(api.certs) != 1 {
		t.Fatalf("renewal left %d certificates", len(api.certs))
	}
	api.answer["addCertificate"] = errSecDuplicateItem // of the same issuer and serial number, but another
	err = v.SetCertificate(ctx, CACertificate, testCertificate(t, "healthsync-ca"))
	wantAs[*ExistsError](t, err)
	wantAs[*FailedError](t, v.SetCertificate(ctx, CACertificate, testCertificate(t, "")))
}

// TestKeychainSignTimeout: a keychain that waits for a password that nobody
// types holds up neither the handshake nor a heap of goroutines.
func TestKeychainSignTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newFake()
		v := fakeVault(api, Options{SignTimeout: 7 * time.Second, Timeout: 20 * time.Second})
		s, err := v.NewSigner(context.Background(), Key)
		if err != nil {
			t.Fatal(err)
		}
		api.block = make(chan struct{})
		start := time.Now()
		_, err = s.Sign(rand.Reader, make([]byte, 32), crypto.SHA256)
		to := wantAs[*TimeoutError](t, err)
		if time.Since(start) != 7*time.Second || to.After != 7*time.Second || to.Op != "sign" || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("after %v: %v", time.Since(start), err)
		}
		_, err = v.Get(context.Background(), Token) // waits behind the dialog, within its own limit
		if wantAs[*TimeoutError](t, err); time.Since(start) != 27*time.Second {
			t.Fatalf("after %v: %v", time.Since(start), err)
		}
		close(api.block)
		synctest.Wait()
		if _, err = s.Sign(rand.Reader, make([]byte, 32), crypto.SHA256); err != nil {
			t.Fatalf("after the dialog went: %v", err)
		}
	})
}

func TestKeychainForeign(t *testing.T) {
	ctx := t.Context()
	api := newFake()
	const service, account = "org.mvneves.healthsync.cli", "token-192.168.1.20"
	api.words[[2]string{service, account}] = kcPassword{account: account, data: []byte("old token")}
	before := maps.Clone(api.words)
	v := fakeVault(api, Options{})
	if got, err := v.Foreign(ctx, service, account); err != nil || string(got) != "old token" {
		t.Fatalf("%v", err)
	}
	if _, err := Clear(ctx, v); err != nil {
		t.Fatal(err)
	}
	if !maps.EqualFunc(before, api.words, func(a, b kcPassword) bool { return bytes.Equal(a.data, b.data) }) {
		t.Fatal("another program's item was changed")
	}
}
