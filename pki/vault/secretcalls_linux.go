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

	noPath = dbus.ObjectPath("/") // stands for "none" in replies
)

// call is one D-Bus call that ends with ctx; its answers go to out.
func (v *secretService) call(ctx context.Context, path dbus.ObjectPath, method string, args []any, out ...any) error {
	return v.svc.Obj(path).CallWithContext(ctx, method, 0, args...).Store(out...)
}

func (v *secretService) callService(ctx context.Context, method string, args []any, out ...any) error {
	return v.call(ctx, ss.SecretServiceObjectPath, ssService+"."+method, args, out...)
}

func (v *secretService) property(ctx context.Context, path dbus.ObjectPath, iface, name string, to any) error {
	var value dbus.Variant
	if err := v.call(ctx, path, "org.freedesktop.DBus.Properties.Get", []any{iface, name}, &value); err != nil {
		return err
	}
	return value.Store(to)
}

// prompt shows a dialog that the service asks for and gives its result. It
// waits for its end, ctx's, or the library's own 30 s.
func (v *secretService) prompt(ctx context.Context, f Failure, path dbus.ObjectPath) (result dbus.Variant, err error) {
	if path == noPath || path == "" {
		return result, nil
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
	answer, err := v.svc.PromptAndWait(path)
	if err == nil {
		return *answer, nil
	}
	if ctx.Err() == nil && errorName(err) == "" && !errors.As(err, new(ss.PromptDismissedError)) {
		// "prompt timed out": the dialog must not stay, and its signal must not
		// be taken for the next one's.
		_ = v.call(ctx, path, ssPrompt+".Dismiss", nil) // as far as it goes
		v.svc, v.session = nil, ""
		f.Detail = err.Error()
		return result, &LockedError{f, true}
	}
	return result, err
}

// unlock asks the person to unlock objects.
func (v *secretService) unlock(ctx context.Context, f Failure, paths ...dbus.ObjectPath) error {
	var unlocked []dbus.ObjectPath
	var prompt dbus.ObjectPath
	err := v.callService(ctx, "Unlock", []any{paths}, &unlocked, &prompt)
	if err != nil {
		return err
	}
	_, err = v.prompt(ctx, f, prompt)
	return err
}

// search finds items by attributes in every collection: a person may have
// changed the default one since.
func (v *secretService) search(ctx context.Context, a ss.Attributes) (unlocked, locked []dbus.ObjectPath, err error) {
	err = v.callService(ctx, "SearchItems", []any{a}, &unlocked, &locked)
	return unlocked, locked, err
}

// attributes finds the items of a name, whatever their kind.
func (v *secretService) attributes(name string) ss.Attributes {
	return ss.Attributes{attrService: Service, attrAccount: account(v.namespace, name)}
}

// find returns the items of a name, unlocked. None is NotFoundError, once the
// default collection is known to be open: a locked one of a service that hides
// locked items (KeePassXC) might hold it.
func (v *secretService) find(ctx context.Context, f Failure) ([]dbus.ObjectPath, error) {
	for attempt := 0; ; attempt++ {
		unlocked, locked, err := v.search(ctx, v.attributes(f.Name))
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
			return nil, &LockedError{Failure: f}
		}
		if err := v.unlock(ctx, f, locked...); err != nil {
			return nil, err
		}
	}
}

// secret reads one item.
func (v *secretService) secret(ctx context.Context, path dbus.ObjectPath) ([]byte, error) {
	var s ss.Secret
	err := v.call(ctx, path, ssItem+".GetSecret", []any{v.session}, &s)
	return s.Value, onItem(err)
}

func (v *secretService) attributesOf(ctx context.Context, path dbus.ObjectPath) (ss.Attributes, error) {
	a := ss.Attributes{}
	err := v.property(ctx, path, ssItem, "Attributes", &a)
	return a, onItem(err)
}

func kindOf(a ss.Attributes) ItemKind {
	if a[attrKind] == string(ItemKey) {
		return ItemKey
	}
	return ItemSecret
}

// defaultCollection returns where new items go, or "/" where a service was
// never set up, and whether it is locked.
func (v *secretService) defaultCollection(ctx context.Context) (path dbus.ObjectPath, locked bool, err error) {
	err = v.callService(ctx, "ReadAlias", []any{"default"}, &path)
	if err != nil || path == noPath {
		return path, false, err
	}
	err = v.property(ctx, path, ssCollection, "Locked", &locked)
	return path, locked, err
}

// noCollection says that a service is there but was never set up.
func noCollection(f Failure, err error) error {
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
func (v *secretService) writable(ctx context.Context, f Failure) (dbus.ObjectPath, error) {
	collection, locked, err := v.defaultCollection(ctx)
	if err != nil {
		return "", err
	}
	if collection == noPath {
		var prompt dbus.ObjectPath
		properties := map[string]dbus.Variant{ssCollection + ".Label": dbus.MakeVariant("Login")}
		err := v.callService(ctx, "CreateCollection", []any{properties, "default"}, &collection, &prompt)
		if err == nil {
			_, err = v.prompt(ctx, f, prompt)
		}
		if errors.As(err, new(ss.PromptDismissedError)) || errors.As(err, new(*LockedError)) {
			return "", noCollection(f, err)
		}
		if err != nil {
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

// create creates an item and returns its path. KeePassXC answers "/" and a
// prompt, whose result is the path.
func (v *secretService) create(
	ctx context.Context, f Failure, kind ItemKind, data []byte, replace bool,
) (dbus.ObjectPath, error) {
	collection, err := v.writable(ctx, f)
	if err != nil {
		return "", err
	}
	a := v.attributes(f.Name)
	a[attrKind], a[attrSchema] = string(kind), schema
	properties := ss.NewSecretProperties(label(v.namespace, f.Name), a)
	secret := ss.Secret{Session: v.session, Value: data, ContentType: "application/octet-stream"}
	var item, prompt dbus.ObjectPath
	err = v.call(ctx, collection, ssCollection+".CreateItem", []any{properties, secret, replace}, &item, &prompt)
	if err != nil {
		return "", err
	}
	result, err := v.prompt(ctx, f, prompt)
	if err != nil {
		return "", err
	}
	if item == noPath && result.Store(&item) != nil || item == noPath {
		f.Detail = "the service does not say which item it made"
		return "", &FailedError{f}
	}
	return item, nil
}

// remove deletes an item.
func (v *secretService) remove(ctx context.Context, f Failure, path dbus.ObjectPath) error {
	var prompt dbus.ObjectPath
	if err := v.call(ctx, path, ssItem+".Delete", nil, &prompt); err != nil {
		return onItem(err)
	}
	_, err := v.prompt(ctx, f, prompt)
	return err
}
