package vault

import (
	"bytes"
	"context"
	"crypto"
	"errors"

	"github.com/keybase/dbus"
	ss "github.com/keybase/go-keychain/secretservice"
)

// Attributes of an item. They are not secret; a locked service still searches
// by them. "service" and "account" are what other programs use too.
const (
	attrService = "service"
	attrAccount = "account"
	attrKind    = "kind"
	attrSchema  = "xdg:schema"
	schema      = "org.freedesktop.Secret.Generic" // libsecret's name for "nothing special"
)

// secretService is the Secret Service (GNOME Keyring, KWallet, KeePassXC) as a
// Vault. go-keychain's package has no contexts and no way to close its
// connection. So there is one connection, made at first use and again only
// after it broke, and one call at a time: PromptAndWait is not safe otherwise.
type secretService struct {
	namespace string
	serial    serial

	// Used inside serial only.
	svc     *ss.SecretService // nil: not connected
	session dbus.ObjectPath   // "": none is open
}

var _ Vault = (*secretService)(nil)

// openKeychain returns the Secret Service. It connects at the first operation.
func openKeychain(namespace string) (Vault, error) {
	return &secretService{namespace: namespace, serial: newSerial()}, nil
}

func (v *secretService) Kind() string  { return KindKeychain }
func (v *secretService) Where() string { return "Secret Service" }

func (v *secretService) op(op, name string) Failure {
	return Failure{Vault: v.Where(), Op: op, Name: name}
}

// Check asks whether items could be read now: service there, set up, unlocked.
func (v *secretService) Check(ctx context.Context) error {
	f := v.op("check", "")
	return doInService(ctx, v, f, func(ctx context.Context) error {
		collection, locked, err := v.defaultCollection(ctx)
		switch {
		case err != nil:
			return err
		case collection == noPath:
			return noCollection(f, nil)
		case locked:
			return &LockedError{Failure: f}
		}
		return nil
	})
}

func (v *secretService) Get(ctx context.Context, name string) (Secret, error) {
	return v.load(ctx, v.op("get", name), ItemSecret)
}

func (v *secretService) Signer(ctx context.Context, name string) (crypto.Signer, error) {
	f := v.op("get", name)
	text, err := v.load(ctx, f, ItemKey)
	if err != nil {
		return nil, err
	}
	defer clear(text)
	return parseKey(text, f)
}

// load asks again when an item went away between search and read, until the
// search itself says that there is none.
func (v *secretService) load(ctx context.Context, f Failure, want ItemKind) ([]byte, error) {
	if err := f.checkName(); err != nil {
		return nil, err
	}
	return inService(ctx, v, f, func(ctx context.Context) ([]byte, error) {
		for range 3 {
			kind, data, err := v.loadOnce(ctx, f)
			if err == nil {
				err = f.checkKind(kind, want)
			}
			if !gone(err) {
				return data, err
			}
		}
		f.Detail = "the service lists the item but does not have it"
		return nil, &CorruptError{f}
	})
}

// loadOnce reads the item of a name. Several can only be there when programs
// raced or somebody copied a keyring; if they differ, none is the right one.
func (v *secretService) loadOnce(ctx context.Context, f Failure) (kind ItemKind, data []byte, err error) {
	paths, err := v.find(ctx, f)
	if err != nil {
		return "", nil, err
	}
	for i, path := range paths {
		a, err := v.attributesOf(ctx, path)
		if err != nil {
			return "", nil, err
		}
		one, err := v.secret(ctx, path)
		if err != nil {
			return "", nil, err
		}
		if i > 0 && (kind != kindOf(a) || !bytes.Equal(data, one)) {
			f.Detail = "several items of this name, with different content"
			return "", nil, &CorruptError{f}
		}
		kind, data = kindOf(a), one
	}
	return kind, data, nil
}

func (v *secretService) Set(ctx context.Context, name string, secret Secret) error {
	f := v.op("set", name)
	if err := checkSecret(f, secret); err != nil {
		return err
	}
	data := secret.clone()
	return doInService(ctx, v, f, func(ctx context.Context) error {
		paths, err := v.find(ctx, f)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		for _, path := range paths {
			a, err := v.attributesOf(ctx, path)
			if err == nil {
				err = f.checkKind(kindOf(a), ItemSecret)
			}
			if err != nil && !gone(err) {
				return err
			}
		}
		mine, err := v.create(ctx, f, ItemSecret, data, true)
		if err != nil {
			return err
		}
		for _, path := range paths { // older copies elsewhere would contradict the new one
			if path != mine {
				if err := v.remove(ctx, f, path); err != nil && !gone(err) {
					return err
				}
			}
		}
		return nil
	})
}

// NewSigner cannot be one step: the service has no "create if absent". So it
// creates beside whatever there is, looks again, and takes its own item back
// unless it is the only one. Of two processes at once, one or both lose, and
// neither has replaced anything.
func (v *secretService) NewSigner(ctx context.Context, name string) (crypto.Signer, error) {
	f := v.op("new", name)
	signer, text, err := newKey(f)
	if err != nil {
		return nil, err
	}
	err = doInService(ctx, v, f, func(ctx context.Context) error {
		if _, err := v.find(ctx, f); err == nil {
			return &ExistsError{f}
		} else if !errors.Is(err, ErrNotFound) {
			return err
		}
		mine, err := v.create(ctx, f, ItemKey, text, false)
		if err != nil {
			return err
		}
		unlocked, locked, err := v.search(ctx, v.attributes(name))
		if err == nil && len(unlocked) == 1 && len(locked) == 0 && unlocked[0] == mine {
			return nil
		}
		if undo := v.remove(ctx, f, mine); undo != nil && !gone(undo) {
			return undo
		}
		if err != nil {
			return err
		}
		return &ExistsError{f}
	})
	if err != nil {
		return nil, err
	}
	return signer, nil
}

func (v *secretService) Delete(ctx context.Context, name string) error {
	f := v.op("delete", name)
	if err := f.checkName(); err != nil {
		return err
	}
	return doInService(ctx, v, f, func(ctx context.Context) error {
		paths, err := v.find(ctx, f)
		if err != nil {
			return err
		}
		for _, path := range paths {
			if err := v.remove(ctx, f, path); err != nil && !gone(err) {
				return err
			}
		}
		return nil
	})
}

// List reads attributes only, which a locked service gives too.
func (v *secretService) List(ctx context.Context) ([]Item, error) {
	f := v.op("list", "")
	return inService(ctx, v, f, func(ctx context.Context) (out []Item, err error) {
		unlocked, locked, err := v.search(ctx, ss.Attributes{attrService: Service})
		if err != nil {
			return nil, err
		}
		for _, path := range append(unlocked, locked...) {
			a, err := v.attributesOf(ctx, path)
			if gone(err) {
				continue
			}
			if err != nil {
				return nil, err
			}
			item := accountItem(a[attrAccount], kindOf(a), v.namespace, v.Where())
			item.remove = func(ctx context.Context) error { return v.removeListed(ctx, item.Name, path) }
			out = append(out, item)
		}
		if len(out) == 0 { // believed only of a service that does not hide locked items
			if _, locked, err := v.defaultCollection(ctx); err != nil {
				return nil, err
			} else if locked {
				return nil, &LockedError{Failure: f}
			}
		}
		return out, nil
	})
}

// removeListed deletes exactly the item that was listed.
func (v *secretService) removeListed(ctx context.Context, name string, path dbus.ObjectPath) error {
	f := v.op("delete", name)
	return doInService(ctx, v, f, func(ctx context.Context) error {
		a, err := v.attributesOf(ctx, path)
		if err == nil && a[attrService] != Service { // paths are used again for other items
			return &NotFoundError{f}
		}
		if err == nil {
			err = v.remove(ctx, f, path)
		}
		if errorName(err) == errIsLocked {
			if err = v.unlock(ctx, f, path); err == nil {
				err = v.remove(ctx, f, path)
			}
		}
		if gone(err) {
			return &NotFoundError{f}
		}
		return err
	})
}
