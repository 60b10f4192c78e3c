package appleexport

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"unicode/utf8"
)

// scanner reads the tags of an XML text. It is not a general XML parser: an
// export has its data in attributes alone, and some releases of iOS wrote
// exports that general parsers refuse (a document type that is not well formed
// in iOS 16, one attribute twice). What it does not need it does not check.
type scanner struct {
	r      io.Reader
	buf    []byte
	pos    int   // of the next byte to look at
	end    int   // of what was read
	before int64 // bytes that left buf
	err    error // why no more comes: io.EOF or an error

	name  []byte // of the last tag; like attrs valid until the next call
	attrs []attribute
	empty bool // <name/>
	close bool // </name>
}

type attribute struct{ name, value []byte }

// maxTag bounds one tag or comment, in bytes. The longest tag seen in an export
// is some two kilobytes.
const maxTag = 1 << 20

const bufferSize = 256 << 10

func newScanner(r io.Reader) *scanner {
	return &scanner{r: r, buf: make([]byte, bufferSize)}
}

// offset is where the scanner stands in the text.
func (s *scanner) offset() int64 { return s.before + int64(s.pos) }

// fill reads more behind what buf holds from keep on, which moves to its front.
func (s *scanner) fill(keep int) bool {
	if s.err != nil {
		return false
	}
	if keep > 0 {
		copy(s.buf, s.buf[keep:s.end])
		s.before += int64(keep)
		s.pos -= keep
		s.end -= keep
	}
	if s.end == len(s.buf) {
		if len(s.buf) >= maxTag {
			s.err = &FormatError{Offset: s.offset(), Reason: "a tag that does not end"}
			return false
		}
		s.buf = append(s.buf, make([]byte, len(s.buf))...)
	}
	for range 100 { // as bufio bounds readers that give nothing
		n, err := s.r.Read(s.buf[s.end:])
		s.end += n
		if err != nil {
			s.err = err
		}
		if n > 0 {
			return true
		}
		if err != nil {
			return false
		}
	}
	s.err = io.ErrNoProgress
	return false
}

// next finds the next start or end tag; false at the end of the text or where
// err says why.
func (s *scanner) next() bool {
	for {
		i := bytes.IndexByte(s.buf[s.pos:s.end], '<')
		if i < 0 {
			s.pos = s.end
			if !s.fill(s.pos) {
				return false
			}
			continue
		}
		s.pos += i
		tag, ok := s.tag()
		if !ok {
			return false
		}
		if tag {
			return true
		}
	}
}

// tag reads what begins at pos with '<', and reports whether it was a tag.
func (s *scanner) tag() (tag, ok bool) {
	for {
		n, tag := s.parse(s.buf[s.pos:s.end])
		if n > 0 {
			s.pos += n
			return tag, true
		}
		if n < 0 {
			s.err = &FormatError{Offset: s.offset(), Reason: "a tag that is none"}
			return false, false
		}
		if !s.fill(s.pos) {
			if errors.Is(s.err, io.EOF) {
				s.err = io.ErrUnexpectedEOF
			}
			return false, false
		}
	}
}

// parse reads one construct and gives its length: 0 where more must come,
// below 0 where it is broken.
func (s *scanner) parse(b []byte) (n int, tag bool) {
	if len(b) < 2 {
		return 0, false
	}
	switch b[1] {
	case '?':
		return after(b, "?>"), false
	case '!':
		switch {
		case len(b) < 9:
			return 0, false
		case bytes.HasPrefix(b, []byte("<!--")):
			if n := after(b[4:], "-->"); n > 0 {
				return n + 4, false
			}
			return 0, false
		case bytes.HasPrefix(b, []byte("<![CDATA[")):
			return after(b, "]]>"), false
		}
		return doctype(b), false
	}
	return s.parseTag(b)
}

func after(b []byte, end string) int {
	if i := bytes.Index(b, []byte(end)); i >= 0 {
		return i + len(end)
	}
	return 0
}

// doctype passes over a document type with its internal subset. Quotes are not
// looked at: those of iOS 16 do not match up.
func doctype(b []byte) int {
	depth := 0
	for i := 2; i < len(b); i++ {
		switch b[i] {
		case '[':
			depth++
		case ']':
			depth--
		case '<':
			if bytes.HasPrefix(b[i:], []byte("<!--")) {
				n := after(b[i+4:], "-->")
				if n == 0 {
					return 0
				}
				i += 3 + n
			}
		case '>':
			if depth <= 0 {
				return i + 1
			}
		}
	}
	return 0
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

func endsName(c byte) bool { return isSpace(c) || c == '>' || c == '/' || c == '=' }

func (s *scanner) parseTag(b []byte) (n int, tag bool) {
	i := 1
	s.close, s.empty, s.attrs = false, false, s.attrs[:0]
	if b[1] == '/' {
		s.close = true
		i = 2
	}
	from := i
	for i < len(b) && !endsName(b[i]) {
		i++
	}
	if i == len(b) {
		return 0, false
	}
	if i == from {
		return -1, false
	}
	s.name = b[from:i]
	for {
		for i < len(b) && isSpace(b[i]) {
			i++
		}
		if i == len(b) {
			return 0, false
		}
		switch b[i] {
		case '>':
			return i + 1, true
		case '/':
			s.empty = true
			i++
			continue
		}
		from := i
		for i < len(b) && !endsName(b[i]) {
			i++
		}
		name := b[from:i]
		for i < len(b) && isSpace(b[i]) {
			i++
		}
		if i+1 >= len(b) {
			return 0, false
		}
		if b[i] != '=' || len(name) == 0 {
			return -1, false
		}
		i++
		for i < len(b) && isSpace(b[i]) {
			i++
		}
		if i == len(b) {
			return 0, false
		}
		quote := b[i]
		if quote != '"' && quote != '\'' {
			return -1, false
		}
		i++
		length := bytes.IndexByte(b[i:], quote)
		if length < 0 {
			return 0, false
		}
		s.attrs = append(s.attrs, attribute{name, b[i : i+length]})
		i += length + 1
	}
}

// plain reports a value without anything to resolve or to replace.
func plain(v []byte) bool {
	for _, c := range v {
		if c == '&' || c < ' ' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// unescape appends an attribute's value to out: references resolved, white
// space made into spaces (XML 1.0 section 3.3.3), and what is not UTF-8
// replaced. References to entities that a document type may define stay as
// they are.
func unescape(out, v []byte) []byte {
	for i := 0; i < len(v); {
		c := v[i]
		switch {
		case c == '&':
			r, n := reference(v[i:])
			if n == 0 {
				out = append(out, '&')
				i++
				continue
			}
			out = utf8.AppendRune(out, r)
			i += n
		case isSpace(c):
			out = append(out, ' ')
			i++
		case c < utf8.RuneSelf:
			out = append(out, c)
			i++
		default:
			r, n := utf8.DecodeRune(v[i:])
			out = utf8.AppendRune(out, r)
			i += n
		}
	}
	return out
}

// reference reads a reference at the start of v; n is its length, 0 for none.
func reference(v []byte) (r rune, n int) {
	end := bytes.IndexByte(v[:min(len(v), 12)], ';')
	if end < 2 {
		return 0, 0
	}
	switch name := string(v[1:end]); {
	case name == "amp":
		r = '&'
	case name == "lt":
		r = '<'
	case name == "gt":
		r = '>'
	case name == "quot":
		r = '"'
	case name == "apos":
		r = '\''
	case name[0] == '#':
		digits, base := name[1:], 10
		if digits != "" && (digits[0] == 'x' || digits[0] == 'X') {
			digits, base = digits[1:], 16
		}
		code, err := strconv.ParseUint(digits, base, 32)
		if err != nil || code > utf8.MaxRune || !utf8.ValidRune(rune(code)) {
			return 0, 0
		}
		r = rune(code)
	default:
		return 0, 0
	}
	return r, end + 1
}
