package pki

import (
	"crypto/ecdsa"
	"crypto/x509"
	"fmt"
	"time"
)

// Info is what there is to say about a certificate. All of it is public.
type Info struct {
	Subject string `json:"subject"` // the common name
	Issuer  string `json:"issuer"`  // the issuer's common name
	// NotBefore and NotAfter are in UTC.
	NotBefore time.Time `json:"notBefore,omitzero"`
	NotAfter  time.Time `json:"notAfter,omitzero"`
	Status    Status    `json:"status"`
	// DaysLeft is what [DaysLeft] counts; without meaning if DatesDoubtful.
	DaysLeft int `json:"daysLeft"`
	// DatesEnforced is false for the pinned certificate of protocol version 1,
	// whose dates are told and never held against it.
	DatesEnforced bool `json:"datesEnforced"`
	// DatesDoubtful says that the dates cannot be what was meant; see [Inspect].
	DatesDoubtful bool `json:"datesDoubtful,omitempty"`
	// SANs are the names and addresses the certificate is good for.
	SANs         []string    `json:"sans,omitempty"`
	Usage        []string    `json:"usage,omitempty"`
	CA           bool        `json:"ca"`
	SelfSigned   bool        `json:"selfSigned"`
	Serial       string      `json:"serial"` // lower-case hexadecimal
	Fingerprint  Fingerprint `json:"fingerprint,omitzero"`
	KeyAlgorithm string      `json:"keyAlgorithm"` // such as "ECDSA P-256"
	Signature    string      `json:"signature"`    // such as "ECDSA-SHA256"
}

// InspectOptions says what is known about a certificate beyond itself.
type InspectOptions struct {
	// Issuer is the CA that must have signed it, or the CA itself when that is
	// inspected. Nil asks for no such check.
	Issuer *x509.Certificate
	// Revoked says that the iPhone has refused it as revoked.
	Revoked bool
	// Pinned says that it is trusted by its fingerprint alone (protocol version
	// 1): it is never Untrusted, and its dates are not enforced.
	Pinned bool
}

// earliestV1 is before the first release of the iPhone app (2026): a version 1
// certificate that begins earlier carries the year of another calendar.
var earliestV1 = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

// Inspect describes a certificate as of now; nil gives an Info whose status is
// Missing.
//
// The app writes the dates of its version 1 certificate in the iPhone's own
// calendar. Where the years cannot be right (before the app existed, or a
// beginning more than a day in the future), Info says so by DatesDoubtful and
// the status is Valid: a pinned certificate is good while its owner uses it.
func Inspect(cert *x509.Certificate, now time.Time, o InspectOptions) Info {
	if cert == nil {
		return Info{Status: StatusMissing, DatesEnforced: !o.Pinned}
	}
	i := Info{
		Subject:       name(cert.Subject.CommonName, cert.Subject.String()),
		Issuer:        name(cert.Issuer.CommonName, cert.Issuer.String()),
		NotBefore:     cert.NotBefore.UTC(),
		NotAfter:      cert.NotAfter.UTC(),
		Status:        StatusAt(cert, now),
		DaysLeft:      DaysLeft(cert.NotAfter, now),
		DatesEnforced: !o.Pinned,
		SANs:          Names(cert),
		Usage:         usage(cert),
		CA:            cert.BasicConstraintsValid && cert.IsCA,
		SelfSigned:    SelfSigned(cert),
		Fingerprint:   FingerprintOf(cert),
		KeyAlgorithm:  keyAlgorithm(cert),
		Signature:     cert.SignatureAlgorithm.String(),
	}
	if cert.SerialNumber != nil {
		i.Serial = fmt.Sprintf("%x", cert.SerialNumber)
	}
	if o.Pinned && (cert.NotBefore.Before(earliestV1) || cert.NotBefore.After(now.Add(day))) {
		i.DatesDoubtful = true
		i.Status = StatusValid
	}
	if o.Issuer != nil && !o.Pinned && !IssuedBy(cert, o.Issuer) {
		i.Status = StatusUntrusted
	}
	if o.Revoked {
		i.Status = StatusRevoked
	}
	return i
}

// SelfSigned reports whether a certificate names itself as issuer and its own
// key has signed it.
func SelfSigned(cert *x509.Certificate) bool {
	return cert != nil && string(cert.RawIssuer) == string(cert.RawSubject) &&
		cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature) == nil
}

// IssuedBy reports whether ca is a CA that may sign certificates, is named as
// cert's issuer, and has signed it. Dates play no part.
func IssuedBy(cert, ca *x509.Certificate) bool {
	return cert != nil && ca != nil && string(cert.RawIssuer) == string(ca.RawSubject) &&
		cert.CheckSignatureFrom(ca) == nil
}

// Names lists what a certificate is good for, DNS names first, then addresses.
func Names(cert *x509.Certificate) []string {
	if cert == nil {
		return nil
	}
	names := append([]string(nil), cert.DNSNames...)
	for _, ip := range cert.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}

func name(common, full string) string {
	if common != "" {
		return common
	}
	return full
}

func usage(cert *x509.Certificate) []string {
	var u []string
	for _, k := range []struct {
		bit  x509.KeyUsage
		name string
	}{
		{x509.KeyUsageDigitalSignature, "digitalSignature"},
		{x509.KeyUsageContentCommitment, "contentCommitment"},
		{x509.KeyUsageKeyEncipherment, "keyEncipherment"},
		{x509.KeyUsageDataEncipherment, "dataEncipherment"},
		{x509.KeyUsageKeyAgreement, "keyAgreement"},
		{x509.KeyUsageCertSign, "keyCertSign"},
		{x509.KeyUsageCRLSign, "cRLSign"},
	} {
		if cert.KeyUsage&k.bit != 0 {
			u = append(u, k.name)
		}
	}
	for _, e := range cert.ExtKeyUsage {
		switch e {
		case x509.ExtKeyUsageServerAuth:
			u = append(u, "serverAuth")
		case x509.ExtKeyUsageClientAuth:
			u = append(u, "clientAuth")
		case x509.ExtKeyUsageAny:
			u = append(u, "anyExtendedKeyUsage")
		default:
			u = append(u, fmt.Sprintf("extKeyUsage(%d)", int(e)))
		}
	}
	for _, oid := range cert.UnknownExtKeyUsage {
		u = append(u, oid.String())
	}
	return u
}

func keyAlgorithm(cert *x509.Certificate) string {
	if k, ok := cert.PublicKey.(*ecdsa.PublicKey); ok {
		return "ECDSA " + k.Curve.Params().Name
	}
	return cert.PublicKeyAlgorithm.String()
}
