package store_test

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"healthsync/sync/store"
	"healthsync/sync/testenv"
)

func book(t *testing.T, s *store.Store) []store.Trusted {
	t.Helper()
	got, err := s.Trusted(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestTrusted(t *testing.T) {
	s := fresh(t)
	add := func(batch string, entries ...store.Trusted) {
		t.Helper()
		if err := s.AddTrusted(t.Context(), batch, entries); err != nil {
			t.Fatal(err)
		}
	}
	at := func(host string, first, last, count int64, phone string) store.Trusted {
		return store.Trusted{Pairing: "p1", Host: host, Port: 8443, Certificate: strings.Repeat("ab", 32), Protocol: 2, Phone: phone, First: first, Last: last, Count: count}
	}
	add("b1", at("10.0.0.2", 100, 100, 1, ""), at("10.0.0.9", 120, 140, 3, "Ana's iPhone"))
	add("b2", at("10.0.0.2", 200, 230, 4, "Ana's iPhone"))
	add("b2", at("10.0.0.2", 200, 230, 4, "Ana's iPhone")) // handed in again
	add("b3", at("10.0.0.2", 50, 60, 1, ""))               // by a clock that was set back
	other := at("10.0.0.2", 300, 300, 1, "")
	other.Pairing = "p2"
	add("b4", other)
	want := []store.Trusted{other, at("10.0.0.2", 100, 230, 6, "Ana's iPhone"), at("10.0.0.9", 120, 140, 3, "Ana's iPhone")}
	if got := book(t, s); !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got := reader(t, s.Path(), "SELECT * FROM trust_log LIMIT 1"); got !=
		"1970-01-01T00:05:00Z|1970-01-01T00:05:00Z||10.0.0.2|8443|"+strings.Repeat("ab", 32)+"|2|p2|1" {
		t.Errorf("the view: %s", got)
	}
}

// Nobody takes an entry back, by whatever program.
func TestTrustedIsAppendOnly(t *testing.T) {
	tool := testenv.NeedTool(t, "sqlite3", "sqlite3")
	s := fresh(t)
	e := store.Trusted{Pairing: "p", Host: "10.0.0.2", Port: 1, Certificate: "c", Protocol: 1, First: 5, Last: 9, Count: 2}
	if err := s.AddTrusted(t.Context(), "b", []store.Trusted{e}); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		"DELETE FROM trusted", "UPDATE trusted SET host = 'x'", "UPDATE trusted SET port = 2", "UPDATE trusted SET certificate = 'x'",
		"UPDATE trusted SET pairing = 'x'", "UPDATE trusted SET first = 1", "UPDATE trusted SET last = 1", "UPDATE trusted SET count = 1",
		"UPDATE trusted SET protocol = 2",
	} {
		out, err := exec.Command(tool, "-batch", s.Path(), sql).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "append-only") {
			t.Errorf("%s: %v %s", sql, err, out)
		}
	}
	if got := book(t, s); !slices.Equal(got, []store.Trusted{e}) {
		t.Errorf("got %+v", got)
	}
}

// A reader of an older database finds an empty book, not an error.
func TestTrustedOfAnOlderDatabase(t *testing.T) {
	s := fresh(t)
	path := s.Path()
	if err := s.ToSchema1(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Close()
	old, err := store.Open(t.Context(), path, store.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := book(t, old); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
	old.Close()
	if got := book(t, open(t, filepath.Clean(path))); len(got) != 0 {
		t.Errorf("brought up to date: %+v", got)
	}
}
