package bundle_test

import (
	"fmt"
	gobuild "go/build"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// darwinLines is how much there may be that no test here can run. What can be
// decided elsewhere belongs into a file for every system.
const darwinLines = 1100

// Counts the files that only macOS compiles, Objective-C included, and lists
// them (go test -v).
func TestDarwinOnlyLines(t *testing.T) {
	mac, linux := gobuild.Default, gobuild.Default
	mac.GOOS, mac.CgoEnabled = "darwin", true
	linux.GOOS, linux.CgoEnabled = "linux", true
	type file struct {
		name  string
		lines int
	}
	var files []file
	err := filepath.WalkDir("..", func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		dir, name := filepath.Split(path)
		switch {
		case e.IsDir() && len(name) > 2 && strings.HasPrefix(name, "."), e.IsDir() && name == "testdata":
			return fs.SkipDir
		case e.IsDir(), strings.HasSuffix(name, "_test.go"):
			return nil
		}
		if !slices.Contains([]string{".go", ".m", ".mm", ".h"}, filepath.Ext(name)) {
			return nil
		}
		onMac, err := mac.MatchFile(dir, name)
		if err != nil {
			return err
		}
		onLinux, err := linux.MatchFile(dir, name)
		if onMac && !onLinux {
			files = append(files, file{strings.TrimPrefix(path, "../"), strings.Count(read(t, path), "\n")})
		}
		return err
	})
	must(t, err)
	slices.SortFunc(files, func(a, b file) int { return b.lines - a.lines })
	sum, list := 0, ""
	for _, f := range files {
		sum += f.lines
		list += fmt.Sprintf("%4d %s\n", f.lines, f.name)
	}
	t.Logf("%d lines in %d files that only macOS compiles\n%s", sum, len(files), list)
	if sum > darwinLines {
		t.Errorf("%d lines, want at most %d", sum, darwinLines)
	}
	if len(files) < 10 || !strings.Contains(list, "window_darwin.m") {
		t.Error("they were not found")
	}
}
