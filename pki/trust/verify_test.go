package trust

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"healthsync/pki"
	"healthsync/sync/simulator"
)

type certs = []*x509.Certificate

const accepted Kind = -1

var (
	today = time.Now()
	past  = simulator.Valid(today.AddDate(-2, 0, 0), today.AddDate(-1, 0, 0))
	caUse = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
)

// tamper changes the signature of a certificate.
func tamper(t *testing.T, c *x509.Certificate) *x509.Certificate {
	t.Helper()
	der := bytes.Clone(c.Raw)
	der[len(der)-5] ^= 1
	return must(x509.ParseCertificate(der))(t)
}

// wantVerdict has a trust judge what the peer at host sent.
func wantVerdict(
	t *testing.T, name string, trust *Trust, host string, at time.Time, chain certs, kind Kind, whose Whose,
) *Failure {
	t.Helper()
	v := &verifier{trust: trust, host: host, now: at, report: &Report{}}
	f := v.peer(chain)
	switch {
	case kind == accepted && f != nil:
		t.Errorf("%s: refused: %v", name, f)
	case kind != accepted && f == nil:
		t.Errorf("%s: accepted", name)
	case f != nil && (f.Kind != kind || f.Whose != whose):
		t.Errorf("%s: %s of %q (%v), want %s of %q", name, f.Kind, f.Whose, f, kind, whose)
	case f != nil && chain != nil && f.Cert == nil:
		t.Errorf("%s: no evidence: %+v", name, f)
	}
	return f
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
	oldStranger := namesake.newServer(t, nil, loopback, begun, past)
	middle, below := p.intermediate(t)
	self := must(simulator.NewSelfSignedV1(p.serverKey, begun))(t)
	future := server(simulator.Valid(today.Add(24*time.Hour), today.AddDate(1, 0, 0)))
	moved := p.newServer(t, []string{"other.local"}, []netip.Addr{netip.MustParseAddr("10.9.9.9")}, begun)
	signs := &x509.Certificate{KeyUsage: x509.KeyUsageDigitalSignature}
	noUse := sign(t, signs, "no use", p.ca, p.serverKey.Public(), p.caKey)
	leafAsCA := must(simulator.IssueServer(p.server, p.serverKey, p.clientKey.Public(), nil, loopback, begun))(t)
	trust := p.mutual(p.client)

	for _, c := range []struct {
		name  string
		chain certs
		kind  Kind
	}{
		{"leaf alone", certs{p.server}, accepted},
		{"leaf and CA", certs{p.server, p.ca}, accepted},
		{"with an intermediate", certs{below, middle}, accepted},
		{"with strangers beside", certs{p.server, namesake.ca, foreignCA}, accepted},

		{"expired", certs{server(past), p.ca}, Expired},
		{"not yet valid", certs{future}, NotYetValid},

		{"a namesake's, leaf alone", certs{namesake.server}, OtherCA},
		{"a namesake's, whole", certs{namesake.server, namesake.ca}, OtherCA},
		{"a namesake's, expired: a stranger first", certs{oldStranger, namesake.ca}, OtherCA},
		{"a namesake's, with our CA beside", certs{namesake.server, p.ca}, OtherCA},
		{"another CA, whole", certs{foreign, foreignCA}, OtherCA},
		{"another CA, not sent", certs{foreign}, BrokenChain},
		{"intermediate missing", certs{below}, BrokenChain},
		{"intermediate missing, CA sent", certs{below, p.ca}, BrokenChain},
		{"signature changed", certs{tamper(t, p.server), p.ca}, BrokenChain},
		{"intermediate's signature changed", certs{below, tamper(t, middle)}, BrokenChain},
		{"issued by a leaf", certs{leafAsCA, p.server, p.ca}, BrokenChain},
		{"self-signed", certs{self}, SelfSigned},
		{"self-signed, our CA beside", certs{self, p.ca}, SelfSigned},

		{"other names", certs{moved, p.ca}, NameMismatch},
		{"no names", certs{p.newServer(t, nil, nil, begun), p.ca}, NameMismatch},
		{"for clients", certs{server(simulator.Usage(x509.ExtKeyUsageClientAuth)), p.ca}, WrongUsage},
		{"for nothing in particular", certs{noUse}, WrongUsage},
		{"the Mac's own certificate", certs{p.client}, WrongUsage},
		{"the CA itself", certs{p.ca}, WrongUsage},
		{"nothing", nil, Malformed},
	} {
		wantVerdict(t, c.name, trust, "127.0.0.1", today, c.chain, c.kind, Server)
	}
	for _, host := range []string{"::1", "phone.local", "Phone.Local"} {
		wantVerdict(t, host, trust, host, today, certs{p.server}, accepted, Nobody)
	}
	wantVerdict(t, "the CA of tomorrow", trust, "127.0.0.1", today.AddDate(-1, 0, 0), certs{p.server}, NotYetValid, CA)
	late, lasting := today.AddDate(6, 0, 0), server(simulator.Valid(begun, today.AddDate(9, 0, 0)))
	wantVerdict(t, "the CA expired", trust, "127.0.0.1", late, certs{lasting}, Expired, CA)
	wantVerdict(t, "both expired: the CA is the cause", trust, "127.0.0.1", late, certs{p.server}, Expired, CA)
	f := wantVerdict(t, "evidence", trust, "192.168.1.7", today, certs{moved}, NameMismatch, Server)
	if f == nil || fmt.Sprint(f.Names) != "[other.local 10.9.9.9]" || f.Host != "192.168.1.7" || !f.At.Equal(today) {
		t.Errorf("got %+v", f)
	}
}

func TestPinnedLooksAtTheFingerprintOnly(t *testing.T) {
	key := newKey(t)
	fp := pki.FingerprintOf
	for name, years := range map[string]int{"in date": 0, "expired": -2, "Buddhist": -57, "of the future": 1} {
		cert := must(simulator.NewSelfSignedV1(key, today.AddDate(years, 0, 0)))(t)
		r := &Report{}
		v := &verifier{trust: Pinned(fp(cert)), host: "127.0.0.1", now: today, report: r}
		if f := v.peer(certs{cert}); f != nil {
			t.Errorf("%s: %v", name, f)
		}
		if last := r.Checks[len(r.Checks)-1]; (last.Failure == nil) != (name == "in date") {
			t.Errorf("%s: noted %+v", name, last)
		}
	}
	mine := must(simulator.NewSelfSignedV1(key, today))(t)
	again := must(simulator.NewSelfSignedV1(key, today))(t) // same key, same name, another certificate
	wantVerdict(t, "another", Pinned(fp(mine)), "", today, certs{again, mine}, FingerprintMismatch, Server)
	wantVerdict(t, "zero", Pinned(pki.Fingerprint{}), "", today, certs{again}, FingerprintMismatch, Server)
	wantVerdict(t, "none", &Trust{}, "", today, certs{again}, Unknown, Server)
	wantVerdict(t, "nil", nil, "", today, certs{again}, Unknown, Server)
}

func TestPairingJudges(t *testing.T) {
	p, namesake := newPhone(t), newPhone(t)
	expired := p.newServer(t, nil, loopback, today, past)
	clientUse := p.newServer(t, nil, loopback, today, simulator.Usage(x509.ExtKeyUsageClientAuth))
	elsewhere := p.newServer(t, nil, nil, today)
	self := must(simulator.NewSelfSignedV1(p.serverKey, today))(t)
	for _, c := range []struct {
		name     string
		chain    certs
		leaf, ca *x509.Certificate // of the pairing code
		kind     Kind
	}{
		{"right", certs{p.server, p.ca}, p.server, p.ca, accepted},
		{"the name does not matter", certs{elsewhere, p.ca}, elsewhere, p.ca, accepted},
		{"another leaf of the same CA", certs{p.server, p.ca}, elsewhere, p.ca, FingerprintMismatch},
		{"another phone", certs{namesake.server, namesake.ca}, p.server, p.ca, FingerprintMismatch},
		{"another CA", certs{p.server, namesake.ca}, p.server, p.ca, CAMismatch},
		{"the code names another CA", certs{p.server, p.ca}, p.server, namesake.ca, CAMismatch},
		{"the CA is named but did not sign", certs{p.server, namesake.ca, p.ca}, p.server, namesake.ca, OtherCA},
		{"the CA was not sent", certs{p.server}, p.server, p.ca, BrokenChain},
		{"self-signed", certs{self}, self, p.ca, CAMismatch},
		{"self-signed, CA beside", certs{self, p.ca}, self, p.ca, SelfSigned},
		{"expired", certs{expired, p.ca}, expired, p.ca, Expired},
		{"for clients", certs{clientUse, p.ca}, clientUse, p.ca, WrongUsage},
		{"no fingerprints", certs{p.server, p.ca}, nil, nil, FingerprintMismatch},
		{"no CA fingerprint", certs{p.server, p.ca}, p.server, nil, CAMismatch},
	} {
		whose := Server
		if c.kind == CAMismatch {
			whose = CA
		}
		trust := Pairing(pki.FingerprintOf(c.leaf), pki.FingerprintOf(c.ca))
		wantVerdict(t, c.name, trust, "127.0.0.1", today, c.chain, c.kind, whose)
	}
}

// What the Mac brings along is judged before anything is dialled: port 1 of
// loopback would say "refused".
func TestOwnSideIsJudgedFirst(t *testing.T) {
	p, namesake := newPhone(t), newPhone(t)
	for _, c := range []struct {
		name  string
		trust *Trust
		kind  Kind
		whose Whose
	}{
		{"in order", p.mutual(p.client), Refused, Nobody},
		{"no CA", Mutual(nil, tlsCert(p.clientKey, p.client)), BrokenChain, CA},
		{"the CA is none", Mutual(p.server, tlsCert(p.clientKey, p.client)), WrongUsage, CA},
		{"no certificate", Mutual(p.ca, nil), NoClientCert, Client},
		{"empty certificate", Mutual(p.ca, &tls.Certificate{}), NoClientCert, Client},
		{"unreadable", Mutual(p.ca, &tls.Certificate{Certificate: [][]byte{{1}}}), Malformed, Client},
		{"no key", Mutual(p.ca, tlsCert(nil, p.client)), KeyUnavailable, Client},
		{"another key", Mutual(p.ca, tlsCert(p.serverKey, p.client)), BadClientCert, Client},
		{"of another pairing", Mutual(p.ca, tlsCert(namesake.clientKey, namesake.client)), OtherCA, Client},
		{"for servers", p.mutual(p.newClient(t, today, simulator.Usage(x509.ExtKeyUsageServerAuth))), WrongUsage, Client},
		{"expired", p.mutual(p.newClient(t, today, past)), Expired, Client},
		{"not yet valid", p.mutual(p.newClient(t, today.AddDate(0, 0, 2))), NotYetValid, Client},
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
