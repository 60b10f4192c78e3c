package simulator

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"healthsync/pki"
)

// identity is what the phone is known by: keys and certificates, and whom it
// has let in. It is safe for concurrent use.
type identity struct {
	protocol int
	dir      string // "" keeps nothing

	mu     sync.Mutex
	names  []string // of the server certificate, as addrs
	addrs  []netip.Addr
	faulty map[string]*tls.Certificate // what faults show instead, by fault

	serverKey *ecdsa.PrivateKey
	leaf      *x509.Certificate
	caKey     *ecdsa.PrivateKey // version 2 only, as ca
	ca        *x509.Certificate
	tokens    map[string]time.Time // version 1: SHA-256 of the token in hex -> end
	clients   map[string]bool      // version 2: serial number in hex -> not revoked
}

// openIdentity reads the identity that o.Dir holds, or makes a new one.
func openIdentity(o Options, now time.Time) (*identity, error) {
	id := &identity{
		protocol: o.Protocol, dir: o.Dir, names: o.Names, addrs: o.Addrs,
		tokens: map[string]time.Time{}, clients: map[string]bool{}, faulty: map[string]*tls.Certificate{},
	}
	found, err := id.load()
	if err != nil {
		return nil, err
	}
	if found {
		// A phone makes its server certificate anew when its address changes.
		if id.ca != nil && (!isFor(id.leaf, o) || !now.Before(id.leaf.NotAfter)) {
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
	return id, id.save()
}

// isFor reports whether a server certificate is for the phone's names.
func isFor(leaf *x509.Certificate, o Options) bool {
	return slices.Equal(leaf.DNSNames, o.Names) &&
		slices.EqualFunc(leaf.IPAddresses, o.Addrs, func(ip net.IP, a netip.Addr) bool { return ip.Equal(a.AsSlice()) })
}

// chain gives what to show: the phone's own certificates, or those of the fault
// in force.
func (id *identity) chain(f faults, now time.Time) (*tls.Certificate, error) {
	id.mu.Lock()
	defer id.mu.Unlock()
	for _, name := range []string{
		"expired-server-cert", "not-yet-valid-server-cert", "expired-ca", "wrong-name", "wrong-usage", "other-ca",
		"self-signed", "broken-chain",
	} {
		if !f.has(name) {
			continue
		}
		key := name + ":" + f[name]
		if id.faulty[key] == nil {
			c, err := id.faultyChain(name, f, now)
			if err != nil {
				return nil, err
			}
			id.faulty[key] = c
		}
		return id.faulty[key], nil
	}
	return newChain(id.serverKey, id.leaf, id.ca), nil
}

// newChain shows the leaf and, since a Mac that pairs has nothing but its
// fingerprint, the CA; nil is not shown.
func newChain(key crypto.Signer, leaf, ca *x509.Certificate) *tls.Certificate {
	c := &tls.Certificate{PrivateKey: key, Leaf: leaf, Certificate: [][]byte{leaf.Raw}}
	if ca != nil {
		c.Certificate = append(c.Certificate, ca.Raw)
	}
	return c
}

// faultyChain makes the certificates of a fault. Version 1 knows those of dates
// only.
func (id *identity) faultyChain(name string, f faults, now time.Time) (*tls.Certificate, error) {
	var opts []Option
	switch name {
	case "expired-server-cert":
		until := now.Add(-f.duration(name, 16*24*time.Hour))
		opts = append(opts, Valid(until.AddDate(-1, 0, 0), until))
	case "not-yet-valid-server-cert":
		from := now.Add(f.duration(name, 24*time.Hour))
		opts = append(opts, Valid(from, from.AddDate(1, 0, 0)))
	case "wrong-usage":
		opts = append(opts, Usage(x509.ExtKeyUsageClientAuth))
	}
	if id.ca == nil {
		if name != "expired-server-cert" && name != "not-yet-valid-server-cert" {
			return newChain(id.serverKey, id.leaf, nil), nil
		}
		leaf, err := NewSelfSignedV1(id.serverKey, now, opts...)
		if err != nil {
			return nil, err
		}
		return newChain(id.serverKey, leaf, nil), nil
	}
	names, addrs := id.names, id.addrs
	if name == "wrong-name" {
		names, addrs = nil, []netip.Addr{netip.AddrFrom4([4]byte{10, 9, 9, 9})}
		if a, err := netip.ParseAddr(f[name]); err == nil {
			addrs = []netip.Addr{a}
		} else if f[name] != "" {
			names, addrs = []string{f[name]}, nil
		}
	}
	ca, caKey, err := id.faultyCA(name, f, now)
	if err != nil {
		return nil, err
	}
	leaf, err := IssueServer(ca, caKey, id.serverKey.Public(), names, addrs, now, opts...)
	if err != nil {
		return nil, err
	}
	switch name {
	case "expired-ca":
		leaf = id.leaf
	case "broken-chain", "self-signed":
		ca = nil
	}
	return newChain(id.serverKey, leaf, ca), nil
}

// faultyCA is what issues the server certificate of a fault: the phone's CA,
// unless the fault is that it is another one.
func (id *identity) faultyCA(name string, f faults, now time.Time) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, opts := id.caKey, []Option(nil)
	switch name {
	default:
		return id.ca, id.caKey, nil
	case "expired-ca":
		until := now.Add(-f.duration(name, 24*time.Hour))
		opts = append(opts, Valid(until.AddDate(-5, 0, 0), until))
	case "self-signed": // issued by a namesake with its own key
		key, opts = id.serverKey, append(opts, CommonName(pki.CommonNameServer))
	case "broken-chain": // of the intermediate only name and key matter: it is not sent
		opts = append(opts, CommonName("healthsync-intermediate"))
		fallthrough
	case "other-ca":
		var err error
		if key, err = GenerateKey(); err != nil {
			return nil, nil, err
		}
	}
	ca, err := NewCA(key, now, opts...)
	return ca, key, err
}

// fingerprints are those of the chain shown, and of the phone's own CA where
// none is shown.
func (id *identity) fingerprints(f faults, now time.Time) (leaf, ca pki.Fingerprint, err error) {
	c, err := id.chain(f, now)
	if err != nil {
		return leaf, ca, err
	}
	if len(c.Certificate) > 1 {
		ca = pki.FingerprintOfDER(c.Certificate[1])
	} else if id.ca != nil {
		ca = pki.FingerprintOf(id.ca)
	}
	return pki.FingerprintOf(c.Leaf), ca, nil
}

// reissue makes a new server certificate of the same CA.
func (id *identity) reissue(names []string, addrs []netip.Addr, now time.Time) error {
	if id.ca == nil {
		return nil
	}
	id.mu.Lock()
	defer id.mu.Unlock()
	leaf, err := IssueServer(id.ca, id.caKey, id.serverKey.Public(), names, addrs, now)
	if err != nil {
		return err
	}
	id.leaf, id.names, id.addrs = leaf, names, addrs
	clear(id.faulty)
	return id.save()
}

// name is the first name that the phone is known by, "" if by none.
func (id *identity) name() string {
	id.mu.Lock()
	defer id.mu.Unlock()
	if len(id.names) == 0 {
		return ""
	}
	return id.names[0]
}

// addToken makes a token; only its hash is kept, as in the app.
func (id *identity) addToken(now time.Time) (token string, expires time.Time, err error) {
	token, expires = newToken(), now.Add(tokenTTL)
	id.mu.Lock()
	defer id.mu.Unlock()
	id.tokens[hashToken(token)] = expires
	return token, expires, id.save()
}

func (id *identity) tokenValid(token string, now time.Time) bool {
	id.mu.Lock()
	defer id.mu.Unlock()
	return id.tokens[hashToken(token)].After(now)
}

func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// addClient signs a Mac's request. The CA given back is the one that the phone
// shows.
func (id *identity) addClient(
	csr *x509.CertificateRequest, f faults, now time.Time,
) (client, ca *x509.Certificate, err error) {
	ca = id.ca
	if f.has("expired-ca") {
		c, err := id.chain(f, now)
		if err != nil {
			return nil, nil, err
		}
		if ca, err = x509.ParseCertificate(c.Certificate[1]); err != nil {
			return nil, nil, err
		}
	}
	var opts []Option
	if f.has("short-client-cert") {
		opts = append(opts, Valid(now.Add(-time.Minute), now.Add(f.duration("short-client-cert", 10*time.Second))))
	}
	if client, err = IssueClient(ca, id.caKey, csr, now, opts...); err != nil {
		return nil, nil, err
	}
	id.mu.Lock()
	defer id.mu.Unlock()
	id.clients[client.SerialNumber.Text(16)] = true
	return client, ca, id.save()
}

// checkClient says why the certificate of a connection is refused, nil where it
// is not. cert is nil where there was none. A fault comes first.
func (id *identity) checkClient(cert *x509.Certificate, f faults, now time.Time) *clientRefusal {
	switch {
	case cert == nil || f.has("no-client-cert"):
		return clientMissing
	case f.has("foreign-client-cert"):
		return clientForeign
	case f.has("expired-client-cert"):
		return clientExpired
	case f.has("revoked"):
		return clientRevoked
	case cert.CheckSignatureFrom(id.ca) != nil:
		return clientForeign
	case now.Before(cert.NotBefore) || now.After(cert.NotAfter):
		return clientExpired
	}
	id.mu.Lock()
	defer id.mu.Unlock()
	// A certificate of ours that was never written down is one of a phone
	// whose folder was lost: its CA is enough.
	if valid, listed := id.clients[cert.SerialNumber.Text(16)]; listed && !valid {
		return clientRevoked
	}
	return nil
}

func (id *identity) revoke(cert *x509.Certificate) error {
	id.mu.Lock()
	defer id.mu.Unlock()
	id.clients[cert.SerialNumber.Text(16)] = false
	return id.save()
}

func (id *identity) revokeAll() error {
	id.mu.Lock()
	defer id.mu.Unlock()
	clear(id.tokens)
	for serial := range id.clients {
		id.clients[serial] = false
	}
	return id.save()
}
