// Package plist reads Apple's XML property lists, strictly: what macOS would
// reject or pass over without a word is an error here. (plistutil of
// libplist-utils takes a broken file and exits with 0, and plutil is on Macs
// only.) The format is that of PropertyList-1.0.dtd; the old text form and the
// binary form are not read.
package plist

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Dict is a dictionary; its values are string, bool, int64, float64, []byte,
// time.Time, []any or Dict.
type Dict map[string]any

// Error says where a property list is broken.
type Error struct {
	Offset int64 // bytes from the start
	Reason string
}

func (e *Error) Error() string { return fmt.Sprintf("plist: at byte %d: %s", e.Offset, e.Reason) }

const docType = `DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd"`

// Parse reads a property list whose root is a dictionary.
func Parse(data []byte) (Dict, error) {
	p := &parser{d: xml.NewDecoder(bytes.NewReader(data))}
	root, err := p.document()
	if err != nil {
		var known *Error
		if errors.As(err, &known) {
			return nil, err
		}
		return nil, &Error{p.d.InputOffset(), err.Error()}
	}
	d, ok := root.(Dict)
	if !ok {
		return nil, &Error{0, "the root is no dictionary"}
	}
	return d, nil
}

type parser struct{ d *xml.Decoder }

func (p *parser) fail(format string, args ...any) error {
	return &Error{p.d.InputOffset(), fmt.Sprintf(format, args...)}
}

// next is the next tag or the end of the file; text between tags must be
// white space, and comments are passed over.
func (p *parser) next() (xml.Token, error) {
	for {
		t, err := p.d.Token()
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.CharData:
			if len(bytes.TrimSpace(t)) > 0 {
				return nil, p.fail("text where none belongs: %.20q", t)
			}
		case xml.Comment, xml.ProcInst:
		case xml.Directive:
			if strings.Join(strings.Fields(string(t)), " ") != docType {
				return nil, p.fail("another document type: %.60q", t)
			}
		default:
			return t, nil
		}
	}
}

func (p *parser) document() (any, error) {
	t, err := p.next()
	if err != nil {
		return nil, err
	}
	start, ok := t.(xml.StartElement)
	if !ok || start.Name.Local != "plist" {
		return nil, p.fail("no <plist>")
	}
	if len(start.Attr) != 1 || start.Attr[0].Name.Local != "version" || start.Attr[0].Value != "1.0" {
		return nil, p.fail(`<plist> is not version="1.0"`)
	}
	root, err := p.one()
	if err != nil {
		return nil, err
	}
	if t, err = p.next(); err != nil {
		return nil, err
	}
	if _, ok := t.(xml.EndElement); !ok {
		return nil, p.fail("more than one value in <plist>")
	}
	if _, err = p.next(); !errors.Is(err, io.EOF) {
		return nil, p.fail("something follows </plist>")
	}
	return root, nil
}

// one reads a value that must be there.
func (p *parser) one() (any, error) {
	t, err := p.next()
	if err != nil {
		return nil, err
	}
	start, ok := t.(xml.StartElement)
	if !ok {
		return nil, p.fail("a value is missing")
	}
	return p.value(start)
}

func (p *parser) value(start xml.StartElement) (any, error) {
	if len(start.Attr) > 0 {
		return nil, p.fail("<%s> with an attribute", start.Name.Local)
	}
	switch start.Name.Local {
	case "dict":
		return p.dict()
	case "array":
		return p.array()
	}
	text, err := p.text()
	if err != nil {
		return nil, err
	}
	bad := func() error { return p.fail("<%s> holds %.20q", start.Name.Local, text) }
	switch start.Name.Local {
	case "string":
		return text, nil
	case "true", "false":
		if text != "" {
			return nil, bad()
		}
		return start.Name.Local == "true", nil
	case "integer":
		n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		if err != nil {
			return nil, bad()
		}
		return n, nil
	case "real":
		f, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil {
			return nil, bad()
		}
		return f, nil
	case "date":
		d, err := time.Parse(time.RFC3339, strings.TrimSpace(text))
		if err != nil {
			return nil, bad()
		}
		return d, nil
	case "data":
		b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
		if err != nil {
			return nil, bad()
		}
		return b, nil
	}
	return nil, p.fail("unknown element <%s>", start.Name.Local)
}

// text reads up to the end of an element that holds no other.
func (p *parser) text() (string, error) {
	var b strings.Builder
	for {
		t, err := p.d.Token()
		if err != nil {
			return "", err
		}
		switch t := t.(type) {
		case xml.CharData:
			b.Write(t)
		case xml.EndElement:
			return b.String(), nil
		case xml.StartElement:
			return "", p.fail("<%s> inside a value", t.Name.Local)
		}
	}
}

func (p *parser) array() (any, error) {
	out := []any{}
	for {
		t, err := p.next()
		if err != nil {
			return nil, err
		}
		start, ok := t.(xml.StartElement)
		if !ok {
			return out, nil
		}
		v, err := p.value(start)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
}

func (p *parser) dict() (any, error) {
	out := Dict{}
	for {
		t, err := p.next()
		if err != nil {
			return nil, err
		}
		start, ok := t.(xml.StartElement)
		if !ok {
			return out, nil
		}
		if start.Name.Local != "key" {
			return nil, p.fail("<%s> where a <key> belongs", start.Name.Local)
		}
		key, err := p.text()
		if err != nil {
			return nil, err
		}
		if _, twice := out[key]; twice {
			return nil, p.fail("key %q stands twice; macOS would take one of them", key)
		}
		if out[key], err = p.one(); err != nil {
			return nil, err
		}
	}
}

// SetString replaces the text of a top-level <string>, leaving everything else
// as it was written.
func SetString(data []byte, key, value string) ([]byte, error) {
	re := regexp.MustCompile(`(<key>` + regexp.QuoteMeta(key) + `</key>\s*<string>)[^<]*(</string>)`)
	if n := len(re.FindAll(data, -1)); n != 1 {
		return nil, fmt.Errorf("plist: %d strings named %s, want one", n, key)
	}
	var escaped bytes.Buffer
	if err := xml.EscapeText(&escaped, []byte(value)); err != nil {
		return nil, err
	}
	out := re.ReplaceAll(data, []byte("${1}"+strings.ReplaceAll(escaped.String(), "$", "$$")+"${2}"))
	d, err := Parse(out)
	if err != nil {
		return nil, err
	}
	if d[key] != value {
		return nil, fmt.Errorf("plist: %s is not at the top level", key)
	}
	return out, nil
}
