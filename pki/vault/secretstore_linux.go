package vault

import (
	"bytes"
	"context"
	"errors"

	"github.com/keybase/dbus"
)

// check asks whether items could be read now: service there, set up, unlocked.
func (v *secretService) check(ctx context.Context) error {
	f := v.fact("check", "")
	return v.do(ctx, f, func(ctx context.Context) error {
		collection, locked, err := v.defaultCollection(ctx)
		switch {
		case err != nil:
			return err
		case collection == noPath:
			return noCollection(f, nil)
		case locked:
			return &LockedError{Fact: f}
		}
		return nil
	})
}

// load asks again when an item went away between search and read, until the
// search itself says that there is none.
func (v *secretService) load(ctx context.Context, name string) (record, error) {
	f := v.fact("get", name)
	var out record
	err := v.do(ctx, f, func(ctx context.Context) error {
		for range 3 {
			r, err := v.loadOnce(ctx, f)
			if !gone(err) {
				out = r
				return err
			}
		}
		f.Detail = "the service lists the item but does not have it"
		return &CorruptError{f}
	})
	if err != nil {
		return record{}, err
	}
	return out, nil
}

// loadOnce reads the item of a name. Several can only be there when programs
// raced or somebody copied a keyring; if they differ, none is the right one.
func (v *secretService) loadOnce(ctx context.Context, f Fact) (record, error) {
	paths, err := v.find(ctx, f, attributes(account(v.namespace, f.Name), ""))
	if err != nil {
		return record{}, err
	}
	var first record
	for i, path := range paths {
		a, err := v.attributesOf(ctx, path)
		if err != nil {
			return record{}, err
		}
		data, err := v.secret(path)
		if err != nil {
			return record{}, err
		}
		if i == 0 {
			first = record{kindOf(a), data}
		} else if first.kind != kindOf(a) || !bytes.Equal(first.data, data) {
			f.Detail = "several items of this name, with different content"
			return record{}, &CorruptError{f}
		}
	}
	return first, nil
}

// create cannot be one step: the service has no "create if absent". So it
// creates beside whatever there is, looks again, and takes its own item back
// unless it is the only one. Of two processes at once, one or both lose, and
// neither has replaced anything.
func (v *secretService) create(ctx context.Context, name string, r record) error {
	f := v.fact("new", name)
	want := attributes(account(v.namespace, name), "")
	return v.do(ctx, f, func(ctx context.Context) error {
		if _, err := v.find(ctx, f, want); err == nil {
			return &ExistsError{f}
		} else if !errors.Is(err, ErrNotFound) {
			return err
		}
		mine, err := v.put(ctx, f, r, false)
		if err != nil {
			return err
		}
		unlocked, locked, err := v.search(ctx, want)
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
}

func (v *secretService) replace(ctx context.Context, name string, r record) error {
	f := v.fact("set", name)
	return v.do(ctx, f, func(ctx context.Context) error {
		paths, err := v.find(ctx, f, attributes(account(v.namespace, name), ""))
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		for _, path := range paths {
			a, err := v.attributesOf(ctx, path)
			if gone(err) {
				continue
			}
			if err != nil {
				return err
			}
			if kindOf(a) != r.kind {
				return &KindError{f, r.kind, kindOf(a)}
			}
		}
		mine, err := v.put(ctx, f, r, true)
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

func (v *secretService) drop(ctx context.Context, name string) error {
	f := v.fact("delete", name)
	return v.do(ctx, f, func(ctx context.Context) error {
		paths, err := v.find(ctx, f, attributes(account(v.namespace, name), ""))
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

// list reads attributes only, which a locked service gives too.
func (v *secretService) list(ctx context.Context) ([]Item, error) {
	f := v.fact("list", "")
	var out []Item
	err := v.do(ctx, f, func(ctx context.Context) error {
		out = nil // a second run begins anew
		unlocked, locked, err := v.search(ctx, map[string]string{attrService: Service})
		if err != nil {
			return err
		}
		for _, path := range append(unlocked, locked...) {
			a, err := v.attributesOf(ctx, path)
			if gone(err) {
				continue
			}
			if err != nil {
				return err
			}
			item := plainItem(a[attrAccount], kindOf(a), v.namespace, v.where())
			item.id = string(path)
			out = append(out, item)
		}
		if len(out) > 0 {
			return nil
		}
		// None is believed only of a service that does not hide locked items.
		if _, shut, err := v.defaultCollection(ctx); err != nil {
			return err
		} else if shut {
			return &LockedError{Fact: f}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (v *secretService) dropItem(ctx context.Context, item Item) error {
	f := v.fact("delete", item.Name)
	path := dbus.ObjectPath(item.id)
	if !path.IsValid() || path == noPath {
		return &NotFoundError{f}
	}
	return v.do(ctx, f, func(ctx context.Context) error {
		a, err := v.attributesOf(ctx, path)
		if gone(err) || err == nil && a[attrService] != Service { // paths are used again for other items
			return &NotFoundError{f}
		}
		if err != nil {
			return err
		}
		err = v.remove(ctx, f, path)
		if isDBus(err, errIsLocked) {
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

func (v *secretService) foreign(ctx context.Context, service, account string) ([]byte, error) {
	f := v.fact("get foreign", account)
	var out []byte
	err := v.do(ctx, f, func(ctx context.Context) error {
		paths, err := v.find(ctx, f, map[string]string{attrService: service, attrAccount: account})
		if err != nil {
			return err
		}
		out, err = v.secret(paths[0])
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
