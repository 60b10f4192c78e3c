package pki

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"
	"time"
)

// swiftTLV is the app's encoder (DEREncoder.swift) in its own words, to hold
// ours against: tag, shortest length, content.
func swiftTLV(tag byte, parts ...[]byte) []byte {
	content := bytes.Join(parts, nil)
	n := len(content)
	switch {
	case n < 128:
		return append([]byte{tag, byte(n)}, content...)
	case n < 256:
		return append([]byte{tag, 0x81, byte(n)}, content...)
	}
	return append([]byte{tag, 0x82, byte(n >> 8), byte(n)}, content...)
}

// swiftTBS is buildTBSCertificate of CertificateService.swift.
func swiftTBS(serial uint64, point []byte, from, until string) []byte {
	oid := func(h string) []byte { b, _ := hex.DecodeString(h); return swiftTLV(0x06, b) }
	var number []byte
	for v := serial; ; {
		number = append([]byte{byte(v)}, number...)
		if v >>= 8; v == 0 {
			break
		}
	}
	if number[0]&0x80 != 0 {
		number = append([]byte{0}, number...)
	}
	algorithm := swiftTLV(0x30, oid("2a8648ce3d040302"), swiftTLV(0x05))
	name := swiftTLV(0x30, swiftTLV(0x31, swiftTLV(0x30, oid("550403"), swiftTLV(0x0c, []byte("HealthSync Local")))))
	return swiftTLV(0x30,
		swiftTLV(0xa0, swiftTLV(0x02, []byte{2})),
		swiftTLV(0x02, number),
		algorithm,
		name,
		swiftTLV(0x30, swiftTLV(0x17, []byte(from)), swiftTLV(0x17, []byte(until))),
		name,
		swiftTLV(0x30,
			swiftTLV(0x30, oid("2a8648ce3d0201"), oid("2a8648ce3d030107")),
			swiftTLV(0x03, []byte{0}, point)),
	)
}

func TestV1IsTheAppsDER(t *testing.T) {
	key := newKey(t)
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	for range 50 { // serials of every length come up
		cert, err := NewSelfSignedV1(key, guideDay)
		if err != nil {
			t.Fatal(err)
		}
		var serial [8]byte
		cert.SerialNumber.FillBytes(serial[:])
		want := swiftTBS(binary.BigEndian.Uint64(serial[:]), point, "260107103015Z", "270107103015Z")
		if !bytes.Equal(cert.RawTBSCertificate, want) {
			t.Fatalf("what is signed differs:\n%x\n%x", cert.RawTBSCertificate, want)
		}
		digest := sha256.Sum256(want)
		if !ecdsa.VerifyASN1(&key.PublicKey, digest[:], cert.Signature) {
			t.Fatal("the signature does not verify")
		}
		whole := swiftTLV(0x30, want,
			swiftTLV(0x30, []byte{0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2}, swiftTLV(0x05)),
			swiftTLV(0x03, []byte{0}, cert.Signature))
		if !bytes.Equal(cert.Raw, whole) {
			t.Fatalf("the certificate differs:\n%x\n%x", cert.Raw, whole)
		}
	}
}

func TestV1AsOthersSeeIt(t *testing.T) {
	cert, err := NewSelfSignedV1(newKey(t), guideDay)
	if err != nil {
		t.Fatal(err)
	}
	if len(cert.Extensions) != 0 || cert.Version != 3 || cert.SignatureAlgorithm != x509.ECDSAWithSHA256 || !SelfSigned(cert) {
		t.Errorf("version %d, %d extensions, %s", cert.Version, len(cert.Extensions), cert.SignatureAlgorithm)
	}
	path := writeFile(t, "v1.pem", EncodeCertificate(cert))
	text := openssl(t, "asn1parse", "-in", path)
	if strings.Count(text, "NULL") != 2 || !strings.Contains(text, "UTF8STRING        :HealthSync Local") {
		t.Errorf("openssl asn1parse:\n%s", text)
	}
	text = openssl(t, "x509", "-in", path, "-noout", "-subject", "-issuer", "-dates")
	for _, want := range []string{"subject=CN = HealthSync Local", "issuer=CN = HealthSync Local", "Jan  7 10:30:15 2026 GMT", "Jan  7 10:30:15 2027 GMT"} {
		if !strings.Contains(text, want) {
			t.Errorf("openssl does not see %q in\n%s", want, text)
		}
	}
}

// On an iPhone set to the Buddhist calendar the app writes 2569 for 2026, of
// which UTCTime keeps "69": 1969 to everyone else.
func TestV1BuddhistYears(t *testing.T) {
	cert, err := NewSelfSignedV1(newKey(t), guideDay, BuddhistCalendar())
	if err != nil {
		t.Fatal(err)
	}
	if got := cert.NotBefore.Format(time.DateOnly) + " " + cert.NotAfter.Format(time.DateOnly); got != "1969-01-07 1970-01-07" {
		t.Errorf("got %s", got)
	}
	i := Inspect(cert, guideDay, InspectOptions{Pinned: true})
	if i.Status != StatusValid || !i.DatesDoubtful || i.DatesEnforced {
		t.Errorf("a pinned certificate with impossible years: %+v", i)
	}
	if i := Inspect(cert, guideDay, InspectOptions{}); i.Status != StatusExpired || i.DatesDoubtful {
		t.Errorf("unpinned: %+v", i)
	}
}
