package vault

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A folder keeps its secrets wherever it is moved or copied to, also those that
// an earlier version wrote with a namespace.
func TestFileMoved(t *testing.T) {
	ctx := t.Context()
	open := func(o Options) Vault {
		t.Helper()
		v, err := Open(KindFile, o)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, earlier := range []bool{true, false} {
		was, is := filepath.Join(t.TempDir(), "was"), filepath.Join(t.TempDir(), "is")
		old := open(Options{Dir: was, Namespace: Namespace(was), Sole: !earlier})
		if err := old.Set(ctx, Token, Secret("of old")); err != nil {
			t.Fatal(err)
		}
		if _, err := old.NewSigner(ctx, Key); err != nil {
			t.Fatal(err)
		}
		check := func(v Vault) {
			t.Helper()
			if s, err := v.Get(ctx, Token); err != nil || string(s) != "of old" {
				t.Fatalf("earlier %t: %v", earlier, err)
			}
			s, err := v.Signer(ctx, Key)
			if err != nil {
				t.Fatal(err)
			}
			sign(t, s)
			if _, err := v.NewSigner(ctx, Key); !errors.As(err, new(*ExistsError)) {
				t.Fatalf("a second key: %v", err)
			}
			items, err := v.List(ctx)
			if err != nil || len(items) != 2 || !items[0].Own || !items[1].Own {
				t.Fatalf("%+v, %v", items, err)
			}
		}
		check(open(Options{Dir: was, Namespace: Namespace(was), Sole: true})) // where it was
		if err := os.Rename(was, is); err != nil {
			t.Fatal(err)
		}
		v := open(Options{Dir: is, Namespace: Namespace(is), Sole: true})
		check(v)
		check(open(Options{Dir: is, Sole: true}))
		if err := v.SetCertificate(ctx, Token, testCertificate(t, "x")); !errors.As(err, new(*KindError)) {
			t.Errorf("another kind of the same name: %v", err)
		}
		if err := v.Set(ctx, Token, Secret("new")); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(v.Where())
		if err != nil || !strings.Contains(string(text), `"`+Token+`"`) || strings.Contains(string(text), Token+"@") {
			t.Errorf("written under another name than the bare one: %v", err)
		}
		if err := v.Delete(ctx, Token); err != nil {
			t.Fatal(err)
		}
		_, err = v.Get(ctx, Token)
		wantNotFound(t, err)
		if removed, err := Clear(ctx, v); err != nil || len(removed) != 1 {
			t.Errorf("cleared %v, %v", removed, err)
		}
	}
}

// Of several that an earlier version wrote under one name, none is guessed at,
// and none is overwritten; that of the folder's own place is known.
func TestFileOfSeveralFolders(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	for _, ns := range []string{"a", "b"} {
		v, err := Open(KindFile, Options{Dir: dir, Namespace: ns})
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Set(ctx, Token, Secret("of "+ns)); err != nil {
			t.Fatal(err)
		}
	}
	third, err := Open(KindFile, Options{Dir: dir, Namespace: "c", Sole: true})
	if err != nil {
		t.Fatal(err)
	}
	_, err = third.Get(ctx, Token)
	if !errors.As(err, new(*FailedError)) || errors.Is(err, ErrNotFound) {
		t.Errorf("guessed: %v", err)
	}
	for _, err := range []error{third.Set(ctx, Token, Secret("new")), third.Delete(ctx, Token)} {
		if !errors.As(err, new(*FailedError)) {
			t.Errorf("changed: %v", err)
		}
	}
	for _, ns := range []string{"a", "b"} {
		v, err := Open(KindFile, Options{Dir: dir, Namespace: ns, Sole: true})
		if err != nil {
			t.Fatal(err)
		}
		if s, err := v.Get(ctx, Token); err != nil || string(s) != "of "+ns {
			t.Errorf("%s: %v", ns, err)
		}
	}
}
