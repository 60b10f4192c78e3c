package near_test

import (
	"testing"

	"healthsync/sync/near"
)

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"kitten", "sitting", 3}, {"steps", "stepz", 1}, {"ab", "ba", 2}} {
		if got := near.Distance(c.a, c.b); got != c.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
		if got := near.Distance(c.b, c.a); got != c.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", c.b, c.a, got, c.want)
		}
	}
}

func TestBest(t *testing.T) {
	words := []string{"status", "sync", "scan", "server.host"}
	for name, want := range map[string]string{"statsu": "status", "stat": "status", "scann": "scan", "server.hots": "server.host", "xyzzy": "", "": ""} {
		if got := near.Best(name, words); got != want {
			t.Errorf("Best(%q) = %q, want %q", name, got, want)
		}
	}
}
