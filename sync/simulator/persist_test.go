package simulator

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// A phone of the same folder is the same phone: a pairing outlives it.
func TestIdentityIsKept(t *testing.T) {
	for _, protocol := range []int{1, 2} {
		dir := filepath.Join(t.TempDir(), "new", "folder")
		o := Options{Protocol: protocol, Dir: dir, Names: []string{"a.local"},
			Addrs: []netip.Addr{netip.MustParseAddr("127.0.0.1")}}
		c := start(t, o).paired()
		leaf, ca, _ := c.phone.Fingerprints()
		status := func(phone *Phone) int {
			return (&client{t: t, phone: phone, token: c.token, cert: c.cert}).do("GET", pathStatus, "").status
		}
		c.phone.Stop()
		again := start(t, o).phone
		if leaf2, ca2, err := again.Fingerprints(); err != nil || leaf != leaf2 || ca != ca2 || status(again) != 200 {
			t.Errorf("version %d: another identity after the restart: %v", protocol, err)
		}
		// At another address the leaf is new, the CA is not.
		moved := o
		moved.Addrs = []netip.Addr{netip.MustParseAddr("192.168.1.9")}
		if leaf3, ca3, err := must(New(moved))(t).Fingerprints(); err != nil || ca3 != ca ||
			(leaf3 == leaf) != (protocol == 1) {
			t.Errorf("version %d at another address: %v", protocol, err)
		}
		if err := again.Revoke(); err != nil {
			t.Fatal(err)
		}
		if got := status(start(t, o).phone); got != 401+2*(protocol-1) {
			t.Errorf("version %d, revoked before the restart: %d", protocol, got)
		}
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 1 {
			t.Fatalf("%v %v", entries, err)
		}
		if info, err := entries[0].Info(); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v", info.Mode())
		}
	}
}

// An identity that cannot be read stops the phone and stays as it is.
func TestDamagedIdentityIsNotReplaced(t *testing.T) {
	dir := t.TempDir()
	if _, err := New(Options{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "iphone-v2.json")
	good := must(os.ReadFile(file))(t)
	for what, bad := range map[string][]byte{
		"cut": good[:len(good)/2], "empty": nil, "no object": []byte("7"), "no keys": []byte("{}"),
		"no CA key":     bytes.Replace(good, []byte(`"caKey"`), []byte(`"x"`), 1),
		"other version": bytes.Replace(good, []byte(`"protocol": 2`), []byte(`"protocol": 1`), 1),
	} {
		if err := os.WriteFile(file, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := New(Options{Dir: dir}); err == nil {
			t.Errorf("%s: accepted", what)
		}
		if now, err := os.ReadFile(file); err != nil || !bytes.Equal(now, bad) {
			t.Errorf("%s: the file was changed", what)
		}
	}
}

func TestStopAndStart(t *testing.T) {
	before := runtime.NumGoroutine()
	c := start(t, Options{Protocol: 1}).paired()
	port := c.phone.Port()
	if err := c.phone.Start("127.0.0.1:0"); err == nil {
		t.Error("started twice")
	}
	idle := must(c.dial())(t) // an open connection without a request
	defer idle.Close()
	c.phone.Stop()
	c.phone.Stop()
	if _, err := c.dial(); err == nil {
		t.Error("somebody answers after Stop")
	}
	_ = idle.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := idle.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
		t.Errorf("the open connection was not closed: %v", err)
	}
	if err := c.phone.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	if a := c.do("GET", pathStatus, ""); a.status != 200 {
		t.Errorf("the pairing after a new start (port %d, then %d): %s", port, c.phone.Port(), a.line)
	}
	c.phone.Stop()
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}
