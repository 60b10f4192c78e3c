package phone

import (
	"bytes"
	"io"
	"slices"
	"unicode/utf8"
)

// metadataValue reads the metadata of a sample, of which c is the first byte,
// and gives it in the form of [health.Sample].
func (d *pageDecoder) metadataValue(c byte) (string, error) {
	if c == 'n' {
		return "", d.skip(3) // null: the same as absent
	}
	if c != '{' {
		return "", &fieldError{"metadata", "not an object"}
	}
	d.hold = d.pos
	err := d.skip(3)
	from := d.hold
	d.hold = -1
	if err != nil {
		return "", err
	}
	raw := d.buf[from:d.pos]
	if v, ok := d.metadata.find(raw); ok {
		return v, nil
	}
	if d.out, err = d.canonical(d.out[:0], raw); err != nil {
		return "", err
	}
	if !utf8.Valid(d.out) {
		return "", errUTF8
	}
	return d.metadata.add(raw, d.out), nil
}

type pair struct{ key, value []byte }

// canonical appends the object in raw, which is valid JSON, with sorted keys
// and as few escapes as can be. A key given twice keeps its last value, a null
// is left out, and whatever else is not a string becomes a string of its JSON
// text: the wire promises strings only. An object that then holds nothing
// becomes "".
func (d *pageDecoder) canonical(dst, raw []byte) ([]byte, error) {
	in := scanner{src: bytes.NewReader(nil), buf: raw, end: len(raw), hold: -1, err: io.EOF}
	d.pairs = d.pairs[:0]
	if err := in.take('{'); err != nil {
		return nil, err
	}
	for first := true; ; first = false {
		done, err := in.next('}', first)
		if err != nil {
			return nil, err
		}
		if done {
			break
		}
		key, err := plainText(&in)
		if err != nil {
			return nil, err
		}
		if err := in.take(':'); err != nil {
			return nil, err
		}
		c, err := in.peek()
		if err != nil {
			return nil, err
		}
		var value []byte
		if c == '"' {
			value, err = plainText(&in)
		} else {
			from := in.pos
			err = in.skip(1)
			value = in.buf[from:in.pos]
		}
		if err != nil {
			return nil, err
		}
		d.pairs = slices.DeleteFunc(d.pairs, func(p pair) bool { return bytes.Equal(p.key, key) })
		if c != 'n' {
			d.pairs = append(d.pairs, pair{key, value})
		}
	}
	if len(d.pairs) == 0 {
		return dst, nil
	}
	slices.SortFunc(d.pairs, func(a, b pair) int { return bytes.Compare(a.key, b.key) })
	lead := byte('{')
	for _, p := range d.pairs {
		dst = append(dst, lead)
		dst = appendQuoted(dst, p.key)
		dst = append(dst, ':')
		dst = appendQuoted(dst, p.value)
		lead = ','
	}
	return append(dst, '}'), nil
}

// plainText reads a string into memory of its own.
func plainText(s *scanner) ([]byte, error) {
	t, err := s.text()
	return bytes.Clone(t), err
}

// appendQuoted appends text as a JSON string with the fewest escapes.
func appendQuoted(dst, text []byte) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
