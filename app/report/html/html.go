// Package html writes an HTML document element by element, with every text
// escaped. The names of elements and attributes are constants of the program:
// their type is not exported, so no value from elsewhere can become one.
//
// The standard library's html/template does more than is needed here, and calls
// methods by name: with it the macOS linker would keep all of darwinkit.
package html

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// literal is what only a constant in the source can be: outside of this
// package nothing but an untyped constant converts to it.
type literal string

// Attribute is a name with its value, which may be anyone's text.
type Attribute struct {
	name  literal
	value string
}

// Attr makes an attribute. Its value is escaped when it is written. A link
// may only lead to another place in the same document: whatever else it says
// is written as "#".
func Attr(name literal, value string) Attribute {
	switch name {
	case "href", "src", "action", "formaction", "xlink:href", "data", "poster":
		if !strings.HasPrefix(value, "#") {
			value = "#"
		}
	}
	return Attribute{name, value}
}

// Num makes an attribute of a number with at most two decimals: more than a
// screen shows.
func Num(name literal, v float64) Attribute { return Attribute{name, number(v)} }

func number(v float64) string {
	s := strconv.FormatFloat(v, 'f', 2, 64)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// Class is the attribute that nearly every element has.
func Class(value literal) Attribute { return Attribute{"class", string(value)} }

// Writer writes a document. The first error stays, and Close gives it.
type Writer struct {
	w    *bufio.Writer
	open []literal
	err  error
}

// New begins a document: its first line is written.
func New(w io.Writer) *Writer {
	h := &Writer{w: bufio.NewWriterSize(w, 32<<10)}
	h.write("<!DOCTYPE html>\n")
	return h
}

func (h *Writer) write(s string) {
	if h.err == nil {
		_, h.err = h.w.WriteString(s)
	}
}

// Open begins an element.
func (h *Writer) Open(name literal, attrs ...Attribute) {
	h.start(name, attrs)
	h.open = append(h.open, name)
}

func (h *Writer) start(name literal, attrs []Attribute) {
	if name == "script" {
		h.fail(errors.New("html: a document of ours runs no script"))
		return
	}
	h.write("<" + string(name))
	for _, a := range attrs {
		h.write(" " + string(a.name) + `="`)
		h.escape(a.value)
		h.write(`"`)
	}
	h.write(">")
}

// Close ends the innermost element, which must be the one that is named.
func (h *Writer) Close(name literal) {
	last := len(h.open) - 1
	if last < 0 || h.open[last] != name {
		h.fail(fmt.Errorf("html: %s is closed, but %v is open", name, h.open))
		return
	}
	h.open = h.open[:last]
	h.write("</" + string(name) + ">")
	if breaks[name] {
		h.write("\n")
	}
}

// breaks lists the elements after which a line break does no harm.
var breaks = map[literal]bool{
	"html": true, "head": true, "title": true, "style": true, "body": true, "header": true, "main": true, "footer": true, "section": true, "article": true, "nav": true,
	"div": true, "p": true, "h1": true, "h2": true, "h3": true, "table": true, "thead": true, "tbody": true, "tr": true, "ul": true, "li": true, "details": true, "figure": true, "svg": true, "g": true,
}

// Void writes an element that has no content and no end: meta, br, wbr.
func (h *Writer) Void(name literal, attrs ...Attribute) { h.start(name, attrs) }

// Element writes an element that holds a text and nothing else.
func (h *Writer) Element(name literal, text string, attrs ...Attribute) {
	h.Open(name, attrs...)
	h.Text(text)
	h.Close(name)
}

// Text writes a text.
func (h *Writer) Text(s string) { h.escape(s) }

// Name writes a text that a stranger chose, so that it cannot change the
// direction of what follows.
func (h *Writer) Name(s string) {
	h.Open("bdi")
	h.Text(s)
	h.Close("bdi")
}

// Style writes a style sheet, which is a constant of the program.
func (h *Writer) Style(css literal) {
	if strings.Contains(string(css), "</") {
		h.fail(errors.New("html: a style sheet cannot hold the end of an element"))
	}
	h.write("<style>" + string(css) + "</style>\n")
}

// End writes what is left and gives the first error. Every element must have
// been closed.
func (h *Writer) End() error {
	if len(h.open) > 0 {
		h.fail(fmt.Errorf("html: %v is left open", h.open))
	}
	if h.err != nil {
		return h.err
	}
	return h.w.Flush()
}

func (h *Writer) fail(err error) {
	if h.err == nil {
		h.err = err
	}
}

// escape writes a text as the content of an element or of a quoted attribute
// (HTML Standard, 13.3): no character of it can end either. What is no text is
// replaced: broken UTF-8 and control characters, which no document may hold,
// and those that turn the direction of reading (Trojan Source,
// CVE-2021-42574).
func (h *Writer) escape(s string) {
	if h.err != nil {
		return
	}
	plain := 0
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if by, special := replacement(r, size); special {
			h.write(s[plain:i])
			h.write(by)
			plain = i + size
		}
		i += size
	}
	h.write(s[plain:])
}

func replacement(r rune, size int) (string, bool) {
	switch r {
	case '&':
		return "&amp;", true
	case '<':
		return "&lt;", true
	case '>':
		return "&gt;", true
	case '"':
		return "&#34;", true
	case '\'':
		return "&#39;", true
	case '\n', '\t':
		return "", false
	case '\u200d': // joins emoji
		return "", false
	case utf8.RuneError:
		return "\ufffd", size == 1
	}
	if unicode.Is(unicode.Cc, r) || r >= 0xfdd0 && r <= 0xfdef || r&0xfffe == 0xfffe {
		return "\ufffd", true
	}
	return "", unicode.Is(unicode.Cf, r)
}
