package vault

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha1" // the identifier that Apple gives a key; no security rests on it
	"encoding/hex"
	"errors"
	"io"
)

// osKeychain is what macOS offers, each method one call or a few of Apple's:
// the thin part that only exists there (keychain_darwin.go). Everything that
// can be decided is decided in this file, and tested everywhere.
type osKeychain interface {
	// state of the default keychain: whether it is locked, or why it is not there.
	state() (locked bool, s osStatus)
	// message is the system's text for a code.
	message(osStatus) string

	password(account string, withData bool) (kcPassword, osStatus)
	passwords() ([]kcPassword, osStatus) // attributes only; none is no error
	addPassword(p kcPassword) osStatus
	updatePassword(p kcPassword) osStatus // everything but the account
	deletePassword(account string) osStatus

	createKey(label string) (point []byte, s osStatus, detail string)
	findKey(id keyID) osStatus
	sign(id keyID, digest []byte) (signature []byte, s osStatus, detail string)
	deleteKey(id keyID) osStatus                 // both halves; none is no error
	keys(label string) ([]keyID, osStatus)       // none is no error
	addCertificate(der []byte) osStatus          // into the default keychain
	certificates(cn string) ([][]byte, osStatus) // DER, by exact common name; none is no error
	deleteCertificate(cn string, der []byte) osStatus
}

// keyID is a key's kSecAttrApplicationLabel: SHA-1 of the uncompressed public point.
type keyID [sha1.Size]byte

// kcPassword is a generic password item of ours. Beside secrets, each key and
// each certificate has one, under its name: that is what ties the nameless
// items of those classes to a name and a namespace. Its attributes can be read
// without a dialog, so they say what Delete and List need.
type kcPassword struct {
	account string
	label   string // what Keychain Access shows as name
	kind    string // kSecAttrDescription, shown there as kind: one of kcKinds
	ref     string // kSecAttrComment: the key's or certificate's identity
	data    []byte // secret; or the public point; or ref again
}

// keyLabel is the name of every HealthSync key in Keychain Access.
const keyLabel = "HealthSync key"

var kcKinds = map[ItemKind]string{
	ItemSecret:      "HealthSync secret",
	ItemKey:         "HealthSync key reference",
	ItemCertificate: "HealthSync certificate reference",
}

func (p kcPassword) itemKind() ItemKind {
	for kind, text := range kcKinds {
		if p.kind == text {
			return kind
		}
	}
	return ItemSecret
}

// keychain is the login keychain as a Vault.
type keychain struct {
	api       osKeychain
	namespace string
	serial    serial
}

var _ CertificateKeeper = (*keychain)(nil)

func newKeychain(api osKeychain, namespace string) *keychain {
	return &keychain{api: api, namespace: namespace, serial: newSerial()}
}

func (k *keychain) Kind() string  { return KindKeychain }
func (k *keychain) Where() string { return "login keychain" }

func (k *keychain) op(op, name string) Failure { return Failure{Vault: k.Where(), Op: op, Name: name} }

// inKeychain runs an operation on one name, alone; see [alone].
func inKeychain[T any](
	ctx context.Context, k *keychain, f Failure, fn func(account string) (T, error),
) (out T, err error) {
	if err := f.checkName(); err != nil {
		return out, err
	}
	return alone(ctx, k.serial, f, func(context.Context) (T, error) { return fn(account(k.namespace, f.Name)) })
}

// fail turns a code into an error. "Not found" is believed only of a keychain
// that is there: SecItemCopyMatching ends its search at the first keychain that
// it cannot read and then reports that nothing matched (Apple's SecItem.cpp,
// SecItemCopyMatching_osx).
func (k *keychain) fail(f Failure, s osStatus, detail string) error {
	if s == errSecSuccess {
		return nil
	}
	locked, state := k.api.state()
	if s == errSecItemNotFound && state != errSecSuccess {
		s = state
		if s == errSecItemNotFound {
			s = errSecNoSuchKeychain
		}
	}
	if detail == "" {
		detail = k.api.message(s)
	}
	return s.fail(f, detail, locked)
}

func (k *keychain) Check(ctx context.Context) error {
	f := k.op("check", "")
	_, err := alone(ctx, k.serial, f, func(context.Context) (none, error) {
		locked, s := k.api.state()
		if s == errSecSuccess && locked {
			return none{}, &LockedError{Failure: f}
		}
		return none{}, k.fail(f, s, "")
	})
	return err
}

// item reads a password item of a kind.
func (k *keychain) item(f Failure, account string, kind ItemKind, withData bool) (kcPassword, error) {
	p, s := k.api.password(account, withData)
	if s != errSecSuccess {
		return p, k.fail(f, s, "")
	}
	return p, f.checkKind(p.itemKind(), kind)
}

// put adds an item or replaces one of the same kind.
func (k *keychain) put(f Failure, kind ItemKind, p kcPassword) error {
	p.kind, p.label = kcKinds[kind], "HealthSync "+f.Name
	s := k.api.addPassword(p)
	if s == errSecDuplicateItem {
		if _, err := k.item(f, p.account, kind, false); err != nil {
			return err
		}
		s = k.api.updatePassword(p)
	}
	return k.fail(f, s, "")
}

func (k *keychain) Get(ctx context.Context, name string) (Secret, error) {
	f := k.op("get", name)
	return inKeychain(ctx, k, f, func(account string) (Secret, error) {
		p, err := k.item(f, account, ItemSecret, true)
		return p.data, err
	})
}

func (k *keychain) Set(ctx context.Context, name string, secret Secret) error {
	f := k.op("set", name)
	if err := checkSecret(f, secret); err != nil {
		return err
	}
	data := secret.clone()
	_, err := inKeychain(ctx, k, f, func(account string) (none, error) {
		return none{}, k.put(f, ItemSecret, kcPassword{account: account, data: data})
	})
	return err
}

func (k *keychain) Signer(ctx context.Context, name string) (crypto.Signer, error) {
	f := k.op("get", name)
	return inKeychain(ctx, k, f, func(account string) (crypto.Signer, error) {
		p, err := k.item(f, account, ItemKey, true)
		if err != nil {
			return nil, err
		}
		public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), p.data)
		if err != nil {
			f.Detail = "not a public point"
			return nil, &CorruptError{f}
		}
		id := keyID(sha1.Sum(p.data))
		err = k.fail(f, k.api.findKey(id), "")
		if errors.Is(err, ErrNotFound) { // the name is taken, so this is not absence
			f.Detail = "the key of this name is no longer in the keychain"
			return nil, &CorruptError{f}
		}
		return k.signer(name, id, public), err
	})
}

// signer signs in the keychain, within signLimit.
func (k *keychain) signer(name string, id keyID, public *ecdsa.PublicKey) *signer {
	return &signer{public, func(_ io.Reader, digest []byte, _ crypto.SignerOpts) ([]byte, error) {
		ctx, cancel := context.WithTimeout(context.Background(), signLimit)
		defer cancel()
		digest = bytes.Clone(digest) // the call may outlive the caller's buffer
		f := k.op("sign", name)
		return alone(ctx, k.serial, f, func(context.Context) ([]byte, error) {
			signature, s, detail := k.api.sign(id, digest)
			return signature, k.fail(f, s, detail)
		})
	}}
}

func (k *keychain) NewSigner(ctx context.Context, name string) (crypto.Signer, error) {
	f := k.op("new", name)
	return inKeychain(ctx, k, f, func(account string) (crypto.Signer, error) {
		if _, s := k.api.password(account, false); s == errSecSuccess {
			return nil, &ExistsError{f}
		} else if err := k.fail(f, s, ""); !errors.Is(err, ErrNotFound) {
			return nil, err
		}
		point, s, detail := k.api.createKey(keyLabel)
		if s != errSecSuccess {
			return nil, k.fail(f, s, detail)
		}
		id := keyID(sha1.Sum(point))
		public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
		if err != nil {
			k.api.deleteKey(id)
			f.Detail = "the new key is not on P-256"
			return nil, &FailedError{f}
		}
		p := kcPassword{account, "HealthSync " + name, kcKinds[ItemKey], hex.EncodeToString(id[:]), point}
		if s := k.api.addPassword(p); s != errSecSuccess {
			// Without its name the key would be a stray; where another process
			// was faster, theirs is the identity.
			k.api.deleteKey(id)
			return nil, k.fail(f, s, "")
		}
		return k.signer(name, id, public), nil
	})
}

func (k *keychain) Delete(ctx context.Context, name string) error {
	f := k.op("delete", name)
	_, err := inKeychain(ctx, k, f, func(account string) (none, error) { return none{}, k.drop(f, account) })
	return err
}

// drop removes an item and what it stands for. A key goes before its name, so
// that an interruption leaves a name that can be deleted again; a certificate
// goes after, because another home may share it, and is found as a stray.
func (k *keychain) drop(f Failure, account string) error {
	p, s := k.api.password(account, false)
	if s == errSecSuccess && p.itemKind() == ItemKey {
		if id, err := hex.DecodeString(p.ref); err == nil && len(id) == sha1.Size {
			s = k.api.deleteKey(keyID(id))
		}
	}
	if s == errSecSuccess {
		s = k.api.deletePassword(account)
	}
	if s == errSecSuccess && p.itemKind() == ItemCertificate {
		return k.dropCertificate(f, p.ref)
	}
	return k.fail(f, s, "")
}
