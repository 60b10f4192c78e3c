//go:build darwin && cgo

package vault

import (
	"errors"

	gokeychain "github.com/keybase/go-keychain"
)

// openKeychain returns the login keychain. It asks nothing of it yet.
func openKeychain(namespace string) (Vault, error) { return newKeychain(security{}, namespace), nil }

// security is the Security framework: passwords by go-keychain in this file,
// keys and certificates, which go-keychain does not know, in security_darwin.go.
type security struct{}

// status finds the code in an error of go-keychain.
func status(err error) osStatus {
	code := gokeychain.Error(errSecParam) // without one, a dictionary could not be made
	if err == nil {
		return errSecSuccess
	}
	errors.As(err, &code)
	return osStatus(code)
}

// query finds our generic passwords that stay on this Mac; all of them by "".
// "Synchronizable: no" is the default; here it is said, because a token in
// iCloud Keychain would be on every device of the person.
func query(account string) gokeychain.Item {
	q := gokeychain.NewItem()
	q.SetSecClass(gokeychain.SecClassGenericPassword)
	q.SetService(Service)
	q.SetAccount(account)
	q.SetSynchronizable(gokeychain.SynchronizableNo)
	return q
}

func describe(item gokeychain.Item, p kcPassword) gokeychain.Item {
	item.SetLabel(p.label)
	item.SetDescription(p.kind)
	item.SetComment(p.ref)
	item.SetData(p.data)
	return item
}

func search(q gokeychain.Item, limit gokeychain.MatchLimit, withData bool) ([]kcPassword, osStatus) {
	q.SetMatchLimit(limit)
	q.SetReturnAttributes(true)
	q.SetReturnData(withData)
	results, err := gokeychain.QueryItem(q) // "not found" is no result and no error
	out := make([]kcPassword, len(results))
	for i, r := range results {
		out[i] = kcPassword{account: r.Account, label: r.Label, kind: r.Description, ref: r.Comment, data: r.Data}
	}
	return out, status(err)
}

func (security) password(account string, withData bool) (kcPassword, osStatus) {
	return onePassword(search(query(account), gokeychain.MatchLimitOne, withData))
}

func (security) passwords() ([]kcPassword, osStatus) {
	return search(query(""), gokeychain.MatchLimitAll, false)
}

func (security) addPassword(p kcPassword) osStatus {
	return status(gokeychain.AddItem(describe(query(p.account), p)))
}

func (security) updatePassword(p kcPassword) osStatus {
	change := describe(gokeychain.NewItem(), p) // only what changes: class and account here would be an error
	return status(gokeychain.UpdateItem(query(p.account), change))
}

func (security) deletePassword(account string) osStatus {
	return status(gokeychain.DeleteItem(query(account)))
}
