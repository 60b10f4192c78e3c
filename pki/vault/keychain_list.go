package vault

import (
	"context"
	"encoding/hex"
)

// certificateNames are the common names of a pairing's certificates (the guide's
// `security find-certificate -a -c healthsync`).
var certificateNames = []string{"healthsync-client", "healthsync-ca"}

// List shows the named items, and as strays of the default home the keys and
// certificates of ours that no name of any home leads to: what an interrupted
// pairing left.
func (k *keychain) List(ctx context.Context) ([]Item, error) {
	f := k.op("list", "")
	return alone(ctx, k.serial, f, func(context.Context) (out []Item, err error) {
		add := func(item Item, drop func(f Failure) error) {
			item.remove = func(ctx context.Context) error {
				f := k.op("delete", item.Name)
				_, err := alone(ctx, k.serial, f, func(context.Context) (none, error) { return none{}, drop(f) })
				return err
			}
			out = append(out, item)
		}
		named, s := k.api.passwords()
		if s != errSecSuccess {
			return nil, k.fail(f, s, "")
		}
		known := map[string]bool{}
		for _, p := range named {
			known[p.ref] = true
			item := accountItem(p.account, p.itemKind(), k.namespace, k.Where())
			add(item, func(f Failure) error { return k.drop(f, p.account) })
		}
		stray := Item{Where: k.Where(), Own: k.namespace == "", Stray: true}
		keys, s := k.api.keys(keyLabel)
		if s != errSecSuccess {
			return nil, k.fail(f, s, "")
		}
		for _, id := range keys {
			if !known[hex.EncodeToString(id[:])] {
				stray.Kind, stray.Name = ItemKey, keyLabel
				add(stray, func(f Failure) error { return k.fail(f, k.api.deleteKey(id), "") })
			}
		}
		for _, cn := range certificateNames {
			all, s := k.api.certificates(cn)
			if s != errSecSuccess {
				return nil, k.fail(f, s, "")
			}
			for _, der := range all {
				if !known[certRef(der, cn)] {
					stray.Kind, stray.Name = ItemCertificate, cn
					add(stray, func(f Failure) error { return k.fail(f, k.api.deleteCertificate(cn, der), "") })
				}
			}
		}
		if len(out) == 0 { // nothing, if the keychain is there at all
			_, s := k.api.state()
			return nil, k.fail(f, s, "")
		}
		return out, nil
	})
}
