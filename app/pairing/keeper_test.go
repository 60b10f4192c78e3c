package pairing_test

import (
	"context"
	"crypto/x509"
	"errors"
	"testing"

	"healthsync/app/pairing"
	"healthsync/pki/trust"
	"healthsync/pki/vault"
)

// certificateVault keeps certificates, as the macOS keychain does.
type certificateVault struct{ vault.Vault }

func (v certificateVault) SetCertificate(ctx context.Context, name string, cert *x509.Certificate) error {
	return v.Set(ctx, name, cert.Raw)
}

func (v certificateVault) Certificate(ctx context.Context, name string) (*x509.Certificate, error) {
	raw, err := v.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(raw)
}

// Where the vault keeps certificates they are there and not in the record, are
// read from there, and go with the pairing.
func TestVaultKeepsCertificates(t *testing.T) {
	b := newBench(t, 2)
	b.vault = certificateVault{b.vault}
	r := b.pair()
	if len(r.ClientCert)+len(r.CACert) != 0 || len(b.items()) != 3 {
		t.Fatalf("the record has %d and %d bytes, the vault %v", len(r.ClientCert), len(r.CACert), b.items())
	}
	must(t, b.works())
	if _, err := b.computer.Renew(t.Context(), offline); err != nil || len(b.items()) != 3 {
		t.Fatalf("renewed: %v, items %v", err, b.items())
	}
	must(t, b.works())
	r = b.record()
	remove := func(name string) {
		must(t, b.vault.Delete(t.Context(), name+"-"+r.ID))
	}
	remove(vault.CACertificate)
	var f *trust.Failure
	if err := b.works(); !errors.As(err, &f) || f.Kind != trust.BrokenChain || f.Whose != trust.CA {
		t.Errorf("without the CA: %v", err)
	}
	remove(vault.ClientCertificate) // security delete-certificate -c healthsync-client
	var missing *pairing.MissingError
	if err := b.works(); !errors.As(err, &missing) || missing.Where != b.vault.Where() {
		t.Errorf("without the certificate: %v", err)
	}
	if u, err := b.computer.Unpair(t.Context()); err != nil || len(u.Removed) != 1 || len(b.items()) != 0 {
		t.Errorf("unpaired: %+v, %v; left %v", u, err, b.items())
	}
}
