package cli_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"healthsync/app/problem"
)

// The README is never ahead of the code: its exit statuses are the program's,
// and its commands exist.
func TestREADME(t *testing.T) {
	raw, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	for _, e := range problem.Exits() {
		if row := fmt.Sprintf("| %d | %s |", e.Exit, e.Meaning); !strings.Contains(text, row) {
			t.Errorf("README.md has no row %q", row)
		}
	}
	w := newWorld(t, 2)
	for _, m := range regexp.MustCompile("(?m)(?:^|`| {3})healthsync ([a-z]+)(?: ([a-z]+))?").FindAllStringSubmatch(text, -1) {
		args := []string{m[1], "--help"}
		if m[1] == "cert" || m[1] == "config" || m[1] == "keychain" || m[1] == "trust" {
			args = []string{m[1], m[2], "--help"}
		}
		if a := w.run(args...); a.exit != 0 || !strings.Contains(a.stdout, "Usage:\n  healthsync "+strings.Join(args[:len(args)-1], " ")) {
			t.Errorf("README.md shows %q, which ends with %d", strings.TrimSpace(m[0]), a.exit)
		}
	}
	for _, m := range regexp.MustCompile(`\]\(([a-z][^):]*)\)`).FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat("../../" + m[1]); err != nil {
			t.Errorf("README.md links to %s: %v", m[1], err)
		}
	}
}
