package vault

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/keybase/dbus"
	ss "github.com/keybase/go-keychain/secretservice"
)

// otherService is a Secret Service that behaves as the specification allows
// and GNOME Keyring does not: it hides locked items, as KeePassXC, and
// broadcasts the end of a prompt instead of telling the caller. It keeps no
// secrets; what is tested is what is made of its answers. GNOME Keyring cannot
// be told which key to agree on, and this one can.
type otherService struct {
	conn *dbus.Conn

	mu        sync.Mutex
	locked    bool
	answer    func(path dbus.ObjectPath) // of a prompt
	searchErr *dbus.Error
	item      dbus.ObjectPath // one that is listed and does not exist
	dismissed chan struct{}   // gets one value each time
	prompts   int

	agree  func(public []byte) (answer []byte, path dbus.ObjectPath) // of a session
	closed int
	secret func(session dbus.ObjectPath) ss.Secret // of an item
}

func (o *otherService) OpenSession(_ string, input dbus.Variant) (dbus.Variant, dbus.ObjectPath, *dbus.Error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.agree != nil {
		answer, path := o.agree(input.Value().([]byte))
		return dbus.MakeVariant(answer), path, nil
	}
	return dbus.MakeVariant([]byte{5}), "/session/1", nil // a public value of the key exchange
}

// Close is of a session.
func (o *otherService) Close() *dbus.Error {
	o.set(func() { o.closed++ })
	return nil
}

// GetSecret is of an item.
func (o *otherService) GetSecret(session dbus.ObjectPath) (ss.Secret, *dbus.Error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.secret(session), nil
}

func (o *otherService) SearchItems(map[string]string) (unlocked, locked []dbus.ObjectPath, err *dbus.Error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.item != "" {
		unlocked = append(unlocked, o.item)
	}
	return unlocked, nil, o.searchErr
}

func (o *otherService) ReadAlias(string) (dbus.ObjectPath, *dbus.Error) { return "/collection", nil }

func (o *otherService) Unlock([]dbus.ObjectPath) ([]dbus.ObjectPath, dbus.ObjectPath, *dbus.Error) {
	return nil, "/prompt/1", nil
}

// Get is of the properties of the collection and the items.
func (o *otherService) Get(_, name string) (dbus.Variant, *dbus.Error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if name == "Attributes" {
		return dbus.MakeVariant(attributes(Token, ItemSecret)), nil
	}
	return dbus.MakeVariant(o.locked), nil
}

func (o *otherService) Prompt(string) *dbus.Error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.prompts++
	if o.answer != nil {
		go o.answer("/prompt/1")
	}
	return nil
}

func (o *otherService) Dismiss() *dbus.Error {
	o.completed("/prompt/1", true)
	o.dismissed <- struct{}{}
	return nil
}

func (o *otherService) completed(path dbus.ObjectPath, dismissed bool) {
	o.conn.Emit(path, ssPrompt+".Completed", dismissed, dbus.MakeVariant([]dbus.ObjectPath{}))
}

// set changes what the service does next.
func (o *otherService) set(fn func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	fn()
}

func startOther(t *testing.T, s *session) *otherService {
	t.Helper()
	o := &otherService{conn: s.conn(), locked: true, dismissed: make(chan struct{}, 100)}
	t.Cleanup(func() { o.conn.Close() })
	for path, iface := range map[dbus.ObjectPath]string{"/org/freedesktop/secrets": ssService, "/prompt/1": ssPrompt,
		"/collection": "org.freedesktop.DBus.Properties"} {
		must(t, o.conn.Export(o, path, iface))
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

func newEndable(ctx context.Context) *endable {
	return &endable{Context: ctx, done: make(chan struct{})}
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
	s := newSession(t, false)
	o := startOther(t, s)

	t.Run("hidden", func(t *testing.T) { // nothing found, but it is locked: not absence
		quiet := s.vault(Options{NoPrompt: true})
		_, err := quiet.Get(ctx, Token)
		wantAs[*LockedError](t, err)
		_, err = quiet.NewSigner(ctx, Key)
		wantAs[*LockedError](t, err)
		_, err = quiet.List(ctx)
		wantAs[*LockedError](t, err)
		if o.prompts != 0 {
			t.Error("the person was asked")
		}
	})
	t.Run("unlocked when asked", func(t *testing.T) {
		o.set(func() {
			o.answer = func(path dbus.ObjectPath) {
				o.set(func() { o.locked = false })
				o.completed(path, false)
			}
		})
		_, err := s.vault(Options{}).Get(ctx, Token)
		wantNotFound(t, err)
		o.set(func() { o.locked = true })
	})
	t.Run("dismissed", func(t *testing.T) {
		o.set(func() { o.answer = func(path dbus.ObjectPath) { o.completed(path, true) } })
		_, err := s.vault(Options{}).Get(ctx, Token)
		if l := wantAs[*LockedError](t, err); !l.Dismissed {
			t.Error(err)
		}
	})
	t.Run("nobody answers", func(t *testing.T) { // the dialog is taken away, and the vault goes on
		v := s.vault(Options{})
		for _, want := range []error{context.DeadlineExceeded, context.DeadlineExceeded, context.Canceled} {
			ended := newEndable(ctx)
			o.set(func() { o.answer = func(dbus.ObjectPath) { ended.end(want) } }) // when the dialog is shown
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
		o.set(func() { o.locked = false })
		_, err := v.Get(ctx, Token)
		wantNotFound(t, err)
	})
	t.Run("errors are not absence", func(t *testing.T) {
		v := s.vault(Options{})
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
		o.set(func() { o.searchErr, o.item = nil, "/item/1" })
		_, err := v.Get(ctx, Token)
		wantAs[*CorruptError](t, err)
		_, err = v.NewSigner(ctx, Key)
		wantAs[*ExistsError](t, err)
	})
}
