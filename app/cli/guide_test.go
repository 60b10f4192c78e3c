package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"healthsync/app/problem"
)

// guideState brings a paired world into the state that a section is about, and
// what heals the cause outside of the computer's commands (the iPhone's part of
// the remedy, a clock).
type guideState struct {
	protocol int
	set      func(*world)
	heal     func(*world)
	// command that meets the error; status where it is empty.
	command []string
}

const year = 365 * 24 * time.Hour

func guideStates() map[string]guideState {
	faulty := func(fault string) guideState {
		return guideState{protocol: 2, set: func(w *world) { w.fault(fault) }, heal: func(w *world) { w.fault() }}
	}
	dropKey := func(w *world) {
		w.must("keychain", "clear", "--yes")
	}
	return map[string]guideState{
		"expired": {protocol: 2, set: func(w *world) { // a year and a bit later, on both ends
			w.mac.Store(int64(year + 16*24*time.Hour))
			w.iphone.Store(int64(year + 16*24*time.Hour))
		}, heal: func(w *world) { w.reissue() }},
		"not-yet-valid": faulty("not-yet-valid-server-cert"),
		"clock": {protocol: 2, set: func(w *world) { w.mac.Store(int64(-30 * 24 * time.Hour)) },
			heal: func(w *world) { w.mac.Store(0) }},
		"broken-chain": faulty("broken-chain"),
		"other-ca":     faulty("other-ca"),
		"no-client":    {protocol: 2, set: dropKey, heal: func(*world) {}},
		"revoked":      {protocol: 2, set: func(w *world) { w.revoke() }, heal: func(*world) {}},
		"name":         faulty("wrong-name"),
		"self-signed":  faulty("self-signed"),
		"fingerprint": {protocol: 1, set: func(w *world) { w.fault("expired-server-cert") },
			heal: func(w *world) { w.fault() }},
		"handshake-timeout": {protocol: 2, set: func(w *world) { w.fault("stall-handshake") },
			heal: func(w *world) { w.fault() }, command: []string{"fetch", "--timeout", "300"}},
		"tls12":       faulty("tls12"),
		"not-sharing": {protocol: 2, set: func(w *world) { w.phone.Stop() }, heal: func(w *world) { w.share() }},
		"locked": {protocol: 2, set: func(w *world) { w.phone.SetLocked(true) },
			heal: func(w *world) { w.phone.SetLocked(false) }, command: []string{"fetch"}},
		"token": {protocol: 1, set: func(w *world) { w.revoke() }, heal: func(*world) {}},
	}
}

// section is one headed part of the page: its state, the error lines it shows
// and the commands it gives.
type section struct {
	title, state string
	errors       []string
	commands     []string
}

var stateMark = regexp.MustCompile(`^<!-- state: ([a-z0-9-]+) -->$`)

func readGuide(t *testing.T, path string) []section {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []section
	fence := ""
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimRight(line, "\r\n")
		if s, ok := strings.CutPrefix(line, "## "); ok && fence == "" {
			all = append(all, section{title: s})
			continue
		}
		if rest, ok := strings.CutPrefix(line, "```"); ok {
			if fence == "" {
				fence = "```" + rest
			} else {
				fence = ""
			}
			continue
		}
		if len(all) == 0 {
			all = append(all, section{title: "the top of the page"})
		}
		s := &all[len(all)-1]
		switch {
		case stateMark.MatchString(line):
			s.state = stateMark.FindStringSubmatch(line)[1]
		case fence == "```" && strings.HasPrefix(line, "Error: "):
			s.errors = append(s.errors, line)
		case (fence == "```sh" || fence == "```bash") && strings.HasPrefix(line, "healthsync "):
			command, _, _ := strings.Cut(line, "#")
			s.commands = append(s.commands, strings.TrimSpace(command))
		}
	}
	return all
}

// TestOurGuide runs docs/troubleshooting.md.
func TestOurGuide(t *testing.T) {
	states := guideStates()
	seen := map[string]bool{}
	for _, s := range readGuide(t, "../../docs/troubleshooting.md") {
		t.Run(s.title, func(t *testing.T) { runSection(t, s, states, seen) })
	}
	for name := range states {
		if !seen[name] {
			t.Errorf("no section is about the state %q", name)
		}
	}
}

func runSection(t *testing.T, s section, states map[string]guideState, seen map[string]bool) {
	state, ok := states[s.state]
	if s.state == "" {
		state = guideState{protocol: 2, set: func(*world) {}, heal: func(*world) {}}
	} else if !ok {
		t.Fatalf("the page names a state %q that this test does not know", s.state)
	}
	seen[s.state] = true
	w := newWorld(t, state.protocol)
	w.pair()
	state.set(w)
	if len(s.errors) > 0 {
		command := state.command
		if command == nil {
			command = []string{"status"}
		}
		a := w.run(command...)
		for _, line := range s.errors {
			if a.exit == 0 || !strings.Contains("\n"+a.stderr, "\n"+line+"\n") {
				t.Errorf("healthsync %s: exit %d, and not the line %q in\n%s", strings.Join(command, " "), a.exit, line, a.all())
			}
		}
	}
	state.heal(w)
	last := answer{}
	for _, line := range s.commands {
		last = w.runGuideLine(t, line)
		if last.exit != 0 && !strings.HasSuffix(line, "healthsync status") {
			t.Errorf("%s: exit %d\n%s", line, last.exit, last.all())
		}
	}
	if s.title == "Start over" {
		if !strings.Contains(last.stdout, "Connection Status: Not configured") {
			t.Errorf("after starting over, status says\n%s", last.all())
		}
		return
	}
	if a := w.run("status"); a.exit != 0 || !strings.Contains(a.stdout, "Connection Status: Connected") {
		t.Errorf("after the section's remedy, status ends with %d:\n%s", a.exit, a.all())
	}
}

// runGuideLine runs a line of a guide, its files and addresses replaced. A scan
// finds the code that the iPhone shows now in the clipboard.
func (w *world) runGuideLine(t *testing.T, line string) answer {
	t.Helper()
	if strings.HasPrefix(line, "healthsync scan") {
		_, p := w.showCode()
		w.clipboard(t, string(p.JSON()))
	}
	line = strings.NewReplacer("~/Desktop/", w.dir+"/", "192.168.1.100", "127.0.0.1", "192.168.1.101", "127.0.0.1", "192.168.1.NEW_IP", "127.0.0.1").Replace(line)
	return w.run(strings.Fields(line)[1:]...)
}

// TestTheGuideBeforeTheProgram runs the page that came first, where it is
// there: its error lines and its healthy output are a promise, word for word.
func TestTheGuideBeforeTheProgram(t *testing.T) {
	const path = "../../../shared/guide/fix-auth-errors.md"
	if _, err := os.Stat(path); err != nil {
		t.Skip("the guide that came before the program is not beside this checkout; docs/troubleshooting.md is tested all the same")
	}
	states := guideStates()
	byTitle := map[string]string{
		`Error: "Certificate Expired"`: "expired", `Error: "Certificate Not Yet Valid"`: "not-yet-valid", `Error: "Certificate Signature Invalid"`: "broken-chain",
		`Error: "No Client Certificate"`: "no-client", `Error: "Certificate Revoked"`: "revoked", `Error: "Hostname Mismatch"`: "name", `Error: "Untrusted Certificate"`: "self-signed",
		`Error: "TLS Handshake Timeout"`: "handshake-timeout", `Error: "Protocol Version Mismatch"`: "tls12",
	}
	ran := 0
	for _, s := range readGuide(t, path) {
		s.state = byTitle[s.title]
		if s.title == "Complete Reset Procedure" {
			s.title = "Start over"
		}
		if s.state != "" {
			ran++
		}
		t.Run(s.title, func(t *testing.T) {
			// Clearing what the section's own commands make ends it; the test's
			// verdict is the status after the last scan.
			runSection(t, withScanLast(s), states, map[string]bool{})
		})
	}
	if ran != len(byTitle) {
		t.Errorf("%d of %d sections about an error were found", ran, len(byTitle))
	}
}

// withScanLast adds the "Re-pair from scratch" that the page says in words where
// a section's commands end by clearing the keychain.
func withScanLast(s section) section {
	if n := len(s.commands); n > 0 && s.title != "Start over" && strings.Contains(s.commands[n-1], "keychain clear") {
		s.commands = append(s.commands, "healthsync scan")
	}
	return s
}

// reissue gives the iPhone a new certificate as of its clock.
func (w *world) reissue() {
	w.t.Helper()
	if err := w.phone.Reissue([]string{w.phone.LocalName()}, w.phone.Addrs()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) revoke() {
	w.t.Helper()
	if err := w.phone.Revoke(); err != nil {
		w.t.Fatal(err)
	}
}

// share starts sharing again at the port that is known.
func (w *world) share() {
	w.t.Helper()
	if err := w.phone.Start("127.0.0.1:" + w.port()); err != nil {
		w.t.Fatal(err)
	}
}

// TestConditionsTable keeps the page's table of every code equal to the one
// that the program reads.
func TestConditionsTable(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "troubleshooting.md")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- table of conditions: begin", "<!-- table of conditions: end -->"
	head, rest, ok := strings.Cut(string(raw), begin)
	mark, rest, ok2 := strings.Cut(rest, "\n")
	_, tail, ok3 := strings.Cut(rest, end)
	if !ok || !ok2 || !ok3 {
		t.Fatal("the page has lost the marks of its table")
	}
	var b strings.Builder
	b.WriteString("\n| code | what it says | what to do | exit |\n| --- | --- | --- | --- |\n")
	for _, row := range problem.Table() {
		fix := row.Remedy.Text
		// The command that unlocks a keychain depends on the system.
		if row.Remedy.Command != "" && row.Remedy.Action != "unlock" {
			fix += ": `" + row.Remedy.Command + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %d |\n", row.Code, row.Sentence, strings.ReplaceAll(fix, "|", `\|`), row.Exit)
	}
	b.WriteString("\n")
	want := head + begin + mark + "\n" + b.String() + end + tail
	if want == string(raw) {
		return
	}
	if os.Getenv("UPDATE") == "1" {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Error("docs/troubleshooting.md does not list the conditions as they are; write it with: UPDATE=1 go test ./app/cli -run TestConditionsTable")
}
