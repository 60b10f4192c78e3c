package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/binary"
	"fmt"
	"math/big"
	"time"
)

var (
	oidECDSAWithSHA256 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
	oidECPublicKey     = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	oidP256            = asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}
	oidCommonName      = asn1.ObjectIdentifier{2, 5, 4, 3}
)

// BuddhistCalendar makes [NewSelfSignedV1] write dates as the shipping app does
// on an iPhone set to the Buddhist calendar: its formatter names no calendar,
// so the year 2026 becomes 2569, of which "69" stays, which everyone else
// reads as 1969.
func BuddhistCalendar() Option { return func(o *issueOptions) { o.buddhistYear = true } }

// NewSelfSignedV1 makes the certificate of the shipping iPhone app
// (CertificateService.swift), field for field: version 3 without any extension
// and so without a name to verify, a random serial of up to 64 bits, UTC times,
// and ecdsa-with-SHA256 with an explicit NULL parameter, which RFC 5758 section
// 3.2 forbids and crypto/x509 therefore never writes. The key must be P-256.
func NewSelfSignedV1(key crypto.Signer, now time.Time, opts ...Option) (*x509.Certificate, error) {
	if err := checkP256(key.Public()); err != nil {
		return nil, fmt.Errorf("issue %s: %w", CommonNameV1, err)
	}
	o := collect(now, 0, nil)
	o.until = o.from.AddDate(0, 0, DaysV1)
	o.commonName = CommonNameV1
	for _, opt := range opts {
		opt(&o)
	}
	der, err := buildV1(key, o)
	if err != nil {
		return nil, fmt.Errorf("issue %s: %w", CommonNameV1, err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("issue %s: read back: %w", CommonNameV1, err)
	}
	return cert, nil
}

// The structures of RFC 5280 section 4.1, as far as the app writes them.
type (
	algorithmV1 struct {
		Algorithm  asn1.ObjectIdentifier
		Parameters asn1.RawValue
	}
	attributeV1 struct {
		Type  asn1.ObjectIdentifier
		Value string `asn1:"utf8"`
	}
	tbsV1 struct {
		Version   int `asn1:"explicit,tag:0"`
		Serial    *big.Int
		Signature algorithmV1
		Issuer    asn1.RawValue
		Validity  struct{ From, Until asn1.RawValue }
		Subject   asn1.RawValue
		PublicKey publicKeyV1
	}
	publicKeyV1 struct {
		Algorithm struct{ Algorithm, Curve asn1.ObjectIdentifier }
		Key       asn1.BitString
	}
	certificateV1 struct {
		TBS       asn1.RawValue
		Algorithm algorithmV1
		Signature asn1.BitString
	}
	relativeNameSET []attributeV1 // asn1 writes a type named …SET as a SET
)

func buildV1(key crypto.Signer, o issueOptions) ([]byte, error) {
	pub, err := key.Public().(*ecdsa.PublicKey).Bytes()
	if err != nil {
		return nil, fmt.Errorf("write the public key: %w", err)
	}
	name, err := asn1.Marshal([]relativeNameSET{{{Type: oidCommonName, Value: o.commonName}}})
	if err != nil {
		return nil, fmt.Errorf("write the name: %w", err)
	}
	var serial [8]byte
	for binary.BigEndian.Uint64(serial[:]) == 0 {
		if _, err := rand.Read(serial[:]); err != nil {
			return nil, fmt.Errorf("draw a serial number: %w", err)
		}
	}
	algorithm := algorithmV1{Algorithm: oidECDSAWithSHA256, Parameters: asn1.NullRawValue}
	t := tbsV1{
		Version:   2, // X.509 version 3 is written as 2
		Serial:    new(big.Int).SetBytes(serial[:]),
		Signature: algorithm,
		Issuer:    asn1.RawValue{FullBytes: name},
		Subject:   asn1.RawValue{FullBytes: name},
	}
	t.Validity.From = utcTimeV1(o.from, o.buddhistYear)
	t.Validity.Until = utcTimeV1(o.until, o.buddhistYear)
	t.PublicKey.Algorithm.Algorithm = oidECPublicKey
	t.PublicKey.Algorithm.Curve = oidP256
	t.PublicKey.Key = asn1.BitString{Bytes: pub, BitLength: 8 * len(pub)}
	tbs, err := asn1.Marshal(t)
	if err != nil {
		return nil, fmt.Errorf("write what is signed: %w", err)
	}
	digest := sha256.Sum256(tbs)
	signature, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return asn1.Marshal(certificateV1{
		TBS:       asn1.RawValue{FullBytes: tbs},
		Algorithm: algorithm,
		Signature: asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)},
	})
}

func utcTimeV1(t time.Time, buddhist bool) asn1.RawValue {
	t = t.UTC()
	year := t.Year()
	if buddhist {
		year += 543
	}
	text := fmt.Sprintf("%02d%s", year%100, t.Format("0102150405Z"))
	return asn1.RawValue{Tag: asn1.TagUTCTime, Bytes: []byte(text)}
}
