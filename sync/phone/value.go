package phone

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"healthsync/sync/health"
)

// unescape turns a string as it stands on the wire into the text it means. A
// lone surrogate becomes U+FFFD, as in encoding/json. The result is appended
// to dst.
func unescape(dst, raw []byte) ([]byte, error) {
	for i := 0; i < len(raw); {
		c := raw[i]
		if c != '\\' {
			dst = append(dst, c)
			i++
			continue
		}
		if i+1 >= len(raw) {
			return nil, errSyntax
		}
		i += 2
		switch e := raw[i-1]; e {
		case '"', '\\', '/':
			dst = append(dst, e)
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r, ok := hex4(raw[i:])
			if !ok {
				return nil, errSyntax
			}
			i += 4
			if utf16.IsSurrogate(r) {
				low, ok := rune(0), false
				if i+1 < len(raw) && raw[i] == '\\' && raw[i+1] == 'u' {
					low, ok = hex4(raw[i+2:])
				}
				if r = utf16.DecodeRune(r, low); ok && r != utf8.RuneError {
					i += 6
				}
			}
			dst = utf8.AppendRune(dst, r)
		default:
			return nil, errSyntax
		}
	}
	return dst, nil
}

func hex4(b []byte) (rune, bool) {
	if len(b) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range b[:4] {
		v := unhex[c]
		if v > 15 {
			return 0, false
		}
		r = r<<4 | rune(v)
	}
	return r, true
}

// uuid reads the 36-character form. It says what [health.ParseUUID] says, by
// one table look-up a digit: identities are a sixth of a page.
func uuid(b []byte) (u health.UUID, ok bool) {
	if len(b) != 36 || b[8] != '-' || b[13] != '-' || b[18] != '-' || b[23] != '-' {
		return u, false
	}
	var bad byte
	for i, at := range [16]uint8{0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34} {
		hi, lo := unhex[b[at&63]], unhex[b[at&63+1]]
		bad |= hi | lo
		u[i] = hi<<4 | lo
	}
	return u, bad <= 15
}

// unhex maps a hexadecimal digit to its value and anything else to 0xff.
var unhex = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xff
	}
	for c := byte('0'); c <= '9'; c++ {
		t[c] = c - '0'
	}
	for c := byte('a'); c <= 'f'; c++ {
		t[c] = c - 'a' + 10
		t[c-'a'+'A'] = c - 'a' + 10
	}
	return t
}()

// pow10 are the powers of ten that a float64 holds exactly.
var pow10 = [...]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

// number gives the value of a JSON number; a number beyond the range of a
// float64 is refused.
func number(lit []byte) (float64, error) {
	i, neg := 0, false
	if len(lit) > 0 && lit[0] == '-' {
		i, neg = 1, true
	}
	first := i
	var m uint64
	for i < len(lit) && lit[i]-'0' <= 9 {
		m = m*10 + uint64(lit[i]-'0')
		i++
	}
	digits := i - first
	if digits == 0 || digits > 1 && lit[first] == '0' {
		return 0, errSyntax
	}
	frac := 0
	if i < len(lit) && lit[i] == '.' {
		i++
		from := i
		for i < len(lit) && lit[i]-'0' <= 9 {
			m = m*10 + uint64(lit[i]-'0')
			i++
		}
		if frac = i - from; frac == 0 {
			return 0, errSyntax
		}
	}
	if i == len(lit) && digits+frac <= 19 && m < 1<<53 && frac < len(pow10) {
		// Both are exact, so one rounding gives the nearest value (Clinger
		// 1990): the same result as strconv, without its call.
		f := float64(m) / pow10[frac]
		if neg {
			f = -f
		}
		return f, nil
	}
	if i < len(lit) {
		if lit[i] != 'e' && lit[i] != 'E' {
			return 0, errSyntax
		}
		i++
		if i < len(lit) && (lit[i] == '+' || lit[i] == '-') {
			i++
		}
		from := i
		for i < len(lit) && lit[i]-'0' <= 9 {
			i++
		}
		if i == from || i != len(lit) {
			return 0, errSyntax
		}
	}
	f, err := strconv.ParseFloat(string(lit), 64)
	if err != nil {
		return 0, errSyntax
	}
	return f, nil
}
