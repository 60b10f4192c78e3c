package phone

import "unicode/utf8"

// Bounds of an interner. A history has a few dozen sources and units and six
// sleep stages; what has more distinct values than this is not worth keeping.
const (
	maxInterned     = 4096
	maxInternedSize = 256 // bytes of one value on the wire
)

// interner gives one string for equal bytes, so that a page of 10,000 samples
// from three sources holds three source names. It is keyed by what stands on
// the wire: "count\/min" is unescaped once, not once a sample.
type interner struct {
	seen map[string]interned
	last interned // answers for a run of equal values without the map
}

type interned struct{ raw, text string }

// find gives what was added for raw.
func (in *interner) find(raw []byte) (text string, ok bool) {
	if string(raw) == in.last.raw {
		return in.last.text, true // the zero value answers "" with ""
	}
	e, ok := in.seen[string(raw)]
	if ok {
		in.last = e
	}
	return e.text, ok
}

// add remembers text for raw and returns it.
func (in *interner) add(raw, text []byte) string {
	v := string(text)
	if len(raw) > maxInternedSize {
		return v
	}
	if in.seen == nil || len(in.seen) >= maxInterned {
		in.seen = make(map[string]interned)
	}
	e := interned{raw: v, text: v}
	if v != string(raw) {
		e.raw = string(raw)
	}
	in.seen[e.raw] = e
	in.last = e
	return v
}

// text gives the text of raw, which is what stands between the quotes of a
// JSON string.
func (in *interner) text(raw []byte, escaped bool) (string, error) {
	if v, ok := in.find(raw); ok {
		return v, nil
	}
	text := raw
	if escaped {
		var err error
		if text, err = unescape(nil, raw); err != nil {
			return "", err
		}
	}
	if !utf8.Valid(text) {
		return "", errUTF8
	}
	return in.add(raw, text), nil
}
