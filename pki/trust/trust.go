package trust

import (
	"crypto/tls"
	"crypto/x509"

	"healthsync/pki"
)

// Trust says which peer is ours. It is immutable and may be shared. The zero
// Trust trusts nobody.
type Trust struct {
	mode     mode
	leaf, ca pki.Fingerprint
	root     *x509.Certificate
	client   *tls.Certificate
}

type mode int

const (
	nobody mode = iota
	pinned
	pairing
	mutual
)

// String gives the name of the trust: "pinned", "pairing" or "mutual".
func (t *Trust) String() string {
	if t != nil {
		switch t.mode {
		case pinned:
			return "pinned"
		case pairing:
			return "pairing"
		case mutual:
			return "mutual"
		}
	}
	return "nobody"
}

// Pinned trusts the one certificate with this fingerprint and looks at nothing
// else: the trust of protocol version 1, whose certificate has no names and no
// issuer. Its dates are reported and not enforced. The shipping app never
// renews its certificate, so refusing an expired one could not be mended even
// by pairing again; and on an iPhone set to another calendar they are wrong
// from the start.
func Pinned(leaf pki.Fingerprint) *Trust { return &Trust{mode: pinned, leaf: leaf} }

// Pairing is the trust of the first connection of protocol version 2: the
// server certificate has the fingerprint of the pairing code, and its chain, as
// sent, ends in the CA with the fingerprint of the pairing code. Dates and usage
// are enforced. Names are not: the fingerprint says more than a name could. No
// client certificate is shown.
func Pairing(leaf, ca pki.Fingerprint) *Trust {
	return &Trust{mode: pairing, leaf: leaf, ca: ca}
}

// Mutual is the trust of every later connection of protocol version 2: the
// server's chain ends in the stored CA, the host dialled is among its names, it
// may act as a server, everything is in date, and the client certificate is
// shown; its private key is a crypto.Signer. A nil ca fails as BrokenChain, a nil
// client as NoClientCert, both without dialling.
func Mutual(ca *x509.Certificate, client *tls.Certificate) *Trust {
	return &Trust{mode: mutual, root: ca, client: client}
}
