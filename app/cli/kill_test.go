package cli_test

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"healthsync/sync/health"
	"healthsync/sync/store"
	"healthsync/sync/testenv"
)

// TestKilledSync kills a sync with SIGKILL at random moments, over and over;
// the last one is let through. Nothing is lost and nothing doubled, and the
// daily totals are those of the samples.
// HEALTHSYNC_KILLS sets how often; 25 without it, 5 with -short.
func TestKilledSync(t *testing.T) {
	kills := 25
	if testing.Short() {
		kills = 5
	}
	if n, err := strconv.Atoi(os.Getenv("HEALTHSYNC_KILLS")); err == nil && n > 0 {
		kills = n
	}
	w := newWorld(t, 2)
	for day := range 40 { // dense enough for a good many pages
		w.extend(time.Now().AddDate(0, 0, -2*day-4), 2)
	}
	w.pair()
	// The test binary is the command when it goes by its name (TestMain).
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(w.dir, "healthsync")
	if err := os.Link(exe, bin); err != nil {
		if err = os.Symlink(exe, bin); err != nil {
			t.Fatal(err)
		}
	}
	command := func() *exec.Cmd {
		cmd := exec.Command(bin, "sync", "--no-pacing", "--json")
		cmd.Env = os.Environ()
		for k, v := range w.vars {
			cmd.Env = append(cmd.Env, k+"="+v)
		}
		return cmd
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	hit, longest := 0, 300*time.Millisecond
	for range kills {
		cmd := command()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(r.Int64N(int64(longest))), func() { _ = cmd.Process.Kill() })
		if err := cmd.Wait(); err != nil {
			hit++
		} else {
			// It was through before: begin anew, or there is nothing to interrupt.
			for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
				_ = os.Remove(filepath.Join(w.dir, "home", "health.db"+suffix))
			}
		}
		timer.Stop()
	}
	if hit < kills/3 {
		t.Errorf("only %d of %d kills met a running sync", hit, kills)
	}
	if out, err := command().CombinedOutput(); err != nil {
		t.Fatalf("the last sync: %v\n%s", err, out)
	}
	db := filepath.Join(w.dir, "home", "health.db")
	w.whole()
	sqlite := testenv.NeedTool(t, "sqlite3", "sqlite3")
	out, err := exec.Command(sqlite, db, "PRAGMA integrity_check; SELECT count(*) - count(DISTINCT type || id) FROM samples;").CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "ok\n0" {
		t.Errorf("integrity_check and doubles: %s, %v", out, err)
	}
	t.Logf("%d of %d kills met a running sync; nothing lost, nothing doubled", hit, kills)
}

// compareWithPhone compares the database with what the iPhone has.
func (w *world) compareWithPhone(path string) {
	w.t.Helper()
	db, err := store.Open(w.t.Context(), path, store.Options{ReadOnly: true})
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	type key struct {
		typ health.Type
		id  health.UUID
	}
	got := map[key]health.Sample{}
	err = db.Query(w.t.Context(), store.Filter{}, func(s *health.Sample) error {
		got[key{s.Type, s.ID}] = *s
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	want := 0
	h := w.phone.History()
	for _, t := range h.Types() {
		if t.IsSleepStage() {
			continue
		}
		for _, s := range h.Samples(t) {
			want++
			if g, ok := got[key{t, s.ID}]; !ok || g != s {
				w.t.Fatalf("%s %s: stored %+v (%v), the iPhone has %+v", t, s.ID, g, ok, s)
			}
		}
	}
	if len(got) != want {
		w.t.Errorf("%d samples stored, the iPhone has %d", len(got), want)
	}
	w.t.Logf("%d samples are as the iPhone has them", want)
}
