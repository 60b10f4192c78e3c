package pki

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"
)

// IssuedError says why an answer to pair or renew may not be kept.
type IssuedError struct{ Err error }

func (e *IssuedError) Error() string {
	return "the certificates issued cannot be used: " + e.Err.Error()
}

func (e *IssuedError) Unwrap() error { return e.Err }

// Expected is what the Mac knows before it is handed certificates.
type Expected struct {
	// PublicKey is the Mac's own, the one in its request.
	PublicKey crypto.PublicKey
	// CA is the fingerprint from the pairing code, or on renewal that of the
	// stored CA.
	CA Fingerprint
	// Server is the leaf of the connection that the answer came over; nil skips
	// its test.
	Server *x509.Certificate
	// Now is the moment to judge by.
	Now time.Time
}

// CheckIssued makes every test that protocol version 2 asks for on the answer
// to pair or renew. Nil means that both certificates may be kept; otherwise
// nothing may be kept, and the error is an [*IssuedError].
func CheckIssued(client, ca *x509.Certificate, want Expected) error {
	err := checkCA(ca, want)
	if err == nil {
		err = checkClient(client, ca, want)
	}
	if err == nil && want.Server != nil && !IssuedBy(want.Server, ca) {
		err = errors.New("the server's certificate is not signed by this CA")
	}
	if err != nil {
		return &IssuedError{Err: err}
	}
	return nil
}

func checkCA(ca *x509.Certificate, want Expected) error {
	if ca == nil {
		return errors.New("there is no CA certificate")
	}
	if got := FingerprintOf(ca); !want.CA.Equal(got) {
		return fmt.Errorf("the CA is %s instead of %s", got.Short(), want.CA.Short())
	}
	if !ca.BasicConstraintsValid || !ca.IsCA || ca.KeyUsage&x509.KeyUsageCertSign == 0 {
		return errors.New("the CA may not sign other certificates")
	}
	if err := checkP256(ca.PublicKey); err != nil {
		return fmt.Errorf("the CA: %w", err)
	}
	if !SelfSigned(ca) {
		return errors.New("the CA has not signed itself")
	}
	if ca.Subject.CommonName != CommonNameCA {
		return fmt.Errorf("the CA is named %.60q", ca.Subject.CommonName)
	}
	return checkDates(ca, want.Now)
}

// checkClient refuses more than was asked for as well as less: a phone that
// handed the Mac a CA would let it speak as the phone.
func checkClient(client, ca *x509.Certificate, want Expected) error {
	if client == nil {
		return errors.New("there is no client certificate")
	}
	own, ok := want.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !own.Equal(client.PublicKey) {
		return errors.New("the client certificate is for another key than the one asked for")
	}
	if client.Subject.CommonName != CommonNameClient {
		return fmt.Errorf("the client is named %.60q", client.Subject.CommonName)
	}
	if !IssuedBy(client, ca) {
		return errors.New("the client certificate is not signed by the CA")
	}
	switch {
	case client.IsCA:
		return errors.New("the client certificate is a CA")
	case client.KeyUsage&x509.KeyUsageDigitalSignature == 0:
		return errors.New("the client certificate may not sign (digitalSignature is missing)")
	case !slices.Contains(client.ExtKeyUsage, x509.ExtKeyUsageClientAuth):
		return errors.New("the client certificate is not for clients (clientAuth is missing)")
	}
	return checkDates(client, want.Now)
}
