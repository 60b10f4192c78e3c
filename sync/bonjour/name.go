package bonjour

import (
	"strings"
	"unicode"
)

// escape writes an instance name as one DNS label in presentation form, with
// the very escapes that miekg/dns gives to a name it has read: the library
// compares names in that form, and answers no question for one that is written
// in another.
func escape(name string) string {
	var b strings.Builder
	for i := range len(name) {
		switch c := name[i]; {
		case c == '.' && (i == 0 || i == len(name)-1):
			b.WriteString(`\046`) // a dot at an end would be trimmed (zeroconf, trimDot)
		case strings.IndexByte(`. '@;()"\`, c) >= 0:
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c > '~':
			b.Write([]byte{'\\', '0' + c/100, '0' + c/10%10, '0' + c%10})
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// unescape turns a label in presentation form (RFC 1035 section 5.1: \DDD and
// \X) into the name it stands for.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 == len(s) {
			b.WriteByte('.') // a dot at the end was trimmed, its escape was not
			break
		}
		if i+3 < len(s) && digit(s[i+1]) && digit(s[i+2]) && digit(s[i+3]) {
			if n := int(s[i+1]-'0')*100 + int(s[i+2]-'0')*10 + int(s[i+3]-'0'); n < 256 {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		i++
		b.WriteByte(s[i])
	}
	return b.String()
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// printable makes a name from the network fit for a terminal and a menu.
func printable(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) && r != '\u200d' {
			return unicode.ReplacementChar // controls, and the marks that turn text round
		}
		return r
	}, strings.ToValidUTF8(name, "\ufffd"))
}
