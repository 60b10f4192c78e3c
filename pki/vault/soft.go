package vault

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
)

// soft is a Vault over a store of plain records, with keys as PKCS#8.
type soft struct {
	store
	opts Options
}

var _ Vault = (*soft)(nil)

func (v *soft) Kind() string  { return v.store.kind() }
func (v *soft) Where() string { return v.store.where() }

func (v *soft) Check(ctx context.Context) error {
	ctx, cancel := deadline(ctx, v.opts.Timeout)
	defer cancel()
	return v.store.check(ctx)
}

// fact names an operation for errors made in this file.
func (v *soft) fact(op, name string) Fact { return Fact{Vault: v.store.where(), Op: op, Name: name} }

// read loads a record and checks its kind.
func (v *soft) read(ctx context.Context, name string, kind ItemKind) ([]byte, error) {
	if !ValidName(name) {
		return nil, &NameError{name}
	}
	ctx, cancel := deadline(ctx, v.opts.Timeout)
	defer cancel()
	r, err := v.store.load(ctx, name)
	if err != nil {
		return nil, err
	}
	if r.kind != kind {
		clear(r.data)
		return nil, &KindError{v.fact("get", name), kind, r.kind}
	}
	return r.data, nil
}

func (v *soft) Get(ctx context.Context, name string) (Secret, error) {
	return v.read(ctx, name, ItemSecret)
}

func (v *soft) Set(ctx context.Context, name string, secret Secret) error {
	if !ValidName(name) {
		return &NameError{name}
	}
	if len(secret) == 0 {
		return emptySecret(v.fact("set", name))
	}
	ctx, cancel := deadline(ctx, v.opts.Timeout)
	defer cancel()
	return v.store.replace(ctx, name, record{ItemSecret, secret.clone()})
}

func (v *soft) Signer(ctx context.Context, name string) (crypto.Signer, error) {
	text, err := v.read(ctx, name, ItemKey)
	if err != nil {
		return nil, err
	}
	defer clear(text)
	return parseKey(text, v.fact("get", name))
}

func (v *soft) NewSigner(ctx context.Context, name string) (crypto.Signer, error) {
	if !ValidName(name) {
		return nil, &NameError{name}
	}
	signer, text, err := newKey()
	if err != nil {
		f := v.fact("new", name)
		f.Err = err
		return nil, &FailedError{f}
	}
	// text is not cleared afterwards: a call that timed out may still read it.
	ctx, cancel := deadline(ctx, v.opts.Timeout)
	defer cancel()
	if err := v.store.create(ctx, name, record{ItemKey, text}); err != nil {
		return nil, err
	}
	return signer, nil
}

func (v *soft) Certificate(ctx context.Context, name string) (*x509.Certificate, error) {
	text, err := v.read(ctx, name, ItemCertificate)
	if err != nil {
		return nil, err
	}
	f := v.fact("get", name)
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" || len(rest) > 0 {
		f.Detail = "not one PEM certificate"
		return nil, &CorruptError{f}
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		f.Err = err
		return nil, &CorruptError{f}
	}
	return cert, nil
}

func (v *soft) SetCertificate(ctx context.Context, name string, cert *x509.Certificate) error {
	if !ValidName(name) {
		return &NameError{name}
	}
	ctx, cancel := deadline(ctx, v.opts.Timeout)
	defer cancel()
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
	return v.store.replace(ctx, name, record{ItemCertificate, text})
}

func (v *soft) Delete(ctx context.Context, name string) error {
	if !ValidName(name) {
		return &NameError{name}
	}
	ctx, cancel := deadline(ctx, v.opts.Timeout)
	defer cancel()
	return v.store.drop(ctx, name)
}

func (v *soft) List(ctx context.Context) ([]Item, error) {
	ctx, cancel := deadline(ctx, v.opts.Timeout)
	defer cancel()
	return v.store.list(ctx)
}

func (v *soft) Remove(ctx context.Context, item Item) error {
	ctx, cancel := deadline(ctx, v.opts.Timeout)
	defer cancel()
	return v.store.dropItem(ctx, item)
}

func (v *soft) Foreign(ctx context.Context, service, account string) (Secret, error) {
	ctx, cancel := deadline(ctx, v.opts.Timeout)
	defer cancel()
	return v.store.foreign(ctx, service, account)
}
