package vault

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"strings"
)

// certRef is what a certificate's item notes about it: enough to find it
// without reading data. A common name may hold anything, so it comes last.
func certRef(der []byte, cn string) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:]) + " " + cn
}

func splitCertRef(ref string) (hash, cn string) {
	hash, cn, _ = strings.Cut(ref, " ")
	return hash, cn
}

// findCertificate returns the DER of the certificate item that a note is about.
func (k *keychain) findCertificate(ref string) ([]byte, osStatus) {
	_, cn := splitCertRef(ref)
	all, s := k.api.certificates(cn)
	if s != errSecSuccess {
		return nil, s
	}
	for _, der := range all {
		if certRef(der, cn) == ref {
			return der, errSecSuccess
		}
	}
	return nil, errSecItemNotFound
}

// Certificate reads the item that the person sees in Keychain Access, and may
// delete there.
func (k *keychain) Certificate(ctx context.Context, name string) (*x509.Certificate, error) {
	f := k.op("get", name)
	return inKeychain(ctx, k, f, func(account string) (*x509.Certificate, error) {
		p, err := k.item(f, account, ItemCertificate, false)
		if err != nil {
			return nil, err
		}
		der, s := k.findCertificate(p.ref)
		if s == errSecItemNotFound {
			return nil, k.fail(f, s, "the certificate was removed from the keychain")
		}
		if s != errSecSuccess {
			return nil, k.fail(f, s, "")
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			f.Err = err
			return nil, &CorruptError{f}
		}
		return cert, nil
	})
}

func (k *keychain) SetCertificate(ctx context.Context, name string, cert *x509.Certificate) error {
	f := k.op("set", name)
	_, err := inKeychain(ctx, k, f, func(account string) (none, error) {
		return none{}, k.setCertificate(f, account, cert)
	})
	return err
}

func (k *keychain) setCertificate(f Failure, account string, cert *x509.Certificate) error {
	cn := cert.Subject.CommonName
	if cn == "" {
		f.Detail = "a certificate without a common name cannot be found again"
		return &FailedError{f}
	}
	old, err := k.item(f, account, ItemCertificate, false)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	ref := certRef(cert.Raw, cn)
	s := k.api.addCertificate(cert.Raw)
	if s != errSecSuccess && s != errSecDuplicateItem {
		return k.fail(f, s, "")
	}
	// A duplicate is one of the same issuer and serial number, which need not be
	// the same certificate.
	if _, found := k.findCertificate(ref); found != errSecSuccess {
		if s == errSecDuplicateItem && found == errSecItemNotFound {
			found = s
		}
		return k.fail(f, found, "")
	}
	if err := k.put(f, ItemCertificate, kcPassword{account: account, ref: ref, data: []byte(ref)}); err != nil {
		return err
	}
	if old.ref != "" && old.ref != ref {
		return k.dropCertificate(f, old.ref)
	}
	return nil
}

// dropCertificate deletes a certificate item that no name of any home notes
// any more. One that is gone already is no error.
func (k *keychain) dropCertificate(f Failure, ref string) error {
	all, s := k.api.passwords()
	if s != errSecSuccess {
		return k.fail(f, s, "")
	}
	for _, p := range all {
		if p.itemKind() == ItemCertificate && p.ref == ref {
			return nil
		}
	}
	der, s := k.findCertificate(ref)
	if s == errSecSuccess {
		_, cn := splitCertRef(ref)
		s = k.api.deleteCertificate(cn, der)
	}
	if s == errSecItemNotFound {
		return nil
	}
	return k.fail(f, s, "")
}
