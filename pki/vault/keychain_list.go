package vault

import (
	"context"
	"encoding/hex"
	"strings"
)

// How Remove finds an item of the keychain again.
const (
	idPassword    = "password:"    // + account
	idKey         = "key:"         // + keyID in hexadecimal
	idCertificate = "certificate:" // + certRef
)

// strayNames are the common names under which certificates of a pairing are
// known (the guide's `security find-certificate -a -c healthsync`).
var strayNames = []string{"healthsync-client", "healthsync-ca"}

// List shows the named items, and as strays of the default home the keys and
// certificates of ours that no name of any home leads to: what an interrupted
// pairing left.
func (k *keychain) List(ctx context.Context) ([]Item, error) {
	f := k.op("list", "")
	var out []Item
	err := k.call(ctx, f, func() error {
		named, s := k.api.passwords()
		if s != errSecSuccess {
			return k.fail(f, s, "")
		}
		known := map[string]bool{}
		for _, p := range named {
			known[p.ref] = true
			item := accountItem(p.account, p.itemKind(), k.namespace, k.Where())
			item.id = idPassword + p.account
			out = append(out, item)
		}
		stray := func(kind ItemKind, name, id string) {
			out = append(out, Item{Kind: kind, Name: name, Where: k.Where(), Own: k.namespace == "", Stray: true, id: id})
		}
		keys, s := k.api.keys(keyLabel)
		if s != errSecSuccess {
			return k.fail(f, s, "")
		}
		for _, id := range keys {
			if text := hex.EncodeToString(id[:]); !known[text] {
				stray(ItemKey, keyLabel, idKey+text)
			}
		}
		for _, cn := range strayNames {
			all, s := k.api.certificates(cn)
			if s != errSecSuccess {
				return k.fail(f, s, "")
			}
			for _, der := range all {
				if ref := certRef(der, cn); !known[ref] {
					stray(ItemCertificate, cn, idCertificate+ref)
				}
			}
		}
		if len(out) == 0 { // nothing, if the keychain is there at all
			if _, s := k.api.state(); s != errSecSuccess {
				return k.fail(f, s, "")
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (k *keychain) Remove(ctx context.Context, item Item) error {
	f := k.op("delete", item.Name)
	return k.call(ctx, f, func() error {
		if account, ok := strings.CutPrefix(item.id, idPassword); ok {
			return k.drop(f, account)
		}
		if text, ok := strings.CutPrefix(item.id, idKey); ok {
			id, ok := parseKeyID(text)
			if !ok {
				return k.fail(f, errSecItemNotFound, "")
			}
			if s := k.api.findKey(id); s != errSecSuccess {
				return k.fail(f, s, "")
			}
			return k.fail(f, k.api.deleteKey(id), "")
		}
		if ref, ok := strings.CutPrefix(item.id, idCertificate); ok {
			der, s := k.findCertificate(ref)
			if s == errSecSuccess {
				_, cn := splitCertRef(ref)
				s = k.api.deleteCertificate(cn, der)
			}
			return k.fail(f, s, "")
		}
		return k.fail(f, errSecItemNotFound, "")
	})
}
