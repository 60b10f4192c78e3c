// Package pairing is what binds this Mac to one iPhone: the record of it, the
// secrets it names in the vault, and the flows that make, use, renew and end
// it. The command line and the menu both stand on it.
package pairing

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"healthsync/app/config"
	"healthsync/app/files"
	"healthsync/pki"
	"healthsync/pki/vault"
)

// recordSchema is the version of the record's file.
const recordSchema = 1

// Record is what is known of the paired iPhone, without any secret. Writing
// it is the moment at which a pairing comes into being: everything it names
// is in the vault before, and what an earlier record named goes away after.
type Record struct {
	Schema int `json:"schema"`
	// ID tells this pairing's items in the vault from those of another.
	ID string `json:"id"`
	// Protocol is 1 (pinned certificate and token) or 2 (mutual TLS).
	Protocol int `json:"protocol"`
	// Name is the iPhone's own; it is anyone's text.
	Name string `json:"name,omitempty"`
	// Host and Port are where it was when it was paired or last followed.
	Host string `json:"host"`
	Port int    `json:"port"`
	// PairedHost is where it was when it was paired; "" in records of before.
	PairedHost string `json:"pairedHost,omitempty"`
	// FollowedAt is when it was last followed there; zero where it is as paired.
	FollowedAt time.Time `json:"followedAt,omitzero"`
	// Server is the certificate that the iPhone showed last (DER). With
	// version 1 it is the pinned one.
	Server []byte `json:"serverCertificate"`
	// CA is the fingerprint of the iPhone's CA (version 2).
	CA pki.Fingerprint `json:"caFingerprint,omitzero"`
	// TokenExpiresAt is when the token ends (version 1).
	TokenExpiresAt time.Time `json:"tokenExpiresAt,omitzero"`
	// ClientExpiresAt is when the Mac's certificate ends (version 2).
	ClientExpiresAt time.Time `json:"clientExpiresAt,omitzero"`
	// ClientCert and CACert are this computer's certificate and the iPhone's CA
	// (version 2, DER). They are empty where the vault keeps certificates.
	ClientCert []byte    `json:"clientCertificate,omitempty"`
	CACert     []byte    `json:"caCertificate,omitempty"`
	PairedAt   time.Time `json:"pairedAt"`
	// Revoked is when the iPhone said that it no longer knows this Mac.
	Revoked time.Time `json:"revokedAt,omitzero"`
}

// ErrNotPaired says that there is no record at all.
var ErrNotPaired = errors.New("no iPhone is paired")

// RecordError says that there is a record that cannot be read. It is left as
// it is.
type RecordError struct {
	Path string
	// Newer says that a newer version wrote it.
	Newer bool
	Err   error
}

func (e *RecordError) Error() string { return fmt.Sprintf("pairing record %s: %v", e.Path, e.Err) }
func (e *RecordError) Unwrap() error { return e.Err }

// LoadRecord reads the record; [ErrNotPaired] where there is none, a
// *RecordError where it is not one.
func LoadRecord(p config.Paths) (*Record, error) {
	raw, err := os.ReadFile(p.PairingFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotPaired
	}
	if err != nil {
		return nil, &RecordError{Path: p.PairingFile(), Err: err}
	}
	// What a newer version wrote need not even have the fields of this one.
	var version struct {
		Schema int `json:"schema"`
	}
	if json.Unmarshal(raw, &version) == nil && version.Schema > recordSchema {
		err := fmt.Errorf("it has schema %d, this version knows %d", version.Schema, recordSchema)
		return nil, &RecordError{Path: p.PairingFile(), Newer: true, Err: err}
	}
	var r Record
	dec := json.NewDecoder(bytes.NewReader(raw))
	if err := dec.Decode(&r); err != nil {
		return nil, &RecordError{Path: p.PairingFile(), Err: config.ExplainJSON(err)}
	}
	if err := r.check(); err != nil {
		return nil, &RecordError{Path: p.PairingFile(), Err: err}
	}
	return &r, nil
}

func (r *Record) check() error {
	switch {
	case r.Schema < 1 || !vault.ValidName(r.ID):
		return errors.New("it is not a pairing record")
	case r.Protocol != 1 && r.Protocol != 2:
		return fmt.Errorf("it has protocol %d; this version knows 1 and 2", r.Protocol)
	case r.Protocol == 2 && r.CA.IsZero():
		return errors.New("it has no CA fingerprint")
	}
	if _, err := r.ServerCertificate(); err != nil {
		return err
	}
	for _, der := range [][]byte{r.ClientCert, r.CACert} {
		if _, err := x509.ParseCertificate(der); err != nil && len(der) > 0 {
			return fmt.Errorf("its own certificates: %w", err)
		}
	}
	return nil
}

// ServerCertificate parses the certificate that the iPhone showed last.
func (r *Record) ServerCertificate() (*x509.Certificate, error) {
	cert, err := x509.ParseCertificate(r.Server)
	if err != nil {
		return nil, fmt.Errorf("its server certificate: %w", err)
	}
	return cert, nil
}

// Leaf is the fingerprint of the certificate that the iPhone showed last.
func (r *Record) Leaf() pki.Fingerprint { return pki.FingerprintOfDER(r.Server) }

// Identity is what makes this iPhone this one, for as long as it is paired and
// after: the CA's fingerprint, or, with protocol 1, the pinned certificate's.
func (r *Record) Identity() string {
	if r.Protocol == 1 {
		return "leaf:" + r.Leaf().Hex()
	}
	return "ca:" + r.CA.Hex()
}

func saveRecord(p config.Paths, r *Record) error {
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return files.WriteAtomic(p.PairingFile(), append(raw, '\n'))
}

// updateRecord changes the record under a lock. It fails with ErrNotPaired or
// leaves alone a record of another pairing that was made meanwhile.
func updateRecord(p config.Paths, id string, change func(*Record)) (*Record, error) {
	unlock, err := files.LockFile(p.PairingFile())
	if err != nil {
		return nil, err
	}
	defer unlock()
	r, err := LoadRecord(p)
	if err != nil {
		return nil, err
	}
	if r.ID != id {
		return nil, ErrNotPaired
	}
	change(r)
	return r, saveRecord(p, r)
}

// The names of this pairing's items in the vault. Each pairing has its own,
// so that pairing again never has to touch what still works until the new
// pairing is complete.
func (r *Record) tokenName() string  { return vault.Token + "-" + r.ID }
func (r *Record) keyName() string    { return vault.Key + "-" + r.ID }
func (r *Record) clientName() string { return vault.ClientCertificate + "-" + r.ID }
func (r *Record) caName() string     { return vault.CACertificate + "-" + r.ID }
