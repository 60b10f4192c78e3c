package simulator

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"healthsync/pki"
)

// identity is what the phone is known by: keys and certificates, and whom it
// has let in. It is safe for concurrent use.
type identity struct {
	opts Options
	file string // "" keeps nothing

	mu        sync.Mutex
	serverKey *ecdsa.PrivateKey
	leaf      *x509.Certificate
	caKey     *ecdsa.PrivateKey // version 2 only, as ca
	ca        *x509.Certificate
	tokens    map[string]time.Time // version 1: SHA-256 of the token in hex -> end
	clients   map[string]bool      // version 2: serial number in hex -> still welcome
	faulty    map[string]*chain    // what faults show instead, by fault
}

// chain is what the phone shows in a handshake.
type chain struct {
	tls.Certificate
	leaf, ca *x509.Certificate
}

// openIdentity reads the identity that opts.Dir holds, or makes a new one.
func openIdentity(o Options, now time.Time) (*identity, error) {
	id := &identity{opts: o, tokens: map[string]time.Time{}, clients: map[string]bool{}, faulty: map[string]*chain{}}
	found, err := id.load()
	if err != nil {
		return nil, err
	}
	if found {
		// A phone makes its server certificate anew when its address changes.
		if id.ca != nil && (!sameNames(id.leaf, o) || !now.Before(id.leaf.NotAfter)) {
			err = id.reissue(o.Names, o.Addrs, now)
		}
		return id, err
	}
	if id.serverKey, err = GenerateKey(); err != nil {
		return nil, err
	}
	if o.Protocol == 1 {
		id.leaf, err = NewSelfSignedV1(id.serverKey, now)
	} else if id.caKey, err = GenerateKey(); err == nil {
		if id.ca, err = NewCA(id.caKey, now); err == nil {
			id.leaf, err = IssueServer(id.ca, id.caKey, id.serverKey.Public(), o.Names, o.Addrs, now)
		}
	}
	if err != nil {
		return nil, err
	}
	return id, id.saveLocked()
}

// sameNames reports whether a server certificate is for the phone's names.
func sameNames(leaf *x509.Certificate, o Options) bool {
	var addrs []netip.Addr
	for _, ip := range leaf.IPAddresses {
		if a, ok := netip.AddrFromSlice(ip); ok {
			addrs = append(addrs, a.Unmap())
		}
	}
	return slices.Equal(leaf.DNSNames, o.Names) && slices.Equal(addrs, o.Addrs)
}

// chain gives what to show: the phone's own certificates, or those of the fault
// in force.
func (id *identity) chain(f faults, now time.Time) (*chain, error) {
	id.mu.Lock()
	defer id.mu.Unlock()
	for _, name := range []string{
		faultExpiredServer, faultEarlyServer, faultExpiredCA, faultWrongName, faultWrongUsage, faultOtherCA, faultSelfSigned, faultBrokenChain,
	} {
		arg, ok := f[name]
		if !ok {
			continue
		}
		if c := id.faulty[name+":"+arg]; c != nil {
			return c, nil
		}
		c, err := id.faultyLocked(name, f, now)
		if err != nil {
			return nil, err
		}
		if c != nil {
			id.faulty[name+":"+arg] = c
			return c, nil
		}
	}
	return newChain(id.serverKey, id.leaf, id.ca), nil
}

// newChain shows the leaf and, since a Mac that pairs has nothing but its
// fingerprint, the CA.
func newChain(key crypto.Signer, leaf, ca *x509.Certificate) *chain {
	c := &chain{leaf: leaf, ca: ca}
	c.PrivateKey, c.Leaf, c.Certificate.Certificate = key, leaf, [][]byte{leaf.Raw}
	if ca != nil {
		c.Certificate.Certificate = append(c.Certificate.Certificate, ca.Raw)
	}
	return c
}

// faultyLocked makes the certificates of a fault; nil where the fault does not
// exist in this version.
func (id *identity) faultyLocked(name string, f faults, now time.Time) (*chain, error) {
	const day = 24 * time.Hour
	var validity Option
	switch name {
	case faultExpiredServer:
		until := now.Add(-f.duration(name, 16*day))
		validity = Valid(until.AddDate(-1, 0, 0), until)
	case faultEarlyServer:
		from := now.Add(f.duration(name, day))
		validity = Valid(from, from.AddDate(1, 0, 0))
	}
	if id.ca == nil {
		if validity == nil {
			return nil, nil
		}
		leaf, err := NewSelfSignedV1(id.serverKey, now, validity)
		if err != nil {
			return nil, err
		}
		return newChain(id.serverKey, leaf, nil), nil
	}
	if validity != nil {
		leaf, err := id.issueLocked(now, validity)
		if err != nil {
			return nil, err
		}
		return newChain(id.serverKey, leaf, id.ca), nil
	}
	switch name {
	case faultExpiredCA:
		until := now.Add(-f.duration(name, day))
		ca, err := NewCA(id.caKey, now, Valid(until.AddDate(-5, 0, 0), until))
		if err != nil {
			return nil, err
		}
		return newChain(id.serverKey, id.leaf, ca), nil
	case faultWrongName:
		names, addrs := []string(nil), []netip.Addr(nil)
		if a, err := netip.ParseAddr(f[name]); err == nil {
			addrs = []netip.Addr{a}
		} else if f[name] != "" {
			names = []string{f[name]}
		} else {
			addrs = []netip.Addr{netip.AddrFrom4([4]byte{10, 9, 9, 9})}
		}
		leaf, err := IssueServer(id.ca, id.caKey, id.serverKey.Public(), names, addrs, now)
		if err != nil {
			return nil, err
		}
		return newChain(id.serverKey, leaf, id.ca), nil
	case faultWrongUsage:
		leaf, err := id.issueLocked(now, Usage(x509.ExtKeyUsageClientAuth))
		if err != nil {
			return nil, err
		}
		return newChain(id.serverKey, leaf, id.ca), nil
	}
	return id.strangerLocked(name, now)
}

// strangerLocked makes the chains that end elsewhere than in the phone's CA.
func (id *identity) strangerLocked(name string, now time.Time) (*chain, error) {
	key, err := GenerateKey()
	if err != nil {
		return nil, err
	}
	switch name {
	case faultSelfSigned:
		leaf, err := selfSigned(id.serverKey, id.opts, now)
		if err != nil {
			return nil, err
		}
		return newChain(id.serverKey, leaf, nil), nil
	case faultOtherCA:
		ca, err := NewCA(key, now)
		if err != nil {
			return nil, err
		}
		leaf, err := IssueServer(ca, key, id.serverKey.Public(), id.opts.Names, id.opts.Addrs, now)
		if err != nil {
			return nil, err
		}
		return newChain(id.serverKey, leaf, ca), nil
	case faultBrokenChain:
		// The intermediate would be signed by the phone's CA, but nobody
		// is shown it: only its name and key are needed to sign.
		between, err := NewCA(key, now, CommonName("healthsync-intermediate"))
		if err != nil {
			return nil, err
		}
		leaf, err := IssueServer(between, key, id.serverKey.Public(), id.opts.Names, id.opts.Addrs, now)
		if err != nil {
			return nil, err
		}
		return newChain(id.serverKey, leaf, nil), nil
	}
	return nil, nil
}

// selfSigned makes a leaf that is its own issuer: signing by a template of its
// own name and key is what a self-signed certificate is.
func selfSigned(key *ecdsa.PrivateKey, o Options, now time.Time) (*x509.Certificate, error) {
	self, err := NewCA(key, now, CommonName(pki.CommonNameServer))
	if err != nil {
		return nil, err
	}
	return IssueServer(self, key, key.Public(), o.Names, o.Addrs, now)
}

func (id *identity) issueLocked(now time.Time, opts ...Option) (*x509.Certificate, error) {
	return IssueServer(id.ca, id.caKey, id.serverKey.Public(), id.opts.Names, id.opts.Addrs, now, opts...)
}

func (id *identity) fingerprints(f faults, now time.Time) (leaf, ca pki.Fingerprint, err error) {
	c, err := id.chain(f, now)
	if err != nil {
		return leaf, ca, err
	}
	leaf = pki.FingerprintOf(c.leaf)
	switch {
	case c.ca != nil:
		ca = pki.FingerprintOf(c.ca)
	case id.ca != nil:
		ca = pki.FingerprintOf(id.ca)
	}
	return leaf, ca, nil
}

func (id *identity) reissue(names []string, addrs []netip.Addr, now time.Time) error {
	id.mu.Lock()
	defer id.mu.Unlock()
	if id.ca == nil {
		return nil
	}
	id.opts.Names, id.opts.Addrs = names, addrs
	leaf, err := id.issueLocked(now)
	if err != nil {
		return err
	}
	id.leaf = leaf
	clear(id.faulty)
	return id.saveLocked()
}

// name is the first name that the phone is known by, "" if by none.
func (id *identity) name() string {
	id.mu.Lock()
	defer id.mu.Unlock()
	if len(id.opts.Names) == 0 {
		return ""
	}
	return id.opts.Names[0]
}

// addToken makes a token; only its hash is kept, as in the app.
func (id *identity) addToken(now time.Time) (token string, expires time.Time, err error) {
	token, expires = newToken(), now.Add(tokenTTL)
	id.mu.Lock()
	defer id.mu.Unlock()
	id.tokens[hashToken(token)] = expires
	return token, expires, id.saveLocked()
}

func (id *identity) tokenValid(token string, now time.Time) bool {
	id.mu.Lock()
	defer id.mu.Unlock()
	expires, ok := id.tokens[hashToken(token)]
	return ok && expires.After(now)
}

func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// addClient signs a Mac's request. A lifetime other than 0 replaces the year.
// The CA given back is the one that the phone shows.
func (id *identity) addClient(csr *x509.CertificateRequest, f faults, now time.Time) (client, ca *x509.Certificate, err error) {
	c, err := id.chain(f, now)
	if err != nil {
		return nil, nil, err
	}
	id.mu.Lock()
	defer id.mu.Unlock()
	ca = id.ca
	if f.has(faultExpiredCA) && c.ca != nil {
		ca = c.ca
	}
	var opts []Option
	if f.has(faultShortClient) {
		opts = append(opts, Valid(now.Add(-time.Minute), now.Add(f.duration(faultShortClient, 10*time.Second))))
	}
	if client, err = IssueClient(ca, id.caKey, csr, now, opts...); err != nil {
		return nil, nil, err
	}
	id.clients[client.SerialNumber.Text(16)] = true
	return client, ca, id.saveLocked()
}

// clientState is what the phone thinks of a client certificate.
type clientState int

const (
	clientWelcome clientState = iota
	clientMissing
	clientForeign
	clientExpired
	clientRevoked
)

// judge looks at the certificate of a connection, nil if there was none.
func (id *identity) judge(cert *x509.Certificate, f faults, now time.Time) clientState {
	switch {
	case cert == nil || f.has(faultNoClientCert):
		return clientMissing
	case f.has(faultForeignCert):
		return clientForeign
	case f.has(faultExpiredClient):
		return clientExpired
	case f.has(faultRevoked):
		return clientRevoked
	}
	id.mu.Lock()
	defer id.mu.Unlock()
	if cert.CheckSignatureFrom(id.ca) != nil {
		return clientForeign
	}
	if now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
		return clientExpired
	}
	// A certificate of ours that was never written down is one of a phone
	// whose folder was lost: the CA vouches for it.
	if welcome, listed := id.clients[cert.SerialNumber.Text(16)]; listed && !welcome {
		return clientRevoked
	}
	return clientWelcome
}

func (id *identity) revoke(cert *x509.Certificate) error {
	id.mu.Lock()
	defer id.mu.Unlock()
	id.clients[cert.SerialNumber.Text(16)] = false
	return id.saveLocked()
}

func (id *identity) revokeAll() error {
	id.mu.Lock()
	defer id.mu.Unlock()
	clear(id.tokens)
	for serial := range maps.Keys(id.clients) {
		id.clients[serial] = false
	}
	return id.saveLocked()
}
