package simulator

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"healthsync/pki"
)

// stored is the identity's file. It is the phone's and nobody else's: there is
// one for each protocol version.
type stored struct {
	Protocol  int                  `json:"protocol"`
	ServerKey string               `json:"serverKey"`
	Server    string               `json:"server"`
	CAKey     string               `json:"caKey,omitempty"`
	CA        string               `json:"ca,omitempty"`
	Tokens    map[string]time.Time `json:"tokens,omitempty"`
	Clients   map[string]bool      `json:"clients,omitempty"`
}

// load reads the identity; found is false only where there is no file. Anything
// else is an error: an identity that cannot be read is never replaced.
func (id *identity) load() (found bool, err error) {
	if id.opts.Dir == "" {
		return false, nil
	}
	id.file = filepath.Join(id.opts.Dir, "iphone-v"+strconv.Itoa(id.opts.Protocol)+".json")
	data, err := os.ReadFile(id.file)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("simulator: the phone's identity: %w", err)
	}
	var s stored
	if err := json.Unmarshal(data, &s); err != nil {
		return false, fmt.Errorf("simulator: the phone's identity in %s is damaged: %w", id.file, err)
	}
	if id.serverKey, err = parseKey(s.ServerKey); err == nil {
		id.leaf, err = parseCert(s.Server)
	}
	if err == nil && s.Protocol == 2 {
		if id.caKey, err = parseKey(s.CAKey); err == nil {
			id.ca, err = parseCert(s.CA)
		}
	}
	if err == nil && s.Protocol != id.opts.Protocol {
		err = errors.New("it is of another protocol version")
	}
	if err != nil {
		return false, fmt.Errorf("simulator: the phone's identity in %s is damaged: %w", id.file, err)
	}
	if s.Tokens != nil {
		id.tokens = s.Tokens
	}
	if s.Clients != nil {
		id.clients = s.Clients
	}
	return true, nil
}

// saveLocked writes the identity aside and renames it into place.
func (id *identity) saveLocked() error {
	if id.file == "" {
		return nil
	}
	s := stored{Protocol: id.opts.Protocol, Tokens: id.tokens, Clients: id.clients}
	var err error
	if s.ServerKey, err = formatKey(id.serverKey); err != nil {
		return err
	}
	s.Server = string(pki.EncodeCertificate(id.leaf))
	if id.ca != nil {
		if s.CAKey, err = formatKey(id.caKey); err != nil {
			return err
		}
		s.CA = string(pki.EncodeCertificate(id.ca))
	}
	data, err := json.MarshalIndent(s, "", "\t")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(id.opts.Dir, 0o700); err != nil {
		return fmt.Errorf("simulator: %w", err)
	}
	aside, err := os.CreateTemp(id.opts.Dir, ".iphone-*")
	if err != nil {
		return fmt.Errorf("simulator: %w", err)
	}
	defer os.Remove(aside.Name())
	_, err = aside.Write(data)
	if err := errors.Join(err, aside.Close()); err != nil {
		return fmt.Errorf("simulator: %w", err)
	}
	if err := os.Rename(aside.Name(), id.file); err != nil {
		return fmt.Errorf("simulator: %w", err)
	}
	return nil
}

func formatKey(key *ecdsa.PrivateKey) (string, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), nil
}

func parseKey(text string) (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("a key is missing")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("a key cannot be read")
	}
	ec, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, errors.New("a key is not ECDSA")
	}
	return ec, nil
}

func parseCert(text string) (*x509.Certificate, error) {
	return pki.DecodeCertificate([]byte(text))
}
