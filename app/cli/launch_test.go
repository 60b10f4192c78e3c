package cli

import (
	"slices"
	"testing"
)

func TestLaunchArgs(t *testing.T) {
	const inside = "/Applications/HealthSync.app/Contents/MacOS/HealthSync"
	for _, c := range []struct {
		argv     []string
		terminal bool
		want     []string
	}{
		{[]string{inside}, false, []string{"menubar"}},
		{[]string{inside, "-psn_0_12345"}, false, []string{"menubar"}},
		{[]string{inside}, true, nil},                      // typed in full
		{[]string{"healthsync"}, false, nil},               // the link, in a script
		{[]string{"/usr/local/bin/healthsync"}, true, nil}, // the link
		{[]string{inside, "status", "--json"}, false, []string{"status", "--json"}},
		{[]string{inside, "scan", "--camera"}, false, []string{"scan", "--camera"}}, // the camera's child
		{nil, false, nil},
	} {
		if got := launchArgs(c.argv, c.terminal); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.argv, got, c.want)
		}
	}
}
