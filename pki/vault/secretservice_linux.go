package vault

import (
	"context"
	"errors"
	"fmt"

	"github.com/keybase/dbus"
	ss "github.com/keybase/go-keychain/secretservice"
)

// Names of the Secret Service interface, version 0.2 (specifications.freedesktop.org/secret-service).
const (
	ssService    = "org.freedesktop.Secret.Service"
	ssCollection = "org.freedesktop.Secret.Collection"
	ssItem       = "org.freedesktop.Secret.Item"
	ssPrompt     = "org.freedesktop.Secret.Prompt"
	ssSession    = "org.freedesktop.Secret.Session"

	errIsLocked     = "org.freedesktop.Secret.Error.IsLocked"
	errNoSession    = "org.freedesktop.Secret.Error.NoSession"
	errNoSuchObject = "org.freedesktop.Secret.Error.NoSuchObject"

	noPath = dbus.ObjectPath("/") // stands for "none" in replies
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

// secretService is the store on Linux. go-keychain's package has no contexts
// and no way to close its connection, so there is one connection, made at
// first use and again only after it broke; calls that can wait for a person
// are made with the caller's ctx, and all of them one at a time on the lane
// (PromptAndWait is documented as not safe otherwise).
type secretService struct {
	namespace string
	noPrompt  bool
	lane      lane

	// Touched on the lane only.
	svc     *ss.SecretService
	session *ss.Session
}

var _ store = (*secretService)(nil)

func newSecretService(o Options) *secretService {
	return &secretService{namespace: o.Namespace, noPrompt: o.NoPrompt, lane: newLane()}
}

func (v *secretService) kind() string  { return KindKeychain }
func (v *secretService) where() string { return "Secret Service" }

func (v *secretService) fact(op, name string) Fact { return Fact{Vault: v.where(), Op: op, Name: name} }

// prompt shows a dialog that the service asks for, unless nobody may be asked,
// and waits for its end, ctx's, or the library's own 30 s.
func (v *secretService) prompt(ctx context.Context, f Fact, path dbus.ObjectPath) error {
	if path == noPath || path == "" {
		return nil
	}
	if v.noPrompt {
		return &LockedError{Fact: f}
	}
	// The library asks the bus for the signal with a rule that buses reject, and
	// GNOME Keyring happens to send it to us directly. Others broadcast it.
	object := v.svc.Obj(path)
	object.AddMatchSignal(ssPrompt, "Completed", dbus.WithMatchObjectPath(path))
	defer object.RemoveMatchSignal(ssPrompt, "Completed", dbus.WithMatchObjectPath(path))
	stop := context.AfterFunc(ctx, func() { // takes the dialog away, and so ends the wait
		object.Go(ssPrompt+".Dismiss", dbus.FlagNoReplyExpected, nil)
	})
	defer stop()
	if _, err := v.svc.PromptAndWait(path); err != nil {
		if ctx.Err() == nil && errorName(err) == "" && !errors.As(err, new(ss.PromptDismissedError)) {
			// "prompt timed out": the dialog must not stay, and its signal must
			// not be taken for the next one's.
			_ = v.call(ctx, path, ssPrompt+".Dismiss") // as far as it goes
			v.svc, v.session = nil, nil
			f.Detail = err.Error()
			return &LockedError{f, true}
		}
		return err
	}
	return nil
}

// unlock asks the person to unlock objects, or says that they are locked.
func (v *secretService) unlock(ctx context.Context, f Fact, paths ...dbus.ObjectPath) error {
	if v.noPrompt {
		return &LockedError{Fact: f}
	}
	var unlocked []dbus.ObjectPath
	var prompt dbus.ObjectPath
	err := v.svc.ServiceObj().CallWithContext(ctx, ssService+".Unlock", 0, paths).Store(&unlocked, &prompt)
	if err != nil {
		return err
	}
	return v.prompt(ctx, f, prompt)
}

// search finds items by attributes in every collection: a person may have
// changed the default one since.
func (v *secretService) search(ctx context.Context, attributes ss.Attributes) (unlocked, locked []dbus.ObjectPath, err error) {
	err = v.svc.ServiceObj().CallWithContext(ctx, ssService+".SearchItems", 0, attributes).Store(&unlocked, &locked)
	return unlocked, locked, err
}

// defaultCollection returns where new items go, or "/" where a service was
// never set up, and whether it is locked.
func (v *secretService) defaultCollection(ctx context.Context) (path dbus.ObjectPath, locked bool, err error) {
	if err := v.svc.ServiceObj().CallWithContext(ctx, ssService+".ReadAlias", 0, "default").Store(&path); err != nil {
		return "", false, err
	}
	if path == noPath {
		return path, false, nil
	}
	err = v.property(ctx, path, ssCollection, "Locked", &locked)
	return path, locked, err
}

// attributes of an account of ours; without a kind, for searching.
func attributes(account string, kind ItemKind) ss.Attributes {
	a := ss.Attributes{attrService: Service, attrAccount: account}
	if kind != "" {
		a[attrKind], a[attrSchema] = string(kind), schema
	}
	return a
}

// find returns the items of an account, unlocked. None is NotFoundError, once
// the default collection is known to be open: a locked one of a service that
// hides locked items (KeePassXC) might hold it.
func (v *secretService) find(ctx context.Context, f Fact, want ss.Attributes) ([]dbus.ObjectPath, error) {
	for attempt := 0; ; attempt++ {
		unlocked, locked, err := v.search(ctx, want)
		if err != nil {
			return nil, err
		}
		if len(unlocked) > 0 {
			return unlocked, nil
		}
		if len(locked) == 0 {
			collection, shut, err := v.defaultCollection(ctx)
			if err != nil {
				return nil, err
			}
			if !shut {
				return nil, &NotFoundError{f}
			}
			locked = []dbus.ObjectPath{collection}
		}
		if attempt > 0 {
			return nil, &LockedError{Fact: f}
		}
		if err := v.unlock(ctx, f, locked...); err != nil {
			return nil, err
		}
	}
}

// secret reads one item. The library answers nil without an error when it
// cannot decrypt (secretservice.GetSecret in its source).
func (v *secretService) secret(path dbus.ObjectPath) ([]byte, error) {
	data, err := v.svc.GetSecret(path, *v.session)
	if err != nil {
		return nil, onItem(err)
	}
	if data == nil {
		return nil, &noiseError{}
	}
	return data, nil
}

func (v *secretService) attributesOf(ctx context.Context, path dbus.ObjectPath) (ss.Attributes, error) {
	a := ss.Attributes{}
	err := v.property(ctx, path, ssItem, "Attributes", &a)
	return a, onItem(err)
}

func kindOf(a ss.Attributes) ItemKind {
	switch kind := ItemKind(a[attrKind]); kind {
	case ItemKey, ItemCertificate:
		return kind
	}
	return ItemSecret
}

// noCollection says that a service is there but was never set up.
func noCollection(f Fact, err error) error {
	f.Err = err
	f.Detail = "the service has no default keyring"
	if err != nil {
		f.Detail += ": " + err.Error()
	}
	return &UnavailableError{f, NoCollection}
}

// writable returns an open default collection to put items into. Where a
// service was never set up the person is asked for a new keyring's password,
// as libsecret does.
func (v *secretService) writable(ctx context.Context, f Fact) (dbus.ObjectPath, error) {
	collection, locked, err := v.defaultCollection(ctx)
	if err != nil {
		return "", err
	}
	if collection == noPath {
		if v.noPrompt {
			return "", noCollection(f, nil)
		}
		var prompt dbus.ObjectPath
		properties := map[string]dbus.Variant{ssCollection + ".Label": dbus.MakeVariant("Login")}
		err := v.svc.ServiceObj().CallWithContext(ctx, ssService+".CreateCollection", 0, properties, "default").Store(&collection, &prompt)
		if err == nil {
			err = v.prompt(ctx, f, prompt)
		}
		if err != nil {
			if errors.As(err, new(ss.PromptDismissedError)) || errors.As(err, new(*LockedError)) {
				return "", noCollection(f, err)
			}
			return "", err
		}
		if collection, locked, err = v.defaultCollection(ctx); err != nil {
			return "", err
		}
		if collection == noPath {
			return "", noCollection(f, nil)
		}
	}
	if locked {
		if err := v.unlock(ctx, f, collection); err != nil {
			return "", err
		}
	}
	return collection, nil
}

// label is what a keyring's own window shows.
func label(namespace, name string) string {
	if namespace == "" {
		return "HealthSync " + name
	}
	return fmt.Sprintf("HealthSync %s (%s)", name, namespace)
}

// put creates an item.
func (v *secretService) put(ctx context.Context, f Fact, r record, replace bool) (dbus.ObjectPath, error) {
	collection, err := v.writable(ctx, f)
	if err != nil {
		return "", err
	}
	secret, err := v.session.NewSecret(r.data)
	if err != nil {
		return "", err
	}
	properties := ss.NewSecretProperties(label(v.namespace, f.Name), attributes(account(v.namespace, f.Name), r.kind))
	var item, prompt dbus.ObjectPath
	err = v.svc.Obj(collection).CallWithContext(ctx, ssCollection+".CreateItem", 0, properties, secret, replace).Store(&item, &prompt)
	if err != nil {
		return "", err
	}
	return item, v.prompt(ctx, f, prompt)
}

// remove deletes an item.
func (v *secretService) remove(ctx context.Context, f Fact, path dbus.ObjectPath) error {
	var prompt dbus.ObjectPath
	if err := v.svc.Obj(path).CallWithContext(ctx, ssItem+".Delete", 0).Store(&prompt); err != nil {
		return onItem(err)
	}
	return v.prompt(ctx, f, prompt)
}
