package pairingcode

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"healthsync/pki"
)

// ParsePayload reads the JSON text of a pairing payload, of protocol version 1
// or 2. It is strict about what the fields say and forgiving about what
// happens to text on its way through a chat, a mail or a terminal: surrounding
// white space, a byte order mark, no-break spaces, typographic quotes, and line
// breaks anywhere, even inside a value. Fields it does not know are passed over.
//
// The errors are a [*NotHealthSyncError] when the text is something else, or a
// [*PayloadError] when it is a pairing payload with something wrong in it. An
// expired payload is not an error, see [Payload.Expired].
func ParsePayload[T string | []byte](text T) (Payload, error) {
	if len(text) > MaxPayload {
		if !resembles([]byte(text[:MaxPayload])) {
			return Payload{}, &NotHealthSyncError{Kinds: []string{"text"}}
		}
		return Payload{}, &PayloadError{"", "is longer than " + strconv.Itoa(MaxPayload) + " bytes"}
	}
	raw := unquote(tidy([]byte(text)))
	if len(raw) == 0 || raw[0] != '{' {
		return Payload{}, &NotHealthSyncError{Kinds: kinds(raw)}
	}
	p, known, err := readObject(raw)
	if err != nil {
		if !known && !resembles(raw) {
			return Payload{}, &NotHealthSyncError{Kinds: []string{"JSON"}}
		}
		return Payload{}, err
	}
	return p, nil
}

// LooksLikePayload tells the beginning of a payload's text, however it was
// copied, from that of anything else: a picture above all.
func LooksLikePayload(head []byte) bool {
	return bytes.HasPrefix(unquote(tidy(head)), []byte("{"))
}

// unquote takes away the quotes that an object was pasted in.
func unquote(raw []byte) []byte {
	if t := bytes.TrimLeft(raw, `"'`+"`"); len(t) < len(raw) && len(t) > 0 && t[0] == '{' {
		return bytes.TrimRight(t, `"'`+"`")
	}
	return raw
}

func kinds(text []byte) []string {
	if len(text) == 0 {
		return nil
	}
	return []string{kindOf(string(text))}
}

// resembles tells a damaged payload from any other text: it names the one
// field that nothing but HealthSync has.
func resembles(text []byte) bool { return bytes.Contains(text, []byte(fieldLeaf)) }

// tidy undoes what copying does to a payload. No value of ours has white space
// or quotes in it, so nothing that is meant can be lost.
func tidy(text []byte) []byte {
	var b strings.Builder
	b.Grow(len(text))
	broken := false // a line break was just dropped: drop the next line's indentation too
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		if r == utf8.RuneError && n == 1 { // left as it is for the JSON reader to refuse
			b.WriteByte(text[0])
			text = text[1:]
			continue
		}
		text = text[n:]
		switch {
		case r == '\r' || r == '\n' || r == '\u2028' || r == '\u2029':
			broken = true
			continue
		case unicode.Is(unicode.Cf, r):
			continue // byte order mark and other characters without a width
		case r == '\t' || unicode.Is(unicode.Zs, r):
			if !broken {
				b.WriteByte(' ')
			}
			continue
		case strings.ContainsRune("\u201c\u201d\u201e\u201f\u00ab\u00bb\uff02", r):
			r = '"' // "smart" punctuation of notes and chats
		}
		broken = false
		b.WriteRune(r)
	}
	return []byte(strings.TrimSpace(b.String()))
}

// readObject reads the whole text as one JSON object. known says whether
// enough of our fields were seen to call it a pairing payload.
func readObject(raw []byte) (p Payload, known bool, err error) {
	dec := jsontext.NewDecoder(bytes.NewReader(raw)) // refuses duplicate names and invalid UTF-8
	values := map[string]jsontext.Value{}
	err = json.UnmarshalDecode(dec, &values)
	seen := 0 // before the error, if there was one
	for _, field := range fieldNames {
		if _, ok := values[field]; ok {
			seen++
		}
	}
	known = seen > 2
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return Payload{}, known, &PayloadError{"", "is cut short"}
	case errors.Is(err, jsontext.ErrDuplicateName):
		return Payload{}, known, &PayloadError{"", "names a field twice"}
	case err != nil: // it is not repeated: it may quote the code
		return Payload{}, known, &PayloadError{"", "is not well-formed JSON"}
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return Payload{}, known, &PayloadError{"", "is followed by something else"}
	}
	p, err = readFields(values)
	return p, known, err
}

// readFields turns the fields' values into a valid payload.
func readFields(values map[string]jsontext.Value) (Payload, error) {
	r := fieldReader{values: values}
	version := r.text(fieldVersion)
	if version != "1" && version != "2" { // first: the other fields depend on it
		r.fail(fieldVersion, "is not 1 or 2")
	}
	p := Payload{
		Version: 1, Host: r.text(fieldHost), Port: r.number(fieldPort), Code: r.text(fieldCode),
		ExpiresAt: r.date(fieldExpires), Leaf: r.fingerprint(fieldLeaf),
	}
	if version == "2" {
		p.Version, p.CA = 2, r.fingerprint(fieldCA)
	}
	if r.err != nil {
		return Payload{}, r.err
	}
	if h, ok := strings.CutPrefix(p.Host, "["); ok && strings.HasSuffix(h, "]") && strings.Contains(h, ":") {
		p.Host = strings.TrimSuffix(h, "]") // an IPv6 address as in a URL
	}
	if err := p.Validate(); err != nil {
		return Payload{}, err
	}
	return p, nil
}

// fieldReader reads one field after the other and keeps the first error.
type fieldReader struct {
	values map[string]jsontext.Value
	err    error
}

func (r *fieldReader) fail(field, reason string) {
	if r.err == nil {
		r.err = &PayloadError{field, reason}
	}
}

// value gives the field's value if it is of the kind that what describes.
func (r *fieldReader) value(field string, kind jsontext.Kind, what string) jsontext.Value {
	v, ok := r.values[field]
	switch {
	case !ok || v.Kind() == 'n':
		r.fail(field, "is missing")
	case v.Kind() != kind:
		r.fail(field, "is not "+what)
	default:
		return v
	}
	return nil
}

func (r *fieldReader) text(field string) string {
	s, err := jsontext.AppendUnquote(nil, r.value(field, '"', "a string"))
	if err != nil {
		r.fail(field, "is not a sound string")
	}
	return string(s)
}

func (r *fieldReader) number(field string) int {
	// No fraction and no exponent: Swift's Int writes none.
	n, err := strconv.Atoi(string(r.value(field, '0', "a number")))
	if err != nil {
		r.fail(field, "is not a whole number")
	}
	return n
}

// date reads ISO 8601 with or without a fraction of a second, which is cut.
func (r *fieldReader) date(field string) time.Time {
	t, err := time.Parse(time.RFC3339, r.text(field))
	t = t.UTC().Truncate(time.Second)
	switch {
	case err != nil:
		r.fail(field, "is not a date as in 2026-01-07T12:00:00Z")
	case t.Year() < 2001 || t.Year() > 2999:
		r.fail(field, "is not a date of this millennium")
	}
	return t
}

func (r *fieldReader) fingerprint(field string) pki.Fingerprint {
	fp, err := pki.ParseFingerprint(r.text(field))
	if err != nil {
		r.fail(field, "is not a SHA-256 fingerprint (64 hexadecimal digits)")
	}
	return fp
}
