package pairing

import (
	"context"
	"time"

	"healthsync/pki"
	"healthsync/pki/vault"
)

// Renewed is the outcome of a renewal.
type Renewed struct {
	Before, Until time.Time // the ends of the old and the new certificate
}

// Renew asks the iPhone for a new certificate on the strength of the present
// one (version 2), for a new key. Like pairing it makes everything new under
// new names, and changes over by writing the record; until then the old
// certificate stays in use.
func (s *Computer) Renew(ctx context.Context, o LinkOptions) (*Renewed, error) {
	done, err := s.lockPairing(ctx, "renewing the certificate")
	if err != nil {
		return nil, err
	}
	defer done()
	l, err := s.Link(ctx, o)
	if err != nil {
		return nil, err
	}
	old := l.Record
	if old.Protocol == 1 { // answers that it is not offered
		_, err := l.Client.Renew(ctx, nil, pki.Fingerprint{})
		return nil, err
	}
	v, err := s.Vault()
	if err != nil {
		return nil, err
	}
	ca, err := s.certificate(ctx, old.CACert, old.caName())
	if err != nil {
		return nil, s.missing(err, v, "CA certificate", false)
	}
	fresh := *old
	fresh.ID = newID()
	_, csr, err := newSigner(ctx, v, &fresh)
	if err != nil {
		return nil, err
	}
	issued, err := l.Client.Renew(ctx, csr, pki.FingerprintOf(ca))
	if err == nil {
		err = fresh.keepCertificates(ctx, v, issued.Client, issued.CA)
	}
	if err == nil {
		fresh.ClientExpiresAt = issued.Client.NotAfter
		// The iPhone may have been followed, or have reported another name, meanwhile.
		_, err = updateRecord(s.Paths, old.ID, func(r *Record) {
			r.ID, r.ClientExpiresAt = fresh.ID, fresh.ClientExpiresAt
			r.ClientCert, r.CACert = fresh.ClientCert, fresh.CACert
		})
		if err != nil && s.stands(fresh.ID) {
			err = nil
		}
	}
	if err != nil {
		s.discard(ctx, v, &fresh)
		return nil, l.Explain(err)
	}
	if _, err := s.removeItems(ctx, v, func(i vault.Item) bool { return !fresh.Needs(i) }); err != nil {
		s.Log.Warn("leftover of the renewed certificate", "err", err)
	}
	return &Renewed{Before: old.ClientExpiresAt, Until: fresh.ClientExpiresAt}, nil
}
