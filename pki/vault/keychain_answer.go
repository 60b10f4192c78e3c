package vault

import (
	"crypto/sha1" // the identifier that Apple gives a key; no security rests on it
	"encoding/asn1"
	"slices"
)

// What the darwin files get from macOS is taken apart here, where it can be
// tested everywhere.

// onePassword is the first of a search's results. go-keychain gives no result
// and no error where nothing matches.
func onePassword(found []kcPassword, s osStatus) (kcPassword, osStatus) {
	switch {
	case s != errSecSuccess:
		return kcPassword{}, s
	case len(found) == 0:
		return kcPassword{}, errSecItemNotFound
	}
	return found[0], errSecSuccess
}

// statusOf drops what an answer holds beside its code.
func statusOf(_ []byte, s osStatus, _ string) osStatus { return s }

// noneIsFine makes an empty result of a search that found nothing.
func noneIsFine(s osStatus) osStatus {
	if s == errSecItemNotFound {
		return errSecSuccess
	}
	return s
}

// keyIDsOf reads an answer of identifiers that lie one after the other.
func keyIDsOf(all []byte, s osStatus, _ string) (out []keyID, _ osStatus) {
	for id := range slices.Chunk(all, sha1.Size) {
		if len(id) == sha1.Size {
			out = append(out, keyID(id))
		}
	}
	return out, noneIsFine(s)
}

// certificatesOf reads an answer of certificates that lie one after the other:
// each says itself how long it is (X.690, 8.1.3). What is behind something
// unreadable is lost.
func certificatesOf(all []byte, s osStatus, _ string) (out [][]byte, _ osStatus) {
	for len(all) > 0 {
		var one asn1.RawValue
		rest, err := asn1.Unmarshal(all, &one)
		if err != nil {
			break
		}
		out = append(out, one.FullBytes)
		all = rest
	}
	return out, noneIsFine(s)
}
