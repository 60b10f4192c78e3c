package vault

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
)

const keyBlock = "PRIVATE KEY" // PKCS#8, RFC 5958

// signer is what leaves this package in place of a key. It holds the private
// part only inside a function value, where neither fmt nor an encoder sees it.
type signer struct {
	public *ecdsa.PublicKey
	sign   func(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error)
}

var _ crypto.Signer = (*signer)(nil)

// errDigest is a caller's mistake, found before a store is asked.
var errDigest = errors.New("vault: sign: the digest does not fit the hash")

func (s *signer) Public() crypto.PublicKey { return s.public }

// Sign returns an ASN.1 ECDSA signature of a digest.
func (s *signer) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if opts == nil || opts.HashFunc() == 0 || opts.HashFunc().Size() != len(digest) {
		return nil, errDigest
	}
	return s.sign(rand, digest, opts)
}

// newKey makes a P-256 key: as a signer and as PKCS#8 in PEM, to be stored.
func newKey(f Failure) (crypto.Signer, []byte, error) {
	if err := f.checkName(); err != nil {
		return nil, nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, failed(f, err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, failed(f, err)
	}
	defer clear(der)
	return &signer{&key.PublicKey, key.Sign}, pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: der}), nil
}

// parseKey reads what newKey stored. The cause of a failure is told without
// the parser's own words, lest they quote what they read.
func parseKey(text []byte, f Failure) (crypto.Signer, error) {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != keyBlock || len(rest) > 0 {
		f.Detail = "not one PKCS#8 key in PEM"
		return nil, &CorruptError{f}
	}
	defer clear(block.Bytes)
	any, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		f.Detail = "not a PKCS#8 key"
		return nil, &CorruptError{f}
	}
	key, ok := any.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P256() {
		f.Detail = "not a P-256 key"
		return nil, &CorruptError{f}
	}
	return &signer{&key.PublicKey, key.Sign}, nil
}
