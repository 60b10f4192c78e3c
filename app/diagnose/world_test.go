package diagnose_test

import (
	"context"
	"io"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"healthsync/app/config"
	"healthsync/app/diagnose"
	"healthsync/app/pairing"
	"healthsync/pki/vault"
	"healthsync/sync/bonjour"
	"healthsync/sync/simulator"
)

// name is what nobody may read in a report.
const name = "Zoë’s Telephone"

// world is a Mac's side in a folder of its own, with a vault that can be made to fail, and a
// simulated iPhone.
type world struct {
	*testing.T
	computer *pairing.Computer
	vault    *keychain
	phone    *simulator.Phone
	o        diagnose.Options
	// mac and iphone are how far ahead of the real time their clocks are.
	mac, iphone atomic.Int64
}

// keychain is a vault that can be found locked or missing.
type keychain struct {
	vault.Vault
	err error
}

func (k *keychain) Check(ctx context.Context) error {
	if k.err != nil {
		return k.err
	}
	return k.Vault.Check(ctx)
}

func newWorld(t *testing.T, protocol int) *world {
	t.Helper()
	dir := t.TempDir()
	paths, err := config.Locate(func(k string) string { return map[string]string{config.HomeVar: dir}[k] })
	if err != nil {
		t.Fatal(err)
	}
	v, err := vault.Open(vault.KindFile, vault.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{T: t, vault: &keychain{Vault: v}}
	w.computer = &pairing.Computer{
		Paths: paths, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Now:       func() time.Time { return time.Now().Add(time.Duration(w.mac.Load())) },
		OpenVault: func() (vault.Vault, error) { return w.vault, nil },
	}
	w.phone, err = simulator.New(simulator.Options{Protocol: protocol, DeviceName: name, NoRateLimit: true, Now: func() time.Time {
		return time.Now().Add(time.Duration(w.iphone.Load()))
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.phone.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.phone.Stop)
	w.o = diagnose.Options{
		Link: pairing.LinkOptions{NoSearch: true, Timeout: 20 * time.Second, WaitLimit: -1}, Slow: time.Minute,
		Program: "healthsync v1.2.3", Finder: &air{}, Listen: 10 * time.Millisecond, Home: "/home/zoe",
	}
	return w
}

func (w *world) pair() {
	w.Helper()
	p, err := w.phone.Payload("127.0.0.1")
	if err != nil {
		w.Fatal(err)
	}
	_, err = w.computer.Pair(w.Context(), pairing.Request{
		Protocol: p.Version, Host: p.Host, Port: p.Port, Code: p.Code, ExpiresAt: p.ExpiresAt, Leaf: p.Leaf, CA: p.CA, ClientName: "test",
	}, pairing.LinkOptions{NoSearch: true})
	if err != nil {
		w.Fatal(err)
	}
	w.o.Finder = &air{all: []bonjour.Instance{w.announced()}}
}

// announced is what the phone announces.
func (w *world) announced() bonjour.Instance {
	return bonjour.Instance{Name: name, Host: "Zos-Telephone.local", Port: w.phone.Port(), Addrs: []netip.Addr{netip.MustParseAddr("127.0.0.1")}}
}

func (w *world) run() *diagnose.Report {
	w.Helper()
	return diagnose.Run(w.Context(), w.computer, w.o)
}

func (w *world) fault(faults ...string) {
	w.Helper()
	if err := w.phone.SetFaults(faults...); err != nil {
		w.Fatal(err)
	}
}

// air is what can be heard.
type air struct {
	all []bonjour.Instance
	err error
}

func (a *air) Find(_ context.Context, _ time.Duration, match func(bonjour.Instance) bool) (bonjour.Instance, bool, error) {
	for _, i := range a.all {
		if match(i) {
			return i, true, nil
		}
	}
	return bonjour.Instance{}, false, a.err
}

func (a *air) Watch(context.Context, bonjour.WatchOptions, func(bonjour.Event)) error { return a.err }
