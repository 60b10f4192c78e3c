package vault

import "testing"

// platformVault is a real Secret Service.
func platformVault(t *testing.T) opener {
	s := newSession(t, false)
	s.keyring(keyringPassword)
	return func(_ *testing.T, namespace string) Vault { return s.vault(namespace) }
}
