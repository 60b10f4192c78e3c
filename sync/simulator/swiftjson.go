package simulator

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"unicode/utf8"
)

// This file writes JSON as the app's JSONEncoder does (swift-foundation,
// JSONWriter.swift and JSONEncoder.swift): a slash is escaped, the order of
// keys is a Swift dictionary's, that is none, and a double that is a whole
// number loses its ".0".

// appendSwiftString appends s as a JSON string. Bytes that are not UTF-8, which
// a Swift String cannot hold, become U+FFFD.
func appendSwiftString(b []byte, s string) []byte {
	const hexDigits = "0123456789abcdef"
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				b = append(b, s[from:i]...)
				b = append(b, "\uFFFD"...)
				from = i + 1
			}
			i += n
			continue
		}
		if c >= 0x20 && c != '"' && c != '\\' && c != '/' {
			i++
			continue
		}
		b = append(b, s[from:i]...)
		switch c {
		case '"', '\\', '/':
			b = append(b, '\\', c)
		case '\b':
			b = append(b, '\\', 'b')
		case '\f':
			b = append(b, '\\', 'f')
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		from = i
	}
	b = append(b, s[from:]...)
	return append(b, '"')
}

// appendSwiftDouble appends a finite double as Swift's description has it,
// without a trailing ".0": the shortest digits that read back the same, by
// exponent below 1e-4 and above 2^54 (SwiftDtoa.cpp,
// swift_dtoa_optimal_double_p).
func appendSwiftDouble(b []byte, v float64) []byte {
	a := math.Abs(v)
	if a < 1<<53 && v == math.Trunc(v) {
		if v == 0 && math.Signbit(v) {
			return append(b, '-', '0')
		}
		return strconv.AppendInt(b, int64(v), 10)
	}
	if a < 1e-4 || a > 1<<54 {
		return strconv.AppendFloat(b, v, 'e', -1, 64)
	}
	return strconv.AppendFloat(b, v, 'f', -1, 64)
}

// swiftMetadata re-spells a JSON object of string to string ("" gives nil) as
// the app would: keys in no order, slashes escaped.
func swiftMetadata(object string) []byte {
	if object == "" {
		return nil
	}
	var m map[string]string
	if json.Unmarshal([]byte(object), &m) != nil || m == nil {
		return nil
	}
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	rand.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	b := []byte{'{'}
	for i, k := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendSwiftString(b, k)
		b = append(b, ':')
		b = appendSwiftString(b, m[k])
	}
	return append(b, '}')
}

// field is one member of a small object.
type field struct {
	key   string
	value []byte // JSON
}

// object writes a small object, its members in no order.
func object(fields ...field) []byte {
	rand.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
	b := []byte{'{'}
	for i, f := range fields {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendSwiftString(b, f.key)
		b = append(b, ':')
		b = append(b, f.value...)
	}
	return append(b, '}')
}

func jsonString(s string) []byte { return appendSwiftString(nil, s) }

func jsonStrings[S ~string](list []S) []byte {
	b := []byte{'['}
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendSwiftString(b, string(s))
	}
	return append(b, ']')
}

// jsonDate writes a date of .iso8601: whole seconds, UTC, the rest cut off.
func jsonDate(unix int64) []byte {
	var d dateWriter
	return d.append(nil, unix)
}

// dateWriter writes dates quickly: samples of one page mostly share their day.
type dateWriter struct {
	day  int64
	text [11]byte // "2026-01-07T"
	ok   bool
}

// append appends a quoted date. Years outside 0-9999 are written with the
// digits that they have.
func (d *dateWriter) append(b []byte, unix int64) []byte {
	day := unix / 86400
	sec := unix % 86400
	if sec < 0 {
		day--
		sec += 86400
	}
	b = append(b, '"')
	if !d.ok || d.day != day {
		y, m, dd := gregorian(day)
		if y < 0 || y > 9999 {
			d.ok = false
			b = strconv.AppendInt(b, y, 10)
			b = append(b, '-', byte('0'+m/10), byte('0'+m%10), '-', byte('0'+dd/10), byte('0'+dd%10), 'T')
			return appendClock(b, sec)
		}
		d.text = [11]byte{
			byte('0' + y/1000), byte('0' + y/100%10), byte('0' + y/10%10), byte('0' + y%10), '-',
			byte('0' + m/10), byte('0' + m%10), '-', byte('0' + dd/10), byte('0' + dd%10), 'T',
		}
		d.day, d.ok = day, true
	}
	b = append(b, d.text[:]...)
	return appendClock(b, sec)
}

func appendClock(b []byte, sec int64) []byte {
	h, m, s := sec/3600, sec/60%60, sec%60
	return append(b, byte('0'+h/10), byte('0'+h%10), ':', byte('0'+m/10), byte('0'+m%10), ':',
		byte('0'+s/10), byte('0'+s%10), 'Z', '"')
}

// gregorian turns days since 1970-01-01 into a date of the Gregorian calendar (the
// era arithmetic of Howard Hinnant's "chrono-Compatible Low-Level Date
// Algorithms", civil_from_days).
func gregorian(day int64) (y, m, d int64) {
	day += 719468
	era := day / 146097
	if day < 0 {
		era = (day - 146096) / 146097
	}
	doe := day - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	d = doy - (153*mp+2)/5 + 1
	m = mp + 3
	if m > 12 {
		m -= 12
	}
	y = yoe + era*400
	if m <= 2 {
		y++
	}
	return y, m, d
}

// key numbers of a sample's members.
const (
	keyID = iota
	keyType
	keyValue
	keyUnit
	keyStart
	keyEnd
	keySource
	keyMetadata
	sampleKeys
)

// orders are some of the 40,320 orders of a sample's eight keys. Swift's
// dictionaries are seeded by their place in memory: one page has many orders.
type orders [32][sampleKeys]byte

func newOrders() *orders {
	var o orders
	for i := range o {
		for j, k := range rand.Perm(sampleKeys) {
			o[i][j] = byte(k)
		}
	}
	return &o
}

// sampleWriter writes the samples of one page.
type sampleWriter struct {
	orders     *orders
	n          int
	start, end dateWriter
}

// append appends one sample, a comma before all but the first.
func (w *sampleWriter) append(b []byte, r *record, typ []byte, a *attrJSON) []byte {
	if w.n > 0 {
		b = append(b, ',')
	}
	order := &w.orders[(w.n*7+w.n>>5)&31]
	w.n++
	b = append(b, '{')
	first := len(b)
	for _, k := range order {
		if k == keyMetadata && a.metadata == nil {
			continue
		}
		if len(b) != first {
			b = append(b, ',')
		}
		switch k {
		case keyID:
			b = append(b, `"id":"`...)
			b = r.id.Append(b)
			b = append(b, '"')
		case keyType:
			b = append(b, `"type":`...)
			b = append(b, typ...)
		case keyValue:
			b = append(b, `"value":`...)
			b = appendSwiftDouble(b, r.value)
		case keyUnit:
			b = append(b, `"unit":`...)
			b = append(b, a.unit...)
		case keyStart:
			b = append(b, `"startDate":`...)
			b = w.start.append(b, floorSecond(r.start))
		case keyEnd:
			b = append(b, `"endDate":`...)
			b = w.end.append(b, floorSecond(r.end))
		case keySource:
			b = append(b, `"sourceName":`...)
			b = append(b, a.source...)
		case keyMetadata:
			b = append(b, `"metadata":`...)
			b = append(b, a.metadata...)
		}
	}
	return append(b, '}')
}

// isFinite reports what JSONEncoder can write: for anything else it throws, and
// the app sends "{}" in its place with status 200 (HTTPTypes.swift).
func isFinite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

var emptyObject = []byte("{}")
