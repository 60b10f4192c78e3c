package phone

import (
	"encoding/binary"
	"errors"
	"io"
	"math/bits"
)

// Bounds of what one answer may hold. The phone's identity is verified before
// a byte is read, so these guard against a fault, not against an enemy: memory
// stays bounded whatever arrives.
const (
	// scanBuffer is the window on the body: four TLS records.
	scanBuffer = 64 << 10
	// maxToken bounds one string, one number and one metadata object.
	maxToken = 256 << 10
	// maxDepth bounds the nesting of a value that is skipped or is metadata.
	maxDepth = 32
)

var (
	errEnd    = errors.New("the JSON text ends early")
	errSyntax = errors.New("not valid JSON")
	errLong   = errors.New("a JSON token is too long")
	errDepth  = errors.New("nested too deeply")
	errUTF8   = errors.New("a string is not valid UTF-8")
)

// scanner reads JSON tokens from a stream through one window of memory. It is
// written by hand because a page is the hot path of a sync: see
// BenchmarkPage for what a general decoder costs beside it.
//
// A slice that a method returns is good until the next call of any method.
type scanner struct {
	src io.Reader
	buf []byte
	pos int // next unread byte of buf
	end int // buf[pos:end] is read from src but not scanned
	// hold is the start of what a refill must keep beside buf[pos:], or -1.
	hold int
	// past counts the bytes that have left the window.
	past int64
	// err is what src said last; no more is read after it.
	err error
	tmp []byte
}

func (s *scanner) reset(src io.Reader) {
	if cap(s.buf) != scanBuffer { // do not keep what one long token grew
		s.buf = make([]byte, scanBuffer)
	}
	s.src, s.pos, s.end, s.hold, s.past, s.err = src, 0, 0, -1, 0, nil
}

// offset is the number of bytes scanned so far.
func (s *scanner) offset() int64 { return s.past + int64(s.pos) }

// more reads at least one further byte. The window slides so that the byte at
// pos (or hold) comes first; positions that a caller has remembered go down by
// the returned shift.
func (s *scanner) more() (shift int, err error) {
	if s.err != nil {
		return 0, s.failure()
	}
	base := s.pos
	if s.hold >= 0 {
		base = s.hold
		s.hold = 0
	}
	if base > 0 {
		copy(s.buf, s.buf[base:s.end])
		s.pos -= base
		s.end -= base
		s.past += int64(base)
	} else if s.end == len(s.buf) {
		if len(s.buf) >= maxToken {
			return 0, errLong
		}
		grown := make([]byte, 2*len(s.buf))
		copy(grown, s.buf[:s.end])
		s.buf = grown
	}
	for range 100 { // as bufio: a reader that keeps returning nothing is broken
		n, err := s.src.Read(s.buf[s.end:])
		s.end += n
		s.err = err
		if n > 0 {
			return base, nil
		}
		if err != nil {
			return 0, s.failure()
		}
	}
	s.err = io.ErrNoProgress
	return 0, s.err
}

// failure is the error of a text that goes on where the source does not.
func (s *scanner) failure() error {
	if errors.Is(s.err, io.EOF) {
		return errEnd
	}
	return s.err
}

// peek skips white space and gives the next byte without taking it.
func (s *scanner) peek() (byte, error) {
	if s.pos < s.end && s.buf[s.pos] > ' ' {
		return s.buf[s.pos], nil
	}
	return s.peekSpace()
}

// peekSpace is peek where white space or a refill comes first; it stands apart
// so that peek is inlined.
func (s *scanner) peekSpace() (byte, error) {
	for {
		for s.pos < s.end {
			c := s.buf[s.pos]
			if c > ' ' {
				return c, nil
			}
			if c != ' ' && c != '\n' && c != '\r' && c != '\t' {
				return 0, errSyntax
			}
			s.pos++
		}
		if _, err := s.more(); err != nil {
			return 0, err
		}
	}
}

// take expects the byte c after white space.
func (s *scanner) take(c byte) error {
	if s.pos < s.end && s.buf[s.pos] == c {
		s.pos++
		return nil
	}
	return s.takeSpace(c)
}

// takeSpace is to take what peekSpace is to peek.
func (s *scanner) takeSpace(c byte) error {
	got, err := s.peekSpace()
	if err != nil {
		return err
	}
	if got != c {
		return errSyntax
	}
	s.pos++
	return nil
}

// atEnd reports that nothing but white space is left.
func (s *scanner) atEnd() (bool, error) {
	switch _, err := s.peek(); {
	case err == nil, errors.Is(err, errSyntax):
		return false, nil
	case errors.Is(err, errEnd):
		return true, nil
	default:
		return false, err
	}
}

const (
	eachByte = 0x0101010101010101
	highBits = 0x8080808080808080
)

// str reads a string and returns what is between its quotes as it stands on
// the wire; escaped says that it holds escapes (see unescape).
func (s *scanner) str() (raw []byte, escaped bool, err error) {
	if err := s.take('"'); err != nil {
		return nil, false, err
	}
	s.pos-- // a refill keeps what starts at pos: the whole string
	i := s.pos + 1
	for {
		i = plain(s.buf[:s.end], i)
		if i < s.end {
			switch s.buf[i] {
			case '"':
				raw = s.buf[s.pos+1 : i]
				s.pos = i + 1
				return raw, escaped, nil
			case '\\':
				escaped = true
				i += 2
			default:
				return nil, false, errSyntax
			}
			if i <= s.end {
				continue
			}
		}
		shift, err := s.more()
		if err != nil {
			return nil, false, err
		}
		i -= shift
	}
}

// plain gives the index of the first quote, backslash or control character
// from i on, or len(b).
func plain(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		// Eight bytes at a time: what is looked for sets the high bit of its
		// lane. Borrow spoils only lanes above the first hit, the one that
		// counts.
		x := binary.LittleEndian.Uint64(b[i:])
		quote := x ^ eachByte*'"'
		slash := x ^ eachByte*'\\'
		hit := ((quote-eachByte)&^quote | (slash-eachByte)&^slash | (x-eachByte*0x20)&^x) & highBits
		if hit != 0 {
			return i + bits.TrailingZeros64(hit)>>3
		}
	}
	for ; i < len(b); i++ {
		if c := b[i]; c == '"' || c == '\\' || c < 0x20 {
			break
		}
	}
	return i
}

// text reads a string and unescapes it.
func (s *scanner) text() ([]byte, error) {
	if _, err := s.peek(); err != nil {
		return nil, err
	}
	raw, escaped, err := s.str()
	if err != nil || !escaped {
		return raw, err
	}
	s.tmp, err = unescape(s.tmp[:0], raw)
	return s.tmp, err
}

// literal reads the run of bytes that may belong to a number or to true,
// false or null.
func (s *scanner) literal() ([]byte, error) {
	i := s.pos
	for {
		for i < s.end && inLiteral[s.buf[i]] {
			i++
		}
		if i < s.end {
			break
		}
		shift, err := s.more()
		if err != nil {
			return nil, err
		}
		i -= shift
	}
	lit := s.buf[s.pos:i]
	s.pos = i
	return lit, nil
}

var inLiteral = func() (t [256]bool) {
	for _, c := range []byte("0123456789+-.eEtrufalsn") {
		t[c] = true
	}
	return t
}()

// skip passes over one value of any kind.
func (s *scanner) skip(depth int) error {
	c, err := s.peek()
	if err != nil {
		return err
	}
	switch c {
	case '"':
		raw, escaped, err := s.str()
		if err == nil && escaped {
			s.tmp, err = unescape(s.tmp[:0], raw)
		}
		return err
	case '{', '[':
		if depth >= maxDepth {
			return errDepth
		}
		s.pos++
		closer := c + 2 // '{' + 2 is '}', '[' + 2 is ']'
		for first := true; ; first = false {
			done, err := s.next(closer, first)
			if done || err != nil {
				return err
			}
			if c == '{' {
				if _, err := s.text(); err != nil {
					return err
				}
				if err := s.take(':'); err != nil {
					return err
				}
			}
			if err := s.skip(depth + 1); err != nil {
				return err
			}
		}
	default:
		lit, err := s.literal()
		if err != nil {
			return err
		}
		switch string(lit) {
		case "true", "false", "null":
			return nil
		}
		_, err = number(lit)
		return err
	}
}

// next stands before an element of an object or array, or at its end: it takes
// the comma between elements, and reports done after it has taken the closer.
func (s *scanner) next(closer byte, first bool) (done bool, err error) {
	c, err := s.peek()
	if err != nil {
		return false, err
	}
	if c == closer {
		s.pos++
		return true, nil
	}
	if first {
		return false, nil
	}
	if c != ',' {
		return false, errSyntax
	}
	s.pos++
	c, err = s.peek()
	if err == nil && c == closer { // a comma before the closer
		err = errSyntax
	}
	return false, err
}

// boolean reads true or false.
func (s *scanner) boolean() (bool, error) {
	if _, err := s.peek(); err != nil {
		return false, err
	}
	lit, err := s.literal()
	if err != nil {
		return false, err
	}
	switch string(lit) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, errSyntax
}
