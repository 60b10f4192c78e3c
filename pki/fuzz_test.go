package pki

import (
	"bytes"
	"testing"
	"time"
)

// Whatever arrives as PEM: a certificate or an error, nothing else, and what is
// accepted is exactly one block.
func FuzzPEM(f *testing.F) {
	fam := newFamily(f, guideDay)
	good := EncodeCertificate(fam.server)
	f.Add(good)
	f.Add(bytes.ReplaceAll(good, []byte("\n"), []byte("\r\n")))
	f.Add(good[:100])
	f.Add(append(bytes.Clone(good), good...))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----"))
	der, err := NewCSR(fam.clientKey, CommonNameClient)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(EncodeCSR(der))
	f.Fuzz(func(t *testing.T, in []byte) {
		if cert, err := DecodeCertificate(in); err == nil {
			if bytes.Count(in, []byte("-----BEGIN")) != 1 {
				t.Error("more than one block was accepted")
			}
			again, err := DecodeCertificate(EncodeCertificate(cert))
			if err != nil || !again.Equal(cert) {
				t.Errorf("does not survive being written: %v", err)
			}
		}
		if csr, err := CheckCSR(in); err == nil {
			if err := csr.CheckSignature(); err != nil {
				t.Errorf("an unsigned request was accepted: %v", err)
			}
		}
	})
}

// Whatever arrives as DER: it can be described without a crash, and never
// passes for what was issued here.
func FuzzDER(f *testing.F) {
	fam := newFamily(f, guideDay)
	huge := []byte{0x30, 0x84, 0xff, 0xff, 0xff, 0xff}
	for _, c := range [][]byte{fam.ca.Raw, fam.server.Raw, fam.client.Raw, fam.server.Raw[:200], huge} {
		f.Add(c)
	}
	want := Expected{PublicKey: fam.clientKey.Public(), CA: FingerprintOf(fam.ca), Now: guideDay.Add(time.Minute)}
	f.Fuzz(func(t *testing.T, der []byte) {
		cert, err := ParseCertificate(der)
		if err != nil {
			return
		}
		if len(der) > maxDER {
			t.Error("too large, and accepted")
		}
		for _, o := range []InspectOptions{{}, {Pinned: true}, {Issuer: fam.ca}, {Issuer: cert}} {
			_ = Inspect(cert, guideDay, o)
		}
		_ = RenewDue(cert, guideDay)
		// What is signed is compared, not the whole: whoever holds an ECDSA
		// signature can write a second valid one beside it.
		same := bytes.Equal(cert.RawTBSCertificate, fam.client.RawTBSCertificate)
		if err := CheckIssued(cert, fam.ca, want); err == nil && !same {
			t.Error("a changed client certificate was accepted")
		}
		if err := CheckIssued(fam.client, cert, want); err == nil && !bytes.Equal(der, fam.ca.Raw) {
			t.Error("a changed CA was accepted")
		}
	})
}

func FuzzParseFingerprint(f *testing.F) {
	f.Add(plainHex)
	f.Add("SHA256:" + grouped)
	f.Add("sha256 Fingerprint=" + grouped)
	f.Fuzz(func(t *testing.T, in string) {
		fp, err := ParseFingerprint(in)
		if err != nil {
			return
		}
		for _, form := range []string{fp.String(), fp.Hex()} {
			if again, err := ParseFingerprint(form); err != nil || again != fp {
				t.Errorf("%q does not read back: %v", form, err)
			}
		}
	})
}
