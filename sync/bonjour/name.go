package bonjour

import (
	"strings"
	"unicode"

	"github.com/miekg/dns"
)

// escape writes an instance name of at most 63 bytes as one DNS label in
// presentation form, as miekg/dns writes a name that it has read: zeroconf
// compares names in that form, and answers no question for one that is written
// in another.
func escape(name string) string {
	wire := append([]byte{byte(len(name))}, name...)
	text, _, err := dns.UnpackDomainName(append(wire, 0), 0)
	if err != nil {
		return ""
	}
	text = strings.TrimSuffix(text, ".")
	if bare, ok := strings.CutSuffix(text, `\.`); ok {
		return bare + `\046` // zeroconf trims a dot at the end (utils.go, trimDot)
	}
	return text
}

// unescape gives what the first label of a name in presentation form stands for.
func unescape(name string) string {
	wire := make([]byte, 256)
	n, err := dns.PackDomainName(dns.Fqdn(name), wire, 0, nil, false)
	if err != nil || n < 2 {
		return ""
	}
	return string(wire[1 : 1+int(wire[0])])
}

// printable makes a name from the network fit for a terminal and a menu.
func printable(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) && r != '\u200d' {
			return unicode.ReplacementChar // controls, and the marks that turn text round
		}
		return r
	}, strings.ToValidUTF8(name, "\ufffd"))
}
