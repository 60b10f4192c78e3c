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
	db, err := store.Open(t.Context(), path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	sample := health.Sample{ID: health.UUID{1}, Type: health.Steps, Start: 1767765600, End: 1767765660, Value: 12.5, Unit: "count", Source: "Ana's Watch"}
	if _, err := db.Apply(t.Context(), &store.Change{Samples: []health.Sample{sample}}); err != nil {
		t.Fatal(err)
	}
	reader, err := store.Open(t.Context(), path, store.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
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
	for _, bad := range []string{"", "  ", "SELEC 1", "SELECT * FROM nothing", "SELECT 1; SELECT 2", "DELETE FROM samples", "CREATE TABLE t(x)", "PRAGMA user_version = 9", "VACUUM", "SELECT '\x00"} {
		_, err := ask(bad)
		var refused *store.QueryError
		if !errors.As(err, &refused) || refused.Reason == "" {
			t.Errorf("%q: %v, want a QueryError", bad, err)
		}
	}
	if got, err := ask("SELECT count(*) FROM samples"); err != nil || !strings.HasSuffix(got, "\n1\n") {
		t.Errorf("after all that: %q, %v", got, err)
	}
	stop := errors.New("enough")
	if err := reader.SQL(t.Context(), "SELECT 1", func([]string) error { return nil }, func([]any) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("an error of the callee: %v", err)
	}
}
