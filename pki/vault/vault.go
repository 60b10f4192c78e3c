// Package vault keeps the secrets of a pairing: the token and this computer's
// private key. They are kept in the login keychain (macOS), in the Secret
// Service (Linux) or, only when asked for, in a file. The macOS keychain keeps
// the certificates too ([CertificateKeeper]).
//
// Nothing in this package hands out a private key. A key can be made, used as a
// [crypto.Signer] and deleted. On macOS it is not even in this process: it is
// made in the keychain as not extractable, and signing happens there. Elsewhere
// it is PKCS#8, read inside this package only.
//
// Whether an item is absent decides whether an identity may be made, so absence
// is never guessed: [ErrNotFound] means that the store answered, was unlocked
// and has no such item. A store that is locked, missing, damaged or silent
// gives another error, always.
//
// The package does not know what the secrets are for, nor what to advise a
// person whose keychain is locked. Its errors are typed and carry a [Failure].
package vault

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"log/slog"
	"path/filepath"
	"time"
)

// Service is the name under which every item is stored.
const Service = "healthsync"

// Names of what a pairing stores. Other names are allowed ([ValidName]).
const (
	Token             = "token"              // the bearer token
	Key               = "key"                // this computer's key, P-256
	ClientCertificate = "client-certificate" // issued to this computer, common name healthsync-client
	CACertificate     = "ca-certificate"     // the iPhone's CA, common name healthsync-ca
)

// Kinds for [Open].
const (
	KindDefault  = ""         // KindKeychain
	KindKeychain = "keychain" // login keychain on macOS, Secret Service on Linux
	KindFile     = "file"     // one file in Options.Dir; only ever by explicit choice
)

// Every operation and every signature has a time limit: a person may have to
// type a password meanwhile.
const (
	operationLimit = 60 * time.Second
	signLimit      = 30 * time.Second
)

// limited sets the limit of an operation; a nearer one of the caller stays.
func limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, operationLimit)
}

// Vault stores secrets and keys under names. One name holds one thing: to store
// or read another kind under it fails with a [CorruptError].
//
// Every method is safe for concurrent use, respects ctx and gives up after 60
// seconds. All errors wrap or are one of this package's types.
type Vault interface {
	// Kind is KindKeychain or KindFile.
	Kind() string
	// Where says where the items are, for people: "Secret Service", "login
	// keychain" or the file's path.
	Where() string
	// Check reports whether the vault could be used now, without asking the
	// person anything: nil, or the error that Get would meet.
	Check(ctx context.Context) error

	// Get returns the secret of that name, or ErrNotFound. It never returns a
	// key, whatever the name.
	Get(ctx context.Context, name string) (Secret, error)
	// Set stores a secret, replacing one of the same name.
	Set(ctx context.Context, name string, secret Secret) error

	// Signer returns the stored key as a signer, or ErrNotFound. Its Sign gives
	// up after 30 seconds and may ask the person to unlock. The public part is
	// an *ecdsa.PublicKey on P-256.
	Signer(ctx context.Context, name string) (crypto.Signer, error)
	// NewSigner makes and stores a key where provably none is: it fails with
	// *ExistsError where there is one and with the load's own error where that
	// cannot be known. It never replaces anything.
	NewSigner(ctx context.Context, name string) (crypto.Signer, error)

	// Delete removes what is stored under that name, of whatever kind, or
	// reports ErrNotFound.
	Delete(ctx context.Context, name string) error
	// List returns every HealthSync item that the vault can see, those of other
	// homes and strays of earlier pairings included. It reads no secrets.
	List(ctx context.Context) ([]Item, error)
}

// CertificateKeeper is a Vault in which certificates have a place of their own:
// the macOS keychain, where Keychain Access and `security find-certificate -c`
// show them by their common name.
type CertificateKeeper interface {
	Vault
	// Certificate returns the certificate of that name, or ErrNotFound.
	Certificate(ctx context.Context, name string) (*x509.Certificate, error)
	// SetCertificate stores a certificate, replacing one of the same name.
	SetCertificate(ctx context.Context, name string, cert *x509.Certificate) error
}

// Options of [Open].
type Options struct {
	// Dir is the home of the program's data; the file vault is in its sub-folder
	// "vault". Unused by the others.
	Dir string
	// Namespace keeps the items of one home apart from those of another in the
	// same keychain; "" is the default home. See [Namespace]. The file vault has
	// no use for it: its folder is one home's, wherever it is moved to.
	Namespace string
}

// Open returns the vault of a kind. It contacts nothing: the first operation
// does, and reports what is missing. An unknown kind is *UnknownKindError.
func Open(kind string, o Options) (Vault, error) {
	if err := (Failure{Op: "open", Name: o.Namespace}).checkName(); err != nil && o.Namespace != "" {
		return nil, err
	}
	switch kind {
	case KindDefault, KindKeychain:
		return openKeychain(o.Namespace)
	case KindFile:
		return openFile(o.Dir)
	}
	return nil, &UnknownKindError{Kind: kind}
}

// Namespace derives the namespace of a home that is not the default one from
// its absolute path: the first 12 hexadecimal digits of the path's SHA-256.
// The path itself does not go into the keychain.
func Namespace(dir string) string {
	sum := sha256.Sum256([]byte(filepath.Clean(dir)))
	return hex.EncodeToString(sum[:6])
}

// ItemKind says what an item is.
type ItemKind string

// The kinds of items.
const (
	ItemSecret      ItemKind = "secret"
	ItemKey         ItemKind = "key"
	ItemCertificate ItemKind = "certificate"
	// ItemFile is a file vault as a whole ([RemoveDamaged]).
	ItemFile ItemKind = "file"
)

// Item describes a stored thing, never its content.
type Item struct {
	Kind      ItemKind `json:"kind"`
	Name      string   `json:"name"`                // as given to Set; for strays what the store calls it
	Namespace string   `json:"namespace,omitempty"` // the home it belongs to; "" is the default one
	Where     string   `json:"where"`               // for people
	Own       bool     `json:"own"`                 // of this vault's namespace (strays belong to the default one)
	Stray     bool     `json:"stray,omitempty"`     // nothing this program would still look up

	remove func(ctx context.Context) error
}

// Remove deletes exactly this item, or reports ErrNotFound.
func (i Item) Remove(ctx context.Context) error { return i.remove(ctx) }

// LogValue shows kind and name.
func (i Item) LogValue() slog.Value { return slog.StringValue(string(i.Kind) + " " + i.Name) }

// accountItem describes an account, as seen from a namespace.
func accountItem(account string, kind ItemKind, namespace, where string) Item {
	ns, name, ok := splitAccount(account)
	return Item{Kind: kind, Name: name, Namespace: ns, Where: where, Own: ns == namespace, Stray: !ok}
}

// RemoveDamaged removes a file vault whose file is damaged, with all that is in
// it: nothing in it can be read, so nothing in it can be removed singly. What
// it removed is one item, the file. A vault that can be read, or was written by
// a newer version, is left alone; its error is that of [Vault.List], and nil
// where that has none. No other vault is ever damaged as a whole: there it
// gives List's error too.
func RemoveDamaged(ctx context.Context, v Vault) ([]Item, error) {
	if f, ok := v.(*file); ok {
		return f.removeDamaged(ctx)
	}
	_, err := v.List(ctx)
	return nil, err
}
