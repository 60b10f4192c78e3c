package vault

import (
	"context"
	"crypto"
	"crypto/rand"
	"errors"
	"reflect"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestKeychain(t *testing.T) {
	api := newFake()
	open := func(_ *testing.T, namespace string) Vault { return newKeychain(api, namespace) }
	testVault(t, open)
	t.Run("homes", func(t *testing.T) { testHomes(t, open) })
	if len(api.words)+len(api.priv) != 0 {
		t.Fatalf("left in the keychain: %d names, %d keys", len(api.words), len(api.priv))
	}
}

// TestKeychainStatus gives each code to each operation and looks at the type.
func TestKeychainStatus(t *testing.T) {
	ctx := t.Context()
	for _, c := range []struct {
		want  error
		codes []osStatus
	}{
		{&LockedError{}, []osStatus{errSecInteractionNotAllowed, errSecInternalComponent, cssmNoUserInteraction}},
		{&DeniedError{}, []osStatus{errSecUserCanceled, errSecAuthFailed, cssmOperationDenied, cssmUserCanceled}},
		{&DeniedError{}, []osStatus{errSecNoAccessForItem, errSecMissingEntitlement}},
		{&UnavailableError{}, []osStatus{errSecNotAvailable, errSecNoSuchKeychain, errSecNoDefaultKeychain}},
		{&UnavailableError{}, []osStatus{errSecInDarkWake}},
		{&CorruptError{}, []osStatus{errSecInvalidKeychain}},
		{&ExistsError{}, []osStatus{errSecDuplicateItem}},
		{&FailedError{}, []osStatus{errSecDiskFull, errSecParam, -67671}},
	} {
		for _, s := range c.codes {
			api := newFake()
			v := newKeychain(api, "")
			must(t, v.Set(ctx, Token, Secret("x")))
			signer, err := v.NewSigner(ctx, Key)
			must(t, err)
			api.answer = map[string]osStatus{"password": s, "sign": s, "passwords": s}
			_, getErr := v.Get(ctx, Token)
			_, newErr := v.NewSigner(ctx, "other")
			_, listErr := v.List(ctx)
			_, signErr := signer.Sign(rand.Reader, make([]byte, 32), crypto.SHA256)
			for op, err := range map[string]error{"get": getErr, "new": newErr, "list": listErr, "sign": signErr} {
				typed, ok := err.(interface{ failure() Failure })
				if !ok || reflect.TypeOf(err) != reflect.TypeOf(c.want) ||
					typed.failure().Code != int(s) || typed.failure().Detail == "" {
					t.Errorf("%d %s: %T %v", s, op, err, err)
				}
			}
			if full := errors.Is(getErr, syscall.ENOSPC); full != (s == errSecDiskFull) {
				t.Errorf("%d: the disk is full: %t", s, full)
			}
			if api.made != 1 {
				t.Fatalf("%d: a key was made although it was not known whether there is one", s)
			}
		}
	}
}

// TestKeychainMissing: without a keychain every search "finds nothing", which
// must not pass for absence: the program would make a new identity.
func TestKeychainMissing(t *testing.T) {
	ctx := t.Context()
	for _, s := range []osStatus{
		errSecNoDefaultKeychain, errSecNoSuchKeychain, errSecInvalidKeychain, errSecItemNotFound,
	} {
		api := newFake()
		v := newKeychain(api, "")
		api.broken = s
		_, getErr := v.Get(ctx, Token)
		_, signerErr := v.Signer(ctx, Key)
		_, newErr := v.NewSigner(ctx, Key)
		_, certErr := v.Certificate(ctx, CACertificate)
		_, listErr := v.List(ctx)
		for op, err := range map[string]error{"get": getErr, "signer": signerErr, "new": newErr, "certificate": certErr,
			"list": listErr, "delete": v.Delete(ctx, Token), "check": v.Check(ctx)} {
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
	v := newKeychain(api, "")
	must(t, v.Set(ctx, Token, Secret("x")))
	api.locked = true
	wantAs[*LockedError](t, v.Check(ctx))
	wantAs[*LockedError](t, errOf(v.Get(ctx, Token)))
	_, err := v.Get(ctx, "absent") // attributes are readable in a locked keychain
	wantNotFound(t, err)
	if items, err := v.List(ctx); err != nil || len(items) != 1 {
		t.Errorf("list of a locked keychain: %v, %v", items, err)
	}
	for _, s := range []osStatus{errSecUserCanceled, errSecAuthFailed} { // of the dialog that unlocks it
		api.answer["password"] = s
		_, err = v.Get(ctx, Token)
		if l := wantAs[*LockedError](t, err); !l.Dismissed {
			t.Errorf("%d: a cancelled password is not said to be dismissed", s)
		}
	}
}

// TestKeychainBrokenIdentity: a name without its key, and a key without its name.
func TestKeychainBrokenIdentity(t *testing.T) {
	ctx := t.Context()
	api := newFake()
	v, other := newKeychain(api, ""), newKeychain(api, "other")
	_, err := v.NewSigner(ctx, Key)
	must(t, err)
	clear(api.priv)
	clear(api.label)
	wantAs[*CorruptError](t, errOf(v.Signer(ctx, Key)))
	wantAs[*ExistsError](t, errOf(v.NewSigner(ctx, Key)))
	must(t, v.Delete(ctx, Key))

	api.answer["addPassword"] = errSecDiskFull // after the key was made
	wantAs[*FailedError](t, errOf(v.NewSigner(ctx, Key)))
	if len(api.priv) != 0 {
		t.Fatal("a failed pairing left its key in the keychain")
	}
	clear(api.answer)

	_, err = other.NewSigner(ctx, Key)
	must(t, err)
	api.createKey(keyLabel)          // interrupted before it got a name
	api.createKey("somebody else's") // not ours
	api.addCertificate(testCertificate(t, "healthsync-client").Raw)
	api.addCertificate(testCertificate(t, "healthsync-client of another").Raw) // not ours
	items, err := v.List(ctx)
	if err != nil || len(items) != 3 {
		t.Fatalf("%+v, %v", items, err)
	}
	removed := clearOwn(t, v)
	if len(removed) != 2 || !removed[0].Stray || !removed[1].Stray {
		t.Fatalf("%+v", removed)
	}
	if len(api.priv) != 2 || len(api.certs) != 1 {
		t.Fatalf("%d keys and %d certificates left", len(api.priv), len(api.certs))
	}
	if items, err = other.List(ctx); err != nil || len(items) != 1 || !items[0].Own {
		t.Fatalf("%+v, %v", items, err)
	}
}

// TestKeychainCertificates: certificates are items that a person sees and may
// remove by hand; one that two homes share stays until both have let it go.
func TestKeychainCertificates(t *testing.T) {
	ctx := t.Context()
	api := newFake()
	v, other := newKeychain(api, ""), newKeychain(api, "other")
	ca, cert := testCertificate(t, "healthsync-ca"), testCertificate(t, "healthsync-client")
	wantNotFound(t, errOf(v.Certificate(ctx, ClientCertificate)))
	for range 2 { // the same again
		must(t, v.SetCertificate(ctx, ClientCertificate, cert))
	}
	must(t, v.SetCertificate(ctx, CACertificate, ca))
	must(t, other.SetCertificate(ctx, CACertificate, ca)) // both are paired with one iPhone
	if got, err := v.Certificate(ctx, ClientCertificate); err != nil || !got.Equal(cert) {
		t.Fatal(err)
	}
	api.certs = [][]byte{ca.Raw} // security delete-certificate -c "healthsync-client"
	wantNotFound(t, errOf(v.Certificate(ctx, ClientCertificate)))
	must(t, v.SetCertificate(ctx, ClientCertificate, cert))
	renewed := testCertificate(t, "healthsync-client")
	must(t, v.SetCertificate(ctx, ClientCertificate, renewed))
	if got, err := v.Certificate(ctx, ClientCertificate); err != nil || !got.Equal(renewed) || len(api.certs) != 2 {
		t.Fatalf("after a renewal: %v, %d certificates", err, len(api.certs))
	}
	if removed := clearOwn(t, v); len(removed) != 2 {
		t.Fatalf("%v", removed)
	}
	if got, err := other.Certificate(ctx, CACertificate); err != nil || !got.Equal(ca) {
		t.Fatalf("the other home's certificate went with it: %v", err)
	}
	must(t, other.Delete(ctx, CACertificate))
	if len(api.certs)+len(api.words) != 0 {
		t.Fatalf("left: %d certificates, %d names", len(api.certs), len(api.words))
	}

	_, err := v.NewSigner(ctx, Key)
	must(t, err)
	wantAs[*CorruptError](t, v.SetCertificate(ctx, Key, cert))
	wantAs[*CorruptError](t, errOf(v.Certificate(ctx, Key)))
	wantAs[*FailedError](t, errOf(v.Certificate(ctx, "a b")))
	wantAs[*FailedError](t, v.SetCertificate(ctx, CACertificate, testCertificate(t, "")))
	api.answer["addCertificate"] = errSecDuplicateItem // of the same issuer and serial number, but another
	wantAs[*ExistsError](t, v.SetCertificate(ctx, CACertificate, ca))
}

// TestKeychainSignTimeout: a keychain that waits for a password that nobody
// types holds up neither the handshake nor a heap of goroutines.
func TestKeychainSignTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := newFake()
		v := newKeychain(api, "")
		s, err := v.NewSigner(context.Background(), Key)
		must(t, err)
		api.block = make(chan struct{})
		start := time.Now()
		_, err = s.Sign(rand.Reader, make([]byte, 32), crypto.SHA256)
		to := wantAs[*TimeoutError](t, err)
		if time.Since(start) != signLimit || to.After != signLimit || to.Op != "sign" ||
			!errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("after %v: %v", time.Since(start), err)
		}
		_, err = v.Get(context.Background(), Token) // waits behind the dialog, within its own limit
		if wantAs[*TimeoutError](t, err); time.Since(start) != signLimit+operationLimit {
			t.Fatalf("after %v: %v", time.Since(start), err)
		}
		close(api.block)
		synctest.Wait()
		if _, err = s.Sign(rand.Reader, make([]byte, 32), crypto.SHA256); err != nil {
			t.Fatalf("after the dialog went: %v", err)
		}
	})
}
