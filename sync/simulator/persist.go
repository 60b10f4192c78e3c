package simulator

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// stored is the identity's file: keys in PKCS#8 and certificates in DER. There
// is one file for each protocol version.
type stored struct {
	Protocol  int                  `json:"protocol"`
	ServerKey []byte               `json:"serverKey"`
	Server    []byte               `json:"server"`
	CAKey     []byte               `json:"caKey,omitempty"`
	CA        []byte               `json:"ca,omitempty"`
	Tokens    map[string]time.Time `json:"tokens,omitempty"`
	Clients   map[string]bool      `json:"clients,omitempty"`
}

func (id *identity) file() string {
	return filepath.Join(id.dir, "iphone-v"+strconv.Itoa(id.protocol)+".json")
}

// load reads the identity; found is false only where there is no file. Anything
// else is an error: an identity that cannot be read is never replaced.
func (id *identity) load() (found bool, err error) {
	if id.dir == "" {
		return false, nil
	}
	data, err := os.ReadFile(id.file())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("simulator: the phone's identity: %w", err)
	}
	var s stored
	if err = json.Unmarshal(data, &s); err == nil && s.Protocol != id.protocol {
		err = errors.New("it is of another protocol version")
	}
	if err == nil {
		id.serverKey, id.leaf, err = parsePair(s.ServerKey, s.Server)
	}
	if err == nil && s.Protocol == 2 {
		id.caKey, id.ca, err = parsePair(s.CAKey, s.CA)
	}
	if err != nil {
		return false, fmt.Errorf("simulator: the phone's identity in %s is damaged: %w", id.file(), err)
	}
	if s.Tokens != nil {
		id.tokens = s.Tokens
	}
	if s.Clients != nil {
		id.clients = s.Clients
	}
	return true, nil
}

func parsePair(keyDER, certDER []byte) (*ecdsa.PrivateKey, *x509.Certificate, error) {
	key, err := x509.ParsePKCS8PrivateKey(keyDER)
	if err != nil {
		return nil, nil, errors.New("a key cannot be read")
	}
	ec, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, nil, errors.New("a key is not ECDSA")
	}
	cert, err := x509.ParseCertificate(certDER)
	return ec, cert, err
}

// save writes the identity aside and renames it into place. The caller holds
// the lock.
func (id *identity) save() (err error) {
	if id.dir == "" {
		return nil
	}
	s := stored{Protocol: id.protocol, Server: id.leaf.Raw, Tokens: id.tokens, Clients: id.clients}
	if s.ServerKey, err = x509.MarshalPKCS8PrivateKey(id.serverKey); err != nil {
		return err
	}
	if id.ca != nil {
		s.CA = id.ca.Raw
		if s.CAKey, err = x509.MarshalPKCS8PrivateKey(id.caKey); err != nil {
			return err
		}
	}
	data, err := json.MarshalIndent(s, "", "\t")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(id.dir, 0o700); err != nil {
		return fmt.Errorf("simulator: %w", err)
	}
	aside, err := os.CreateTemp(id.dir, ".iphone-*") // mode 0600
	if err != nil {
		return fmt.Errorf("simulator: %w", err)
	}
	defer os.Remove(aside.Name())
	_, err = aside.Write(data)
	if err = errors.Join(err, aside.Close()); err == nil {
		err = os.Rename(aside.Name(), id.file())
	}
	if err != nil {
		return fmt.Errorf("simulator: %w", err)
	}
	return nil
}
