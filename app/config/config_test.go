package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"healthsync/app/config"
)

func TestSetAndGet(t *testing.T) {
	good := map[string][]string{
		"server.host": {"192.168.1.100", "10.0.0.5", "172.16.0.1", "iphone.local", "fe80::1%en0", "127.0.0.1", "localhost",
			"fd00::1"},
		"server.port": {"1", "8443", "65535"}, "sync.interval": {"15m", "1h", "1d", "manual"}, "sync.types": {"all",
			"steps,heart_rate", "vitals"},
		"sync.since": {"2020-01-31"}, "sync.lookback": {"12h", "30d"}, "notify.expiryDays": {"30,7,1",
			"14"}, "menu.today": {"true", "false"},
		"sources.priority": {"Ana's Apple Watch", "strava, *iPhone*", "[beta] Steps,(old)", "Åsas Watch 🏃"},
	}
	bad := map[string][]string{
		"server.host": {"", "8.8.8.8", "example.com", "iphone.local/x", "0.0.0.0", "2001:db8::1", "a b.local"},
		"server.port": {"0", "65536", "http", ""}, "sync.interval": {"1m", "soon", "-1h"}, "sync.types": {"stepz", "",
			"steps,,"},
		"sync.since": {"yesterday", "2020-13-01"}, "sync.lookback": {"10m", "366d"}, "notify.expiryDays": {"0", "x",
			"400"}, "menu.today": {"yes"}, "sources.priority": {"", "Watch,,iPhone", "Watch,Watch",
			"(entered by hand, Watch, iPhone, others)", `["Watch","iPhone"]`, "Watch\niPhone", "Watch\x1b[2J"},
	}
	for _, k := range config.Keys() {
		if len(good[k.Name]) == 0 || len(bad[k.Name]) == 0 {
			t.Errorf("%s is not tested", k.Name)
		}
		for _, v := range good[k.Name] {
			var c config.Config
			if err := k.Set(&c, v); err != nil {
				t.Errorf("%s = %q: %v", k.Name, v, err)
			}
		}
		for _, v := range bad[k.Name] {
			var c config.Config
			var invalid *config.InvalidError
			if err := k.Set(&c, v); !errors.As(err, &invalid) || invalid.Accept == "" {
				t.Errorf("%s = %q: %v; want an InvalidError that says what is accepted", k.Name, v, err)
			}
		}
	}
}

func TestLoadKeepsWhatItCannotRead(t *testing.T) {
	for name, text := range map[string]string{
		"not JSON": "{", "unknown key": `{"server":{"hots":"10.0.0.1"}}`, "wrong value": `{"server":{"host":"8.8.8.8"}}`, "wrong type": `{"server":{"port":"x"}}`,
	} {
		path := filepath.Join(t.TempDir(), "config.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := config.Load(path)
		var invalid *config.InvalidError
		if !errors.As(err, &invalid) {
			t.Errorf("%s: Load = %v, want an InvalidError", name, err)
		}
		if _, err := config.Update(path, func(c *config.Config) error { c.Server.Port = 1; return nil }); err == nil {
			t.Errorf("%s: Update wrote over a file that it could not read", name)
		}
		if after, _ := os.ReadFile(path); string(after) != text {
			t.Errorf("%s: the file was changed to %q", name, after)
		}
	}
}

func TestUpdateIsAtomicBetweenWriters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "config.json")
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			_, err := config.Update(path, func(c *config.Config) error {
				c.Notify.ExpiryDays = append(c.Notify.ExpiryDays, 300-i)
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	c, err := config.Load(path)
	if err != nil || len(c.Notify.ExpiryDays) != 40 ||
		!slices.IsSortedFunc(c.ExpiryDays(), func(a, b int) int { return b - a }) {
		t.Errorf("after 40 changes: %v, %v", c.Notify.ExpiryDays, err)
	}
	if st, _ := os.Stat(path); st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", st.Mode())
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestLocate(t *testing.T) {
	env := map[string]string{"HOME": "/home/ana", "XDG_DATA_HOME": "relative/is/ignored"}
	p, err := config.Locate(func(k string) string { return env[k] })
	if err != nil || p.Home != "" || !strings.HasPrefix(p.Database(), "/home/ana/") ||
		strings.Contains(p.Database(), ".healthsync/") {
		t.Errorf("Locate = %+v, %v", p, err)
	}
	env[config.HomeVar] = t.TempDir()
	q, err := config.Locate(func(k string) string { return env[k] })
	if err != nil || q.Home == "" {
		t.Fatalf("Locate = %+v, %v", q, err)
	}
	for _, f := range []string{q.ConfigFile(), q.Database(), q.LogFile(), q.PairingFile(), q.LockFile()} {
		if !strings.HasPrefix(f, env[config.HomeVar]+"/") {
			t.Errorf("%s is outside of %s", f, config.HomeVar)
		}
	}
	if _, err := config.Locate(func(string) string { return "" }); err == nil && os.Getenv("HOME") == "" {
		t.Error("no HOME: want an error")
	}
}

func TestDefaults(t *testing.T) {
	var c config.Config
	if c.SyncInterval() != time.Hour || c.SyncLookback() != 14*24*time.Hour || !c.SyncSince().IsZero() ||
		!slices.Equal(c.ExpiryDays(), []int{30, 7, 1}) {
		t.Errorf("defaults: %v %v %v %v", c.SyncInterval(), c.SyncLookback(), c.SyncSince(), c.ExpiryDays())
	}
}

// An address in the brackets of a URL is kept without them.
func TestHostWithoutBrackets(t *testing.T) {
	var c config.Config
	k, _ := config.Find("server.host")
	if err := k.Set(&c, "[fe80::1%en0]"); err != nil || c.Server.Host != "fe80::1%en0" {
		t.Errorf("%q, %v", c.Server.Host, err)
	}
}
