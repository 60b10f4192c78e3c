package files_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"healthsync/app/files"
)

// What the logger writes is data, and reads well.
func TestLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "healthsync.log")
	f := files.NewLog(path)
	f.Logger().Warn("no icon", "err", `open "x": a = b`, "process", 12, "name", "Ana’s\niPhone",
		slog.Group("at", "port", 1))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	lines, err := files.LastLines(path, 10)
	if err != nil || len(lines) != 1 {
		t.Fatalf("%q, %v", lines, err)
	}
	var l struct {
		Time                      time.Time
		Level, Message, Err, Name string
		Process                   int
	}
	if err := json.Unmarshal(files.LineJSON(lines[0]), &l); err != nil || l.Time.IsZero() || l.Level != "WARN" ||
		l.Message != "no icon" || l.Process != 12 || l.Name != "Ana’s\niPhone" {
		t.Errorf("%+v, %v", l, err)
	}
	want := regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d WARN no icon err="open \\"x\\": a = b" process=12 name="Ana’s\\niPhone" at=\{"port":1\}$`)
	if text := files.LineText(lines[0]); !want.MatchString(text) {
		t.Errorf("%q", text)
	}
	for _, half := range []string{"", `{"time":"2026`, "panic: runtime error", `{"a":1`} {
		if text, raw := files.LineText(half), string(files.LineJSON(half)); text != half ||
			!strings.HasPrefix(raw, `{"text":"`) {
			t.Errorf("%q: %q, %s", half, text, raw)
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
	const all = "line 0,line 1,line 2,line 3,line 4"
	for n, want := range map[int]string{0: "", 1: "line 4", 3: "line 2,line 3,line 4", 5: all, 6: all, math.MaxInt: all} {
		got, err := files.LastLines(path, n)
		if err != nil || strings.Join(got, ",") != want {
			t.Errorf("the last %d: %q, %v", n, got, err)
		}
	}
}

// linesEach is how much a writer below writes: together they fill the log once
// and a half, so that it is renamed once.
const linesEach, writers = 1000, 5

// TestLogWriter is another process of the test below.
func TestLogWriter(t *testing.T) {
	path, name := os.Getenv("LOG_PATH"), os.Getenv("LOG_NAME")
	if path == "" {
		return // only as a child of the next test
	}
	f := files.NewLog(path)
	for i := range linesEach {
		if _, err := fmt.Fprintf(f, "%s %d %s\n", name, i, strings.Repeat(".", 300)); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// Processes that hold the log open lose no line when one of them renames it,
// and who follows it sees every line once, in the order of each.
func TestNoLineIsLost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "healthsync.log")
	first := files.NewLog(path) // as the menu-bar app: open before and after
	defer first.Close()
	write := func(text string) {
		if _, err := fmt.Fprintln(first, text); err != nil {
			t.Fatal(err)
		}
	}
	write("app 0")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	next, seen := map[string]int{}, 0
	var following sync.WaitGroup
	following.Go(func() {
		err := files.FollowLog(ctx, path, math.MaxInt, func(line string) error {
			var name string
			var n int
			if _, err := fmt.Sscanf(line, "%s %d", &name, &n); err != nil || n != next[name] {
				return fmt.Errorf("%.40q, want %d of it: %w", line, next[name], err)
			}
			next[name]++
			if seen++; seen == writers*linesEach+2 {
				return errDone
			}
			return nil
		})
		if !errors.Is(err, errDone) {
			t.Errorf("followed %d lines: %v", seen, err)
		}
	})
	var writing sync.WaitGroup
	for i := range writers {
		writing.Go(func() {
			cmd := exec.Command(os.Args[0], "-test.run=^TestLogWriter$")
			cmd.Env = append(os.Environ(), "LOG_PATH="+path, fmt.Sprint("LOG_NAME=writer-", i))
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	writing.Wait()
	write("app 1")
	following.Wait()
	lines, err := files.LastLines(path, math.MaxInt)
	if err != nil || len(lines) != writers*linesEach+2 || lines[len(lines)-1] != "app 1" {
		t.Errorf("%d lines, %v", len(lines), err)
	}
	if _, err := os.Stat(path + ".1"); err != nil {
		t.Error(err)
	}
}

var errDone = errors.New("done")
