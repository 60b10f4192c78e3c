package store_test

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"healthsync/sync/health"
	"healthsync/sync/store"
)

func TestCoverage(t *testing.T) {
	sp := func(from, to int64) store.Span { return store.Span{From: from, To: to} }
	for _, c := range []struct {
		name string
		add  []store.Span
		want []store.Span
	}{
		{"none", nil, nil},
		{"empty", []store.Span{sp(5, 5), sp(9, 3)}, nil},
		{"one", []store.Span{sp(1, 9)}, []store.Span{sp(1, 9)}},
		{"apart", []store.Span{sp(20, 30), sp(1, 9)}, []store.Span{sp(1, 9), sp(20, 30)}},
		{"touching", []store.Span{sp(5, 9), sp(1, 5)}, []store.Span{sp(1, 9)}},
		{"overlapping", []store.Span{sp(1, 6), sp(4, 9)}, []store.Span{sp(1, 9)}},
		{"within", []store.Span{sp(1, 9), sp(3, 4)}, []store.Span{sp(1, 9)}},
		{"a gap closed", []store.Span{sp(1, 3), sp(7, 9), sp(3, 7)}, []store.Span{sp(1, 9)}},
		{"over several", []store.Span{sp(2, 3), sp(5, 6), sp(8, 9), sp(1, 7)}, []store.Span{sp(1, 7), sp(8, 9)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			check := func(s *store.Store) {
				t.Helper()
				got, err := s.Coverage(t.Context())
				if err != nil || !slices.Equal(got[health.Steps], c.want) {
					t.Errorf("%v %v, want %v", got, err, c.want)
				}
			}
			one, many := fresh(t), fresh(t)
			var covered []store.Covered
			for i, span := range c.add {
				next := store.Covered{Type: health.Steps, Span: span, At: int64(i)}
				covered = append(covered, next)
				apply(t, many, store.Change{Covered: []store.Covered{next, {Type: health.HeartRate, Span: sp(0, 1)}}})
			}
			apply(t, one, store.Change{Covered: covered})
			check(one)
			check(many)
		})
	}
}

func TestState(t *testing.T) {
	s := fresh(t)
	apply(t, s, store.Change{State: map[string]string{"a": "1", "b": "2"}})
	apply(t, s, store.Change{State: map[string]string{"a": "", "b": "3", "c": ""}})
	got := make(map[string]string)
	for _, k := range []string{"a", "b", "c"} {
		if v, ok, err := s.State(t.Context(), k); err != nil {
			t.Fatal(err)
		} else if ok {
			got[k] = v
		}
	}
	if want := map[string]string{"b": "3"}; !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestTypes(t *testing.T) {
	s := fresh(t)
	late := heart(3, 300)
	late.Unit = "bpm"
	apply(t, s, store.Change{
		Samples: []health.Sample{late, heart(2, 200), heart(1, 100)},
		Covered: []store.Covered{during(health.HeartRate, 0, 400), during(health.Weight, 0, 50)},
	})
	apply(t, s, store.Change{Reconcile: []store.Covered{during(health.HeartRate, 100, 101)}})
	got, err := s.Types(t.Context())
	must(t, err)
	want := []store.TypeStat{
		{Type: health.HeartRate, Count: 2, Deleted: 1, First: 200, Last: 300, Unit: "bpm", CoveredTo: 400},
		{Type: health.Weight, CoveredTo: 50},
	}
	if !slices.Equal(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
	// Who takes rows out does not count; Recount does.
	meddle(t, s.Path(), "DELETE FROM sample WHERE start = 200")
	must(t, s.Recount(t.Context()))
	if got, err := s.Types(t.Context()); err != nil || got[0].Count != 1 || got[0].Deleted != 1 {
		t.Errorf("counted anew: %+v, %v", got, err)
	}
}

func TestRuns(t *testing.T) {
	s := fresh(t)
	ctx := t.Context()
	if _, ok, err := s.LastRun(ctx, ""); ok || err != nil {
		t.Errorf("a run in an empty log: %v", err)
	}
	good := store.Run{
		Started: 100, Ended: 110, Outcome: store.RunOK, Phone: "Ana's iPhone", Requests: 2,
		Counts: store.Counts{Added: 7, Late: 1},
	}
	bad := store.Run{Started: 200, Ended: 201, Outcome: "PHONE_LOCKED", Phone: "Ana's iPhone"}
	under := store.Run{Started: 300, Phone: "Ana's iPhone"}
	for _, r := range []*store.Run{&good, &bad, &under} {
		if err := s.RecordRun(ctx, r); err != nil || r.ID == 0 {
			t.Fatal(r.ID, err)
		}
	}
	runs, err := s.Runs(ctx, 10)
	if err != nil || !slices.Equal(runs, []store.Run{under, bad, good}) {
		t.Errorf("%+v %v", runs, err)
	}
	if r, ok, err := s.LastRun(ctx, ""); r != bad || !ok || err != nil {
		t.Errorf("last: %+v %v", r, err)
	}
	if r, ok, err := s.LastRun(ctx, store.RunOK); r != good || !ok || err != nil {
		t.Errorf("last good: %+v %v", r, err)
	}
	under.Ended, under.Outcome, under.Added = 310, store.RunOK, 3
	must(t, s.RecordRun(ctx, &under))
	if r, _, err := s.LastRun(ctx, store.RunOK); r != under || err != nil {
		t.Errorf("ended: %+v %v", r, err)
	}
	for range 1100 {
		r := good
		r.ID = 0
		must(t, s.RecordRun(ctx, &r))
	}
	if runs, err := s.Runs(ctx, 5000); err != nil || len(runs) != 1000 {
		t.Errorf("%d runs kept, %v", len(runs), err)
	}
}

func TestBackup(t *testing.T) {
	s := fresh(t)
	page := hearts(2000)
	apply(t, s, store.Change{Samples: page})
	dir := t.TempDir()
	path := filepath.Join(dir, "copy.db")
	if _, err := s.Backup(t.Context(), path, false); err != nil {
		t.Fatal(err)
	}
	apply(t, s, store.Change{Samples: []health.Sample{heart(9999, 9999)}})
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("%v %v", entries, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v %v", info.Mode(), err)
	}
	got := reader(t, path, "PRAGMA integrity_check; PRAGMA journal_mode; SELECT count(*) FROM samples")
	if got != "ok\ndelete\n2000" {
		t.Errorf("sqlite3 says %q", got)
	}
	if _, err := s.Backup(t.Context(), path, false); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over an existing file: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Backup(ctx, filepath.Join(dir, "never.db"), false); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := s.Backup(t.Context(), filepath.Join(dir, "no", "folder.db"), false); err == nil {
		t.Error("into a folder that is not there: no error")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v %v", entries, err)
	}
	c := open(t, path)
	same(t, all(t, c), page)
	apply(t, c, store.Change{Samples: []health.Sample{heart(5000, 5000)}})
	sound(t, c)
}

// A full disk spares what is there and leaves no half copy.
func TestBackupFull(t *testing.T) {
	s := fresh(t)
	apply(t, s, store.Change{Samples: hearts(9000)})
	dir := t.TempDir()
	mount(t, "-t", "tmpfs", "-o", "size=256k", "tmpfs", dir)
	var full *store.FullError
	_, err := s.Backup(t.Context(), filepath.Join(dir, "copy.db"), false)
	if !errors.As(err, &full) || filepath.Dir(full.Path) != dir {
		t.Errorf("%T %v", err, err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v %v", entries, err)
	}
}
