package vault

import "strings"

// maxName bounds a name or namespace; a keychain account has no limit that matters.
const maxName = 64

// ValidName reports whether a name can be used: 1 to 64 letters, digits, dots,
// dashes and underscores of ASCII. That excludes '@', which parts name and
// namespace in an account, and everything a shell or a path could mind.
func ValidName(name string) bool {
	if name == "" || len(name) > maxName {
		return false
	}
	for i := range len(name) {
		c := name[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}

// account is how a name of a namespace is called in a store.
func account(namespace, name string) string {
	if namespace == "" {
		return name
	}
	return name + "@" + namespace
}

// splitAccount undoes account. An account that this package would not have
// written comes back whole, as a name of the default namespace, and not ok.
func splitAccount(account string) (namespace, name string, ok bool) {
	name, namespace, found := strings.Cut(account, "@")
	if !ValidName(name) || found && !ValidName(namespace) {
		return "", account, false
	}
	return namespace, name, true
}
