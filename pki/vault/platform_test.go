package vault

import (
	"os"
	"testing"
)

// TestPlatformKeychain is the whole contract in the person's own keychain (that
// of a real Mac, KeePassXC, KWallet), so only where that was asked for.
func TestPlatformKeychain(t *testing.T) {
	if os.Getenv("HEALTHSYNC_TEST_KEYCHAIN") != "1" {
		t.Skip("HEALTHSYNC_TEST_KEYCHAIN=1 makes, uses and removes items in the keychain of this session")
	}
	namespace := "test-" + Namespace(t.TempDir())
	open := func(t *testing.T, _ string) Vault {
		v, err := Open(KindKeychain, Options{Namespace: namespace})
		must(t, err)
		return v
	}
	testVault(t, open)
	if v, ok := open(t, "").(CertificateKeeper); ok {
		cert := testCertificate(t, "healthsync-test")
		must(t, v.SetCertificate(t.Context(), ClientCertificate, cert))
		if got, err := v.Certificate(t.Context(), ClientCertificate); err != nil || !got.Equal(cert) {
			t.Fatal(err)
		}
		clearOwn(t, v)
	}
}
