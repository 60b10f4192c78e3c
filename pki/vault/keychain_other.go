//go:build !linux && !(darwin && cgo)

package vault

// openKeychain says that this binary has no keychain: on macOS because it was
// built without cgo, which Apple's Security framework needs.
func openKeychain(string) (Vault, error) {
	return nil, &UnavailableError{Failure: Failure{Vault: "keychain", Op: "open"}, Reason: NotInBuild}
}
