package pairing_test

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"healthsync/app/config"
	"healthsync/app/files"
	"healthsync/app/pairing"
	"healthsync/app/problem"
	"healthsync/pki/vault"
)

// hookedVault does something at the moment at which a key is made: the iPhone
// has not been asked yet, or is being asked by another.
type hookedVault struct {
	vault.Vault
	made func()
}

func (h *hookedVault) NewSigner(ctx context.Context, name string) (crypto.Signer, error) {
	s, err := h.Vault.NewSigner(ctx, name)
	h.made()
	return s, err
}

// another is a second process's side of the same folder and vault.
func (b *bench) another(v vault.Vault) *pairing.Computer {
	return &pairing.Computer{
		Paths: b.computer.Paths, Now: b.now, Log: b.computer.Log,
		OpenVault: func() (vault.Vault, error) { return v, nil },
	}
}

// A change of the pairing waits for another one, says so, and takes
// nothing away that the other has just made.
func TestChangesOfThePairingWait(t *testing.T) {
	for name, other := range map[string]func(*bench, *pairing.Computer) error{
		"pair": func(b *bench, s *pairing.Computer) error {
			_, err := s.Pair(b.Context(), newBench(b.T, 2).request(), offline) // another iPhone
			return err
		},
		"renew": func(b *bench, s *pairing.Computer) error {
			_, err := s.Renew(b.Context(), offline)
			return err
		},
		"clear": func(b *bench, s *pairing.Computer) error {
			_, err := s.ClearVault(b.Context())
			return err
		},
		"unpair": func(b *bench, s *pairing.Computer) error {
			_, err := s.Unpair(b.Context())
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, 2)
			b.pair()
			waits := make(chan files.Holder, 1)
			second := b.another(b.vault)
			second.Waiting = func(h files.Holder) { waits <- h }
			var ended sync.WaitGroup
			slow := b.another(&hookedVault{b.vault, func() {
				ended.Go(func() {
					if err := other(b, second); err != nil {
						t.Errorf("the second: %v", err)
					}
				})
				if h := <-waits; h.PID != os.Getpid() || h.What == "" {
					t.Errorf("waits for %+v", h)
				}
			}})
			p, err := slow.Pair(t.Context(), b.request(), offline)
			if err != nil || p.StatusErr != nil {
				t.Fatalf("the first: %v, %v", err, p)
			}
			ended.Wait()
			if name == "clear" || name == "unpair" {
				return
			}
			if err := b.works(); err != nil || len(b.items()) != 1 {
				t.Errorf("afterwards: %v, items %v", err, b.items())
			}
		})
	}
}

// Waiting can be cancelled, with everything as it was.
func TestWaitingForTheLockCanBeGivenUp(t *testing.T) {
	b := newBench(t, 2)
	b.pair()
	before := b.items()
	held, err := files.Take(b.computer.Paths.PairingLockFile(), "pairing", b.now())
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	b.computer.Waiting = func(files.Holder) { cancel() }
	if _, err := b.computer.Unpair(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	must(t, held.Release())
	if err := b.works(); err != nil || len(b.items()) != len(before) {
		t.Errorf("%v, items %v", err, b.items())
	}
}

// A change that has waited too long names the process it waited for.
func TestWaitingForTheLockEnds(t *testing.T) {
	defer pairing.SetLockLimit(pairing.SetLockLimit(time.Millisecond))
	b := newBench(t, 2)
	held, err := files.Take(b.computer.Paths.PairingLockFile(), "renewing the certificate", b.now())
	must(t, err)
	defer held.Release()
	_, err = b.computer.Pair(t.Context(), b.request(), offline)
	var busy *pairing.BusyError
	if !errors.As(err, &busy) || busy.Holder.PID != os.Getpid() {
		t.Fatalf("%v", err)
	}
	e := problem.From(err, b.now())
	if e.Code != problem.PairingBusy || e.Exit() != problem.ExitPairing || !strings.Contains(e.Detail, "renewing the certificate") {
		t.Errorf("%v", e)
	}
}

// A record that is written makes a pairing: that the settings cannot be changed
// afterwards takes nothing back.
func TestPairedAlthoughTheSettingsCannotBeWritten(t *testing.T) {
	for protocol := 1; protocol <= 2; protocol++ {
		b := newBench(t, protocol)
		b.pair()
		b.computer.Config = config.Config{Server: config.Server{Host: "127.0.0.9"}}
		must(t, config.Save(b.computer.Paths.ConfigFile(), b.computer.Config))
		must(t, os.MkdirAll(b.computer.Paths.ConfigFile()+".lock", 0o700))
		p, err := b.computer.Pair(t.Context(), b.request(), offline)
		if err != nil {
			t.Fatalf("protocol %d: %v", protocol, err)
		}
		if p.Address == nil || p.StatusErr != nil {
			t.Errorf("protocol %d: address %v, status %v", protocol, p.Address, p.StatusErr)
		}
		b.stands(fmt.Sprint("protocol ", protocol), p.Record.ID)
	}
}

// What is learned of the iPhone while its certificate is being renewed stays.
func TestRenewKeepsWhatIsLearnedMeanwhile(t *testing.T) {
	b := newBench(t, 2)
	old := b.pair()
	s := b.another(&hookedVault{b.vault, func() {
		l := b.link()
		st, err := l.Status(t.Context())
		if err != nil {
			t.Error(err)
			return
		}
		if err := l.Seen("Another Name", st.Report); err != nil {
			t.Error(err)
		}
	}})
	if _, err := s.Renew(t.Context(), offline); err != nil {
		t.Fatal(err)
	}
	r, err := b.computer.Record()
	if err != nil || r.ID == old.ID || r.Name != "Another Name" {
		t.Errorf("%+v, %v", r, err)
	}
	if len(b.items()) != 1 {
		t.Errorf("items %v", b.items())
	}
}

// A failure while pairing is reported as such: the existing pairing has
// nothing to do with it.
func TestExchangeError(t *testing.T) {
	b := newBench(t, 2)
	b.pair()
	req := b.request()
	req.Leaf[0] ^= 1
	var x *pairing.ExchangeError
	if _, err := b.computer.Pair(t.Context(), req, offline); !errors.As(err, &x) {
		t.Errorf("%v", err)
	}
	if err := b.works(); err != nil {
		t.Error(err)
	}
}

// A phone that could not even be asked did not fail to answer.
func TestUnpairWithoutTheKey(t *testing.T) {
	b := newBench(t, 2)
	r := b.pair()
	must(t, b.vault.Delete(t.Context(), vault.Key+"-"+r.ID))
	u, err := b.computer.Unpair(t.Context())
	var missing *pairing.MissingError
	if err != nil || u.OnPhone != pairing.NotAsked || !errors.As(u.PhoneErr, &missing) {
		t.Errorf("%+v, %v", u, err)
	}
}

// A record of a newer version is not taken for a damaged one.
func TestNewerRecord(t *testing.T) {
	for text, newer := range map[string]bool{
		`{"schema":99,"id":"x","protocol":2}`: true, `{"schema":2,"id":7,"devices":[]}`: true, `{"schema":0}`: false, `{`: false,
	} {
		b := newBench(t, 2)
		must(t, os.WriteFile(b.computer.Paths.PairingFile(), []byte(text), 0o600))
		var r *pairing.RecordError
		if _, err := b.computer.Record(); !errors.As(err, &r) || r.Newer != newer {
			t.Errorf("%s: %v", text, err)
		}
	}
}
