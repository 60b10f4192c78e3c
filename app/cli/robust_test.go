package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"healthsync/app/problem"
	"healthsync/sync/health"
	"healthsync/sync/store"
	"healthsync/sync/testenv"
)

// wants runs a command that has to end with a condition.
func (w *world) wants(code problem.Code, args ...string) answer {
	w.t.Helper()
	a := w.run(args...)
	row, ok := problem.Lookup(code)
	if !ok || a.exit != int(row.Exit) || !strings.Contains(a.stderr, "Error: "+string(code)+"\n") ||
		!strings.Contains(a.stderr, "Fix: ") {
		w.t.Errorf("healthsync %s ended with %d, want %s:\n%s", strings.Join(args, " "), a.exit, code, a.all())
	}
	return a
}

// whole fails the test unless the database is the iPhone's truth: its samples,
// its counts, and its totals beside those of a database that was made at once.
func (w *world) whole() {
	w.t.Helper()
	path := filepath.Join(w.vars["HEALTHSYNC_HOME"], "health.db")
	w.compareWithPhone(path)
	db, err := store.Open(w.t.Context(), path, store.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	if err := db.Check(w.t.Context()); err != nil {
		w.t.Error(err)
	}
	var all []health.Sample
	if err := db.Query(w.t.Context(), store.Filter{},
		func(s *health.Sample) error { all = append(all, *s); return nil }); err != nil {
		w.t.Fatal(err)
	}
	other, err := store.Open(w.t.Context(), filepath.Join(w.t.TempDir(), "health.db"), store.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.Apply(w.t.Context(), &store.Change{Samples: all}); err != nil {
		w.t.Fatal(err)
	}
	for _, sql := range []string{
		"SELECT * FROM daily_totals ORDER BY type, day, unit",
		"SELECT type, samples, first_date, last_date, unit FROM types WHERE samples > 0",
	} {
		if got, want := rows(w.t, db, sql), rows(w.t, other, sql); got != want || got == "" {
			w.t.Errorf("%s: %d bytes, want %d", sql, len(got), len(want))
		}
	}
}

func rows(t *testing.T, db *store.Store, sql string) string {
	t.Helper()
	var out strings.Builder
	err := db.SQL(t.Context(), sql, func([]string) error { return nil }, func(values []any) error {
		return json.NewEncoder(&out).Encode(values)
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// Samples that a watch brings days later are healed by the next sync, and told.
func TestLateArrivals(t *testing.T) {
	w := newWorld(t, 2)
	w.extend(time.Now().AddDate(0, 0, -2), 10)
	w.pair()
	w.must("sync", "--no-pacing")
	at := time.Now().AddDate(0, 0, -3).Unix()
	var late []health.Sample
	for i := range 3 {
		late = append(late, health.Sample{
			ID: health.UUID{0xff, byte(i)}, Type: health.Steps, Start: at + int64(100*i), End: at + int64(100*i) + 60,
			Value: 50, Unit: "count", Source: "Ana’s Apple Watch",
		})
	}
	w.phone.History().Insert(late...)
	if a := w.must("sync", "--no-pacing"); !strings.Contains(a.stdout, "3 new samples") ||
		!strings.Contains(a.stdout, ", 3 of them late") {
		t.Errorf("%s", a.all())
	}
	if a := w.must("types", "--local"); !strings.Contains(a.stdout, "3 arrivals healed") {
		t.Errorf("%s", a.all())
	}
	if a := w.must("status"); !strings.Contains(a.stdout, "Complete: to ") ||
		!strings.Contains(a.stdout, ", 3 late arrivals healed in the last week\n") {
		t.Errorf("%s", a.all())
	}
	w.whole()
}

// A type of which the iPhone gives nothing any more is a condition of every
// look, nothing of it is taken for deleted, and it goes when it speaks again.
func TestSilentType(t *testing.T) {
	w := newWorld(t, 2)
	w.pair()
	w.must("sync", "--no-pacing")
	w.fault("permission-lost:heartRate")
	if a := w.must("sync", "--no-pacing"); !strings.Contains(a.stderr, "Heart Rate") {
		t.Errorf("%s", a.all())
	}
	if a := w.must("status"); !strings.Contains(a.stderr, "warning: The iPhone returns nothing any more of Heart Rate.") {
		t.Errorf("%s", a.all())
	}
	if a := w.must("status", "--json", "--offline"); !strings.Contains(a.stdout, `"code": "TYPE_SILENT"`) {
		t.Errorf("%s", a.all())
	}
	if a := w.run("diagnose"); !strings.Contains(a.stdout, "TYPE_SILENT") {
		t.Errorf("%s", a.all())
	}
	w.fault()
	w.whole() // all of it is still there
	w.must("sync", "--no-pacing")
	if a := w.must("status", "--json"); strings.Contains(a.stdout, "TYPE_SILENT") {
		t.Errorf("%s", a.all())
	}
}

// mounted puts a small file system in the place of the world's folder.
func (w *world) mounted(args ...string) string {
	w.t.Helper()
	if os.Geteuid() != 0 {
		w.t.Skip("only root may mount")
	}
	home := w.vars["HEALTHSYNC_HOME"]
	if err := os.MkdirAll(home, 0o700); err != nil {
		w.t.Fatal(err)
	}
	tool := testenv.NeedTool(w.t, "mount", "mount")
	if out, err := exec.Command(tool, append(args, home)...).CombinedOutput(); err != nil {
		testenv.Missing(w.t, "mount "+strings.Join(args, " ")+": "+string(out))
	}
	w.t.Cleanup(func() { _ = exec.Command("umount", home).Run() })
	return home
}

// A disk that fills in mid-sync: DISK_FULL, what was stored stays and can be
// read, and with room again the sync goes on to the iPhone's truth.
func TestSyncOnFullDisk(t *testing.T) {
	w := newWorld(t, 2)
	w.extend(time.Now().AddDate(0, 0, -2), 40)
	home := w.mounted("-t", "tmpfs", "-o", "size=1500k,mode=0700", "tmpfs")
	w.pair()
	for range 2 {
		w.wants(problem.DiskFull, "sync", "--no-pacing")
	}
	if a := w.must("diagnose", "--deep"); !strings.Contains(a.stdout, ", sound") {
		t.Errorf("%s", a.all())
	}
	w.wants(problem.DiskFull, "backup", filepath.Join(home, "copy.db"))
	if left, _ := filepath.Glob(filepath.Join(home, "copy*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	w.must("backup", filepath.Join(w.dir, "copy.db"))
	if out, err := exec.Command("mount", "-o", "remount,size=64m", home).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	w.must("sync", "--no-pacing")
	w.whole()
}

// A file system that is read-only: STORE_READ_ONLY for who would write, all else
// works.
func TestReadOnlyDisk(t *testing.T) {
	w := newWorld(t, 2)
	w.pair()
	w.must("sync", "--no-pacing")
	home := w.mounted("--bind", w.vars["HEALTHSYNC_HOME"])
	if out, err := exec.Command("mount", "-o", "remount,ro,bind", home).CombinedOutput(); err != nil {
		testenv.Missing(t, "mount: "+string(out))
	}
	w.wants(problem.StoreReadOnly, "sync", "--no-pacing")
	w.must("types", "--local")
	w.must("why", "steps", "yesterday")
	w.must("backup", filepath.Join(w.dir, "copy.db"))
	w.wants(problem.FileError, "backup", filepath.Join(home, "copy.db"))
	if a := w.run("diagnose"); !strings.Contains(a.stdout, "STORE_READ_ONLY") {
		t.Errorf("%s", a.all())
	}
	if out, err := exec.Command("umount", home).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	w.whole()
}

// The Mac's clock is set back by a year while a sync is under way: nothing is
// lost or doubled, whatever the run made of it, and the next is as if nothing
// had been.
func TestClockSetBackInMidSync(t *testing.T) {
	for _, protocol := range []int{1, 2} {
		w := newWorld(t, protocol)
		w.extend(time.Now().AddDate(0, 0, -2), 40)
		w.pair()
		before := w.phone.Meters().Requests
		ended := make(chan answer)
		go func() { ended <- w.run("sync", "--no-pacing") }()
		var first answer
		for over := false; !over; {
			select {
			case first = <-ended:
				over = true
			case <-time.After(time.Millisecond):
				if w.phone.Meters().Requests >= before+3 {
					w.mac.Store(int64(-year))
				}
			}
		}
		if w.mac.Load() == 0 {
			t.Error("the sync was through before the clock was set")
		}
		if first.exit != 0 && !strings.Contains(first.stderr, "CLOCK_SKEW") &&
			!strings.Contains(first.stderr, "CERT_NOT_YET_VALID") {
			t.Errorf("protocol %d: %s", protocol, first.all())
		}
		// A look with the clock still wrong says so.
		if a := w.run("status"); !strings.Contains(a.all(), "clock is") {
			t.Errorf("protocol %d: %s", protocol, a.all())
		}
		w.mac.Store(0)
		w.must("sync", "--no-pacing")
		w.phone.History().Insert(health.Sample{ID: health.UUID{0xfe}, Type: health.Steps, Start: time.Now().Unix() - 5,
			End: time.Now().Unix() - 1, Value: 3, Unit: "count", Source: "Ana’s Apple Watch"})
		w.must("sync", "--no-pacing")
		w.whole()
	}
}

// Two syncs at once: one does it, the other says so, and nothing is doubled.
func TestTwoSyncs(t *testing.T) {
	w := newWorld(t, 2)
	w.extend(time.Now().AddDate(0, 0, -2), 40)
	w.pair()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(w.dir, "healthsync")
	if err := os.Symlink(exe, bin); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var exits []int
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			cmd := exec.CommandContext(context.WithoutCancel(t.Context()), bin, "sync", "--no-pacing")
			cmd.Env = os.Environ()
			for k, v := range w.vars {
				cmd.Env = append(cmd.Env, k+"="+v)
			}
			out, _ := cmd.CombinedOutput()
			code := cmd.ProcessState.ExitCode()
			if code != 0 && (code != int(problem.ExitPhoneBusy) || !strings.Contains(string(out), "SYNC_IN_PROGRESS")) {
				t.Errorf("exit %d: %s", code, out)
			}
			mu.Lock()
			exits = append(exits, code)
			mu.Unlock()
		})
	}
	wg.Wait()
	if !slices.Contains(exits, 0) {
		t.Errorf("%v", exits)
	}
	w.whole()
}

// A database of a newer program is refused and left as it is.
func TestNewerDatabase(t *testing.T) {
	w := newWorld(t, 2)
	w.pair()
	w.must("sync", "--no-pacing")
	path := filepath.Join(w.vars["HEALTHSYNC_HOME"], "health.db")
	newer, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	newer[63] = 99 // user_version, https://sqlite.org/fileformat2.html#user_version_number
	if err := os.WriteFile(path, newer, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"types", "--local"}, {"why", "steps"}, {"backup", filepath.Join(w.dir, "other.db")},
		{"sync", "--no-pacing"}} {
		w.wants(problem.StoreNewer, args...)
	}
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, newer) {
		t.Errorf("the newer file was touched: %v", err)
	}
}
