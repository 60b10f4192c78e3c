package vault

import (
	"os"
	"testing"
)

// TestPlatformKeychain is the whole contract on a real Mac, in the person's own
// keychain, so only where that was asked for.
func TestPlatformKeychain(t *testing.T) {
	if os.Getenv("HEALTHSYNC_TEST_KEYCHAIN") != "1" {
		t.Skip("HEALTHSYNC_TEST_KEYCHAIN=1 makes, uses and removes items in the login keychain")
	}
	namespace := "test-" + Namespace(t.TempDir())
	open := func(t *testing.T, _ string) Vault {
		v, err := Open(KindKeychain, Options{Namespace: namespace})
		must(t, err)
		return v
	}
	testVault(t, open)
	v, cert := open(t, "").(CertificateKeeper), testCertificate(t, "healthsync-test")
	must(t, v.SetCertificate(t.Context(), ClientCertificate, cert))
	if got, err := v.Certificate(t.Context(), ClientCertificate); err != nil || !got.Equal(cert) {
		t.Fatal(err)
	}
	clearOwn(t, v)
}
