//go:build darwin && cgo

package vault

import (
	"errors"

	gokeychain "github.com/keybase/go-keychain"
)

// openKeychain returns the login keychain. It asks nothing of it yet.
func openKeychain(o Options) (Vault, error) { return newKeychain(security{}, o), nil }

// security is the Security framework: passwords by go-keychain in this file,
// keys and certificates, which go-keychain does not know, in security_darwin.go.
type security struct{}

var _ osKeychain = security{}

// status finds the code in an error of go-keychain; its errors without one are
// failed conversions of a dictionary.
func status(err error) osStatus {
	var code gokeychain.Error
	switch {
	case err == nil:
		return errSecSuccess
	case errors.As(err, &code):
		return osStatus(code)
	}
	return errSecParam
}

// query finds generic passwords of a service that stay on this Mac.
// "Synchronizable: no" is the default; here it is said, because a token in
// iCloud Keychain would be on every device of the person.
func query(service, account string) gokeychain.Item {
	q := gokeychain.NewItem()
	q.SetSecClass(gokeychain.SecClassGenericPassword)
	q.SetService(service)
	q.SetAccount(account)
	q.SetSynchronizable(gokeychain.SynchronizableNo)
	return q
}

func describe(item *gokeychain.Item, p kcPassword) {
	item.SetLabel(p.label)
	item.SetDescription(p.kind)
	item.SetComment(p.ref)
	item.SetData(p.data)
}

func found(r gokeychain.QueryResult) kcPassword {
	return kcPassword{account: r.Account, label: r.Label, kind: r.Description, ref: r.Comment, data: r.Data}
}

func (security) password(service, account string, withData bool) (kcPassword, osStatus) {
	q := query(service, account)
	q.SetMatchLimit(gokeychain.MatchLimitOne)
	q.SetReturnAttributes(true)
	if withData {
		q.SetReturnData(true)
	}
	results, err := gokeychain.QueryItem(q)
	if err != nil {
		return kcPassword{}, status(err)
	}
	if len(results) == 0 { // go-keychain turns "not found" into no result and no error
		return kcPassword{}, errSecItemNotFound
	}
	return found(results[0]), errSecSuccess
}

func (security) passwords(service string) ([]kcPassword, osStatus) {
	q := query(service, "")
	q.SetMatchLimit(gokeychain.MatchLimitAll)
	q.SetReturnAttributes(true)
	results, err := gokeychain.QueryItem(q)
	if err != nil {
		return nil, status(err)
	}
	out := make([]kcPassword, 0, len(results))
	for _, r := range results {
		out = append(out, found(r))
	}
	return out, errSecSuccess
}

func (security) addPassword(service string, p kcPassword) osStatus {
	item := query(service, p.account)
	describe(&item, p)
	return status(gokeychain.AddItem(item))
}

func (security) updatePassword(service string, p kcPassword) osStatus {
	change := gokeychain.NewItem() // only what changes: class and account here would be an error
	describe(&change, p)
	return status(gokeychain.UpdateItem(query(service, p.account), change))
}

func (security) deletePassword(service, account string) osStatus {
	return status(gokeychain.DeleteItem(query(service, account)))
}
