package cli

import (
	"bytes"
	"io"
	"time"
	"unicode/utf8"

	"github.com/schollz/progressbar/v3"
)

// newProgress draws a bar on standard error, as wide as there is room for.
func (e *Env) newProgress(what string, options ...progressbar.Option) *progressbar.ProgressBar {
	width := 20
	if columns := e.columns(); columns < 100 {
		width = 8 // the words are worth more
	}
	return progressbar.NewOptions64(-1, append([]progressbar.Option{
		progressbar.OptionSetWriter(&oneLine{w: e.Stderr, columns: e.columns}), progressbar.OptionSetDescription(what),
		progressbar.OptionThrottle(100 * time.Millisecond), progressbar.OptionSetWidth(width),
		progressbar.OptionClearOnFinish(),
	}, options...)...)
}

// columns is how wide the terminal is; 80 where it does not tell.
func (e *Env) columns() int {
	if e.Columns != nil {
		if n := e.Columns(); n > 0 {
			return n
		}
	}
	return 80
}

// oneLine keeps what a progress bar draws on one line: a longer one would wrap,
// and each update would scroll the terminal by a line more. The last column is
// left free, because many terminals wrap when it is written.
type oneLine struct {
	w       io.Writer
	columns func() int
}

func (l *oneLine) Write(p []byte) (int, error) {
	room := max(l.columns()-1, 0)
	var out []byte
	at := 0
	for rest := p; len(rest) > 0; {
		if rest[0] == '\x1b' { // a sequence of the terminal's takes no room
			n := escape(rest)
			out, rest = append(out, rest[:n]...), rest[n:]
			continue
		}
		r, n := utf8.DecodeRune(rest)
		switch {
		case r == '\r' || r == '\n':
			at = 0
			out = append(out, rest[:n]...)
		case at < room:
			at++
			out = append(out, rest[:n]...)
		}
		rest = rest[n:]
	}
	if _, err := l.w.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}

// escape is the length of a control sequence (ECMA-48: CSI, parameters, a final
// byte from @ to ~) at the beginning of p.
func escape(p []byte) int {
	if !bytes.HasPrefix(p, []byte("\x1b[")) {
		return 1
	}
	for i := 2; i < len(p); i++ {
		if p[i] >= '@' && p[i] <= '~' {
			return i + 1
		}
	}
	return len(p)
}
