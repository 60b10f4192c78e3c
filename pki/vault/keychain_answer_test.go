package vault

import (
	"bytes"
	"slices"
	"testing"
)

// What comes from macOS is one run of bytes; these take it apart.
func TestKeychainAnswers(t *testing.T) {
	a, b := testCertificate(t, "healthsync-ca").Raw, testCertificate(t, "healthsync-client").Raw
	for name, c := range map[string]struct {
		all  []byte
		want [][]byte
	}{
		"none":                  {nil, nil},
		"one":                   {a, [][]byte{a}},
		"two":                   {slices.Concat(a, b), [][]byte{a, b}},
		"one and half of one":   {slices.Concat(a, b[:len(b)/2]), [][]byte{a}},
		"one and something":     {slices.Concat(a, []byte("something")), [][]byte{a}},
		"something, before one": {slices.Concat([]byte{0x30, 0x84}, a), nil},
	} {
		got, s := certificatesOf(c.all, errSecSuccess, "")
		if s != errSecSuccess || !slices.EqualFunc(got, c.want, bytes.Equal) {
			t.Errorf("%s: %d certificates, %d", name, len(got), s)
		}
	}
	ids := [][]byte{bytes.Repeat([]byte{1}, 20), bytes.Repeat([]byte{2}, 20)}
	got, s := keyIDsOf(append(slices.Concat(ids...), 9, 9), errSecSuccess, "")
	if s != errSecSuccess || len(got) != 2 || got[0] != keyID(ids[0]) || got[1] != keyID(ids[1]) {
		t.Errorf("%x, %d", got, s)
	}
	// "Not found" is an empty list; another code stays what it is.
	for in, want := range map[osStatus]osStatus{errSecItemNotFound: errSecSuccess, errSecAuthFailed: errSecAuthFailed} {
		if _, s := keyIDsOf(nil, in, ""); s != want {
			t.Errorf("keys: %d became %d", in, s)
		}
		if _, s := certificatesOf(nil, in, ""); s != want {
			t.Errorf("certificates: %d became %d", in, s)
		}
	}
	if s := statusOf([]byte("x"), errSecAuthFailed, "y"); s != errSecAuthFailed {
		t.Errorf("%d", s)
	}
	p := kcPassword{account: "a"}
	if got, s := onePassword([]kcPassword{p}, errSecSuccess); got.account != "a" || s != errSecSuccess {
		t.Errorf("%v, %d", got, s)
	}
	if _, s := onePassword(nil, errSecSuccess); s != errSecItemNotFound {
		t.Errorf("no result: %d", s)
	}
	if got, s := onePassword([]kcPassword{p}, errSecAuthFailed); got.account != "" || s != errSecAuthFailed {
		t.Errorf("%v, %d", got, s)
	}
}
