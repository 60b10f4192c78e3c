package store_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"healthsync/sync/store"
	"healthsync/sync/testenv"
)

// A place is in the trust log once for each pairing and certificate, and nobody
// takes an entry back, by whatever program.
func TestTrustLog(t *testing.T) {
	s := fresh(t)
	entry := func(pairing, host string, at int64) store.Trusted {
		return store.Trusted{
			Pairing: pairing, Host: host, Port: 8443, Certificate: strings.Repeat("ab", 32),
			Protocol: 2, Phone: "Ana's iPhone", At: at,
		}
	}
	for _, e := range []store.Trusted{
		entry("p1", "10.0.0.2", 100), entry("p1", "10.0.0.9", 120),
		entry("p1", "10.0.0.2", 200), entry("p2", "10.0.0.2", 300),
	} {
		must(t, s.AppendTrusted(t.Context(), e))
	}
	want := []store.Trusted{entry("p2", "10.0.0.2", 300), entry("p1", "10.0.0.9", 120), entry("p1", "10.0.0.2", 100)}
	check := func() {
		t.Helper()
		if got, err := s.TrustLog(t.Context()); err != nil || !slices.Equal(got, want) {
			t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
		}
	}
	check()
	if got := reader(t, s.Path(), "SELECT * FROM trust_log LIMIT 1"); got !=
		"1970-01-01T00:05:00Z|Ana's iPhone|10.0.0.2|8443|"+strings.Repeat("ab", 32)+"|2|p2" {
		t.Errorf("the view: %s", got)
	}
	tool := testenv.NeedTool(t, "sqlite3", "sqlite3")
	for _, sql := range []string{"DELETE FROM trusted", "UPDATE trusted SET host = 'x'", "UPDATE trusted SET at = 1"} {
		out, err := exec.Command(tool, "-batch", s.Path(), sql).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "append-only") {
			t.Errorf("%s: %v %s", sql, err, out)
		}
	}
	check()
}
