package files_test

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"healthsync/app/files"
)

// What the logger writes is read as it was said.
func TestParse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "healthsync.log")
	f := files.NewLog(path)
	f.Logger().Warn("no icon", "err", `open "x": a = b`, "process", 12, "empty", "", "name", "Ana’s\niPhone")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	lines, err := files.LastLines(path, 10)
	if err != nil || len(lines) != 1 {
		t.Fatalf("%q, %v", lines, err)
	}
	l := files.ParseLine(lines[0])
	want := map[string]string{"err": `open "x": a = b`, "process": "12", "empty": "", "name": "Ana’s\niPhone"}
	if l.Time == nil || l.Level != "WARN" || l.Message != "no icon" || fmt.Sprint(l.Fields) != fmt.Sprint(want) || l.Text != "" {
		t.Errorf("%+v", l)
	}
	for _, half := range []string{"", "evel=INFO", `time=2026-01-01T00:00:00Z level=INFO msg="half a`[20:], "panic: runtime error", "time=soon level=INFO msg=x"} {
		if l := files.ParseLine(half); l.Time != nil || l.Text != half {
			t.Errorf("%q: %+v", half, l)
		}
	}
}

// Any number of lines may be asked for; there are as many as there are.
func TestLastOfAny(t *testing.T) {
	path := filepath.Join(t.TempDir(), "healthsync.log")
	f := files.NewLog(path)
	for i := range 5 {
		if _, err := fmt.Fprintf(f, "line %d\n", i); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int]string{0: "", 1: "line 4", 3: "line 2,line 3,line 4", 5: "line 0,line 1,line 2,line 3,line 4", 6: "line 0,line 1,line 2,line 3,line 4", math.MaxInt: "line 0,line 1,line 2,line 3,line 4"} {
		got, err := files.LastLines(path, n)
		if err != nil || strings.Join(got, ",") != want {
			t.Errorf("the last %d: %q, %v", n, got, err)
		}
	}
}

func TestEachLine(t *testing.T) {
	var got []string
	w := files.EachLine(func(line string) error { got = append(got, line); return nil })
	for _, part := range []string{"a", "b\ncd\n\ne", "f", "\n"} {
		if _, err := w.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(got, []string{"ab", "cd", "", "ef"}) {
		t.Errorf("%q", got)
	}
}
