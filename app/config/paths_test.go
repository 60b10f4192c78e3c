package config

import "testing"

// Both systems' places, on either.
func TestPlatformPaths(t *testing.T) {
	env := map[string]string{"XDG_DATA_HOME": "/data", "XDG_STATE_HOME": "relative"}
	getenv := func(k string) string { return env[k] }
	if got, want := macPaths("/Users/ana", getenv), (Paths{
		Config: "/Users/ana/Library/Application Support/HealthSync",
		Data:   "/Users/ana/Library/Application Support/HealthSync",
		Log:    "/Users/ana/Library/Logs/HealthSync",
	}); got != want {
		t.Errorf("macOS: %+v", got)
	}
	if got, want := xdgPaths("/home/ana", getenv), (Paths{
		Config: "/home/ana/.config/healthsync", Data: "/data/healthsync", Log: "/home/ana/.local/state/healthsync",
	}); got != want {
		t.Errorf("XDG: %+v", got)
	}
}
