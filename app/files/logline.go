package files

import (
	"bytes"
	"io"
	"strconv"
	"strings"
	"time"
)

// LogLine is a line of the log as data. What is none of ours (half a line of a
// process that died) is in Text alone.
type LogLine struct {
	Time    *time.Time        `json:"time,omitempty"`
	Level   string            `json:"level,omitempty"`
	Message string            `json:"message,omitempty"`
	Fields  map[string]string `json:"fields,omitempty"`
	Text    string            `json:"text,omitempty"`
}

// ParseLine reads a line as slog.TextHandler writes it: key=value, the value quoted
// as Go does where it needs to be.
func ParseLine(text string) LogLine {
	l := LogLine{Fields: map[string]string{}}
	for rest := strings.TrimSpace(text); rest != ""; rest = strings.TrimLeft(rest, " ") {
		key, value, ok := strings.Cut(rest, "=")
		if !ok || key == "" || strings.ContainsAny(key, " ") {
			return LogLine{Text: text}
		}
		if strings.HasPrefix(key, `"`) {
			return LogLine{Text: text} // no key of ours needs quotes
		}
		quoted, err := strconv.QuotedPrefix(value)
		if err == nil {
			rest = value[len(quoted):]
			value, _ = strconv.Unquote(quoted) // QuotedPrefix has read it
		} else {
			value, rest, _ = strings.Cut(value, " ")
		}
		switch key {
		case "time":
			t, err := time.Parse(time.RFC3339Nano, value)
			if err != nil {
				return LogLine{Text: text}
			}
			l.Time = &t
		case "level":
			l.Level = value
		case "msg":
			l.Message = value
		default:
			l.Fields[key] = value
		}
	}
	if l.Time == nil {
		return LogLine{Text: text}
	}
	return l
}

// EachLine is a writer that hands on whole lines, without their ends.
func EachLine(yield func(string) error) io.Writer { return &lineWriter{yield: yield} }

type lineWriter struct {
	yield func(string) error
	part  []byte
}

func (w *lineWriter) Write(p []byte) (int, error) {
	w.part = append(w.part, p...)
	for {
		line, rest, ok := bytes.Cut(w.part, []byte("\n"))
		if !ok {
			return len(p), nil
		}
		if err := w.yield(string(line)); err != nil {
			return 0, err
		}
		w.part = append(w.part[:0], rest...)
	}
}
