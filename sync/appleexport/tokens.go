package appleexport

import (
	"bufio"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
)

// root is the name of the outermost element.
const root = "HealthData"

// maxToken bounds one tag or comment, in bytes. The longest tag seen in an
// export is some two kilobytes.
const maxToken = 1 << 20

// tokens reads the XML of an export from its root element on. What is before it
// is passed over: the document type that iOS 16 wrote is not well formed.
type tokens struct {
	*xml.Decoder
	limit  *limitedReader
	before int64 // bytes in front of the root element
}

// open looks for the root element.
func (t *tokens) open(r io.Reader) error {
	t.limit = &limitedReader{r: r, left: maxToken}
	b := bufio.NewReader(transform.NewReader(t.limit, runes.Map(legal)))
	for {
		skipped, err := b.ReadSlice('<')
		t.before += int64(len(skipped))
		t.limit.left = maxToken
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF):
			return &FormatError{t.before, "there is no " + root + " in it"}
		case err != nil:
			return err
		}
		if name, _ := b.Peek(len(root)); string(name) == root {
			t.before--
			t.Decoder = xml.NewDecoder(io.MultiReader(strings.NewReader("<"), b))
			t.Strict = false // an & that begins no reference stands for itself
			return nil
		}
	}
}

// legal replaces what XML 1.0 forbids in a text (section 2.2), and bytes that
// are no UTF-8, which come as utf8.RuneError. White space becomes spaces, as
// section 3.3.3 asks for in attributes.
func legal(r rune) rune {
	switch {
	case r < ' ':
		return ' '
	case r == 0xFFFE || r == 0xFFFF:
		return utf8.RuneError
	}
	return r
}

// next gives the next token; the error is a *FormatError or a *TruncatedError.
func (t *tokens) next() (xml.Token, error) {
	t.limit.left = maxToken
	token, err := t.RawToken()
	if err == nil {
		return token, nil
	}
	var format *FormatError
	var syntax *xml.SyntaxError
	switch {
	case errors.As(err, &format):
		format.Offset = t.offset()
		return nil, format
	case errors.Is(err, io.EOF), errors.As(err, &syntax) && syntax.Msg == "unexpected EOF":
		return nil, &TruncatedError{Offset: t.offset()}
	case syntax != nil:
		return nil, &FormatError{t.offset(), syntax.Msg}
	}
	return nil, &TruncatedError{Offset: t.offset(), Err: err}
}

// offset is where the last token ended in the XML.
func (t *tokens) offset() int64 { return t.before + t.InputOffset() }

// limitedReader gives left bytes at most. It bounds the memory for a token that
// does not end.
type limitedReader struct {
	r    io.Reader
	left int
}

func (l *limitedReader) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, &FormatError{Reason: "a tag that does not end"}
	}
	n, err := l.r.Read(p[:min(len(p), l.left)])
	l.left -= n
	return n, err
}
