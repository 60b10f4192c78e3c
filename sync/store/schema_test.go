package store

import (
	"path/filepath"
	"testing"

	"healthsync/sync/health"
	"healthsync/sync/store/internal/sqlite"
)

// later are schemas of days to come, to prove the way there.
var later = []step{
	{sql: `ALTER TABLE run ADD COLUMN note TEXT NOT NULL DEFAULT ''; DROP VIEW runs; CREATE VIEW runs AS SELECT id, note FROM run`},
	{sql: `CREATE TABLE day (type INTEGER, day INTEGER, PRIMARY KEY (type, day)) STRICT, WITHOUT ROWID`},
}

// From every earlier schema to the latest: the samples stay, each step runs
// once, and a step that fails leaves the database as it was.
func TestMigrate(t *testing.T) {
	steps, err := migrations()
	if err != nil {
		t.Fatal(err)
	}
	known := len(steps)
	for from := 1; from <= known; from++ {
		path := filepath.Join(t.TempDir(), "health.db")
		ctx := t.Context()
		makeSchema(t, path, steps[:from])

		s, err := Open(ctx, path, Options{}) // to today's
		if err != nil {
			t.Fatal(err)
		}
		sample := health.Sample{Type: health.Steps, Start: 100, End: 160, Value: 12, Unit: "count", Source: "Watch"}
		if _, err := s.Apply(ctx, &Change{Samples: []health.Sample{sample}}); err != nil {
			t.Fatal(err)
		}
		schema := func() int64 {
			n, err := s.writer.Int("PRAGMA user_version")
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		if schema() != int64(known) {
			t.Errorf("from %d to %d, want %d", from, schema(), known)
		}
		// To tomorrow's, but one step fails.
		broken := append(append([]step{}, steps...), later[0], step{sql: "CREATE TABLE t (a); CREATE TABLE t (a)"})
		if err := s.transact(ctx, func() error { return s.migrate(s.writer, known, broken) }); err == nil {
			t.Error("a broken step: no error")
		}
		if schema() != int64(known) {
			t.Errorf("after a broken step the schema is %d", schema())
		}
		if err := s.transact(ctx, func() error { return s.migrate(s.writer, known, append(steps[:known:known], later...)) }); err != nil {
			t.Fatal(err)
		}
		if schema() != int64(known+len(later)) {
			t.Errorf("schema %d, want %d", schema(), known+len(later))
		}
		if n, err := s.writer.Int("SELECT value FROM samples"); err != nil || n != 12 {
			t.Errorf("the sample is %d, %v", n, err)
		}
		s.Close()
	}
}

// A process that died while it made the file left it empty or in part: the
// next one makes it whole.
func TestUnfinished(t *testing.T) {
	path := filepath.Join(t.TempDir(), "health.db")
	makeSchema(t, path, nil)
	s, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

func makeSchema(t *testing.T, path string, steps []step) {
	t.Helper()
	s := &Store{path: path, dict: newDictionary()}
	if err := s.makeFile(); err != nil {
		t.Fatal(err)
	}
	c, err := sqlite.Open(path, sqlite.ReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	w := newConn(c)
	defer w.close()
	if err := c.Feed("ledger_page", ledgerColumns, &s.apply.entries); err != nil {
		t.Fatal(err)
	}
	if err := c.Exec(pragma("page_size", pageSize) + ";" + writerSettings); err != nil {
		t.Fatal(err)
	}
	if len(steps) > 0 {
		if err := c.Exec("BEGIN"); err != nil {
			t.Fatal(err)
		}
		if err := s.migrate(w, 0, steps); err != nil {
			t.Fatal(err)
		}
		if err := c.Exec("COMMIT"); err != nil {
			t.Fatal(err)
		}
	}
}
