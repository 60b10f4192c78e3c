package trust

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"healthsync/pki"
)

// verifier makes the checks of one connection, in order, and notes each in the
// report. The first failure ends it.
type verifier struct {
	trust   *Trust
	host    string // as in certificates, see nameToVerify
	now     time.Time
	lenient bool // dates are noted, not enforced
	report  *Report
}

// peer judges the certificates that the server sent. It runs inside the
// handshake: nothing but the ClientHello has been sent when it says no.
func (v *verifier) peer(chain []*x509.Certificate) *Failure {
	if len(chain) == 0 {
		return &Failure{Kind: Malformed, Whose: Server, Err: errors.New("no certificate was sent")}
	}
	switch {
	case v.trust == nil:
	case v.trust.mode == pinned:
		return v.pinned(chain[0])
	case v.trust.mode == pairing:
		return v.pairing(chain)
	case v.trust.mode == mutual:
		return v.mutual(chain)
	}
	return &Failure{Kind: Unknown, Whose: Server, Cert: chain[0], Err: errors.New("no trust is set")}
}

func (v *verifier) pinned(leaf *x509.Certificate) *Failure {
	if f := v.note("fingerprint", fingerprint(leaf, v.trust.leaf)); f != nil {
		return f
	}
	v.lenient = true
	return v.dates(Server, leaf)
}

func fingerprint(leaf *x509.Certificate, want pki.Fingerprint) *Failure {
	if got := pki.FingerprintOf(leaf); !want.Equal(got) {
		return &Failure{Kind: FingerprintMismatch, Whose: Server, Cert: leaf, Want: want, Got: got}
	}
	return nil
}

func (v *verifier) pairing(chain []*x509.Certificate) *Failure {
	leaf := chain[0]
	if f := v.note("fingerprint", fingerprint(leaf, v.trust.leaf)); f != nil {
		return f
	}
	ca, f := v.findCA(chain)
	if v.note("ca fingerprint", f) != nil {
		return f
	}
	if f := v.chain(chain, ca); f != nil {
		return f
	}
	if f := v.note("usage", usable(Server, leaf, x509.ExtKeyUsageServerAuth)); f != nil {
		return f
	}
	// Not enforced, but noted for whoever debugs.
	v.remark("name", named(leaf, v.host))
	return nil
}

// findCA picks the CA of the pairing code out of what the server sent.
func (v *verifier) findCA(chain []*x509.Certificate) (*x509.Certificate, *Failure) {
	for _, c := range chain {
		if v.trust.ca.Equal(pki.FingerprintOf(c)) {
			return c, nil
		}
	}
	last := chain[len(chain)-1]
	if last.IsCA || pki.SelfSigned(last) {
		return nil, &Failure{Kind: CAMismatch, Whose: CA, Cert: last, Want: v.trust.ca, Got: pki.FingerprintOf(last)}
	}
	return nil, &Failure{
		Kind: BrokenChain, Whose: Server, Cert: chain[0], Names: []string{last.Issuer.CommonName},
		Err: errors.New("the CA was not sent"),
	}
}

func (v *verifier) mutual(chain []*x509.Certificate) *Failure {
	if f := v.chain(chain, v.trust.root); f != nil {
		return f
	}
	if f := v.note("usage", usable(Server, chain[0], x509.ExtKeyUsageServerAuth)); f != nil {
		return f
	}
	return v.note("name", named(chain[0], v.host))
}

// chain finds the way from the leaf to the CA first and looks at dates second:
// an expired certificate of a stranger is a stranger's first of all, and
// crypto/x509 would tell of the date.
func (v *verifier) chain(chain []*x509.Certificate, ca *x509.Certificate) *Failure {
	path, err := undated(chain, ca)
	if err != nil {
		return v.note("chain", whyUntrusted(Server, chain, ca, err))
	}
	_ = v.note("chain", nil)              // nothing to pass on
	for i := len(path) - 1; i >= 0; i-- { // the CA first: it is the root cause
		whose := CA
		if i == 0 {
			whose = Server
		}
		if f := v.dates(whose, path[i]); f != nil {
			return f
		}
	}
	return nil
}

// undated verifies the chain as crypto/x509 does, on copies whose dates are
// wide open, and returns the originals from the leaf to the CA.
func undated(chain []*x509.Certificate, ca *x509.Certificate) ([]*x509.Certificate, error) {
	original := map[string]*x509.Certificate{}
	open := func(c *x509.Certificate) *x509.Certificate {
		original[string(c.Raw)] = c
		wide := *c
		wide.NotBefore, wide.NotAfter = time.Unix(0, 0), time.Unix(1<<40, 0)
		return &wide
	}
	opts := x509.VerifyOptions{
		Roots:         x509.NewCertPool(),
		Intermediates: x509.NewCertPool(),
		CurrentTime:   time.Unix(1<<20, 0),
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	}
	opts.Roots.AddCert(open(ca))
	for _, c := range chain[1:] {
		opts.Intermediates.AddCert(open(c))
	}
	chains, err := open(chain[0]).Verify(opts)
	if err != nil {
		return nil, err
	}
	path := make([]*x509.Certificate, len(chains[0]))
	for i, c := range chains[0] {
		path[i] = original[string(c.Raw)]
	}
	return path, nil
}

// whyUntrusted follows the chain from the leaf as far as it goes and says where
// it ends. crypto/x509 has one answer for all of it, "unknown authority".
func whyUntrusted(whose Whose, chain []*x509.Certificate, ca *x509.Certificate, err error) *Failure {
	leaf := chain[0]
	f := &Failure{Kind: BrokenChain, Whose: whose, Cert: leaf, Err: err}
	if pki.SelfSigned(leaf) {
		f.Kind = SelfSigned
		return f
	}
	at := leaf
	for range chain {
		next := slices.IndexFunc(chain, func(c *x509.Certificate) bool { return pki.IssuedBy(at, c) })
		if next < 0 || chain[next].Equal(at) {
			break
		}
		at = chain[next]
	}
	if pki.SelfSigned(at) && !at.Equal(ca) { // a whole chain, to a root that is not ours
		f.Kind, f.Names = OtherCA, []string{at.Subject.CommonName}
		return f
	}
	if at.Equal(ca) {
		return f // the way is whole, so it is err that stands in it
	}
	f.Names = []string{at.Issuer.CommonName}
	if string(at.RawIssuer) != string(ca.RawSubject) {
		f.Err = fmt.Errorf("the issuer %.60q was not sent: %w", at.Issuer.CommonName, err)
		return f
	}
	// Our CA by name. The phone names every CA alike, so the key identifiers
	// tell whether another CA of that name has signed or a signature is wrong.
	if len(at.AuthorityKeyId) > 0 && len(ca.SubjectKeyId) > 0 && string(at.AuthorityKeyId) != string(ca.SubjectKeyId) {
		f.Kind = OtherCA
		return f
	}
	if sig := at.CheckSignatureFrom(ca); sig != nil {
		f.Err = fmt.Errorf("signed in the name of the CA, but not by it: %w", sig)
	}
	return f
}

// unfit is what is wrong with a client certificate but for its dates and its
// key, nil if nothing is.
func unfit(own, ca *x509.Certificate) *Failure {
	if !pki.IssuedBy(own, ca) {
		err := errors.New("not issued by the CA of this pairing")
		return whyUntrusted(Client, []*x509.Certificate{own}, ca, err)
	}
	return usable(Client, own, x509.ExtKeyUsageClientAuth)
}

func usable(whose Whose, cert *x509.Certificate, want x509.ExtKeyUsage) *Failure {
	var err error
	switch {
	case !slices.Contains(cert.ExtKeyUsage, want) && !slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageAny):
		err = errors.New("its extended key usage does not allow it")
	case cert.KeyUsage != 0 && cert.KeyUsage&x509.KeyUsageDigitalSignature == 0:
		err = errors.New("its key usage does not allow signatures")
	default:
		return nil
	}
	return &Failure{Kind: WrongUsage, Whose: whose, Cert: cert, Err: err}
}

func named(leaf *x509.Certificate, host string) *Failure {
	if err := leaf.VerifyHostname(host); err != nil {
		return &Failure{Kind: NameMismatch, Whose: Server, Cert: leaf, Host: host, Names: pki.Names(leaf)}
	}
	return nil
}

// dates enforces a certificate's dates, or notes what is wrong with them.
func (v *verifier) dates(whose Whose, cert *x509.Certificate) *Failure {
	f := dated(whose, cert, v.now)
	check := "dates of " + cert.Subject.CommonName
	if f != nil && v.lenient {
		v.remark(check, f)
		return nil
	}
	return v.note(check, f)
}

func dated(whose Whose, cert *x509.Certificate, now time.Time) *Failure {
	switch pki.StatusAt(cert, now) {
	case pki.StatusExpired:
		return &Failure{Kind: Expired, Whose: whose, Cert: cert}
	case pki.StatusNotYetValid:
		return &Failure{Kind: NotYetValid, Whose: whose, Cert: cert}
	}
	return nil
}

// own judges, before anything is dialled, what this Mac brings along: the
// stored CA and the client certificate.
func (v *verifier) own(cert *tls.Certificate) (*x509.Certificate, *Failure) {
	ca := v.trust.root
	if f := v.note("stored CA", storedCA(ca)); f != nil {
		return nil, f
	}
	if f := v.dates(CA, ca); f != nil {
		return nil, f
	}
	const check = "client certificate"
	if cert == nil || len(cert.Certificate) == 0 {
		return nil, v.note(check, &Failure{Kind: NoClientCert, Whose: Client, Err: errors.New("none is stored")})
	}
	leaf, err := pki.ParseCertificate(cert.Certificate[0])
	if err != nil {
		return nil, v.note(check, &Failure{Kind: Malformed, Whose: Client, Err: err})
	}
	if f := v.note(check, ownLeaf(leaf, cert.PrivateKey, ca)); f != nil {
		return leaf, f
	}
	return leaf, v.dates(Client, leaf)
}

func storedCA(ca *x509.Certificate) *Failure {
	switch {
	case ca == nil:
		return &Failure{Kind: BrokenChain, Whose: CA, Err: errors.New("no CA certificate is stored")}
	case !ca.BasicConstraintsValid || !ca.IsCA:
		return &Failure{Kind: WrongUsage, Whose: CA, Cert: ca, Err: errors.New("it is not a CA")}
	}
	return nil
}

// ownLeaf makes the checks on the client certificate that need no clock.
func ownLeaf(leaf *x509.Certificate, private crypto.PrivateKey, ca *x509.Certificate) *Failure {
	fail := func(kind Kind, why string) *Failure {
		return &Failure{Kind: kind, Whose: Client, Cert: leaf, Err: errors.New(why)}
	}
	signer, ok := private.(crypto.Signer)
	if !ok {
		return fail(KeyUnavailable, "the certificate came without its key")
	}
	key, ok := signer.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !key.Equal(leaf.PublicKey) {
		return fail(BadClientCert, "the key does not belong to the certificate")
	}
	return unfit(leaf, ca)
}

// note records an enforced check and passes its failure on.
func (v *verifier) note(name string, f *Failure) *Failure {
	if f != nil {
		f.At = v.now
	}
	v.report.Checks = append(v.report.Checks, Check{Name: name, Failure: f, Enforced: true})
	return f
}

// remark records a check that is not enforced.
func (v *verifier) remark(name string, f *Failure) {
	v.report.Checks = append(v.report.Checks, Check{Name: name, Failure: f})
}
