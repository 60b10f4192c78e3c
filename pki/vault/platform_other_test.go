//go:build !linux

package vault

import (
	"os"
	"testing"
)

// platformVault is the person's own keychain, so only where that was asked for.
func platformVault(t *testing.T) opener {
	if os.Getenv("HEALTHSYNC_TEST_KEYCHAIN") != "1" {
		t.Skip("HEALTHSYNC_TEST_KEYCHAIN=1 makes, uses and removes items in the login keychain")
	}
	namespace := "test-" + Namespace(t.TempDir())
	return func(t *testing.T, _ string) Vault {
		v, err := Open(KindKeychain, Options{Namespace: namespace})
		must(t, err)
		return v
	}
}

// TestPlatformKeychain is the whole contract on a real Mac.
func TestPlatformKeychain(t *testing.T) {
	open := platformVault(t)
	v := open(t, "")
	must(t, v.Set(t.Context(), Token, Secret("x")))
	if got, err := v.Get(t.Context(), Token); err != nil || string(got) != "x" {
		t.Fatal(err)
	}
	must(t, v.Set(t.Context(), Token, Secret("y")))
	if got, err := v.Get(t.Context(), Token); err != nil || string(got) != "y" {
		t.Fatal(err)
	}
	must(t, v.Delete(t.Context(), Token))
	_, err := v.Get(t.Context(), Token)
	wantNotFound(t, err)
}
