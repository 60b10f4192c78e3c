package vault

import (
	"context"
	"errors"
	"time"
)

// record is what a store keeps under a name.
type record struct {
	kind ItemKind
	data []byte // the secret itself, or PEM for keys and certificates
}

// store is where memory, file and Secret Service differ: named records. Keys
// in it are PKCS#8, which [soft] turns into signers. Every method gets a ctx
// with a deadline and returns this package's errors.
type store interface {
	kind() string
	where() string
	check(ctx context.Context) error
	// load returns a copy of the record, or *NotFoundError.
	load(ctx context.Context, name string) (record, error)
	// create stores a record where there is none, else *ExistsError.
	create(ctx context.Context, name string, r record) error
	// replace stores a record, over one of the same kind or none, else *KindError.
	replace(ctx context.Context, name string, r record) error
	// drop removes the record, or reports *NotFoundError.
	drop(ctx context.Context, name string) error
	list(ctx context.Context) ([]Item, error)
	// dropItem removes exactly a listed item, or reports *NotFoundError.
	dropItem(ctx context.Context, item Item) error
	foreign(ctx context.Context, service, account string) ([]byte, error)
}

// plainItem describes an account of a store whose accounts are unique, as seen
// from a namespace.
func plainItem(acct string, kind ItemKind, namespace, where string) Item {
	ns, name, ok := splitAccount(acct)
	return Item{Kind: kind, Name: name, Namespace: ns, Where: where, Own: ns == namespace, Stray: !ok, id: acct}
}

// deadline is ctx with the vault's own limit; a nearer one of the caller stays.
func deadline(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, limit)
}

// stopped turns the end of ctx into an error: TimeoutError for a deadline, the
// plain context error, wrapped in the facts, where the caller gave up.
func stopped(ctx context.Context, f Fact, start time.Time) error {
	f.Err = ctx.Err()
	if errors.Is(f.Err, context.DeadlineExceeded) {
		return &TimeoutError{Fact: f, After: time.Since(start)}
	}
	return &FailedError{f}
}

// lane lets one call at a time through to a store that cannot be interrupted:
// a C function or a D-Bus call that waits for a person. The caller's waiting
// ends with its ctx; the lane stays taken until the call itself has ended, so
// that abandoned calls cannot pile up behind one dialog.
type lane chan struct{}

func newLane() lane { return make(lane, 1) }

// do runs fn on the lane. When ctx ends first it returns at once and fn's
// result is dropped; fn must therefore hand out nothing but its error and
// variables that the caller does not read after a failure.
func (l lane) do(ctx context.Context, f Fact, fn func() error) error {
	start := time.Now()
	select {
	case l <- struct{}{}:
	case <-ctx.Done():
		return stopped(ctx, f, start)
	}
	if ctx.Err() != nil { // both were ready
		<-l
		return stopped(ctx, f, start)
	}
	done := make(chan error, 1)
	go func() {
		defer func() { <-l }()
		done <- fn()
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		select { // an answer that came together with the deadline counts
		case err := <-done:
			return err
		default:
		}
		return stopped(ctx, f, start)
	}
}

// emptySecret refuses an empty secret, which no store here keeps reliably: the
// keychain answers a query for one with success and no data, like absence.
func emptySecret(f Fact) error {
	f.Detail = "the secret is empty"
	return &FailedError{f}
}

// clearOwn is [Clear].
func clearOwn(ctx context.Context, v Vault) (removed []Item, err error) {
	items, err := v.List(ctx)
	if err != nil {
		return nil, err
	}
	var failures []error
	for _, item := range items {
		if !item.Own {
			continue
		}
		switch err := v.Remove(ctx, item); {
		case err == nil:
			removed = append(removed, item)
		case !errors.Is(err, ErrNotFound):
			failures = append(failures, err)
		}
	}
	return removed, errors.Join(failures...)
}
