package clipboard

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// holding is a pasteboard with these things on it.
func holding(what map[string]string) pasteboard {
	return func(kind string) []byte { return []byte(what[kind]) }
}

func TestPasteboard(t *testing.T) {
	ctx := t.Context()
	empty := holding(nil)
	_, terr := empty.text(ctx)
	_, ferr := empty.files(ctx)
	_, ierr := empty.image(ctx)
	for _, err := range []error{terr, ferr, ierr} {
		if !errors.Is(err, ErrEmpty) {
			t.Errorf("an empty pasteboard: %v", err)
		}
	}
	// What the Finder puts there for two copied files: their icon too.
	finder := holding(map[string]string{kindText: "a b.png\rc.heic",
		kindFiles: "/Users/ana/a b.png\x00/Users/ana/c.heic\x00", "public.tiff": "icon"})
	if got, err := finder.files(ctx); err != nil ||
		!slices.Equal(got, []string{"/Users/ana/a b.png", "/Users/ana/c.heic"}) {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := finder.text(ctx); err != nil || got != "a b.png\rc.heic" {
		t.Errorf("%q, %v", got, err)
	}
	for _, c := range []struct{ kind, other string }{
		{"public.png", "public.tiff"}, // a screenshot
		{"public.heic", "public.jpeg"},
		{"public.jpeg", "public.tiff"},
		{"public.tiff", "public.html"},
	} {
		got, err := holding(map[string]string{c.kind: "this", c.other: "not this"}).image(ctx)
		if err != nil || string(got) != "this" {
			t.Errorf("%s: %q, %v", c.kind, got, err)
		}
	}
	vast := pasteboard(func(kind string) []byte { return make([]byte, maxBytes+1) })
	if _, err := vast.image(ctx); !errors.Is(err, errTooMuch) {
		t.Errorf("more than the limit: %v", err)
	}
}

// Universal Clipboard waits for a device that is out of reach; we do not.
func TestPasteboardWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := make(chan struct{})
		slow := pasteboard(func(string) []byte { <-gone; return nil })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := slow.image(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if _, err := slow.text(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		close(gone)
	})
}
