package agent

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"healthsync/app/state"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test ./app/agent -update writes it anew):\n%s", path, got)
	}
}

func phases() []Phase {
	return []Phase{Starting, NotPaired, Connected, Locked, NotSharing, NotFound, Disconnected, Attention, Syncing, Ending}
}

func events() []Event {
	return []Event{SawUnpaired, SawConnected, SawLocked, SawNotSharing, SawNotFound, SawDisconnected, SawAttention, Paired, SyncBegan, SyncEnded, Quit}
}

// Every phase meets every event; the table is reviewed as a table.
func TestPhases(t *testing.T) {
	var b strings.Builder
	fmt.Fprintf(&b, "%-16s", "")
	for _, p := range phases() {
		fmt.Fprintf(&b, " %-13s", p)
	}
	b.WriteString("\n")
	for _, e := range events() {
		fmt.Fprintf(&b, "%-16s", e)
		for _, p := range phases() {
			to, err := next(p, e)
			switch {
			case err != nil && to != p:
				t.Errorf("%s while %s is refused and yet leads to %s", e, p, to)
			case err != nil:
				fmt.Fprintf(&b, " %-13s", "-")
			case to == p:
				fmt.Fprintf(&b, " %-13s", "(stays)")
			default:
				fmt.Fprintf(&b, " %-13s", to)
			}
		}
		b.WriteString("\n")
	}
	golden(t, "phases.golden", b.String())
}

// Each link that a look finds is the link that its phase shows.
func TestPhaseOfLink(t *testing.T) {
	for _, l := range []state.Link{state.LinkNotPaired, state.LinkAttention, state.LinkNotFound, state.LinkNotSharing, state.LinkLocked, state.LinkDisconnected, state.LinkConnected} {
		to, err := next(Starting, sawLink(l))
		if err != nil || to.Link() != l {
			t.Errorf("%s leads to %s, which is the link %s", l, to, to.Link())
		}
	}
}
