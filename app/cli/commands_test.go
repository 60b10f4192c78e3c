package cli_test

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// instead lists the lines that cannot do what they say where this test runs;
// they must say in one sentence what to type instead.
func instead(line string) bool {
	switch line {
	case "healthsync pair": // without anything to pair by
		return true
	case "healthsync pair --manual", "healthsync pair --token abc123def456": // no one can be asked in a test
		return true
	case "healthsync scan --camera":
		return runtime.GOOS != "darwin"
	case "healthsync reset --certificates":
		return false
	}
	return false
}

// TestCommandLines runs every command line that pages about iOS Health Sync
// tell people to type: each does what it says, or says what to type instead.
func TestCommandLines(t *testing.T) {
	raw, err := os.ReadFile("testdata/commands.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	// The list that was handed over is the truth where it is there.
	if shared, err := os.ReadFile("../../../shared/guide/commands.txt"); err == nil {
		for line := range strings.Lines(string(shared)) {
			if line = strings.TrimSpace(line); strings.HasPrefix(line, "healthsync") && !slices.Contains(lines, line) {
				t.Errorf("not in testdata/commands.txt: %s", line)
			}
		}
	}
	worked, told := 0, 0
	for _, line := range lines {
		t.Run(line, func(t *testing.T) {
			a := runLine(t, line)
			switch {
			case instead(line):
				if a.exit == 0 || !strings.Contains(a.stderr, "Fix: ") {
					t.Errorf("exit %d, want an error that says what to type instead:\n%s", a.exit, a.all())
				}
				told++
			case a.exit != 0:
				t.Errorf("exit %d:\n%s", a.exit, a.all())
			case strings.TrimSpace(a.stdout) == "" && !strings.Contains(line, "--output"):
				t.Errorf("no answer; standard error:\n%s", a.stderr)
			default:
				worked++
			}
		})
	}
	t.Logf("%d of %d lines work; %d of them say what to type instead", worked+told, len(lines), told)
	if worked+told != len(lines) {
		t.Errorf("%d of %d lines work", worked+told, len(lines))
	}
}

// runLine runs a line against a paired and synced iPhone, its files and
// addresses replaced by the test's own.
func runLine(t *testing.T, line string) answer {
	w := newWorld(t, 2)
	t.Chdir(w.dir)
	w.pair()
	if !strings.Contains(line, "fetch") { // which asks the iPhone, not the database
		w.must("sync")
	}
	picture, p := w.showCode()
	for _, name := range []string{"qr-code.png", "qr.png", "screenshot.png", "Screenshot 1.png"} {
		raw, err := os.ReadFile(picture)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(w.dir, name), raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.clipboard(t, string(p.JSON()))
	words := strings.NewReplacer(
		"~/Desktop/", w.dir+"/", "/path/to/", w.dir+"/", "192.168.1.100", "127.0.0.1", "192.168.1.101", "127.0.0.1",
		"--port 8080", "--port "+w.port(), "$(date +%Y-%m-%d)", time.Now().Format(time.DateOnly), "';'", ";",
	).Replace(line)
	return w.run(strings.Fields(words)[1:]...)
}
