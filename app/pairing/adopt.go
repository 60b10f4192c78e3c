package pairing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"healthsync/pki"
	"healthsync/pki/trust"
	"healthsync/pki/vault"
)

// The Swift command line tool of iOS Health Sync 1.0.0 keeps address and pin in
// ~/.healthsync/config.json and the token in the login keychain, under this
// service and the account "token-<host>" (its main.swift, ConfigStore and
// KeychainStore). Both belong to it: they are read and never changed.
const (
	swiftService = "org.mvneves.healthsync.cli"
	swiftAccount = "token-"
	swiftFolder  = ".healthsync"
	swiftFile    = "config.json"
)

// tokenLife is how long a token of protocol 1 lives (PairingService.swift). The
// other program did not write down when its ends.
const tokenLife = 30 * 24 * time.Hour

// Adoptable is a pairing of the Swift command line tool.
type Adoptable struct {
	Path string
	Host string
	Port int
	Leaf pki.Fingerprint
	// Since is when its file was last written, which is when it was paired.
	Since time.Time
}

// ErrNothingToAdopt says that there is no pairing of the other program.
var ErrNothingToAdopt = errors.New("no pairing of another program")

// AdoptError says why a pairing of the other program cannot be used. It is left
// as it is.
type AdoptError struct {
	Path   string
	Reason string
	// Token is set where the secret is the trouble, not the file.
	Token bool
	Err   error
}

func (e *AdoptError) Error() string {
	return fmt.Sprintf("the pairing in %s cannot be adopted: %s", e.Path, e.Reason)
}
func (e *AdoptError) Unwrap() error { return e.Err }

// FindAdoptable looks for the pairing of the Swift command line tool in a home
// folder: [ErrNothingToAdopt] where there is none, an *AdoptError where the
// file is not one. It looks at the file only and asks no keychain.
func FindAdoptable(home string) (*Adoptable, error) {
	if home == "" {
		return nil, ErrNothingToAdopt
	}
	path := filepath.Join(home, swiftFolder, swiftFile)
	f, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ErrNothingToAdopt
	case err != nil:
		return nil, &AdoptError{Path: path, Reason: "it cannot be read", Err: err}
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, &AdoptError{Path: path, Reason: "it cannot be read", Err: err}
	}
	raw, err := io.ReadAll(io.LimitReader(f, 64<<10))
	if err != nil {
		return nil, &AdoptError{Path: path, Reason: "it cannot be read", Err: err}
	}
	var c struct {
		Host        *string `json:"host"`
		Port        *int    `json:"port"`
		Fingerprint *string `json:"fingerprint"`
	}
	// Other programs of this name use the folder too: a file without these
	// three is none of a pairing, not a damaged one.
	if json.Unmarshal(raw, &c) != nil || c.Host == nil || c.Port == nil || c.Fingerprint == nil {
		return nil, ErrNothingToAdopt
	}
	leaf, err := pki.ParseFingerprint(*c.Fingerprint)
	switch {
	case err != nil:
		return nil, &AdoptError{Path: path, Reason: "its fingerprint is none", Err: err}
	case *c.Port < 1 || *c.Port > 65535:
		return nil, &AdoptError{Path: path, Reason: fmt.Sprintf("%d is no port", *c.Port)}
	case *c.Host == "" || len(*c.Host) > 255:
		return nil, &AdoptError{Path: path, Reason: "it has no address"}
	}
	return &Adoptable{Path: path, Host: *c.Host, Port: *c.Port, Leaf: leaf, Since: st.ModTime()}, nil
}

// PairedError says that there is a pairing already.
type PairedError struct{ Record *Record }

func (e *PairedError) Error() string { return "an iPhone is paired already" }

// Adopt makes the other program's pairing this one's as well: the iPhone is
// found, proves its identity by the pinned certificate, and accepts the token;
// then the token is copied into the vault. Nothing of the other program is
// changed, and it goes on working. from is the keychain that it uses.
//
// The token's end is not known; the latest possible is noted.
func (s *Station) Adopt(ctx context.Context, a *Adoptable, from vault.Vault, o LinkOptions) (*Paired, error) {
	done, err := s.turn(ctx, "pairing")
	if err != nil {
		return nil, err
	}
	defer done()
	old, err := s.Record()
	var damaged *RecordError
	switch {
	case err == nil:
		return nil, &PairedError{old}
	case !errors.Is(err, ErrNotPaired) && !errors.As(err, &damaged):
		return nil, err
	}
	if _, err := trust.LocalHost(ctx, a.Host); err != nil {
		return nil, err
	}
	token, err := from.Foreign(ctx, swiftService, swiftAccount+a.Host)
	if errors.Is(err, vault.ErrNotFound) {
		return nil, &AdoptError{Path: a.Path, Token: true, Reason: "its token is not in the " + from.Where(), Err: err}
	}
	if err != nil {
		return nil, err
	}
	v, err := s.Vault()
	if err != nil {
		return nil, err
	}
	r := &Record{Schema: recordSchema, ID: newID(), Protocol: 1, Host: a.Host, Port: a.Port, PairedHost: a.Host, PairedAt: a.Since.UTC().Truncate(time.Second)}
	l, err := s.adoptedLink(r, a.Leaf, string(token), o)
	if err != nil {
		return nil, err
	}
	st, err := l.Status(ctx)
	if err != nil && canMove(err) && !l.fixed {
		was, failed := Place{l.Host, l.Port}, make(chan struct{})
		close(failed)
		seen := l.chase(was).run(ctx, failed)
		if seen.found == nil {
			return nil, l.drift(ctx, was, err, seen)
		}
		now := *seen.found
		r.Host, r.Port, l.Host, l.Port = now.Host, now.Port, now.Host, now.Port
		r.FollowedAt = s.Now().UTC().Truncate(time.Second)
		if err := l.connect(); err != nil {
			return nil, err
		}
		if o.Moved != nil {
			o.Moved(was, now)
		}
		st, err = l.Status(ctx)
	}
	if err != nil {
		return nil, err
	}
	cert := st.Report.ServerCert()
	if cert == nil {
		return nil, errors.New("the connection showed no certificate")
	}
	r.Name, r.Server = st.Name, cert.Raw
	if r.TokenExpiresAt = a.Since.Add(tokenLife).UTC().Truncate(time.Second); !r.TokenExpiresAt.After(s.Now()) {
		// The file is older than any token: it was copied. The iPhone took the
		// token just now, so all that is known is that it ends within its life.
		r.TokenExpiresAt = s.Now().Add(tokenLife).UTC().Truncate(time.Second)
	}
	if r.PairedAt.After(s.Now()) {
		r.PairedAt = s.Now().UTC().Truncate(time.Second)
	}
	if err := v.Set(ctx, r.tokenName(), token); err != nil {
		s.discard(ctx, v, r)
		return nil, err
	}
	address, err := s.commit(r)
	if err != nil {
		s.discard(ctx, v, r)
		return nil, err
	}
	s.verified(r, st.Report)
	s.Log.Info("adopted a pairing", "certificate", r.Leaf())
	return &Paired{Record: r, Replaced: damaged != nil, Status: st, Address: address}, nil
}

// adoptedLink makes a link of a pairing that is not written down yet.
func (s *Station) adoptedLink(r *Record, leaf pki.Fingerprint, token string, o LinkOptions) (*Link, error) {
	l := &Link{
		Record: r, Host: r.Host, Port: r.Port, station: s, dialer: s.dialer(trust.Pinned(leaf), o, nil), options: o,
		fixed: o.NoSearch,
		token: func(context.Context) (string, error) { return token, nil },
	}
	return l, l.connect()
}

// Adoptable looks for a pairing that could be adopted where this computer has
// none; nil if there is nothing to offer. A folder of its own
// (HEALTHSYNC_HOME) is for demos, tests and second phones: there the user's
// other pairing is left out of it.
func (s *Station) Adoptable(home string) *Adoptable {
	if s.Paths.Home != "" {
		return nil
	}
	if _, err := s.Record(); !errors.Is(err, ErrNotPaired) {
		return nil
	}
	a, err := FindAdoptable(home)
	if err != nil {
		return nil
	}
	return a
}
