package store_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"healthsync/sync/health"
	"healthsync/sync/store"
	"healthsync/sync/testenv"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, path string) *store.Store {
	t.Helper()
	return openWith(t, path, store.Options{})
}

func openWith(t testing.TB, path string, o store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), path, o)
	must(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

func fresh(t testing.TB) *store.Store {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "data", "health.db"))
}

func apply(t testing.TB, s *store.Store, c store.Change) store.Outcome {
	t.Helper()
	out, err := s.Apply(t.Context(), &c)
	must(t, err)
	return out
}

// id makes the UUID of a small number.
func id(n int) (u health.UUID) {
	binary.BigEndian.PutUint64(u[8:], uint64(n))
	return u
}

// heart is a heart rate sample.
func heart(n int, start int64) health.Sample {
	return health.Sample{
		ID: id(n), Type: health.HeartRate, Start: start, End: start + 5,
		Value: 60.5, Unit: "count/min", Source: "Watch",
	}
}

// during says that a type was read whole from one second to another.
func during(t health.Type, from, to int64) store.Covered {
	return store.Covered{Type: t, Span: store.Span{From: from, To: to}}
}

// hearts are n heart rates, one a second, the newest first.
func hearts(n int) (out []health.Sample) {
	for i := range n {
		out = append(out, heart(i, int64(n-i)))
	}
	return out
}

// all gives what is stored, oldest first.
func all(t testing.TB, s *store.Store, types ...health.Type) []health.Sample {
	t.Helper()
	return query(t, s, store.Filter{Types: types, OldestFirst: true})
}

func query(t testing.TB, s *store.Store, f store.Filter) (out []health.Sample) {
	t.Helper()
	must(t, s.Query(t.Context(), f, func(m *health.Sample) error {
		out = append(out, *m)
		return nil
	}))
	return out
}

// sound fails the test where anything in a database is not as it should be.
func sound(t testing.TB, s *store.Store) {
	t.Helper()
	if faults, err := s.Faults(context.WithoutCancel(t.Context())); err != nil || len(faults) > 0 {
		t.Errorf("%v %v", faults, err)
	}
}

func byKey(a, b health.Sample) int {
	switch {
	case a.Start != b.Start:
		return int(a.Start - b.Start)
	case a.Type != b.Type:
		return strings.Compare(string(a.Type), string(b.Type))
	}
	return bytes.Compare(a.ID[:], b.ID[:])
}

// same compares what is stored with what should be, in any order.
func same(t testing.TB, got, want []health.Sample) {
	t.Helper()
	want = slices.Clone(want)
	slices.SortFunc(want, byKey)
	if !slices.Equal(got, want) {
		t.Errorf("stored\n%v\nwant\n%v", got, want)
	}
}

// reader asks the sqlite3 command line: SQLite's own, of another version than
// ours, by no code of ours.
func reader(t testing.TB, path, query string) string {
	t.Helper()
	tool := testenv.NeedTool(t, "sqlite3", "sqlite3")
	cmd := exec.Command(tool, "-batch", "-readonly", path, query)
	cmd.Env = append(cmd.Environ(), "TZ=Europe/Berlin")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("sqlite3: %v\n%s", err, out)
	}
	return strings.TrimSuffix(string(out), "\n")
}

// meddle has the sqlite3 command line change a database, as another program may.
func meddle(t testing.TB, path, sql string) {
	t.Helper()
	tool := testenv.NeedTool(t, "sqlite3", "sqlite3")
	if out, err := exec.Command(tool, "-batch", path, sql).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
}
