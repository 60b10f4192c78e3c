// Package format writes samples and daily figures as CSV, TSV, JSON and
// newline-delimited JSON, as a stream: memory does not grow with their number.
package format

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"healthsync/sync/health"
)

// Kind is a form of output.
type Kind string

// The kinds.
const (
	CSV    Kind = "csv"
	TSV    Kind = "tsv"
	JSON   Kind = "json"
	NDJSON Kind = "ndjson"
)

// Kinds lists them in the order of the documentation.
func Kinds() []Kind { return []Kind{CSV, TSV, JSON, NDJSON} }

// Options of a writer.
type Options struct {
	Kind Kind
	// Delimiter parts the columns of CSV; 0 is a semicolon, as the first
	// command line of that name wrote it, so that decimal commas do no harm.
	Delimiter rune
	// Metadata adds the metadata as a last column, a JSON object.
	Metadata bool
	// Schema is the schema number inside JSON.
	Schema int
	// Cut says in JSON that a limit ended the answer while there was more; nil
	// means no. It is read when the answer ends.
	Cut *bool
}

func (o Options) cut() bool { return o.Cut != nil && *o.Cut }

// Writer writes samples one by one. Close writes what ends the output; a
// Writer that is not closed leaves JSON unfinished on purpose, so that half an
// answer cannot be taken for a whole one.
type Writer interface {
	Write(*health.Sample) error
	Close() error
}

// KindError says that there is no such kind.
type KindError struct{ Kind string }

func (e *KindError) Error() string { return fmt.Sprintf("no output format %q", e.Kind) }

// DelimiterError says that a delimiter cannot part columns.
type DelimiterError struct{ Delimiter string }

func (e *DelimiterError) Error() string {
	return fmt.Sprintf("%q cannot be a delimiter: it takes one character that is no quote and no line break",
		e.Delimiter)
}

// ParseDelimiter reads a delimiter as people type it: one character, or \t or
// tab.
func ParseDelimiter(s string) (rune, error) {
	if s == `\t` || s == "tab" {
		return '\t', nil
	}
	r, n := utf8.DecodeRuneInString(s)
	if n != len(s) || n == 0 || r == utf8.RuneError || r == '"' || r == '\r' || r == '\n' {
		return 0, &DelimiterError{s}
	}
	return r, nil
}

// New makes a writer of samples and writes what comes first.
func New(w io.Writer, o Options) (Writer, error) {
	buf := bufio.NewWriterSize(w, 64<<10)
	switch o.Kind {
	case CSV, TSV:
		return newCSV(w, columnDelimiter(o, ';'), o.Metadata)
	case JSON:
		_, err := fmt.Fprintf(buf, "{\"schema\":%d,\"status\":\"ok\",\"samples\":[", o.Schema)
		return &jsonWriter{w: buf, array: true, cut: o.cut}, err
	case NDJSON:
		return &jsonWriter{w: buf}, nil
	}
	return nil, &KindError{string(o.Kind)}
}

func columnDelimiter(o Options, fallback rune) rune {
	switch {
	case o.Kind == TSV:
		return '\t'
	case o.Delimiter != 0:
		return o.Delimiter
	}
	return fallback
}

// jsonWriter appends each sample to a line by hand: reflection over a struct costs
// four times as much, and an export of a million samples more than three seconds.
type jsonWriter struct {
	w     *bufio.Writer
	array bool // one object that holds all, or an object a line
	count int
	line  []byte
	cut   func() bool // of an array
}

func (j *jsonWriter) Write(s *health.Sample) error {
	b := j.line[:0]
	if j.array && j.count > 0 {
		b = append(b, ',')
	}
	if j.array {
		b = append(b, '\n')
	}
	b = append(b, `{"id":"`...)
	b = s.ID.Append(b)
	b = appendText(append(b, `","type":`...), string(s.Type))
	b = append(append(b, `,"value":`...), Number(s.Value)...)
	b = appendText(append(b, `,"unit":`...), s.Unit)
	b = append(append(b, `,"startDate":"`...), Date(s.Start)...)
	b = append(append(b, `","endDate":"`...), Date(s.End)...)
	b = appendText(append(b, `","sourceName":`...), s.Source)
	if s.Metadata != "" {
		b = append(append(b, `,"metadata":`...), s.Metadata...)
	}
	b = append(b, '}')
	if !j.array {
		b = append(b, '\n')
	}
	j.line, j.count = b, j.count+1
	_, err := j.w.Write(b)
	return err
}

// appendText appends a JSON string. A name from another device may hold broken
// UTF-8; it is mended with replacement characters rather than refused.
func appendText(b []byte, s string) []byte {
	out, _ := jsontext.AppendQuote(b, s)
	return out
}

func (j *jsonWriter) Close() error {
	if j.array {
		cut := ""
		if j.cut() {
			cut = `,"cut":true`
		}
		if _, err := fmt.Fprintf(j.w, "\n],\"count\":%d%s}\n", j.count, cut); err != nil {
			return err
		}
	}
	return j.w.Flush()
}

// Date is a moment as every output writes it: ISO 8601, whole seconds, UTC.
func Date(unix int64) string { return time.Unix(unix, 0).UTC().Format(time.RFC3339) }

// Number is a value as every output writes it: the shortest decimal that
// reads back as the same number, never with an exponent below 1e21.
func Number(v float64) string {
	form := byte('f')
	if v != 0 && (v >= 1e21 || v <= -1e21 || v < 1e-6 && v > -1e-6) {
		form = 'e'
	}
	return strconv.FormatFloat(v, form, -1, 64)
}
