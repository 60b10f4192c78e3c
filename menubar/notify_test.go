package menubar

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"healthsync/app/agent/notify"
	"healthsync/menubar/center"
)

// Beeep is for where the centre is not there, or will not have us. Where the
// person said no, or is being asked, nothing comes by a way around it.
func TestNotify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		never := func(ctx context.Context, _, _, _ string) error { <-ctx.Done(); return ctx.Err() }
		says := func(err error) func(context.Context, string, string, string) error {
			return func(context.Context, string, string, string) error { return err }
		}
		for name, c := range map[string]struct {
			show  func(context.Context, string, string, string) error
			beeep int
			err   error
		}{
			"no centre":       {nil, 1, nil},
			"shown":           {says(nil), 0, nil},
			"refused":         {says(&center.RefusedError{Reason: "signed ad hoc"}), 1, nil},
			"denied":          {says(center.ErrDenied), 0, center.ErrDenied},
			"not yet decided": {never, 0, nil},
		} {
			count := 0
			n := &Notifier{show: c.show, otherwise: func(notify.Notice) error { count++; return nil }}
			if err := n.Notify(notify.Notice{Key: "k", Title: "t", Body: "b"}); !errors.Is(err, c.err) || count != c.beeep {
				t.Errorf("%s: %v, %d by beeep", name, err, count)
			}
		}
	})
}

// A device's name is anyone's text. Whatever is in it, what reaches a back-end
// is a text: one line, nothing invisible, no option.
func TestQuoted(t *testing.T) {
	for in, want := range map[string]string{
		`"; do shell script "id`: `"; do shell script "id`, // the library quotes for AppleScript, and no shell is between
		"-e evil":                "· -e evil",
		"[a]":                    "· [a]",
		"(a)":                    "· (a)",
		"{a}":                    "· {a}",
		"<b>":                    "· <b>",
		"@file":                  "· @file",
		"a\nb\tc":                "a b c",
		"\x00\a\u202ea\u200db":   "ab",
		"a\u00a0b\u202fc":        "a b c",
		"x\xffy":                 "xy",
		"  ":                     "",
		"Ana’s iPhone 🩺":         "Ana’s iPhone 🩺",
	} {
		if got := quoted(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func FuzzQuoted(f *testing.F) {
	f.Add("-\x00[\u202e\xff")
	f.Fuzz(func(t *testing.T, s string) {
		q := quoted(s)
		if strings.ContainsAny(q, "\n\r\x00\a\v\f") || q != quoted(q) || strings.HasPrefix(q, "-") {
			t.Errorf("%q became %q", s, q)
		}
	})
}
