package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"healthsync/app/files"
)

// What the remedy of SYNC_IN_PROGRESS points at tells of the other's sync.
func TestStatusTellsOfAnothersSync(t *testing.T) {
	w := newWorld(t, 2)
	w.pairUp()
	held, err := files.Take(filepath.Join(w.vars["HEALTHSYNC_HOME"], "sync.lock"), "healthsync sync",
		time.Now().Add(-90*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if a := w.run("sync"); a.exit != 14 || !strings.Contains(a.stderr, "SYNC_IN_PROGRESS") ||
		!strings.Contains(a.stderr, "healthsync status") {
		t.Errorf("sync ended with %d:\n%s", a.exit, a.all())
	}
	want := fmt.Sprintf("Syncing now: healthsync sync (process %d), for 1 minute\n", os.Getpid())
	if a := w.must("status"); !strings.Contains(a.stdout, want) {
		t.Errorf("no %q in:\n%s", want, a.stdout)
	}
	if a := w.must("status", "--json"); !strings.Contains(a.stdout, `"holder": "healthsync sync (process `) ||
		!strings.Contains(a.stdout, `"since": "2`) {
		t.Errorf("said:\n%s", a.stdout)
	}
	if err := held.Release(); err != nil {
		t.Fatal(err)
	}
	if a := w.must("status"); strings.Contains(a.stdout, "Syncing now") {
		t.Errorf("after it has ended:\n%s", a.stdout)
	}
}
