package vault

// openKeychain returns the Secret Service (GNOME Keyring, KWallet, KeePassXC).
// It connects at the first operation.
func openKeychain(o Options) (Vault, error) {
	return &soft{store: newSecretService(o), opts: o}, nil
}
