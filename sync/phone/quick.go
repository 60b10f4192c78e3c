package phone

import "healthsync/sync/health"

// quick reads one sample in the form that the app writes: no white space, and
// all of it in the window. It is sample without the questions that this form
// does not raise, at half its cost. Whatever is out of the ordinary, also
// every error, makes it report false with nothing taken, and sample reads the
// same bytes again; FuzzPage holds the two against each other.
func (d *pageDecoder) quick(s *health.Sample) bool {
	b := d.buf[d.pos:d.end]
	if len(b) == 0 || b[0] != '{' {
		return false
	}
	var has sampleField
	for i, k := 1, 0; ; k++ {
		// The key: most samples have the order of the one before.
		guess := &d.order[k&7]
		if !startsWith(b[i:], sampleFields[*guess&7].token) {
			n, ok := keyAt(b[i:])
			if !ok {
				return false
			}
			*guess = n
		}
		field := sampleFields[*guess&7].field
		i += len(sampleFields[*guess&7].token)
		if has&field != 0 || i+40 > len(b) { // 40: the longest value of fixed length
			return false
		}
		has |= field

		ok := false
		switch field {
		case fieldID:
			if b[i] != '"' || b[i+37] != '"' {
				return false
			}
			s.ID, ok = uuid(b[i+1 : i+37])
			i += 38
		case fieldStart, fieldEnd:
			if b[i] != '"' || b[i+21] != '"' {
				return false
			}
			at, valid := parseDate(b[i+1 : i+21])
			if ok = valid; field == fieldStart {
				s.Start = at
			} else {
				s.End = at
			}
			i += 22
		case fieldValue:
			from := i
			for i < len(b) && inLiteral[b[i]] {
				i++
			}
			v, err := number(b[from:i])
			s.Value, ok = v, err == nil
		case fieldMetadata:
			from := i
			if i = flatObject(b, i); i < 0 {
				return false
			}
			s.Metadata, ok = d.metadata.find(b[from:i])
		default:
			end, escaped := stringEnd(b, i)
			if end < 0 {
				return false
			}
			raw := b[i+1 : end-1]
			i = end
			var text string
			var err error
			switch field {
			case fieldType:
				text, err = d.types.text(raw, escaped)
				s.Type = health.Type(text)
			case fieldUnit:
				text, err = d.units.text(raw, escaped)
				s.Unit = text
			case fieldSource:
				text, err = d.sources.text(raw, escaped)
				s.Source = text
			}
			ok = err == nil
		}
		if !ok || i >= len(b) {
			return false
		}
		i++
		switch b[i-1] {
		case ',':
		case '}':
			if required&^has != 0 || s.Type == "" {
				return false
			}
			d.pos += i
			return true
		default:
			return false
		}
	}
}

func startsWith(b []byte, token string) bool {
	return len(b) >= len(token) && string(b[:len(token)]) == token
}

// keyAt finds the field whose token b begins with.
func keyAt(b []byte) (uint8, bool) {
	for n := range sampleFields {
		if startsWith(b, sampleFields[n].token) {
			return uint8(n), true
		}
	}
	return 0, false
}

// stringEnd gives the index after the closing quote of the string that opens
// at i, or -1 where it does not end in b.
func stringEnd(b []byte, i int) (end int, escaped bool) {
	if i >= len(b) || b[i] != '"' {
		return -1, false
	}
	for i = plain(b, i+1); i < len(b) && b[i] == '\\'; i = plain(b, i+2) {
		escaped = true
	}
	if i >= len(b) || b[i] != '"' {
		return -1, false
	}
	return i + 1, escaped
}

// flatObject gives the index after an object of strings that opens at i,
// written without white space, or -1 for anything else.
func flatObject(b []byte, i int) int {
	if i >= len(b) || b[i] != '{' {
		return -1
	}
	for {
		for _, after := range [2]byte{':', 0} {
			if i, _ = stringEnd(b, i+1); i < 0 || i >= len(b) || after != 0 && b[i] != after {
				return -1
			}
		}
		switch b[i] {
		case ',':
		case '}':
			return i + 1
		default:
			return -1
		}
	}
}
