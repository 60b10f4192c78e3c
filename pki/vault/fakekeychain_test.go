package vault

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1"
	"crypto/x509"
	"slices"
	"sync"
)

// fakeKeychain stands where macOS is not: a keychain as Apple documents it,
// with the answers that a test wants by method name.
type fakeKeychain struct {
	mu     sync.Mutex
	locked bool
	broken osStatus            // of the keychain as a whole
	answer map[string]osStatus // of single methods
	block  chan struct{}       // sign waits for it

	words map[string]kcPassword
	priv  map[keyID]*ecdsa.PrivateKey
	label map[keyID]string
	certs [][]byte
	made  int // keys made
}

var _ osKeychain = (*fakeKeychain)(nil)

func newFake() *fakeKeychain {
	return &fakeKeychain{answer: map[string]osStatus{}, words: map[string]kcPassword{},
		priv: map[keyID]*ecdsa.PrivateKey{}, label: map[keyID]string{}}
}

// enter takes the lock. A keychain that cannot be read answers searches with
// "not found", as Apple's SecItemCopyMatching does.
func (k *fakeKeychain) enter(method string, search bool) (osStatus, func()) {
	k.mu.Lock()
	if s := k.answer[method]; s != errSecSuccess {
		return s, k.mu.Unlock
	}
	if k.broken != errSecSuccess {
		if search {
			return errSecItemNotFound, k.mu.Unlock
		}
		return k.broken, k.mu.Unlock
	}
	return errSecSuccess, k.mu.Unlock
}

func (k *fakeKeychain) state() (bool, osStatus) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.locked, k.broken
}

func (k *fakeKeychain) message(s osStatus) string {
	if s == errSecSuccess {
		return ""
	}
	return "text of " + statusError(s).Error()
}

func (k *fakeKeychain) password(account string, withData bool) (kcPassword, osStatus) {
	s, leave := k.enter("password", true)
	defer leave()
	if s != errSecSuccess {
		return kcPassword{}, s
	}
	p, ok := k.words[account]
	if !ok {
		return p, errSecItemNotFound
	}
	if !withData {
		p.data = nil
		return p, errSecSuccess
	}
	if k.locked {
		return kcPassword{}, errSecInteractionNotAllowed
	}
	p.data = bytes.Clone(p.data)
	return p, errSecSuccess
}

func (k *fakeKeychain) passwords() ([]kcPassword, osStatus) {
	s, leave := k.enter("passwords", true)
	defer leave()
	if s == errSecItemNotFound {
		return nil, errSecSuccess
	}
	var out []kcPassword
	for _, p := range k.words {
		p.data = nil
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b kcPassword) int { return bytes.Compare([]byte(a.account), []byte(b.account)) })
	return out, s
}

func (k *fakeKeychain) addPassword(p kcPassword) osStatus {
	s, leave := k.enter("addPassword", false)
	defer leave()
	if s != errSecSuccess {
		return s
	}
	if _, ok := k.words[p.account]; ok {
		return errSecDuplicateItem
	}
	k.words[p.account] = p
	return s
}

func (k *fakeKeychain) updatePassword(p kcPassword) osStatus {
	s, leave := k.enter("updatePassword", false)
	defer leave()
	if s == errSecSuccess {
		k.words[p.account] = p
	}
	return s
}

func (k *fakeKeychain) deletePassword(account string) osStatus {
	s, leave := k.enter("deletePassword", true)
	defer leave()
	if s != errSecSuccess {
		return s
	}
	if _, ok := k.words[account]; !ok {
		return errSecItemNotFound
	}
	delete(k.words, account)
	return s
}

func (k *fakeKeychain) createKey(label string) ([]byte, osStatus, string) {
	s, leave := k.enter("createKey", false)
	defer leave()
	if s != errSecSuccess {
		return nil, s, "detail of createKey"
	}
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	point, _ := key.PublicKey.Bytes()
	id := keyID(sha1.Sum(point))
	k.priv[id], k.label[id] = key, label
	k.made++
	return point, s, ""
}

func (k *fakeKeychain) findKey(id keyID) osStatus {
	s, leave := k.enter("findKey", true)
	defer leave()
	if s == errSecSuccess && k.priv[id] == nil {
		return errSecItemNotFound
	}
	return s
}

func (k *fakeKeychain) sign(id keyID, digest []byte) ([]byte, osStatus, string) {
	if k.block != nil {
		<-k.block
	}
	s, leave := k.enter("sign", true)
	defer leave()
	if s != errSecSuccess {
		return nil, s, "detail of sign"
	}
	key := k.priv[id]
	if key == nil {
		return nil, errSecItemNotFound, ""
	}
	signature, _ := key.Sign(rand.Reader, digest, crypto.SHA256)
	return signature, s, ""
}

func (k *fakeKeychain) deleteKey(id keyID) osStatus {
	s, leave := k.enter("deleteKey", true)
	defer leave()
	if s == errSecSuccess {
		delete(k.priv, id)
		delete(k.label, id)
	}
	return s
}

func (k *fakeKeychain) keys(label string) ([]keyID, osStatus) {
	s, leave := k.enter("keys", true)
	defer leave()
	if s == errSecItemNotFound {
		return nil, errSecSuccess
	}
	var out []keyID
	for id, l := range k.label {
		if l == label {
			out = append(out, id)
		}
	}
	return out, s
}

func commonName(der []byte) string {
	cert, _ := x509.ParseCertificate(der)
	return cert.Subject.CommonName
}

func (k *fakeKeychain) addCertificate(der []byte) osStatus {
	s, leave := k.enter("addCertificate", false)
	defer leave()
	if s != errSecSuccess {
		return s
	}
	if slices.ContainsFunc(k.certs, func(c []byte) bool { return bytes.Equal(c, der) }) {
		return errSecDuplicateItem
	}
	k.certs = append(k.certs, der)
	return s
}

func (k *fakeKeychain) certificates(cn string) ([][]byte, osStatus) {
	s, leave := k.enter("certificates", true)
	defer leave()
	if s == errSecItemNotFound {
		return nil, errSecSuccess
	}
	var out [][]byte
	for _, der := range k.certs {
		if commonName(der) == cn {
			out = append(out, der)
		}
	}
	return out, s
}

func (k *fakeKeychain) deleteCertificate(_ string, der []byte) osStatus {
	s, leave := k.enter("deleteCertificate", true)
	defer leave()
	n := len(k.certs)
	k.certs = slices.DeleteFunc(k.certs, func(c []byte) bool { return bytes.Equal(c, der) })
	if s == errSecSuccess && len(k.certs) == n {
		return errSecItemNotFound
	}
	return s
}
