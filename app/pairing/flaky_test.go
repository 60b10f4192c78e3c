package pairing_test

import (
	"context"
	"crypto"

	"healthsync/pki/vault"
)

// flakyVault is a vault that allows some writes and then refuses all.
type flakyVault struct {
	vault.Vault
	allow int
}

func (f *flakyVault) spend() error {
	if f.allow == 0 {
		return errFlaky
	}
	f.allow--
	return nil
}

func (f *flakyVault) Set(ctx context.Context, name string, s vault.Secret) error {
	if err := f.spend(); err != nil {
		return err
	}
	return f.Vault.Set(ctx, name, s)
}

func (f *flakyVault) NewSigner(ctx context.Context, name string) (crypto.Signer, error) {
	if err := f.spend(); err != nil {
		return nil, err
	}
	return f.Vault.NewSigner(ctx, name)
}
