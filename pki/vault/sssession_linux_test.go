package vault

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"math/big"
	"strconv"
	"testing"

	"github.com/keybase/dbus"
	ss "github.com/keybase/go-keychain/secretservice"
)

// TestSecretServiceZeroByte opens sessions with the real GNOME Keyring until a
// shared secret begins with a zero byte, and shows which key the keyring has
// then. With the other, go-keychain's own, one pairing in 256 failed.
func TestSecretServiceZeroByte(t *testing.T) {
	ctx := t.Context()
	s := newSession(t, false)
	s.keyring(keyringPassword)
	v, usual := s.vault(Options{}), s.vault(Options{})
	must(t, usual.Set(ctx, Token, Secret("of a usual session")))
	store := v.(*soft).store.(*secretService)

	// use makes the vault use a session of a shared secret.
	var path dbus.ObjectPath
	use := func(secret []byte) {
		t.Helper()
		session, err := newSSSession(path, secret)
		must(t, err)
		must(t, store.do(ctx, Fact{}, func(context.Context) error { store.session = session; return nil }))
	}
	var secret []byte
	must(t, store.do(ctx, Fact{}, func(ctx context.Context) (err error) {
		for range 20_000 { // none has a zero: once in 10^34
			if path, secret, err = store.exchange(ctx); err != nil || secret[0] == 0 {
				return err
			}
			if err = store.call(ctx, path, ssSession+".Close"); err != nil {
				return err
			}
		}
		return errUnclear
	}))
	if secret[0] != 0 {
		t.Fatal("no shared secret begins with a zero byte")
	}

	t.Run("all 128 bytes", func(t *testing.T) { // the keyring's key
		use(secret)
		session := store.session
		if got, err := v.Get(ctx, Token); err != nil || string(got) != "of a usual session" {
			t.Errorf("read: %q, %v", []byte(got), err)
		}
		must(t, v.Set(ctx, Token, Secret("stored")))
		if got, err := usual.Get(ctx, Token); err != nil || string(got) != "stored" {
			t.Errorf("stored: %q, %v", []byte(got), err)
		}
		made, err := v.NewSigner(ctx, Key)
		must(t, err)
		sign(t, made)
		for _, v := range []Vault{v, usual} {
			found, err := v.Signer(ctx, Key)
			if err != nil || !found.Public().(*ecdsa.PublicKey).Equal(made.Public()) {
				t.Fatalf("not the key, %v", err)
			}
			sign(t, found)
		}
		if store.session != session {
			t.Error("another session was opened")
		}
	})
	t.Run("without the zero", func(t *testing.T) { // go-keychain's key
		use(bytes.TrimLeft(secret, "\x00"))
		if data, err := store.secret(itemOf(t, store, Token)); err == nil && string(data) == "stored" {
			t.Error("the keyring has this key")
		}
		for range 8 { // refused, or one time in some 200 taken, as noise
			if err := v.Set(ctx, "other", Secret("through this key")); err != nil {
				wantAs[*FailedError](t, err)
			} else if got, err := usual.Get(ctx, "other"); err == nil && string(got) == "through this key" {
				t.Error("the keyring has this key")
			}
		}
	})
}

// itemOf finds the one item of a name.
func itemOf(t *testing.T, v *secretService, name string) (path dbus.ObjectPath) {
	t.Helper()
	must(t, v.do(t.Context(), Fact{}, func(ctx context.Context) error {
		paths, err := v.find(ctx, Fact{}, attributes(name, ""))
		if err == nil {
			path = paths[0]
		}
		return err
	}))
	return path
}

// agreed is a service's end of the key exchange: it chooses values until the
// shared secret begins as wanted.
func agreed(public []byte, zero bool) (answer, secret []byte) {
	theirs := new(big.Int).SetBytes(public)
	for mine := int64(3); ; mine++ {
		secret = new(big.Int).Exp(theirs, big.NewInt(mine), dhPrime).FillBytes(make([]byte, dhSize))
		if secret[0] == 0 == zero {
			return new(big.Int).Exp(dhGenerator, big.NewInt(mine), dhPrime).Bytes(), secret
		}
	}
}

// startKeyed starts a service that has one item, of the text "of the service".
// zero says of each session, counted from 1, whether the shared secret begins
// with a zero byte; the service's key is without it. spoil may change what is
// sent.
func startKeyed(t *testing.T, s *session, zero func(opened int) bool, spoil func(*ss.Secret)) (o *otherService, opened *int) {
	o, opened = startOther(t, s), new(int)
	must(t, o.conn.Export(o, "/item/1", ssItem))
	must(t, o.conn.Export(o, "/item/1", "org.freedesktop.DBus.Properties"))
	path := func(n int) dbus.ObjectPath { return dbus.ObjectPath("/session/" + strconv.Itoa(n)) }
	for n := range 100 {
		must(t, o.conn.Export(o, path(n), ssSession))
	}
	var last *ss.Session
	o.set(func() {
		o.locked, o.item = false, "/item/1"
		o.agree = func(public []byte) ([]byte, dbus.ObjectPath) {
			*opened++
			answer, secret := agreed(public, zero(*opened))
			session, err := newSSSession(path(*opened), bytes.TrimLeft(secret, "\x00"))
			if err != nil {
				t.Error(err)
			}
			last = session
			return answer, session.Path
		}
		o.secret = func(session dbus.ObjectPath) ss.Secret {
			if session != last.Path {
				t.Errorf("session %s is used after %s", session, last.Path)
			}
			secret, err := last.NewSecret(Secret("of the service").clone())
			if err != nil {
				t.Error(err)
			}
			spoil(&secret)
			return secret
		}
	})
	return o, opened
}

// TestSessionKeyIsClear: a session whose key the two ends may not share is
// closed unused.
func TestSessionKeyIsClear(t *testing.T) {
	ctx := t.Context()
	s := newSession(t, false)
	unclear := 3
	o, opened := startKeyed(t, s, func(n int) bool { return n <= unclear }, func(*ss.Secret) {})
	sessions := func(wantOpened, wantClosed int) {
		t.Helper()
		o.set(func() {
			if *opened != wantOpened || o.closed != wantClosed {
				t.Errorf("%d opened, %d closed; want %d, %d", *opened, o.closed, wantOpened, wantClosed)
			}
			*opened, o.closed = 0, 0
		})
	}
	if got, err := s.vault(Options{}).Get(ctx, Token); err != nil || string(got) != "of the service" {
		t.Errorf("%q, %v", []byte(got), err)
	}
	sessions(4, 3)

	t.Run("never", func(t *testing.T) {
		o.set(func() { unclear = 1000 })
		v := s.vault(Options{})
		_, err := v.Get(ctx, Token)
		wantAs[*FailedError](t, err)
		_, err = v.NewSigner(ctx, Key)
		wantAs[*FailedError](t, err)
		sessions(2*maxSessions, 2*maxSessions)
	})
	t.Run("no value of the exchange", func(t *testing.T) {
		last := new(big.Int).Sub(dhPrime, big.NewInt(1))
		for _, value := range [][]byte{nil, {0}, {1}, last.Bytes(), dhPrime.Bytes(), new(big.Int).Lsh(last, 8).Bytes()} {
			o.set(func() { o.agree = func([]byte) ([]byte, dbus.ObjectPath) { return value, "/session/0" } })
			_, err := s.vault(Options{}).Get(ctx, Token)
			wantAs[*FailedError](t, err)
		}
	})
}

// TestSecretNotDecrypted: an answer that the session's key does not open says
// nothing about what is stored. Another session is tried; then it is the
// service that does not answer properly.
func TestSecretNotDecrypted(t *testing.T) {
	ctx := t.Context()
	s := newSession(t, false)
	noise := 1
	o, _ := startKeyed(t, s, func(int) bool { return false }, func(secret *ss.Secret) {
		if noise--; noise >= 0 {
			secret.Value = secret.Value[1:] // not of whole blocks: no key opens it
		}
	})
	v := s.vault(Options{})
	if got, err := v.Get(ctx, Token); err != nil || string(got) != "of the service" {
		t.Errorf("after another session: %q, %v", []byte(got), err)
	}
	o.set(func() { noise = 1000 })
	_, err := v.Get(ctx, Token)
	if u := wantAs[*UnavailableError](t, err); u.Reason != Offline || u.Detail == "" {
		t.Errorf("%v", err)
	}
	_, err = v.Foreign(ctx, "service", "account")
	wantAs[*UnavailableError](t, err)
	_, err = v.NewSigner(ctx, Key)
	wantAs[*ExistsError](t, err) // nothing is made beside what cannot be read
	o.set(func() { noise = 0 })
	if got, err := v.Get(ctx, Token); err != nil || string(got) != "of the service" {
		t.Errorf("afterwards: %q, %v", []byte(got), err)
	}
}
