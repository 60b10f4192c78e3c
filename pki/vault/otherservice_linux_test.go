package vault

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/keybase/dbus"
	ss "github.com/keybase/go-keychain/secretservice"
)

// otherService is a Secret Service that behaves as the specification allows
// and GNOME Keyring does not, but KeePassXC does: it hides locked items, tells
// everybody of the end of a prompt, and makes and deletes items by a prompt
// only, whose result is the path of the new item.
type otherService struct {
	conn *dbus.Conn

	mu        sync.Mutex
	locked    bool
	items     map[dbus.ObjectPath]*otherItem
	number    int
	answer    func(p *otherPrompt) // of a prompt; the person says yes by default
	searchErr *dbus.Error
	dismissed chan struct{} // gets one value each time
}

type otherItem struct {
	o          *otherService
	path       dbus.ObjectPath
	attributes map[string]string
	secret     []byte
	gone       bool // listed, but not there
}

type otherPrompt struct {
	o    *otherService
	path dbus.ObjectPath
	do   func() any // what it is about; its result
}

func (o *otherService) OpenSession(algorithm string, _ dbus.Variant) (dbus.Variant, dbus.ObjectPath, *dbus.Error) {
	if algorithm != "plain" {
		return dbus.Variant{}, noPath, dbus.NewError("org.freedesktop.DBus.Error.NotSupported", nil)
	}
	return dbus.MakeVariant(""), "/session/1", nil
}

func (o *otherService) SearchItems(want map[string]string) (unlocked, locked []dbus.ObjectPath, err *dbus.Error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.locked {
		return nil, nil, o.searchErr
	}
	for path, item := range o.items {
		both := maps.Clone(item.attributes)
		maps.Copy(both, want)
		if maps.Equal(both, item.attributes) {
			unlocked = append(unlocked, path)
		}
	}
	return unlocked, nil, o.searchErr
}

func (o *otherService) ReadAlias(string) (dbus.ObjectPath, *dbus.Error) { return "/collection", nil }

func (o *otherService) Unlock([]dbus.ObjectPath) ([]dbus.ObjectPath, dbus.ObjectPath, *dbus.Error) {
	return nil, o.ask(func() any { o.locked = false; return []dbus.ObjectPath{} }), nil
}

// ask prepares a prompt.
func (o *otherService) ask(do func() any) dbus.ObjectPath {
	p := &otherPrompt{o: o, do: do}
	o.set(func() { // Export is not safe for concurrent use
		o.number++
		p.path = dbus.ObjectPath(fmt.Sprintf("/prompt/%d", o.number))
		o.conn.Export(p, p.path, ssPrompt)
	})
	return p.path
}

func (o *otherService) CreateItem(
	properties map[string]dbus.Variant, secret ss.Secret, replace bool,
) (item, prompt dbus.ObjectPath, _ *dbus.Error) {
	return noPath, o.ask(func() any {
		attributes := map[string]string{}
		properties[ssItem+".Attributes"].Store(&attributes)
		for path, item := range o.items {
			if replace && maps.Equal(item.attributes, attributes) {
				item.secret = secret.Value
				return path
			}
		}
		o.number++
		path := dbus.ObjectPath(fmt.Sprintf("/item/%d", o.number))
		item := &otherItem{o: o, path: path, attributes: attributes, secret: secret.Value}
		o.items[item.path] = item
		o.conn.Export(item, item.path, ssItem)
		o.conn.Export(item, item.path, "org.freedesktop.DBus.Properties")
		return item.path
	}), nil
}

func (i *otherItem) missing() *dbus.Error {
	if i.gone {
		return dbus.NewError(errNoSuchObject, []any{"no such item"})
	}
	return nil
}

func (i *otherItem) GetSecret(session dbus.ObjectPath) (ss.Secret, *dbus.Error) {
	return ss.Secret{Session: session, Value: i.secret}, i.missing()
}

func (i *otherItem) Get(string, string) (dbus.Variant, *dbus.Error) {
	return dbus.MakeVariant(i.attributes), i.missing()
}

func (i *otherItem) Delete() (dbus.ObjectPath, *dbus.Error) {
	return i.o.ask(func() any { delete(i.o.items, i.path); i.gone = true; return "" }), nil
}

// Get is of the properties of the collection.
func (o *otherService) Get(_, _ string) (dbus.Variant, *dbus.Error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return dbus.MakeVariant(o.locked), nil
}

func (p *otherPrompt) Prompt(string) *dbus.Error {
	p.o.mu.Lock()
	defer p.o.mu.Unlock()
	go p.o.answer(p)
	return nil
}

// accept is the answer of a person who says yes, refuse of one who says no.
func (p *otherPrompt) accept() {
	var result any
	p.o.set(func() { result = p.do() })
	p.completed(false, result)
}

func (p *otherPrompt) refuse() { p.completed(true, "") }

func (p *otherPrompt) Dismiss() *dbus.Error {
	p.refuse()
	p.o.dismissed <- struct{}{}
	return nil
}

func (p *otherPrompt) completed(dismissed bool, result any) {
	p.o.conn.Emit(p.path, ssPrompt+".Completed", dismissed, dbus.MakeVariant(result))
}

// set changes what the service does next.
func (o *otherService) set(fn func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	fn()
}

func startOther(t *testing.T, s *session) *otherService {
	t.Helper()
	o := &otherService{conn: s.conn(), items: map[dbus.ObjectPath]*otherItem{}, dismissed: make(chan struct{}, 100)}
	o.answer = (*otherPrompt).accept
	t.Cleanup(func() { o.conn.Close() })
	for path, ifaces := range map[dbus.ObjectPath][]string{"/org/freedesktop/secrets": {ssService},
		"/collection": {ssCollection, "org.freedesktop.DBus.Properties"}} {
		for _, iface := range ifaces {
			must(t, o.conn.Export(o, path, iface))
		}
	}
	_, err := o.conn.RequestName("org.freedesktop.secrets", dbus.NameFlagDoNotQueue)
	must(t, err)
	return o
}

// endable is a context that a test ends, by a deadline or otherwise.
type endable struct {
	context.Context
	done chan struct{}
	err  error
}

func (e *endable) Done() <-chan struct{} { return e.done }

func (e *endable) Err() error {
	select {
	case <-e.done:
		return e.err
	default:
		return nil
	}
}

func (e *endable) end(err error) {
	e.err = err
	close(e.done)
}

func TestOtherService(t *testing.T) {
	ctx := t.Context()
	s := newSession(t)
	o := startOther(t, s)

	t.Run("all", func(t *testing.T) {
		open := func(_ *testing.T, namespace string) Vault { return s.vault(namespace) }
		testVault(t, open)
		testHomes(t, open)
	})
	t.Run("hidden", func(t *testing.T) { // nothing found, but it is locked: not absence
		o.set(func() { o.locked, o.answer = true, (*otherPrompt).refuse })
		v := s.vault("")
		_, err := v.Get(ctx, Token)
		if l := wantAs[*LockedError](t, err); !l.Dismissed {
			t.Error(err)
		}
		wantAs[*LockedError](t, errOf(v.NewSigner(ctx, Key)))
		wantAs[*LockedError](t, errOf(v.List(ctx)))
		wantAs[*LockedError](t, v.Check(ctx))
	})
	t.Run("unlocked when asked", func(t *testing.T) {
		o.set(func() { o.answer = (*otherPrompt).accept })
		wantNotFound(t, errOf(s.vault("").Get(ctx, Token)))
	})
	t.Run("nobody answers", func(t *testing.T) { // the dialog is taken away, and the vault goes on
		v := s.vault("")
		for _, want := range []error{context.DeadlineExceeded, context.DeadlineExceeded, context.Canceled} {
			ended := &endable{Context: ctx, done: make(chan struct{})}
			o.set(func() { o.locked, o.answer = true, func(*otherPrompt) { ended.end(want) } }) // when the dialog is shown
			_, err := v.Get(ended, Token)
			if !errors.Is(err, want) || errors.As(err, new(*TimeoutError)) != errors.Is(want, context.DeadlineExceeded) {
				t.Errorf("%T: %v", err, err)
			}
			select {
			case <-o.dismissed:
			case <-time.After(20 * time.Second):
				t.Fatal("the dialog stays open")
			}
		}
		o.set(func() { o.locked, o.answer = false, (*otherPrompt).accept })
		wantNotFound(t, errOf(v.Get(ctx, Token)))
	})
	t.Run("errors are not absence", func(t *testing.T) {
		v := s.vault("")
		for name, check := range map[string]func(error){
			"org.freedesktop.DBus.Error.UnknownMethod":  func(err error) { wantAs[*FailedError](t, err) },
			"org.freedesktop.Secret.Error.NoSuchObject": func(err error) { wantAs[*FailedError](t, err) },
			"org.freedesktop.DBus.Error.AccessDenied":   func(err error) { wantAs[*DeniedError](t, err) },
			"org.freedesktop.DBus.Error.NoReply":        func(err error) { wantAs[*UnavailableError](t, err) },
			"org.freedesktop.Secret.Error.IsLocked":     func(err error) { wantAs[*LockedError](t, err) },
			"org.freedesktop.Secret.Error.NoSession":    func(err error) { wantAs[*FailedError](t, err) },
		} {
			o.set(func() { o.searchErr = dbus.NewError(name, []any{"text of the service"}) })
			_, err := v.Get(ctx, Token)
			check(err)
			_, err = v.NewSigner(ctx, Key)
			check(err)
			_, err = v.List(ctx)
			check(err)
		}
		o.set(func() { o.searchErr = nil })
		must(t, v.Set(ctx, Token, Secret("x")))
		o.set(func() {
			for _, item := range o.items {
				item.gone = true
			}
		})
		wantAs[*CorruptError](t, errOf(v.Get(ctx, Token)))
		wantAs[*ExistsError](t, errOf(v.NewSigner(ctx, Token)))
	})
}
