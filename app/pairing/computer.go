package pairing

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"healthsync/app/config"
	"healthsync/app/files"
	"healthsync/pki"
	"healthsync/pki/trust"
	"healthsync/pki/vault"
)

// Computer is this computer's side of a pairing: its files, settings and vault.
// Its methods are safe between processes: those that change the pairing take
// turns (pairlock.go), and what two write is written under a lock. Within a
// process a Computer belongs to one goroutine.
type Computer struct {
	Paths  config.Paths
	Config config.Config
	Now    func() time.Time
	Log    *slog.Logger
	// OpenVault opens the vault when a secret is first needed, so that a
	// command that needs none never wakes the keychain.
	OpenVault func() (vault.Vault, error)
	// Waiting, where it is set, is called once when a change of the pairing waits
	// for another process that is changing it.
	Waiting func(files.Holder)

	vault vault.Vault
}

// Vault opens the vault once.
func (s *Computer) Vault() (vault.Vault, error) {
	if s.vault == nil {
		v, err := s.OpenVault()
		if err != nil {
			return nil, err
		}
		s.vault = v
	}
	return s.vault, nil
}

// Record reads what is known of the paired iPhone; [ErrNotPaired] where there
// is none.
func (s *Computer) Record() (*Record, error) { return LoadRecord(s.Paths) }

// MissingError says that something of the pairing is not where it should be.
type MissingError struct {
	What  string // for people: "token", "client certificate"
	Where string // the vault, or the path of the record
	// ClientCertificate is set where what the Mac shows to the iPhone is
	// missing: the certificate or its key.
	ClientCertificate bool
	Err               error
}

func (e *MissingError) Error() string { return fmt.Sprintf("the %s is not in %s", e.What, e.Place()) }

// Place is the vault as a sentence has it.
func (e *MissingError) Place() string {
	if filepath.IsAbs(e.Where) {
		return e.Where // the file vault's file
	}
	return "the " + e.Where
}
func (e *MissingError) Unwrap() error { return e.Err }

// TokenExpiredError says that the iPhone refused a token whose time is over.
type TokenExpiredError struct {
	At  time.Time
	Err error
}

func (e *TokenExpiredError) Error() string {
	return "the token expired at " + e.At.UTC().Format(time.RFC3339)
}
func (e *TokenExpiredError) Unwrap() error { return e.Err }

// missing turns the absence of an item into a MissingError; every other error
// stays what it is.
func (s *Computer) missing(err error, v vault.Vault, what string, client bool) error {
	if !errors.Is(err, vault.ErrNotFound) {
		return err
	}
	where := v.Where()
	if !errors.As(err, new(*vault.NotFoundError)) { // not the vault's answer: the record has none
		where = s.Paths.PairingFile()
	}
	return &MissingError{What: what, Where: where, ClientCertificate: client, Err: err}
}

// token reads the bearer token of a version 1 pairing.
func (s *Computer) token(ctx context.Context, r *Record) (string, error) {
	v, err := s.Vault()
	if err != nil {
		return "", err
	}
	t, err := v.Get(ctx, r.tokenName())
	if err != nil {
		return "", s.missing(err, v, "token", false)
	}
	return string(t), nil
}

// Certificates are those of a version 2 pairing. One that is missing is nil.
type Certificates struct {
	Client, CA *x509.Certificate
}

// Certificates reads the certificates of a version 2 pairing. Absence is no
// error here: it is for inspection.
func (s *Computer) Certificates(ctx context.Context, r *Record) (c Certificates, err error) {
	if c.Client, err = s.certificate(ctx, r.ClientCert, r.clientName()); err != nil &&
		!errors.Is(err, vault.ErrNotFound) {
		return c, err
	}
	if c.CA, err = s.certificate(ctx, r.CACert, r.caName()); err != nil && !errors.Is(err, vault.ErrNotFound) {
		return c, err
	}
	return c, nil
}

// certificate reads a certificate of a version 2 pairing: from its record, or
// from a vault that keeps certificates.
func (s *Computer) certificate(ctx context.Context, der []byte, name string) (*x509.Certificate, error) {
	if len(der) > 0 {
		return x509.ParseCertificate(der)
	}
	v, err := s.Vault()
	if err != nil {
		return nil, err
	}
	if keeper, ok := v.(vault.CertificateKeeper); ok {
		return keeper.Certificate(ctx, name)
	}
	return nil, vault.ErrNotFound
}

// keepCertificates stores the certificates of a version 2 pairing where
// [Computer.certificate] reads them.
func (r *Record) keepCertificates(ctx context.Context, v vault.Vault, client, ca *x509.Certificate) error {
	keeper, ok := v.(vault.CertificateKeeper)
	if !ok {
		r.ClientCert, r.CACert = client.Raw, ca.Raw
		return nil
	}
	if err := keeper.SetCertificate(ctx, r.caName(), ca); err != nil {
		return err
	}
	return keeper.SetCertificate(ctx, r.clientName(), client)
}

// HasToken reports whether the token of a version 1 pairing is in the vault.
func (s *Computer) HasToken(ctx context.Context, r *Record) (bool, error) {
	_, err := s.token(ctx, r)
	var gone *MissingError
	if errors.As(err, &gone) {
		return false, nil
	}
	return err == nil, err
}

// identity gives the CA and the certificate with its signer of a version 2
// pairing. A CA that is provably missing is nil: without it no certificate can
// be verified, which package trust says by itself.
func (s *Computer) identity(ctx context.Context, r *Record) (*x509.Certificate, *tls.Certificate, error) {
	v, err := s.Vault()
	if err != nil {
		return nil, nil, err
	}
	cert, err := s.certificate(ctx, r.ClientCert, r.clientName())
	if err != nil {
		return nil, nil, s.missing(err, v, "client certificate", true)
	}
	key, err := v.Signer(ctx, r.keyName())
	if err != nil {
		return nil, nil, s.missing(err, v, "private key", true)
	}
	ca, err := s.certificate(ctx, r.CACert, r.caName())
	if err != nil && !errors.Is(err, vault.ErrNotFound) {
		return nil, nil, err
	}
	return ca, &tls.Certificate{Certificate: [][]byte{cert.Raw}, Leaf: cert, PrivateKey: key}, nil
}

// trust gives the trust of a pairing: the pinned certificate, or the CA and
// the Mac's own certificate.
func (s *Computer) trust(ctx context.Context, r *Record) (*trust.Trust, error) {
	if r.Protocol == 1 {
		return trust.Pinned(r.Leaf()), nil
	}
	ca, client, err := s.identity(ctx, r)
	if err != nil {
		return nil, err
	}
	return trust.Mutual(ca, client), nil
}

// newSigner makes the Mac's key under a name of its own.
func newSigner(ctx context.Context, v vault.Vault, r *Record) (crypto.Signer, []byte, error) {
	key, err := v.NewSigner(ctx, r.keyName())
	if err != nil {
		return nil, nil, err
	}
	csr, err := pki.NewCSR(key, pki.CommonNameClient)
	return key, csr, err
}

func newID() string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}
