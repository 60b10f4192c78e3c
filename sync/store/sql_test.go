package store_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"healthsync/sync/health"
	"healthsync/sync/store"
)

func TestSQL(t *testing.T) {
	path := filepath.Join(t.TempDir(), "health.db")
	db := openWith(t, path, store.Options{})
	sample := health.Sample{
		ID: health.UUID{1}, Type: health.Steps, Start: 1767765600, End: 1767765660,
		Value: 12.5, Unit: "count", Source: "Ana's Watch",
	}
	if _, err := db.Apply(t.Context(), &store.Change{Samples: []health.Sample{sample}}); err != nil {
		t.Fatal(err)
	}
	reader := openWith(t, path, store.Options{ReadOnly: true})
	ask := func(query string) (string, error) {
		var b strings.Builder
		err := reader.SQL(t.Context(), query, func(names []string) error {
			fmt.Fprintln(&b, strings.Join(names, "|"))
			return nil
		}, func(row []any) error {
			fmt.Fprintln(&b, row...)
			return nil
		})
		return b.String(), err
	}
	got, err := ask("SELECT type, start_date, value, metadata, 7 AS n FROM samples; ")
	if want := "type|start_date|value|metadata|n\nsteps 2026-01-07T06:00:00Z 12.5 <nil> 7\n"; err != nil || got != want {
		t.Errorf("got %q, %v", got, err)
	}
	for query, want := range map[string]string{
		"PRAGMA journal_mode":                                     "journal_mode\nwal\n",
		" pragma Main . journal_mode ; ":                          "journal_mode\nwal\n",
		"-- is it sound?\nPRAGMA quick_check(1)":                  "quick_check\nok\n",
		"/* all\nof it */ PRAGMA integrity_check":                 "integrity_check\nok\n",
		"PRAGMA query_only":                                       "query_only\n1\n",
		"SELECT ';' AS a, 'it''s; -- /*' AS \"b;\" /* ; */; -- ;": "a|b;\n; it's; -- /*\n",
		"VALUES (1, x'00ff')":                                     "column1|column2\n1 [0 255]\n",
		"WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n LIMIT 3) SELECT sum(i) AS s FROM n": "s\n6\n",
		"PRAGMA index_list = sample":                 "seq|name|unique|origin|partial\n0 sqlite_autoindex_sample_1 1 pk 0\n",
		"SELECT name FROM pragma_table_info('type')": "name\nid\nname\n",
		"SELECT * FROM pragma_journal_mode":          "journal_mode\nwal\n",
		"EXPLAIN/**/PRAGMA main . \"query_only\"":    "addr|opcode|p1|p2|p3|p4|p5|comment\n",
		"\ufeff \v\fPRAGMA/**/query_only -- is it?":  "query_only\n1\n",
	} {
		if got, err := ask(query); err != nil || !strings.HasPrefix(got, want) {
			t.Errorf("%q: got %q, %v", query, got, err)
		}
	}
	settings := map[string]string{
		"query_only": "1", "writable_schema": "0", "hard_heap_limit": "0", "cache_size": "-2048", "journal_mode": "wal",
	}
	refuse := func(bad string, writes bool) {
		_, err := ask(bad)
		var refused *store.QueryError
		if !errors.As(err, &refused) || refused.Reason == "" || refused.Writes != writes {
			t.Errorf("%q: %v, want a QueryError; it writes: %v", bad, err, writes)
		}
		// One after the other they are asked on one connection of the pool.
		for name, want := range settings {
			got, err := ask("PRAGMA " + name)
			if _, value, _ := strings.Cut(got, "\n"); err != nil || value != want+"\n" {
				t.Errorf("after %q: %s is %q, %v", bad, name, value, err)
			}
		}
	}
	for _, bad := range []string{
		"", "  ", "SELEC 1", "SELECT * FROM nothing", "SELECT 1; SELECT 2", "SELECT ';'; -- ;\nSELECT 2",
		"PRAGMA query_only=0; SELECT 1", "SELECT 1; PRAGMA query_only=0", "SELECT '\x00",
		"SELECT load_extension('x')", "DELETE FROM samples", // a view
	} {
		refuse(bad, false)
	}
	// Some of these take effect while they are compiled, behind EXPLAIN too.
	for _, bad := range []string{
		"CREATE TABLE t(x)", "PRAGMA user_version = 9", "VACUUM",
		"PRAGMA journal_mode=DELETE", "PRAGMA journal_mode(DELETE)", "PRAGMA main.journal_mode = delete",
		"PRAGMA query_only=0", "EXPLAIN PRAGMA query_only=0",
		"explain query plan pragma query_only(0)", "-- x\nPRAGMA query_only=0", "/* x */ PRAGMA query_only=0",
		";PRAGMA query_only=0", "PRAGMA/**/query_only=0",
		`PRAGMA "query_only"=0`, "PRAGMA mmap_size=5", "PRAGMA writable_schema=1", "PRAGMA wal_checkpoint",
		"PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA optimize", "PRAGMA journal_mode/**/=DELETE",
		"DELETE FROM sample",
		"EXPLAIN/**/PRAGMA query_only=0", "EXPLAIN -- x\nPRAGMA query_only=0", "EXPLAIN \vPRAGMA query_only=0",
		" \vPRAGMA query_only=0", "\fPRAGMA query_only=0",
		"EXPLAIN QUERY/**/PLAN PRAGMA query_only=0", "EXPLAIN QUERY PLAN--\nPRAGMA query_only=0",
		"\ufeffPRAGMA query_only=0", "\ufeffEXPLAIN PRAGMA query_only=0", "PRAGMA query_only=''",
		"EXPLAIN/**/PRAGMA hard_heap_limit=10", "EXPLAIN/**/PRAGMA journal_mode=DELETE",
		"EXPLAIN/**/PRAGMA writable_schema=1", "EXPLAIN/**/PRAGMA wal_checkpoint",
		"ATTACH ':memory:' AS other", "ATTACH DATABASE 'other.db' AS other", "DETACH main", "VACUUM INTO 'copy.db'",
		"CREATE TEMP TABLE t(a)", "CREATE TEMP VIEW v AS SELECT 1",
		"BEGIN", "SAVEPOINT s", "COMMIT", "ANALYZE", "REINDEX", "WITH n AS (SELECT 1) DELETE FROM sample",
		"REPLACE INTO state VALUES ('a', 'b') RETURNING key",
		"UPDATE sample SET value = 1 RETURNING value", "EXPLAIN DELETE FROM sample", "DROP TABLE sample",
		"ALTER TABLE sample RENAME TO x", "CREATE VIRTUAL TABLE v USING fts5(a)",
		"PRAGMA query_only=[]", "PRAGMA query_only(``)",
		"EXPLAIN PRAGMA optimize", "SELECT * FROM pragma_optimize", "SELECT * FROM pragma_optimize(-1)",
		"PRAGMA shrink_memory", "PRAGMA cache_size=-1",
	} {
		refuse(bad, true)
	}
	for _, name := range []string{"incremental_vacuum", "optimize", "shrink_memory", "wal_checkpoint"} {
		if _, err := ask("PRAGMA " + name); err == nil || err.Error() != "query: PRAGMA "+name+" does not only read" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, err := ask("SELECT count(*) FROM samples"); err != nil || !strings.HasSuffix(got, "\n1\n") {
		t.Errorf("after all that: %q, %v", got, err)
	}
	stop := errors.New("enough")
	err = reader.SQL(t.Context(), "SELECT 1", func([]string) error { return nil }, func([]any) error { return stop })
	if !errors.Is(err, stop) {
		t.Errorf("an error of the callee: %v", err)
	}
}
