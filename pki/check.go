package pki

import (
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Check names one of the tests that [CheckIssued] makes.
type Check string

// The tests, in the order in which they are made.
const (
	CheckPresent       Check = "present"        // both certificates are there
	CheckCAFingerprint Check = "ca-fingerprint" // the CA is the one the pairing code names
	CheckCAUsage       Check = "ca-usage"       // it is a CA and may sign certificates
	CheckCASignature   Check = "ca-signature"   // it has signed itself
	CheckCADates       Check = "ca-dates"       // it is good now
	CheckSubject       Check = "subject"        // both carry the names of the protocol
	CheckKey           Check = "key"            // the client certificate has the Mac's own key
	CheckIssuer        Check = "issuer"         // the CA has signed it
	CheckUsage         Check = "usage"          // it may sign handshakes, as a client, and nothing more
	CheckDates         Check = "dates"          // it is good now
	CheckServer        Check = "server"         // the CA has signed the server's certificate too
)

// IssuedError says which test an answer to pair or renew has failed.
type IssuedError struct {
	Check Check
	// Cert is the certificate that failed, nil if it is missing.
	Cert *x509.Certificate
	// Err is the particular, never nil.
	Err error
}

func (e *IssuedError) Error() string {
	return fmt.Sprintf("the certificates issued fail the test %q: %v", e.Check, e.Err)
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

// CheckIssued makes every test that protocol version 2 asks for on the answer to pair or
// renew. Nil means that both certificates may be kept; otherwise nothing may be
// kept, and the error is an [*IssuedError].
func CheckIssued(client, ca *x509.Certificate, want Expected) error {
	if ca == nil {
		return &IssuedError{Check: CheckPresent, Err: errors.New("no CA certificate")}
	}
	if client == nil {
		return &IssuedError{Check: CheckPresent, Err: errors.New("no client certificate")}
	}
	if check, err := checkCA(ca, want); err != nil {
		return &IssuedError{Check: check, Cert: ca, Err: err}
	}
	if check, err := checkClient(client, ca, want); err != nil {
		return &IssuedError{Check: check, Cert: client, Err: err}
	}
	if want.Server != nil && !IssuedBy(want.Server, ca) {
		return &IssuedError{Check: CheckServer, Cert: want.Server, Err: errors.New("the server's certificate is not signed by this CA")}
	}
	return nil
}

func checkCA(ca *x509.Certificate, want Expected) (Check, error) {
	if got := FingerprintOf(ca); !want.CA.Equal(got) {
		return CheckCAFingerprint, fmt.Errorf("the CA is %s instead of %s", got.Short(), want.CA.Short())
	}
	if !ca.BasicConstraintsValid || !ca.IsCA || ca.KeyUsage&x509.KeyUsageCertSign == 0 {
		return CheckCAUsage, errors.New("the certificate may not sign others")
	}
	if err := checkP256(ca.PublicKey); err != nil {
		return CheckCASignature, err
	}
	if !SelfSigned(ca) {
		return CheckCASignature, errors.New("the CA has not signed itself")
	}
	if err := checkDates(ca, want.Now); err != nil {
		return CheckCADates, err
	}
	if ca.Subject.CommonName != CommonNameCA {
		return CheckSubject, fmt.Errorf("the CA is named %.60q", ca.Subject.CommonName)
	}
	return "", nil
}

func checkClient(client, ca *x509.Certificate, want Expected) (Check, error) {
	own, ok := want.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !own.Equal(client.PublicKey) {
		return CheckKey, errors.New("the certificate is for another key than the one asked for")
	}
	if client.Subject.CommonName != CommonNameClient {
		return CheckSubject, fmt.Errorf("the client is named %.60q", client.Subject.CommonName)
	}
	if string(client.RawIssuer) != string(ca.RawSubject) {
		return CheckIssuer, fmt.Errorf("the issuer is %.60q", client.Issuer.CommonName)
	}
	if err := client.CheckSignatureFrom(ca); err != nil {
		return CheckIssuer, fmt.Errorf("not signed by the CA: %w", err)
	}
	if err := checkClientUsage(client); err != nil {
		return CheckUsage, err
	}
	if err := checkDates(client, want.Now); err != nil {
		return CheckDates, err
	}
	return "", nil
}

// checkClientUsage refuses more than was asked for as well as less: a phone
// that handed the Mac a CA would let it speak as the phone.
func checkClientUsage(client *x509.Certificate) error {
	switch {
	case client.IsCA:
		return errors.New("the client certificate is a CA")
	case client.KeyUsage&x509.KeyUsageDigitalSignature == 0:
		return errors.New("digitalSignature is missing")
	case !slices.Contains(client.ExtKeyUsage, x509.ExtKeyUsageClientAuth):
		return errors.New("clientAuth is missing")
	}
	return nil
}

func checkDates(cert *x509.Certificate, now time.Time) error {
	if cert.NotAfter.Before(cert.NotBefore) {
		return errors.New("it ends before it begins")
	}
	switch s := StatusAt(cert, now); s {
	case StatusExpired:
		return fmt.Errorf("it ended on %s", cert.NotAfter.UTC().Format(time.RFC3339))
	case StatusNotYetValid:
		return fmt.Errorf("it begins on %s", cert.NotBefore.UTC().Format(time.RFC3339))
	}
	return nil
}
