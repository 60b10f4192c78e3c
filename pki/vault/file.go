package vault

func newFile(o Options) (Vault, error) {
	return nil, &UnavailableError{Fact: Fact{Vault: "file", Op: "open"}, Reason: NotInBuild}
}
