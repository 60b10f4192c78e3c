package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// called runs a command in a home of its own.
func called(t *testing.T, args ...string) (exit int, stdout, stderr string) {
	t.Helper()
	dir := t.TempDir()
	vars := map[string]string{"HEALTHSYNC_HOME": filepath.Join(dir, "home"), "HEALTHSYNC_VAULT": "file",
		"HEALTHSYNC_BONJOUR": "off", "HOME": dir}
	var out, errs bytes.Buffer
	exit = Main(context.Background(), &Env{
		Args: args, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs,
		Getenv: func(k string) string { return vars[k] }, Now: time.Now,
	})
	return exit, out.String(), errs.String()
}

// every walks the whole tree of commands, the hidden ones too.
func every(t *testing.T, visit func(*cobra.Command)) {
	t.Helper()
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		visit(cmd)
		for _, c := range cmd.Commands() {
			walk(c)
		}
	}
	walk(newRoot(&Env{Getenv: func(string) string { return "" }, Now: time.Now}))
}

// object reads one JSON object with a schema number, and nothing else.
func object(t *testing.T, text string) map[string]any {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(text))
	var got map[string]any
	if err := dec.Decode(&got); err != nil || dec.More() {
		t.Fatalf("no JSON object: %v in %q", err, text)
	}
	if got["schema"] != float64(Schema) {
		t.Errorf("no schema number in %q", text)
	}
	return got
}

// Every command has examples of itself, --help, and --json for its answer and
// its errors, as the README says.
func TestEveryCommand(t *testing.T) {
	n := 0
	every(t, func(cmd *cobra.Command) {
		n++
		path := strings.Fields(cmd.CommandPath())[1:]
		name := strings.Join(path, " ")
		if cmd.Short == "" || !strings.Contains(cmd.Example, cmd.Name()) {
			t.Errorf("%q has no short text or no example of itself:\n%s", name, cmd.Example)
		}
		exit, stdout, stderr := called(t, append(path, "--json", "--no-such-flag")...)
		if exit != 3 || stdout != "" {
			t.Errorf("%q --no-such-flag ends with %d and says %q", name, exit, stdout)
		}
		e, _ := object(t, stderr)["error"].(map[string]any)
		if e["code"] != "USAGE" || e["remedy"] == nil {
			t.Errorf("%q: the error is %v", name, e)
		}
		exit, stdout, stderr = called(t, append(path, "--help")...)
		if exit != 0 || stderr != "" || stdout == "" {
			t.Errorf("%q --help ends with %d: %s", name, exit, stderr)
		}
		if cmd.HasSubCommands() {
			_, _, stderr = called(t, append(path, "nonsense", "--json")...)
			e, _ := object(t, stderr)["error"].(map[string]any)
			if s, _ := e["detail"].(string); !strings.Contains(s, "There is no command") {
				t.Errorf("%q nonsense: %v", name, e)
			}
		}
	})
	if n < 35 {
		t.Errorf("%d commands were found", n)
	}
}

// What changes something is a command.
func TestChangingCommands(t *testing.T) {
	names := map[string]bool{}
	every(t, func(cmd *cobra.Command) { names[commandName(cmd)] = true })
	for _, name := range changing {
		if !names[name] {
			t.Errorf("there is no command %q", name)
		}
	}
}

// The answers that need no iPhone are one object, its names as JSON has them.
func TestJSONAnswers(t *testing.T) {
	for _, line := range []string{
		"logs", "fetch --dry-run --types steps", "status --dry-run", "status --offline", "simulate --list-faults", "help exit-codes", "exit-codes",
		"config show", "config get sync.interval", "config set menu.today true", "config reset", "keychain list", "keychain clear", "cert info", "trust log", "types --list", "version", "unpair", "diagnose",
	} {
		_, stdout, _ := called(t, append(strings.Fields(line), "--json")...)
		names(t, line, object(t, stdout))
	}
}

// names checks that no member's name begins as a Go field's does.
func names(t *testing.T, line string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if name == "" || name[0] >= 'A' && name[0] <= 'Z' {
				t.Errorf("%s: a member is called %q", line, name)
			}
			names(t, line, member)
		}
	case []any:
		for _, member := range v {
			names(t, line, member)
		}
	}
}

// Every flag is completed with values, with files where it takes one, or with
// nothing: never with files where it takes a word.
func TestEveryFlagCompletes(t *testing.T) {
	files := map[string]bool{"output": true, "file": true, "image": true, "qr-file": true}
	every(t, func(cmd *cobra.Command) {
		path := strings.Fields(cmd.CommandPath())[1:]
		for _, f := range strings.Fields(flagsOf(cmd)) {
			_, stdout, _ := called(t, append(append([]string{cobra.ShellCompRequestCmd}, path...), "--"+f, "")...)
			lines := strings.Split(strings.TrimSpace(stdout), "\n")
			if directive := lines[len(lines)-1]; (directive == ":0") != files[f] {
				t.Errorf("%s --%s completes with the directive %s", cmd.CommandPath(), f, directive)
			}
		}
	})
}

func flagsOf(cmd *cobra.Command) string {
	var all []string
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Value.Type() != "bool" && !f.Hidden {
			all = append(all, f.Name)
		}
	})
	return strings.Join(all, " ")
}
