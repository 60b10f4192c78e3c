package pairing

import (
	"context"

	"healthsync/pki"
	"healthsync/pki/trust"
)

// Observe shakes hands with whatever is at a place, believing nothing it says:
// for showing its certificate to a person. Nothing but a ClientHello is sent.
// The error is nil where a certificate was shown; the report is never nil.
func (s *Computer) Observe(ctx context.Context, p Place, o LinkOptions) (*trust.Report, error) {
	conn, r, err := s.dialer(nil, o, nil).Dial(ctx, p.Host, p.Port) // a nil Trust refuses everyone
	switch {
	case err == nil:
		return r, conn.Close()
	case r.ServerCert() != nil && unjudged(r.Failure):
		return r, nil
	}
	return r, err
}

// unjudged reports that nothing but the missing trust was in the way.
func unjudged(f *trust.Failure) bool {
	return f != nil && f.Kind == trust.Unknown && f.Whose == trust.Server
}

// Offer is what the certificate of a device says about how to pair with it.
type Offer struct {
	// Protocol is 1 (pinned certificate) or 2 (mutual TLS).
	Protocol int
	// Leaf and CA are the fingerprints to pair by; CA is zero with protocol 1.
	Leaf, CA pki.Fingerprint
}

// StrangeError says that a device shows no certificate of iOS Health Sync.
type StrangeError struct {
	Place   Place
	Subject string // what it shows instead; anyone's text
}

func (e *StrangeError) Error() string {
	return "what answers at " + e.Place.String() + " shows no certificate of iOS Health Sync"
}

// ReadOffer tells the two protocols apart by the certificate (spec: protocol,
// certificates): the shipping app's is one of its own, CN "HealthSync Local";
// that of protocol 2 is healthsync-server, with the CA in the chain.
func ReadOffer(p Place, r *trust.Report) (Offer, error) {
	leaf := r.ServerCert()
	if leaf == nil {
		return Offer{}, &StrangeError{Place: p}
	}
	o := Offer{Leaf: pki.FingerprintOf(leaf)}
	if leaf.Subject.CommonName == pki.CommonNameServer {
		for _, c := range r.Peer[1:] {
			if c.Subject.CommonName == pki.CommonNameCA && pki.SelfSigned(c) && pki.IssuedBy(leaf, c) {
				o.Protocol, o.CA = 2, pki.FingerprintOf(c)
				return o, nil
			}
		}
	}
	if leaf.Subject.CommonName == pki.CommonNameV1 && pki.SelfSigned(leaf) {
		o.Protocol = 1
		return o, nil
	}
	return Offer{}, &StrangeError{Place: p, Subject: leaf.Subject.CommonName}
}
