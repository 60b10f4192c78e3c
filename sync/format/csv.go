package format

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"strings"

	"healthsync/sync/health"
)

// csvWriter writes what encoding/csv would, in half the time: texts, of which few
// repeat from sample to sample, are quoted by that package once, and what else
// there is needs no quotes.
type csvWriter struct {
	w     *bufio.Writer
	comma []byte
	quote *csv.Writer // into cell
	cell  bytes.Buffer
	texts [4]text
	n     int // of texts that are columns
	plain bool
	line  []byte
}

// text is a column's last one, and as it is written.
type text struct {
	s       string
	written []byte
}

// figures are the characters of identifiers, numbers and dates. A delimiter that
// is one of them makes these need quotes, too.
const figures = "+-.:0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

func newCSV(w *bufio.Writer, comma rune, metadata bool) (*csvWriter, error) {
	c := &csvWriter{w: w, comma: []byte(string(comma)), n: 3, plain: !strings.ContainsRune(figures, comma)}
	if metadata {
		c.n = 4
	}
	head := []string{"id", "type", "value", "unit", "startDate", "endDate", "sourceName", "metadata"}
	c.quote = csv.NewWriter(&c.cell)
	c.quote.Comma = comma
	if err := c.quote.Write(head[:4+c.n]); err != nil {
		return nil, err
	}
	c.quote.Flush()
	_, err := w.Write(c.cell.Bytes())
	return c, err
}

// quoted is a cell as encoding/csv writes it; it is good until the next one.
func (c *csvWriter) quoted(s string) []byte {
	c.cell.Reset()
	// Neither a delimiter that was taken for the head nor a buffer in memory fails.
	_ = c.quote.Write([]string{s})
	c.quote.Flush()
	return bytes.TrimSuffix(c.cell.Bytes(), []byte{'\n'})
}

// text appends the i-th text of a sample.
func (c *csvWriter) text(b []byte, i int, s string) []byte {
	t := &c.texts[i]
	if t.s != s {
		t.s, t.written = s, append(t.written[:0], c.quoted(s)...)
	}
	return append(b, t.written...)
}

// figure takes what is appended to b from a place on for a cell.
func (c *csvWriter) figure(b []byte, from int) []byte {
	if !c.plain {
		b = append(b[:from], c.quoted(string(b[from:]))...)
	}
	return append(b, c.comma...)
}

func (c *csvWriter) Write(s *health.Sample) error {
	b := s.ID.Append(c.line[:0])
	b = c.figure(b, 0)
	b = append(c.text(b, 0, string(s.Type)), c.comma...)
	b = c.figure(appendNumber(b, s.Value), len(b))
	b = append(c.text(b, 1, s.Unit), c.comma...)
	b = c.figure(appendDate(b, s.Start), len(b))
	b = c.figure(appendDate(b, s.End), len(b))
	b = c.text(b, 2, s.Source)
	if c.n > 3 {
		b = c.text(append(b, c.comma...), 3, s.Metadata)
	}
	c.line = append(b, '\n')
	_, err := c.w.Write(c.line)
	return err
}

func (c *csvWriter) Close() error { return c.w.Flush() }
