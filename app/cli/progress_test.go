package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"healthsync/sync/engine"
	"healthsync/sync/testenv"
)

// However narrow the terminal, the bar stays on one line: no line that is drawn
// reaches its last column, and none is ended.
func TestProgressStaysOnOneLine(t *testing.T) {
	for _, columns := range []int{1, 10, 22, 40, 80, 100, 200} {
		var out testenv.Buffer // a bar without an end draws itself
		env := &Env{Stderr: &out, ErrTTY: true, Now: time.Now, Columns: func() int { return columns }}
		v := newSyncView(env)
		for i := range int64(40) {
			v.progress(engine.Progress{Samples: 10_000 * i, New: 10_000 * i, Known: i > 3, Remaining: 900_000, Rate: 12_345,
				Seconds: 95, Back: time.Now().AddDate(-1, 0, 0).Unix()})
			time.Sleep(5 * time.Millisecond) // the bar is drawn every 100 ms at most
		}
		v.bar.Describe("Syncing, waiting 34s: the iPhone answers 60 requests a minute")
		drawn := out.String()
		if strings.Contains(drawn, "\n") || !strings.Contains(drawn, "\r") {
			t.Errorf("%d columns: %q", columns, drawn)
		}
		for line := range strings.SplitSeq(drawn, "\r") {
			line = strings.ReplaceAll(line, "\x1b[2K", "")
			if n := len([]rune(line)); n > max(columns-1, 0) {
				t.Errorf("%d columns: a line of %d, %q", columns, n, line)
			}
		}
		if columns == 40 && !strings.Contains(drawn, "Syncing") {
			t.Errorf("nothing can be read: %q", drawn)
		}
	}
}

func TestOneLine(t *testing.T) {
	for _, c := range []struct{ in, out string }{
		{"\rabcdefghij", "\rabcde"},
		{"\rabc\rdefghijk\n12345678", "\rabc\rdefgh\n12345"},
		{"\x1b[2K\rÄöü|█████", "\x1b[2K\rÄöü|█"},
		{"ab\x1b[31mcd\x1b[0mefgh\x1b[K", "ab\x1b[31mcd\x1b[0me\x1b[K"},
	} {
		var out bytes.Buffer
		w := &oneLine{&out, func() int { return 6 }}
		if n, err := w.Write([]byte(c.in)); n != len(c.in) || err != nil || out.String() != c.out {
			t.Errorf("%q became %q, %d, %v", c.in, out.String(), n, err)
		}
	}
}
