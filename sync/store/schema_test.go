package store

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"healthsync/sync/health"
)

// next is a schema of days to come, to prove the way there.
const next = `ALTER TABLE run ADD COLUMN note TEXT NOT NULL DEFAULT '';
	DROP VIEW runs; CREATE VIEW runs AS SELECT id, note FROM run`

// To the next schema: the samples stay, a step that fails leaves the database as
// it was, and whoever only reads says that it is older.
func TestUpgrade(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "health.db")
	schema := func(o Options, schemas ...string) (n int, err error) {
		t.Helper()
		s, err := open(ctx, path, o, schemas)
		if err != nil {
			return 0, err
		}
		defer s.Close()
		id, err := readIdentity(ctx, s.reader)
		return id.schema, err
	}
	s, err := Open(ctx, path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	sample := health.Sample{Type: health.Steps, Start: 100, End: 160, Value: 12, Unit: "count", Source: "Watch"}
	if _, err := s.Apply(ctx, &Change{Samples: []health.Sample{sample}}); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if _, err := schema(Options{}, schema1, next, "CREATE TABLE t (a); CREATE TABLE t (a)"); err == nil {
		t.Error("a broken step: no error")
	}
	var older *OlderError
	_, err = schema(Options{ReadOnly: true}, schema1, next)
	if !errors.As(err, &older) || older.Schema != 1 || older.Needed != 2 {
		t.Errorf("for reading: %v", err)
	}
	if n, err := schema(Options{}, schema1, next); n != 2 || err != nil {
		t.Errorf("schema %d, %v", n, err)
	}
	var newer *NewerError
	if _, err := schema(Options{}, schema1); !errors.As(err, &newer) || newer.Schema != 2 || newer.Known != 1 {
		t.Errorf("by an older program: %v", err)
	}
	s, err = open(ctx, path, Options{}, []string{schema1, next})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var got health.Sample
	if err := s.Query(ctx, Filter{}, func(x *health.Sample) error { got = *x; return nil }); err != nil || got != sample {
		t.Errorf("%+v %v", got, err)
	}
	if faults, err := s.Faults(ctx); err != nil || len(faults) > 0 {
		t.Errorf("%v %v", faults, err)
	}
}

// A process that died while it made the file left it empty: the next one makes it
// whole.
func TestUnfinished(t *testing.T) {
	path := filepath.Join(t.TempDir(), "health.db")
	s := &Store{path: path}
	if err := s.makeFile(); err != nil {
		t.Fatal(err)
	}
	w, err := s.connect(path, 1, writerConn)
	if err == nil {
		_, err = w.Exec("PRAGMA journal_mode=WAL")
	}
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	if s, err = Open(t.Context(), path, Options{}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if faults, err := s.Faults(context.Background()); err != nil || len(faults) > 0 {
		t.Errorf("%v %v", faults, err)
	}
}
