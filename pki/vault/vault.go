// Package vault keeps the few secrets of a pairing: the token, the Mac's key
// and the certificates. They lie in the login keychain (macOS), the Secret
// Service (Linux), a file (only when asked for) or memory (tests).
//
// The key is special: nothing in this interface hands it out. It can be made,
// used as a [crypto.Signer] and deleted. On macOS it is not even in this
// process: it is made in the keychain as not extractable, and signing happens
// there. Elsewhere it is PKCS#8, read inside this package only.
//
// Absence is a fact that decides whether an identity may be made, so it is
// never guessed: [ErrNotFound] means that the store answered, was unlocked and
// has no such item. A store that is locked, missing, damaged or silent gives
// another error, always.
//
// The package does not know what the secrets are for, nor what to advise a
// person whose keychain is locked: errors carry facts ([LockedError],
// [DeniedError], [UnavailableError], [CorruptError], [TimeoutError], ...).
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

// Service is the name under which every item is stored (spec: product, storage of secrets).
const Service = "healthsync"

// Names of what a pairing stores. Other names are allowed, of the letters,
// digits, dots, dashes and underscores that [ValidName] accepts.
const (
	Token             = "token"              // secret: the bearer token
	Key               = "key"                // key: the Mac's, P-256
	ClientCertificate = "client-certificate" // certificate: issued to the Mac, common name healthsync-client
	CACertificate     = "ca-certificate"     // certificate: the phone's CA, common name healthsync-ca
)

// Kinds for [Open].
const (
	KindDefault  = ""         // the platform's own, KindKeychain
	KindKeychain = "keychain" // login keychain on macOS, Secret Service on Linux
	KindFile     = "file"     // one file in Options.Dir; only ever by explicit choice
	KindMemory   = "memory"   // gone with the process; for tests
)

// Default limits, for zero [Options]. A person may have to type a password
// while an operation waits, and go-keychain's secretservice itself gives up a
// prompt after 30 s.
const (
	DefaultTimeout     = 60 * time.Second
	DefaultSignTimeout = 30 * time.Second
)

// Vault stores secrets, keys and certificates under names. One name holds one
// thing: storing or reading another kind under it is a [KindError].
//
// Every method is safe for concurrent use, respects ctx and has a time limit
// of its own ([Options].Timeout) beside it. Errors are documented in this
// package's overview; all of them wrap or are one of its types.
type Vault interface {
	// Kind is one of KindKeychain, KindFile and KindMemory.
	Kind() string
	// Where says in a few words where the items lie, for people: "Secret
	// Service", "login keychain" or the file's path.
	Where() string
	// Check reports whether the vault could be used now, without asking the
	// person anything: nil, or the error that Get would meet.
	Check(ctx context.Context) error

	// Get returns the secret of that name, or ErrNotFound. It never returns a
	// key, whatever the name.
	Get(ctx context.Context, name string) (Secret, error)
	// Set stores a secret, replacing one of the same name.
	Set(ctx context.Context, name string, secret Secret) error

	// Signer returns the stored key as a signer, or ErrNotFound. Its Sign has
	// a time limit (Options.SignTimeout) and may ask the person to unlock.
	// The public part is an *ecdsa.PublicKey on P-256.
	Signer(ctx context.Context, name string) (crypto.Signer, error)
	// NewSigner makes and stores a key where provably none is: it fails with
	// *ExistsError where there is one and with the load's own error where that
	// cannot be known. It never replaces anything.
	NewSigner(ctx context.Context, name string) (crypto.Signer, error)

	// Certificate returns the certificate of that name, or ErrNotFound.
	Certificate(ctx context.Context, name string) (*x509.Certificate, error)
	// SetCertificate stores a certificate, replacing one of the same name. On
	// macOS it becomes a certificate item too, so that Keychain Access and
	// `security find-certificate -c` show it by its common name.
	SetCertificate(ctx context.Context, name string, cert *x509.Certificate) error

	// Delete removes what is stored under that name, of whatever kind, or
	// reports ErrNotFound.
	Delete(ctx context.Context, name string) error
	// List returns every HealthSync item that the vault can see, those of
	// other homes and strays of earlier pairings included. It reads no secrets.
	List(ctx context.Context) ([]Item, error)
	// Remove deletes exactly one listed item, or reports ErrNotFound.
	Remove(ctx context.Context, item Item) error

	// Foreign reads a secret that another program stored, by its service and
	// account, or reports ErrNotFound. Nothing is ever changed there.
	Foreign(ctx context.Context, service, account string) (Secret, error)
}

// Options of [Open].
type Options struct {
	// Dir is the home of the program's data; the file vault lies in its
	// sub-folder "vault". Unused by the others.
	Dir string
	// Namespace keeps the items of one home apart from those of another in the
	// same keychain; "" is the default home. See [Namespace].
	Namespace string
	// Sole says that the file vault's folder serves one home only, wherever it
	// lies: its items are written without a namespace, and those that an earlier
	// version wrote with one are found and are its own, so that a folder that was
	// moved or copied keeps its secrets. Unused by the others.
	Sole bool
	// NoPrompt never asks the person for a password: a locked store is
	// reported at once. (On macOS a dialog about a single item, shown after a
	// program's signature changed, cannot be foreseen and may still come.)
	NoPrompt bool
	// Timeout limits each operation, SignTimeout each signature; zero means
	// DefaultTimeout and DefaultSignTimeout.
	Timeout, SignTimeout time.Duration
}

func (o Options) withDefaults() Options {
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.SignTimeout <= 0 {
		o.SignTimeout = DefaultSignTimeout
	}
	return o
}

// Open returns the vault of a kind. It contacts nothing: the first operation
// does, and reports what is missing. An unknown kind is *UnknownKindError.
func Open(kind string, o Options) (Vault, error) {
	o = o.withDefaults()
	if o.Namespace != "" && !ValidName(o.Namespace) {
		return nil, &NameError{Name: o.Namespace}
	}
	switch kind {
	case KindDefault, KindKeychain:
		return openKeychain(o)
	case KindFile:
		return newFile(o)
	case KindMemory:
		return newMemory(o), nil
	}
	return nil, &UnknownKindError{Kind: kind, Known: []string{KindKeychain, KindFile}}
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

	id string // how the store finds exactly this one
}

// LogValue shows kind and name.
func (i Item) LogValue() slog.Value { return slog.StringValue(string(i.Kind) + " " + i.Name) }

// Clear removes every own item of v, strays included, and leaves those of
// other homes alone. It carries on past failures: what was removed is returned
// beside all the errors, joined. An item that somebody else removed meanwhile
// is neither.
func Clear(ctx context.Context, v Vault) (removed []Item, err error) { return clearOwn(ctx, v) }

// RemoveDamaged removes a file vault whose file is damaged, with all that is in
// it: nothing in it can be read, so nothing in it can be removed singly. What
// it removed is one item, the file. A vault that can be read, or was written by
// a newer version, is left alone; its error is that of [Vault.List], and nil
// where that has none. No other vault is ever damaged as a whole: there it
// gives List's error too.
func RemoveDamaged(ctx context.Context, v Vault) ([]Item, error) {
	if s, ok := v.(*soft); ok {
		if f, ok := s.store.(*file); ok {
			ctx, cancel := deadline(ctx, s.opts.Timeout)
			defer cancel()
			return f.removeDamaged(ctx)
		}
	}
	_, err := v.List(ctx)
	return nil, err
}
