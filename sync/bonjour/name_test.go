package bonjour

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/miekg/dns"
)

func TestUnescape(t *testing.T) {
	for in, want := range map[string]string{
		`Ada\226\128\153s\ iPhone\ \(2\)`: "Ada’s iPhone (2)",
		`plain`:                           "plain",
		`a\.b`:                            "a.b",
		`a\\b`:                            `a\b`,
		`1\0502`:                          "122",
		`x\`:                              `x.`, // "x." whose dot was trimmed
		`\999`:                            "999",
		`\25`:                             "25",
		``:                                "",
	} {
		if got := unescape(in); got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}

// The escaped form is the one that miekg/dns gives to a name it has read.
func TestEscape(t *testing.T) {
	for _, name := range []string{
		"Ana's iPhone", "Ada’s iPhone (2)", "iPhone 15.2 Pro", `back\slash`, `"quoted"; @home`, "tab\tand\x00nul", "📱",
	} {
		got := escape(name)
		buf := make([]byte, 300)
		n, err := dns.PackDomainName(got+".local.", buf, 0, nil, false)
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		if int(buf[0]) != len(name) || string(buf[1:1+len(name)]) != name {
			t.Errorf("%q: on the wire %q", name, buf[:n])
		}
		back, _, err := dns.UnpackDomainName(buf, 0)
		if err != nil || back != got+".local." {
			t.Errorf("%q: escaped %s, the library reads %s (%v)", name, got, back, err)
		}
	}
}

func FuzzEscape(f *testing.F) {
	f.Add("Ada’s iPhone (2)")
	f.Add(".hidden.")
	f.Add(`\`)
	f.Fuzz(func(t *testing.T, name string) {
		// What the library does on the way: it trims dots.
		if got := unescape(strings.Trim(escape(name), ".")); got != name {
			t.Errorf("%q became %q", name, got)
		}
		if p := printable(name); !utf8.ValidString(p) || strings.ContainsAny(p, "\x00\x1b\n\r\u202e") {
			t.Errorf("%q is not fit to print", p)
		}
	})
}
