package trust

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"slices"
	"testing"
	"time"

	"healthsync/pki"
	"healthsync/sync/simulator"
)

var (
	today = time.Now()
	caUse = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
)

// tamper changes the signature of a certificate.
func tamper(t *testing.T, c *x509.Certificate) *x509.Certificate {
	t.Helper()
	der := bytes.Clone(c.Raw)
	der[len(der)-5] ^= 1
	return must(x509.ParseCertificate(der))(t)
}

func TestMutualJudgesTheServer(t *testing.T) {
	p := newPhone(t)
	namesake := newPhone(t) // another pairing: its CA has the same name and another key
	begun := today.AddDate(0, -3, 0)
	server := func(opts ...simulator.Option) *x509.Certificate {
		return p.newServer(t, []string{"phone.local"}, loopback, begun, opts...)
	}
	foreignKey := newKey(t)
	foreignCA := must(simulator.NewCA(foreignKey, begun, simulator.CommonName("somebody-ca")))(t)
	foreign := must(simulator.IssueServer(foreignCA, foreignKey, p.serverKey.Public(), nil, loopback, begun))(t)
	middleKey := newKey(t)
	middle := sign(t, &x509.Certificate{BasicConstraintsValid: true, IsCA: true, KeyUsage: caUse}, "middle", p.ca, middleKey.Public(), p.caKey)
	below := must(simulator.IssueServer(middle, middleKey, p.serverKey.Public(), []string{"phone.local"}, loopback, begun))(t)
	self := must(simulator.NewSelfSignedV1(p.serverKey, begun))(t)
	expired := server(simulator.Valid(today.AddDate(-1, 0, 0), today.Add(-time.Hour)))
	future := server(simulator.Valid(today.Add(24*time.Hour), today.AddDate(1, 0, 0)))
	oldStranger := namesake.newServer(t, nil, loopback, begun, simulator.Valid(today.AddDate(-2, 0, 0), today.AddDate(-1, 0, 0)))
	moved := p.newServer(t, []string{"other.local"}, []netip.Addr{netip.MustParseAddr("10.9.9.9")}, begun)
	nameless := p.newServer(t, nil, nil, begun)
	clientUse := server(simulator.Usage(x509.ExtKeyUsageClientAuth))
	noUse := sign(t, &x509.Certificate{KeyUsage: x509.KeyUsageDigitalSignature, DNSNames: []string{"phone.local"}}, "healthsync-server", p.ca, p.serverKey.Public(), p.caKey)
	leafAsCA := must(simulator.IssueServer(p.server, p.serverKey, p.clientKey.Public(), nil, loopback, begun))(t)

	for _, c := range []struct {
		name  string
		chain []*x509.Certificate
		host  string
		kind  Kind
		whose Whose
		at    time.Time
	}{
		{name: "leaf alone", chain: list509(p.server), host: "127.0.0.1", kind: -1},
		{name: "leaf and CA", chain: list509(p.server, p.ca), host: "::1", kind: -1},
		{name: "by name, other case", chain: list509(p.server, p.ca), host: "Phone.Local", kind: -1},
		{name: "with an intermediate", chain: list509(below, middle), host: "phone.local", kind: -1},
		{name: "with strangers beside", chain: list509(p.server, namesake.ca, foreignCA), host: "phone.local", kind: -1},

		{name: "expired", chain: list509(expired, p.ca), host: "127.0.0.1", kind: Expired, whose: Server},
		{name: "not yet valid", chain: list509(future), host: "127.0.0.1", kind: NotYetValid, whose: Server},
		{name: "the CA expired", chain: list509(server(simulator.Valid(begun, today.AddDate(9, 0, 0)))), host: "127.0.0.1", kind: Expired, whose: CA, at: today.AddDate(6, 0, 0)},
		{name: "both expired: the CA is the cause", chain: list509(p.server), host: "127.0.0.1", kind: Expired, whose: CA, at: today.AddDate(6, 0, 0)},
		{name: "the CA of tomorrow", chain: list509(p.server), host: "127.0.0.1", kind: NotYetValid, whose: CA, at: today.AddDate(-1, 0, 0)},

		{name: "a namesake's, leaf alone", chain: list509(namesake.server), host: "127.0.0.1", kind: OtherCA, whose: Server},
		{name: "a namesake's, whole", chain: list509(namesake.server, namesake.ca), host: "127.0.0.1", kind: OtherCA, whose: Server},
		{name: "a namesake's, expired: a stranger first", chain: list509(oldStranger, namesake.ca), host: "127.0.0.1", kind: OtherCA, whose: Server},
		{name: "a namesake's, with our CA beside", chain: list509(namesake.server, p.ca), host: "127.0.0.1", kind: OtherCA, whose: Server},
		{name: "another CA, whole", chain: list509(foreign, foreignCA), host: "127.0.0.1", kind: OtherCA, whose: Server},
		{name: "another CA, not sent", chain: list509(foreign), host: "127.0.0.1", kind: BrokenChain, whose: Server},
		{name: "intermediate missing", chain: list509(below), host: "phone.local", kind: BrokenChain, whose: Server},
		{name: "intermediate missing, CA sent", chain: list509(below, p.ca), host: "phone.local", kind: BrokenChain, whose: Server},
		{name: "signature changed", chain: list509(tamper(t, p.server), p.ca), host: "127.0.0.1", kind: BrokenChain, whose: Server},
		{name: "intermediate's signature changed", chain: list509(below, tamper(t, middle)), host: "phone.local", kind: BrokenChain, whose: Server},
		{name: "issued by a leaf", chain: list509(leafAsCA, p.server, p.ca), host: "127.0.0.1", kind: BrokenChain, whose: Server},
		{name: "self-signed", chain: list509(self), host: "127.0.0.1", kind: SelfSigned, whose: Server},
		{name: "self-signed, our CA beside", chain: list509(self, p.ca), host: "127.0.0.1", kind: SelfSigned, whose: Server},

		{name: "other names", chain: list509(moved, p.ca), host: "127.0.0.1", kind: NameMismatch, whose: Server},
		{name: "no names", chain: list509(nameless, p.ca), host: "phone.local", kind: NameMismatch, whose: Server},
		{name: "for clients", chain: list509(clientUse, p.ca), host: "127.0.0.1", kind: WrongUsage, whose: Server},
		{name: "for nothing in particular", chain: list509(noUse), host: "phone.local", kind: WrongUsage, whose: Server},
		{name: "the Mac's own certificate", chain: list509(p.client), host: "127.0.0.1", kind: WrongUsage, whose: Server},
		{name: "the CA itself", chain: list509(p.ca), host: "127.0.0.1", kind: WrongUsage, whose: Server},
		{name: "nothing", chain: nil, host: "127.0.0.1", kind: Malformed, whose: Server},
	} {
		at := c.at
		if at.IsZero() {
			at = today
		}
		v := &verifier{trust: p.mutual(p.client), host: c.host, now: at, report: &Report{}}
		f := v.peer(c.chain)
		switch {
		case c.kind == -1 && f != nil:
			t.Errorf("%s: refused: %v", c.name, f)
		case c.kind >= 0 && f == nil:
			t.Errorf("%s: accepted", c.name)
		case c.kind >= 0 && (f.Kind != c.kind || f.Whose != c.whose):
			t.Errorf("%s: %s of %q (%v), want %s of %q", c.name, f.Kind, f.Whose, f, c.kind, c.whose)
		case f != nil && c.chain != nil && (f.Cert == nil || !f.At.Equal(at)):
			t.Errorf("%s: no evidence: %+v", c.name, f)
		}
	}
}

func list509(c ...*x509.Certificate) []*x509.Certificate { return c }

func TestFailureTellsWhatIsKnown(t *testing.T) {
	p := newPhone(t)
	moved := p.newServer(t, []string{"other.local"}, []netip.Addr{netip.MustParseAddr("10.9.9.9")}, today)
	v := &verifier{trust: p.mutual(p.client), host: "192.168.1.7", now: today, report: &Report{}}
	f := v.peer(list509(moved))
	if f == nil || !slices.Equal(f.Names, []string{"other.local", "10.9.9.9"}) || f.Host != "192.168.1.7" {
		t.Errorf("got %+v", f)
	}
	old := p.newServer(t, nil, loopback, today, simulator.Valid(today.AddDate(-2, 0, 0), today.AddDate(-1, 0, 0)))
	if f = v.peer(list509(old)); f == nil || f.Kind != Expired || !f.Cert.Equal(old) {
		t.Errorf("got %+v", f)
	}
}

func TestPinnedLooksAtTheFingerprintOnly(t *testing.T) {
	key := newKey(t)
	for name, cert := range map[string]*x509.Certificate{
		"in date":  must(simulator.NewSelfSignedV1(key, today))(t),
		"expired":  must(simulator.NewSelfSignedV1(key, today.AddDate(-2, 0, 0)))(t),
		"Buddhist": must(simulator.NewSelfSignedV1(key, today.AddDate(-57, 0, 0)))(t),
		"tomorrow": must(simulator.NewSelfSignedV1(key, today.AddDate(0, 0, 2)))(t),
	} {
		r := &Report{}
		v := &verifier{trust: Pinned(pki.FingerprintOf(cert)), host: "127.0.0.1", now: today, report: r}
		if f := v.peer(list509(cert)); f != nil {
			t.Errorf("%s: %v", name, f)
		}
		if last := r.Checks[len(r.Checks)-1]; (last.Failure == nil) != (name == "in date") {
			t.Errorf("%s: noted %+v", name, last)
		}
	}
	mine := must(simulator.NewSelfSignedV1(key, today))(t)
	again := must(simulator.NewSelfSignedV1(key, today))(t) // same key, same name, another certificate
	for name, trust := range map[string]*Trust{
		"another": Pinned(pki.FingerprintOf(mine)), "zero": Pinned(pki.Fingerprint{}), "none": {}, "nil": nil,
	} {
		v := &verifier{trust: trust, host: "127.0.0.1", now: today, report: &Report{}}
		f := v.peer(list509(again, mine))
		if f == nil || trust != nil && trust.mode == pinned && (f.Kind != FingerprintMismatch || f.Got != pki.FingerprintOf(again)) {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestPairingJudges(t *testing.T) {
	p, namesake := newPhone(t), newPhone(t)
	expired := p.newServer(t, nil, loopback, today, simulator.Valid(today.AddDate(-2, 0, 0), today.AddDate(-1, 0, 0)))
	clientUse := p.newServer(t, nil, loopback, today, simulator.Usage(x509.ExtKeyUsageClientAuth))
	elsewhere := p.newServer(t, nil, nil, today)
	self := must(simulator.NewSelfSignedV1(p.serverKey, today))(t)
	fp := pki.FingerprintOf
	for _, c := range []struct {
		name     string
		chain    []*x509.Certificate
		leaf, ca pki.Fingerprint
		kind     Kind
	}{
		{"right", list509(p.server, p.ca), fp(p.server), fp(p.ca), -1},
		{"the name does not matter", list509(elsewhere, p.ca), fp(elsewhere), fp(p.ca), -1},
		{"another leaf of the same CA", list509(p.server, p.ca), fp(elsewhere), fp(p.ca), FingerprintMismatch},
		{"another phone", list509(namesake.server, namesake.ca), fp(p.server), fp(p.ca), FingerprintMismatch},
		{"another CA", list509(p.server, namesake.ca), fp(p.server), fp(p.ca), CAMismatch},
		{"the code names another CA", list509(p.server, p.ca), fp(p.server), fp(namesake.ca), CAMismatch},
		{"the CA is named but did not sign", list509(p.server, namesake.ca, p.ca), fp(p.server), fp(namesake.ca), OtherCA},
		{"the CA was not sent", list509(p.server), fp(p.server), fp(p.ca), BrokenChain},
		{"self-signed", list509(self), fp(self), fp(p.ca), CAMismatch},
		{"self-signed, CA beside", list509(self, p.ca), fp(self), fp(p.ca), SelfSigned},
		{"expired", list509(expired, p.ca), fp(expired), fp(p.ca), Expired},
		{"for clients", list509(clientUse, p.ca), fp(clientUse), fp(p.ca), WrongUsage},
		{"no fingerprints", list509(p.server, p.ca), pki.Fingerprint{}, pki.Fingerprint{}, FingerprintMismatch},
		{"no CA fingerprint", list509(p.server, p.ca), fp(p.server), pki.Fingerprint{}, CAMismatch},
	} {
		v := &verifier{trust: Pairing(c.leaf, c.ca), host: "127.0.0.1", now: today, report: &Report{}}
		f := v.peer(c.chain)
		if c.kind == -1 && f != nil || c.kind >= 0 && (f == nil || f.Kind != c.kind) {
			t.Errorf("%s: %v, want %s", c.name, f, c.kind)
		}
	}
}

// What the Mac brings along is judged before anything is dialled: port 1 of
// loopback would say "refused".
func TestOwnSideIsJudgedFirst(t *testing.T) {
	p, namesake := newPhone(t), newPhone(t)
	old := p.newClient(t, today, simulator.Valid(today.AddDate(-2, 0, 0), today.AddDate(-1, 0, 0)))
	future := p.newClient(t, today.AddDate(0, 0, 2))
	for _, c := range []struct {
		name  string
		trust *Trust
		kind  Kind
		whose Whose
	}{
		{"in order", p.mutual(p.client), Refused, Nobody},
		{"no CA", Mutual(nil, Certificate(tlsCert(p.clientKey, p.client))), BrokenChain, CA},
		{"the CA is none", Mutual(p.server, Certificate(tlsCert(p.clientKey, p.client))), WrongUsage, CA},
		{"no source", Mutual(p.ca, nil), NoClientCert, Client},
		{"no certificate", Mutual(p.ca, Certificate(nil)), NoClientCert, Client},
		{"empty certificate", Mutual(p.ca, Certificate(&tls.Certificate{})), NoClientCert, Client},
		{"unreadable", Mutual(p.ca, Certificate(&tls.Certificate{Certificate: [][]byte{{1}}, PrivateKey: p.clientKey})), Malformed, Client},
		{"no key", Mutual(p.ca, Certificate(tlsCert(nil, p.client))), KeyUnavailable, Client},
		{"another key", Mutual(p.ca, Certificate(tlsCert(p.serverKey, p.client))), BadClientCert, Client},
		{"of another pairing", Mutual(p.ca, Certificate(tlsCert(namesake.clientKey, namesake.client))), OtherCA, Client},
		{"for servers", p.mutual(p.newClient(t, today, simulator.Usage(x509.ExtKeyUsageServerAuth))), WrongUsage, Client},
		{"expired", p.mutual(old), Expired, Client},
		{"not yet valid", p.mutual(future), NotYetValid, Client},
	} {
		r, err := dialOnce(t, &Dialer{Trust: c.trust}, "127.0.0.1", 1)
		if f := failure(t, err); f.Kind != c.kind || f.Whose != c.whose || f.Remote {
			t.Errorf("%s: %s of %q (%v), want %s of %q", c.name, f.Kind, f.Whose, f, c.kind, c.whose)
		}
		if c.kind != Refused && len(r.Attempts) > 0 {
			t.Errorf("%s: something was dialled", c.name)
		}
	}
}
