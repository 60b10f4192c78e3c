package trust

import (
	"crypto/x509"
	"testing"

	"healthsync/pki"
)

// Whatever certificates a server sends: a verdict without a crash or a hang, and
// never a good one for what the CA has not signed.
func FuzzServerChain(f *testing.F) {
	p, stranger := newPhone(f), newPhone(f)
	f.Add(p.server.Raw, p.ca.Raw, []byte{})
	f.Add(stranger.server.Raw, stranger.ca.Raw, p.ca.Raw)
	f.Add(p.ca.Raw, p.ca.Raw, p.ca.Raw)
	f.Add(p.client.Raw, p.server.Raw, p.ca.Raw)
	f.Fuzz(func(t *testing.T, a, b, c []byte) {
		var chain []*x509.Certificate
		for _, der := range [][]byte{a, b, c} {
			if cert, err := pki.ParseCertificate(der); err == nil {
				chain = append(chain, cert)
			}
		}
		for _, trust := range []*Trust{
			p.mutual(p.client),
			Pairing(pki.FingerprintOf(p.server), pki.FingerprintOf(p.ca)),
			Pinned(pki.FingerprintOf(p.server)),
		} {
			r := &Report{}
			v := &verifier{trust: trust, host: "phone.local", now: today, report: r}
			bad := v.peer(chain)
			if bad == nil && string(chain[0].RawTBSCertificate) != string(p.server.RawTBSCertificate) {
				t.Errorf("%s trusts a stranger", trust)
			}
			if bad != nil && bad.Error() == "" {
				t.Error("a failure without words")
			}
		}
	})
}
