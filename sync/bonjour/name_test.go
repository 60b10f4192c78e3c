package bonjour

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/miekg/dns"
)

var instanceNames = []string{
	"Ana's iPhone", "Ada’s iPhone (2)", "iPhone 15.2 Pro", `back\slash`, `"quoted"; @home`, "tab\tand\x00nul", "📱", ".hidden.", "122", strings.Repeat("x", 63),
}

// The escaped form is the one that miekg/dns gives to a name it has read, but
// for a dot at the end.
func TestEscape(t *testing.T) {
	for _, name := range instanceNames {
		got := escape(name)
		wire := make([]byte, 300)
		if _, err := dns.PackDomainName(got+".local.", wire, 0, nil, false); err != nil || string(wire[1:1+wire[0]]) != name {
			t.Errorf("%q: %s, on the wire %q: %v", name, got, wire[1:1+wire[0]], err)
		}
		back, _, err := dns.UnpackDomainName(wire, 0)
		if err != nil || back != got+".local." && !strings.HasSuffix(name, ".") {
			t.Errorf("%q: escaped %s, the library reads %s (%v)", name, got, back, err)
		}
	}
	if got := unescape(`Ada\226\128\153s\ iPhone\ \(2\)._healthsync._tcp.local.`); got != "Ada’s iPhone (2)" {
		t.Errorf("got %q", got)
	}
}

func FuzzEscape(f *testing.F) {
	for _, name := range instanceNames {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if p := printable(name); !utf8.ValidString(p) || strings.ContainsAny(p, "\x00\x1b\n\r\u202e") {
			t.Errorf("%q is not fit to print", p)
		}
		unescape(name) // it does not fall over
		if len(name) < 1 || len(name) > 63 {
			return
		}
		// What zeroconf does on the way: it trims dots.
		if got := unescape(strings.Trim(escape(name), ".") + ".local."); got != name {
			t.Errorf("%q became %q", name, got)
		}
	})
}
