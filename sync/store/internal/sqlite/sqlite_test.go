package sqlite

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func openTest(t *testing.T) *Conn {
	t.Helper()
	path := filepath.Join(t.TempDir(), "t.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Open(path, ReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func prepare(t *testing.T, c *Conn, sql string) *Stmt {
	t.Helper()
	s, err := c.Prepare(sql)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Finalize)
	return s
}

// squares is a table in Go's memory.
type squares struct{ rows int }

func (s *squares) Len() int { return s.rows }

func (s *squares) Column(row, column int, v *Value) {
	switch {
	case column == 0:
		v.Int(int64(row))
	case column == 1:
		v.Float(float64(row) * float64(row) / 2)
	case row%2 == 0:
		v.UUID(&[16]byte{0: byte(row), 15: 0xff})
	}
}

func TestFeed(t *testing.T) {
	c := openTest(t)
	rows := &squares{}
	if err := c.Feed("squares", []string{"n", "half", "id"}, rows); err != nil {
		t.Fatal(err)
	}
	if err := c.Exec("CREATE TABLE t (n INTEGER PRIMARY KEY, half REAL, id BLOB)"); err != nil {
		t.Fatal(err)
	}
	insert := prepare(t, c, "INSERT INTO t SELECT n + ?1, half, id FROM squares")
	for i, n := range []int{3, 0, 2} {
		rows.rows = n
		insert.BindInt(1, int64(100*i))
		if err := insert.Run(); err != nil {
			t.Fatal(err)
		}
		if c.Changes() != int64(n) {
			t.Errorf("%d changes, want %d", c.Changes(), n)
		}
	}
	var got []string
	s := prepare(t, c, "SELECT n, half, id FROM t ORDER BY n")
	for {
		row, err := s.Step()
		if err != nil {
			t.Fatal(err)
		}
		if !row {
			break
		}
		var id [16]byte
		got = append(got, fmt.Sprint(s.Int(0), s.Float(1), s.IsNull(2), s.UUID(2, &id), id[0], id[15]))
	}
	want := "0 0 false true 0 255|1 0.5 true false 0 0|2 2 false true 2 255|200 0 false true 0 255|201 0.5 true false 0 0"
	if g := strings.Join(got, "|"); g != want {
		t.Errorf("got %s\nwant %s", g, want)
	}
	// A failure in the midst takes all of the statement back.
	rows.rows = 3
	insert.BindInt(1, 199) // 200 is there
	if err := insert.Run(); !Is(err, Constraint) {
		t.Errorf("%v", err)
	}
	if n, err := c.Int("SELECT count(*) FROM t"); n != 5 || err != nil {
		t.Errorf("%d rows %v", n, err)
	}
	// A view of the file has no way to it.
	if err := c.Exec("CREATE VIEW v AS SELECT * FROM squares"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Int("SELECT count(*) FROM v"); err == nil {
		t.Error("a view reads the feed")
	}
}

func TestValues(t *testing.T) {
	c := openTest(t)
	s := prepare(t, c, "SELECT ?1, ?2, ?3, ?4, typeof(?4), typeof(?5), length(?5)")
	text := "Ana's \x00 ⌚"
	s.BindInt(1, math.MinInt64)
	s.BindFloat(2, math.SmallestNonzeroFloat64)
	s.BindText(3, text)
	s.BindNull(4)
	s.BindNoBytes(5)
	for range 2 { // bindings stay
		if row, err := s.Step(); !row || err != nil {
			t.Fatal(row, err)
		}
		if s.Int(0) != math.MinInt64 || s.Float(1) != math.SmallestNonzeroFloat64 || s.Text(2) != text ||
			!s.IsNull(3) || s.Text(3) != "" || s.Text(4) != "null" || s.Text(5) != "blob" || s.Int(6) != 0 {
			t.Errorf("%d %g %q %q", s.Int(0), s.Float(1), s.Text(2), s.Text(3))
		}
		s.Reset()
	}
	s.BindInt(99, 1)
	if _, err := s.Step(); err == nil {
		t.Error("a parameter that is not there: no error")
	}
	if _, err := s.Step(); err != nil {
		t.Errorf("the error stays: %v", err)
	}
}

func TestErrors(t *testing.T) {
	c := openTest(t)
	for sql, want := range map[string]string{
		"SELEC 1":              "syntax error",
		"SELECT * FROM no":     "no such table",
		`SELECT "name"`:        "no such column",
		"ATTACH '/no/x' AS db": "unable to open database",
	} {
		err := c.Exec(sql)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(e.Error(), want) {
			t.Errorf("%s: %v", sql, err)
		}
	}
	if _, err := Open(filepath.Join(t.TempDir(), "no", "t.db"), ReadWrite); !Is(err, CannotOpen) {
		t.Errorf("%v", err)
	}
	if _, err := Open("a\x00b", ReadWrite); err == nil {
		t.Error("a name with a NUL: no error")
	}
	if c.InTransaction() {
		t.Error("in a transaction")
	}
	if err := c.Exec("BEGIN"); err != nil || !c.InTransaction() {
		t.Errorf("%v", err)
	}
}

func TestInterrupt(t *testing.T) {
	c := openTest(t)
	ctx, cancel := context.WithCancel(t.Context())
	stop := c.Watch(ctx)
	time.AfterFunc(20*time.Millisecond, cancel)
	const endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
	if _, err := c.Int(endless); !Is(err, Interrupted) {
		t.Errorf("%v", err)
	}
	stop()
	// Once stopped, the connection is as before.
	time.Sleep(10 * time.Millisecond)
	if n, err := c.Int("SELECT 7"); n != 7 || err != nil {
		t.Errorf("%d %v", n, err)
	}
	// Done before the statement began.
	stop = c.Watch(ctx)
	if _, err := c.Int(endless); !Is(err, Interrupted) {
		t.Errorf("%v", err)
	}
	stop()
	c.Close()
	c.Interrupt() // harmless
}

// What a guard refuses has no effect, though it would take effect while it is
// compiled.
func TestGuard(t *testing.T) {
	c := openTest(t)
	var asked []Pragma
	err := c.Guard(func(p Pragma) bool {
		asked = append(asked, p)
		return !p.Given || p.Name == "table_info"
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{"PRAGMA query_only=1", "EXPLAIN/**/PRAGMA main . \"query_only\"(ON)", "PRAGMA query_only=''"} {
		if _, err := c.PrepareOnly(sql); !Is(err, Denied) {
			t.Errorf("%q: %v, want it denied", sql, err)
		}
	}
	for sql, want := range map[string]int64{"PRAGMA query_only": 0, "SELECT count(*) FROM pragma_table_info('sqlite_schema')": 5} {
		if n, err := c.Int(sql); err != nil || n != want {
			t.Errorf("%q: %d, %v; want %d", sql, n, err, want)
		}
	}
	if err := c.Exec("CREATE TABLE t(a); INSERT INTO t VALUES (1); DROP TABLE t"); err != nil {
		t.Errorf("what is no PRAGMA: %v", err)
	}
	for _, want := range []Pragma{
		{"query_only", "1", true}, {"query_only", "ON", true}, {"query_only", "", true}, {"query_only", "", false}, {"table_info", "sqlite_schema", true},
	} {
		if !slices.Contains(asked, want) {
			t.Errorf("not asked: %+v; but %+v", want, asked)
		}
	}
}

func TestVersion(t *testing.T) {
	if v := Version(); !strings.HasPrefix(v, "3.") {
		t.Error(v)
	}
}
