package diagnose_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"healthsync/app/config"
	"healthsync/app/diagnose"
	"healthsync/app/problem"
	"healthsync/pki/vault"
	"healthsync/sync/bonjour"
	"healthsync/sync/health"
	"healthsync/sync/store"
	"healthsync/sync/testenv"
)

func text(r *diagnose.Report) string {
	var b strings.Builder
	_, _ = r.WriteTo(&b)
	return b.String()
}

// A case is a state of the world and the one check that must speak.
type situation struct {
	name     string
	protocol int // 0 is 2
	make     func(w *world)
	check    string
	verdict  diagnose.Verdict
	code     problem.Code
}

// A stall is a fault that is waited for.
func stall(name string) func(*world) {
	return func(w *world) {
		w.fault(name)
		w.o.Link.Timeout = time.Second
	}
}

func fault(names ...string) func(*world) { return func(w *world) { w.fault(names...) } }

var situations = []situation{
	{"all is well", 2, func(*world) {}, diagnose.Answer, diagnose.OK, ""},
	{"all is well with protocol 1", 1, func(*world) {}, diagnose.Answer, diagnose.OK, ""},
	{"not sharing", 2, fault("refuse"), diagnose.TCP, diagnose.Fail, problem.ConnRefused},
	{"stalled handshake", 2, stall("stall-handshake"), diagnose.TLS, diagnose.Fail, problem.TimedOut},
	{"TLS 1.2", 2, fault("tls12"), diagnose.TLS, diagnose.Fail, problem.UnsupportedProtocol},
	{"not TLS", 2, fault("not-tls"), diagnose.TLS, diagnose.Fail, problem.NotTLS},
	{"reset in the handshake", 2, fault("reset:handshake"), diagnose.TLS, diagnose.Fail, problem.ConnReset},
	{"server expired", 2, fault("expired-server-cert"), diagnose.ServerCert, diagnose.Fail, problem.CertHasExpired},
	{"server not yet valid", 2, fault("not-yet-valid-server-cert"), diagnose.ServerCert, diagnose.Fail, problem.CertNotYetValid},
	{"other name", 2, fault("wrong-name"), diagnose.ServerCert, diagnose.Fail, problem.CertNameInvalid},
	{"other CA", 2, fault("other-ca"), diagnose.ServerCert, diagnose.Fail, problem.CertSignatureInvalid},
	{"self-signed", 2, fault("self-signed"), diagnose.ServerCert, diagnose.Fail, problem.SelfSigned},
	{"broken chain", 2, fault("broken-chain"), diagnose.ServerCert, diagnose.Fail, problem.CertSignatureInvalid},
	{"wrong usage", 2, fault("wrong-usage"), diagnose.ServerCert, diagnose.Fail, problem.CertWrongUsage},
	{"revoked", 2, fault("revoked"), diagnose.ClientCert, diagnose.Fail, problem.CertRevoked},
	{"no client certificate accepted", 2, fault("no-client-cert:alert"), diagnose.ClientCert, diagnose.Fail, problem.NoClientCertificate},
	{"certificate of another pairing", 2, fault("foreign-client-cert:alert"), diagnose.ClientCert, diagnose.Fail, problem.CertSignatureInvalid},
	{"pinned certificate changed", 1, fault("self-signed"), diagnose.Answer, diagnose.OK, ""}, // version 1 has but one
	{"pinned certificate of another", 1, fault("expired-server-cert"), diagnose.ServerCert, diagnose.Fail, problem.CertFingerprintMismatch},
	{"token rejected", 1, fault("token-rejected"), diagnose.Token, diagnose.Fail, problem.TokenRejected},
	{"locked", 2, fault("locked"), diagnose.Unlocked, diagnose.Fail, problem.PhoneLocked},
	{"locked with protocol 1", 1, fault("locked"), diagnose.Unlocked, diagnose.Fail, problem.PhoneLocked},
	{"rate limited", 2, fault("rate-limited"), diagnose.Answer, diagnose.Fail, problem.RateLimited},
	{"HTTP 500", 2, fault("http-500"), diagnose.Answer, diagnose.Fail, problem.PhoneError},
	{"not JSON", 2, fault("not-json"), diagnose.Answer, diagnose.Fail, problem.ResponseInvalid},
	{"silent after the handshake", 2, stall("stall"), diagnose.Answer, diagnose.Fail, problem.TimedOut},
	{"the iPhone's clock is ahead", 2, fault("clock-skew:20m"), diagnose.Clocks, diagnose.Warn, problem.ClockSkew},
	{"both clocks and the calendar", 2, func(w *world) { w.mac.Store(int64(400 * 24 * time.Hour)) }, diagnose.Clocks, diagnose.Fail, problem.ClockSkew},
	{"this computer's clock is behind", 2, func(w *world) { w.mac.Store(-int64(48 * time.Hour)) }, diagnose.Clocks, diagnose.Fail, problem.ClockSkew},
	{"certificates expired", 2, func(w *world) {
		w.mac.Store(int64(380 * 24 * time.Hour))
		w.iphone.Store(int64(380 * 24 * time.Hour))
	}, diagnose.ClientCert, diagnose.Fail, problem.CertHasExpired},
	{"certificates expiring", 2, func(w *world) {
		w.mac.Store(int64(350 * 24 * time.Hour))
		w.iphone.Store(int64(350 * 24 * time.Hour))
	}, diagnose.ServerCert, diagnose.Warn, problem.CertExpiring},
	{"token expired", 1, func(w *world) {
		w.mac.Store(int64(32 * 24 * time.Hour))
		w.iphone.Store(int64(32 * 24 * time.Hour))
	}, diagnose.Token, diagnose.Fail, problem.TokenExpired},
	{"token expiring", 1, func(w *world) {
		w.mac.Store(int64(25 * 24 * time.Hour))
		w.iphone.Store(int64(25 * 24 * time.Hour))
	}, diagnose.Token, diagnose.Warn, problem.TokenExpiring},
	{"keychain locked", 2, func(w *world) { w.vault.err = &vault.LockedError{} }, diagnose.Keychain, diagnose.Fail, problem.KeychainLocked},
	{"keychain denied", 1, func(w *world) { w.vault.err = &vault.DeniedError{} }, diagnose.Keychain, diagnose.Fail, problem.KeychainDenied},
	{"no Secret Service", 2, func(w *world) { w.vault.err = &vault.UnavailableError{Reason: vault.NoService} }, diagnose.Keychain, diagnose.Fail, problem.KeychainUnavailable},
	{"client certificate missing", 2, func(w *world) { w.forget("clientCertificate") }, diagnose.ClientCert, diagnose.Fail, problem.NoClientCertificate},
	{"key missing", 2, func(w *world) { w.lose("key") }, diagnose.ClientCert, diagnose.Fail, problem.NoClientCertificate},
	{"CA missing", 2, func(w *world) { w.forget("caCertificate") }, diagnose.CACert, diagnose.Fail, problem.CertSignatureInvalid},
	{"token missing", 1, func(w *world) { w.lose("token") }, diagnose.Token, diagnose.Fail, problem.KeychainMissing},
	{"record damaged", 2, func(w *world) { w.scribble(w.computer.Paths.PairingFile()) }, diagnose.Pairing, diagnose.Fail, problem.PairingFile},
	{"settings damaged", 2, func(w *world) { w.o.SettingsErr = &config.InvalidError{Path: "config.json", Err: errors.New("x")} }, diagnose.Settings, diagnose.Fail, problem.ConfigInvalid},
	{"database damaged", 2, func(w *world) { w.scribble(w.computer.Paths.Database()) }, diagnose.Database, diagnose.Fail, problem.StoreCorrupt},
	{"shares nothing", 2, func(w *world) { w.phone.SetTypes([]health.Type{}) }, diagnose.Types, diagnose.Fail, problem.TypeNotEnabled},
	{"Bonjour unusable", 2, func(w *world) { w.o.Finder = &air{err: &bonjour.NetworkError{Err: errors.New("in use")}} }, diagnose.Bonjour, diagnose.Warn, ""},
	{"reached, not announced", 2, func(w *world) { w.o.Finder = &air{} }, diagnose.Bonjour, diagnose.Warn, ""},
	{"Bonjour off", 2, func(w *world) { w.o.Finder = nil }, diagnose.Bonjour, diagnose.Skipped, ""},
}

// lose takes an item of the pairing out of the vault.
func (w *world) lose(item string) {
	w.Helper()
	r, err := w.computer.Record()
	if err != nil {
		w.Fatal(err)
	}
	if err := w.vault.Delete(w.Context(), item+"-"+r.ID); err != nil {
		w.Fatal(err)
	}
}

// forget takes a field out of the pairing's record.
func (w *world) forget(field string) {
	w.Helper()
	path := w.computer.Paths.PairingFile()
	raw, err := os.ReadFile(path)
	var r map[string]any
	if err = errors.Join(err, json.Unmarshal(raw, &r)); err == nil {
		delete(r, field)
		raw, err = json.Marshal(r)
	}
	if err = errors.Join(err, os.WriteFile(path, raw, 0o600)); err != nil {
		w.Fatal(err)
	}
}

func (w *world) scribble(path string) {
	w.Helper()
	if err := os.WriteFile(path, []byte(strings.Repeat("no such file format ", 500)), 0o600); err != nil {
		w.Fatal(err)
	}
}

func TestTroubles(t *testing.T) {
	for _, c := range situations {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, c.protocol)
			w.pair()
			c.make(w)
			r := w.run()
			got := r.Find(c.check)
			if tcp := r.Find(diagnose.TCP); c.code == problem.ConnReset && tcp.Code == c.code {
				got = tcp // on a busy machine the reset is there before the connection is
			}
			if got.Verdict != c.verdict || got.Code != c.code {
				t.Errorf("%s is %s %s, want %s %s\n%s", c.check, got.Verdict, got.Code, c.verdict, c.code, text(r))
			}
			if c.verdict == diagnose.Fail || c.verdict == diagnose.Warn {
				// It is the root cause, and says what to do.
				if r.Verdict != c.verdict || r.Code != c.code || r.Remedy == nil || r.Remedy.String() == "" {
					t.Errorf("the verdict is %s %s %v, want %s %s\n%s", r.Verdict, r.Code, r.Remedy, c.verdict, c.code, text(r))
				}
			} else if r.Verdict != diagnose.OK {
				t.Errorf("the verdict is %s %s\n%s", r.Verdict, r.Code, text(r))
			}
			if e := r.Err(); (e != nil) != (c.verdict == diagnose.Fail) || e != nil && (e.Code != c.code || e.Exit() == problem.ExitOK) {
				t.Errorf("as an error it is %v", e)
			}
			wellFormed(t, r)
			private(t, w, r)
		})
	}
}

// wellFormed holds for every report.
func wellFormed(t *testing.T, r *diagnose.Report) {
	t.Helper()
	for _, c := range r.Checks {
		switch {
		case c.Title == "" || c.Sentence == "" || strings.HasSuffix(c.Sentence, "."):
			t.Errorf("%s: title %q, sentence %q", c.ID, c.Title, c.Sentence)
		case c.Verdict == diagnose.Fail && (c.Code == "" || c.Remedy == nil):
			t.Errorf("%s fails without code or remedy", c.ID)
		case c.Code != "":
			if _, ok := problem.Lookup(c.Code); !ok {
				t.Errorf("%s has the unknown code %s", c.ID, c.Code)
			}
		}
	}
}

// private looks for what must not be in a report that is posted in public.
func private(t *testing.T, w *world, r *diagnose.Report) {
	t.Helper()
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	all := text(r) + string(raw)
	secret := []string{name, "Zo", "Telephone", "/home/"}
	items, err := w.vault.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range items {
		if i.Kind == vault.ItemSecret {
			s, err := w.vault.Get(t.Context(), i.Name)
			if err != nil {
				t.Fatal(err)
			}
			secret = append(secret, string(s))
		}
	}
	for _, s := range secret {
		if strings.Contains(all, s) {
			t.Errorf("the report holds %q:\n%s", s, all)
		}
	}
}

func TestNotPaired(t *testing.T) {
	w := newWorld(t, 2)
	w.o.Finder = &air{all: []bonjour.Instance{w.announced()}}
	r := w.run()
	if r.Verdict != diagnose.Fail || r.Code != problem.NotPaired || len(r.Also) != 0 && r.Also[0] != diagnose.Interfaces {
		t.Errorf("%s %s %v\n%s", r.Verdict, r.Code, r.Also, text(r))
	}
	if n := w.phone.Meters().Connections; n != 0 {
		t.Errorf("an iPhone that is not paired was connected to %d times", n)
	}
	wellFormed(t, r)
	private(t, w, r)
}

func TestNames(t *testing.T) {
	w := newWorld(t, 2)
	w.pair()
	w.o.Names = true
	if all := text(w.run()); strings.Count(all, name) != 2 { // paired with it, and heard
		t.Errorf("the name stands there %d times:\n%s", strings.Count(all, name), all)
	}
}

// The same name with another identity: no problem while ours answers, told
// where it does not.
func TestNamesake(t *testing.T) {
	w, other := newWorld(t, 2), newWorld(t, 2)
	w.pair()
	w.o.Finder = &air{all: []bonjour.Instance{other.announced(), w.announced()}}
	if r := w.run(); r.Verdict != diagnose.OK {
		t.Errorf("beside ours: %s\n%s", r.Code, text(r))
	}
	w.o.Finder = &air{all: []bonjour.Instance{other.announced()}}
	w.phone.Stop()
	r := w.run()
	if c := r.Find(diagnose.Bonjour); !strings.Contains(c.Sentence, "another identity") {
		t.Errorf("instead of ours: %+v", c)
	}
	if n := other.phone.Meters().Requests; n != 0 {
		t.Errorf("%d requests were sent to the other one", n)
	}
}

// The iPhone is found at its new port by real multicast DNS, verified, and
// followed.
func TestMoved(t *testing.T) {
	w := newWorld(t, 2)
	w.pair()
	w.phone.Stop()
	if err := w.phone.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	a, err := bonjour.Announce(bonjour.Announcement{
		Name: fmt.Sprintf("%s %d", name, os.Getpid()), Host: fmt.Sprintf("phone-%d", os.Getpid()), Port: w.phone.Port(),
		Addrs: []netip.Addr{netip.MustParseAddr("127.0.0.1")},
	})
	if err != nil {
		testenv.Missing(t, "no multicast DNS here: "+err.Error())
	}
	defer a.Close()
	w.o.Link.NoSearch, w.o.Finder, w.o.Listen = false, new(bonjour.Browser), 10*time.Second
	r := w.run()
	if c := r.Find(diagnose.Address); r.Verdict != diagnose.OK || c.Code != problem.HostChanged || c.Verdict != diagnose.OK {
		t.Errorf("%+v\n%s", c, text(r))
	}
	private(t, w, r)
}

// An iPhone that was verified elsewhere is not called one that refuses: neither
// where its new address cannot be written down, nor where the person asked for
// another.
func TestMovedAndKeptFrom(t *testing.T) {
	for _, named := range []bool{false, true} {
		w := newWorld(t, 2)
		w.pair()
		old := w.phone.Port()
		w.phone.Stop()
		if err := w.phone.Start("127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(w.computer.Paths.PairingFile() + ".lock"); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(w.computer.Paths.PairingFile()+".lock", 0o700); err != nil { // root obeys that, too
			t.Fatal(err)
		}
		ears := &air{all: []bonjour.Instance{w.announced()}}
		w.o.Finder, w.o.Link.Finder, w.o.Link.NoSearch = ears, ears, false
		if named {
			w.o.Link.Host, w.o.Link.Port = "127.0.0.1", old
		}
		r := w.run()
		c := r.Find(diagnose.Address)
		place := fmt.Sprintf("127.0.0.1:%d", w.phone.Port())
		if named {
			if c.Verdict != diagnose.Fail || r.Code != problem.PhoneNotFound || !strings.Contains(r.Detail, place) || r.Remedy == nil || strings.Contains(r.Remedy.Text, "Start Sharing") {
				t.Errorf("named: %+v\n%s", c, text(r))
			}
		} else if r.Verdict != diagnose.Warn || c.Code != "" || !strings.Contains(c.Detail, place) || r.Find(diagnose.Answer).Verdict != diagnose.OK {
			t.Errorf("kept from writing: %+v\n%s", c, text(r))
		}
		private(t, w, r)
	}
}

func TestDatabase(t *testing.T) {
	w := newWorld(t, 2)
	w.pair()
	db, err := store.Open(t.Context(), w.computer.Paths.Database(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().Unix()
	record := func(outcome string, ended int64) {
		if err := db.RecordRun(t.Context(), &store.Run{Started: ended - 1, Ended: ended, Outcome: outcome, Phone: name}); err != nil {
			t.Fatal(err)
		}
	}
	look := func(id string) diagnose.Check { t.Helper(); return *w.run().Find(id) }

	if c := look(diagnose.LastSync); c.Verdict != diagnose.Skipped {
		t.Errorf("no run: %+v", c)
	}
	record("PHONE_LOCKED", now-4*24*3600)
	if c := look(diagnose.LastSync); c.Verdict != diagnose.Warn || !strings.Contains(c.Detail, "PHONE_LOCKED") {
		t.Errorf("only a failed run: %+v", c)
	}
	record(store.RunOK, now-3*24*3600)
	if c := look(diagnose.LastSync); c.Verdict != diagnose.Warn || c.Remedy == nil {
		t.Errorf("an old run: %+v", c)
	}
	w.computer.Config.Sync.Interval = "manual"
	if c := look(diagnose.LastSync); c.Verdict != diagnose.OK {
		t.Errorf("an old run of one who syncs by hand: %+v", c)
	}
	record(store.RunOK, now-60)
	w.computer.Config.Sync.Interval = ""
	if r := w.run(); r.Verdict != diagnose.OK || !strings.Contains(r.Find(diagnose.Database).Sentence, "sound") {
		t.Errorf("a recent run: %s", text(r))
	}
	w.o.CheckTime = time.Nanosecond
	if c := look(diagnose.Database); c.Verdict != diagnose.OK || !strings.Contains(c.Detail, "--deep") {
		t.Errorf("a check without time: %+v", c)
	}
	w.o.CheckTime = -1
	if c := look(diagnose.Database); c.Verdict != diagnose.OK || !strings.Contains(c.Sentence, "sound") {
		t.Errorf("a check of the whole: %+v", c)
	}
	db.Close()
	if err := os.Chmod(w.computer.Paths.Database(), 0o644); err != nil {
		t.Fatal(err)
	}
	if c := look(diagnose.Database); c.Verdict != diagnose.Warn || !strings.Contains(c.Remedy.Command, "chmod 600") {
		t.Errorf("open to others: %+v", c)
	}
}

func TestSlow(t *testing.T) {
	w := newWorld(t, 2)
	w.pair()
	w.o.Slow = time.Nanosecond
	if r := w.run(); r.Verdict != diagnose.Warn || r.Find(diagnose.TCP).Verdict != diagnose.Warn || !strings.Contains(r.Remedy.Text, "router") {
		t.Error(text(r))
	}
}

func TestMac(t *testing.T) {
	w := newWorld(t, 2)
	w.pair()
	w.o.Platform = "darwin"
	if c := w.run().Find(diagnose.LocalNetwork); c.Verdict != diagnose.OK {
		t.Errorf("reached: %+v", c)
	}
	w.phone.Stop()
	w.o.Finder = &air{}
	if c := w.run().Find(diagnose.LocalNetwork); c.Verdict != diagnose.Skipped || !strings.Contains(c.Sentence, "Local Network") {
		t.Errorf("not sharing: %+v", c)
	}
	w.o.Platform = "linux"
	if c := w.run().Find(diagnose.LocalNetwork); c != nil {
		t.Errorf("elsewhere: %+v", c)
	}
}

func TestSettingsNameMoreThanIsShared(t *testing.T) {
	w := newWorld(t, 2)
	w.pair()
	w.fault("type-disabled:steps")
	w.computer.Config.Sync.Types = []string{"steps", "heart_rate", "sleep"}
	if c := w.run().Find(diagnose.Types); c.Verdict != diagnose.Warn || c.Detail != "Not shared: steps." {
		t.Errorf("%+v", c)
	}
}
