package phone

import (
	"io"
	"time"
	"unicode/utf8"

	"healthsync/sync/health"
)

// message reads the small answers: one object whose members are handed over
// one by one.
type message struct {
	scanner
	members int
}

// read reads one object from r up to its end. member is called with each key
// and must take its value; what it does not know it leaves to ignore.
func (m *message) read(r io.Reader, member func(key string) error) error {
	m.reset(r)
	if err := m.take('{'); err != nil {
		return err
	}
	for ; ; m.members++ {
		done, err := m.next('}', m.members == 0)
		if err != nil {
			return err
		}
		if done {
			break
		}
		key, err := m.text()
		if err != nil {
			return err
		}
		name := string(key)
		if err := m.take(':'); err != nil {
			return err
		}
		if err := member(name); err != nil {
			return err
		}
	}
	switch end, err := m.atEnd(); {
	case err != nil:
		return err
	case !end:
		return errSyntax
	}
	return nil
}

func (m *message) ignore() error { return m.skip(1) }

// stringOf reads the string that field promises.
func (m *message) stringOf(field string) (string, error) {
	c, err := m.peek()
	if err != nil {
		return "", err
	}
	if c != '"' {
		return "", &fieldError{field, "not a string"}
	}
	text, err := m.text()
	if err != nil {
		return "", err
	}
	if !utf8.Valid(text) {
		return "", errUTF8
	}
	return string(text), nil
}

// dateOf reads the date that field promises.
func (m *message) dateOf(field string) (time.Time, error) {
	text, err := m.stringOf(field)
	if err != nil {
		return time.Time{}, err
	}
	unix, ok := parseDate([]byte(text))
	if !ok {
		return time.Time{}, &fieldError{field, "not an ISO 8601 date"}
	}
	return time.Unix(unix, 0).UTC(), nil
}

// maxTypes and maxTypeName bound the list of types; the app has 31.
const (
	maxTypes    = 1000
	maxTypeName = 128
)

// typesOf reads the list of types that field promises. A type that is listed
// twice is there once.
func (m *message) typesOf(field string) ([]health.Type, error) {
	c, err := m.peek()
	if err != nil {
		return nil, err
	}
	if c != '[' {
		return nil, &fieldError{field, "not a list"}
	}
	m.pos++
	types := []health.Type{}
	seen := map[string]bool{}
	for first := true; ; first = false {
		done, err := m.next(']', first)
		if err != nil {
			return nil, err
		}
		if done {
			return types, nil
		}
		name, err := m.stringOf(field)
		if err != nil {
			return nil, err
		}
		if name == "" || len(name) > maxTypeName || len(types) == maxTypes {
			return nil, &fieldError{field, "too many types, or a name that cannot be one"}
		}
		if !seen[name] {
			seen[name] = true
			types = append(types, health.Type(name))
		}
	}
}
