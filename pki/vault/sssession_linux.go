package vault

import (
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"math/big"

	"github.com/keybase/dbus"
	ss "github.com/keybase/go-keychain/secretservice"
)

// Secrets cross the bus under a key that a session agrees on, in the group of
// RFC 2409, section 6.2, as the algorithm's name says (dh-ietf1024).
var (
	dhPrime, _ = new(big.Int).SetString("FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74"+
		"020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6"+
		"F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF", 16)
	dhGenerator = big.NewInt(2)
)

const (
	dhSize      = 1024 / 8
	sessionKey  = 128 / 8 // of AES-128
	maxSessions = 16      // 16 unclear ones in a row: once in 2^128
)

var (
	errPublicValue = errors.New("the service's public value is no value of the key exchange")
	errUnclear     = errors.New("the service agrees only on keys that begin with a zero byte")
)

// openSession opens a session whose key both ends surely have. The shared
// secret of one in 256 begins with a zero byte: some hash all 128 bytes of it
// (GNOME Keyring), some without the zero (go-keychain's own OpenSession, hence
// this one: keygenHKDFSHA256AES128), and one had the zero at the end
// (github.com/grimsteel/pass-secret-service/issues/23). The specification is
// silent. Between two keys the service refuses what is stored, or stores noise,
// and noise is what is read. Such a session is closed before it is used.
func (v *secretService) openSession(ctx context.Context) (*ss.Session, error) {
	for range maxSessions {
		path, secret, err := v.exchange(ctx)
		if err != nil {
			return nil, err
		}
		if secret[0] != 0 {
			return newSSSession(path, secret)
		}
		// A service that cannot close it keeps it until this connection ends.
		if err := v.call(ctx, path, ssSession+".Close"); err != nil && (lost(err) || ctx.Err() != nil) {
			return nil, err
		}
	}
	return nil, errUnclear
}

// exchange opens a session and returns its shared secret, of dhSize bytes.
func (v *secretService) exchange(ctx context.Context) (dbus.ObjectPath, []byte, error) {
	last := new(big.Int).Sub(dhPrime, big.NewInt(1))
	mine, err := rand.Int(rand.Reader, new(big.Int).Sub(last, dhGenerator))
	if err != nil {
		return "", nil, err
	}
	mine.Add(mine, dhGenerator) // 2 to p-2: 0 and 1 would show the secret
	public := new(big.Int).Exp(dhGenerator, mine, dhPrime).FillBytes(make([]byte, dhSize))

	var output dbus.Variant
	var path dbus.ObjectPath
	err = v.svc.ServiceObj().CallWithContext(ctx, ssService+".OpenSession", 0,
		string(ss.AuthenticationDHAES), dbus.MakeVariant(public)).Store(&output, &path)
	if err != nil {
		return "", nil, err
	}
	data, ok := output.Value().([]byte)
	theirs := new(big.Int).SetBytes(data)
	if !ok || theirs.Cmp(big.NewInt(1)) <= 0 || theirs.Cmp(last) >= 0 {
		return "", nil, errPublicValue
	}
	return path, theirs.Exp(theirs, mine, dhPrime).FillBytes(make([]byte, dhSize)), nil
}

// newSSSession is the library's session of a shared secret.
func newSSSession(path dbus.ObjectPath, secret []byte) (*ss.Session, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, "", sessionKey)
	if err != nil {
		return nil, err
	}
	return &ss.Session{Mode: ss.AuthenticationDHAES, Path: path, AESKey: key}, nil
}
