package menubar

import (
	"strings"
	"testing"
)

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
