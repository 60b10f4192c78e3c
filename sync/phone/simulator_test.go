package phone

import (
	"context"
	"crypto"
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"healthsync/pki"
	"healthsync/pki/pairingcode"
	"healthsync/pki/trust"
	"healthsync/sync/health"
	"healthsync/sync/simulator"
)

// paired is a simulated phone and a Mac that is paired with it.
type paired struct {
	phone  *simulator.Phone
	client *Client
	key    crypto.Signer
	ca     pki.Fingerprint
	issued Issued
}

var histories = map[int]*simulator.History{}

func history(t testing.TB, samples int) *simulator.History {
	t.Helper()
	if h := histories[samples]; h != nil {
		return h
	}
	h, err := simulator.Generate(simulator.Plan{
		Seed: 1, From: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2025, 7, 1, 0, 0, 0, 0, time.UTC),
		Samples: samples,
	})
	if err != nil {
		t.Fatal(err)
	}
	histories[samples] = h
	return h
}

func startPhone(t testing.TB, o simulator.Options) (*simulator.Phone, pairingcode.Payload) {
	t.Helper()
	if o.Addrs == nil {
		o.Addrs = []netip.Addr{netip.MustParseAddr("127.0.0.1")}
	}
	p, err := simulator.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	payload, err := p.Payload("")
	if err != nil {
		t.Fatal(err)
	}
	return p, payload
}

func config(q pairingcode.Payload, tr *trust.Trust) Config {
	return Config{Version: q.Version, Host: q.Host, Port: q.Port, Timeout: 5 * time.Second,
		Dialer: &trust.Dialer{Trust: tr}}
}

func newClient(t testing.TB, conf Config) *Client {
	t.Helper()
	c, err := New(conf)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// newPair pairs as the command line does.
func newPair(t testing.TB, o simulator.Options) *paired {
	t.Helper()
	p, q := startPhone(t, o)
	out := &paired{phone: p, ca: q.CA}
	request := PairRequest{Code: q.Code, ClientName: "a Mac", CA: q.CA}
	tr := trust.Pinned(q.Leaf)
	if q.Version == 2 {
		tr = trust.Pairing(q.Leaf, q.CA)
		out.key, request.CSR = newCSR(t)
	}
	var err error
	if out.issued, err = newClient(t, config(q, tr)).Pair(context.Background(), request); err != nil {
		t.Fatal(err)
	}
	if q.Version == 2 {
		cert := out.issued.Client
		tr = trust.Mutual(out.issued.CA, &tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: out.key, Leaf: cert})
	}
	conf := config(q, tr)
	conf.Token = func(context.Context) (string, error) { return out.issued.Token, nil }
	out.client = newClient(t, conf)
	return out
}

func newCSR(t testing.TB) (crypto.Signer, []byte) {
	t.Helper()
	key, err := simulator.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	csr, err := pki.NewCSR(key, pki.CommonNameClient)
	if err != nil {
		t.Fatal(err)
	}
	return key, csr
}

func bothVersions(t *testing.T, f func(t *testing.T, version int)) {
	for version := 1; version <= 2; version++ {
		t.Run(fmt.Sprintf("version %d", version), func(t *testing.T) { f(t, version) })
	}
}

func TestPairAndRead(t *testing.T) {
	const total = 25_000
	bothVersions(t, func(t *testing.T, version int) {
		p := newPair(t, simulator.Options{Protocol: version, History: history(t, total)})
		status, err := p.client.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if status.Version != fmt.Sprint(version) || status.Name != simulator.DefaultName ||
			len(status.Types) == 0 || status.Skew.Abs() > 2*time.Second {
			t.Errorf("%+v", status)
		}
		if p.issued.ExpiresAt.Before(time.Now().Add(29 * 24 * time.Hour)) {
			t.Errorf("expires %v", p.issued.ExpiresAt)
		}
		types, err := p.client.Types(t.Context())
		if err != nil || !slices.Equal(types, status.Types) {
			t.Errorf("%v, %v", types, err)
		}
		types = slices.DeleteFunc(types, health.Type.IsSleepStage)

		// The whole history page by page, against what the phone has.
		want := map[health.UUID]health.Sample{}
		for _, ty := range types {
			for _, s := range p.phone.History().Samples(ty) {
				want[s.ID] = s
			}
		}
		if len(want) != total {
			t.Fatalf("the phone has %d samples", len(want))
		}
		got := 0
		var page health.Page
		for offset := 0; ; offset += health.MaxLimit {
			q := health.Query{Types: types, Start: 0, End: time.Now().Unix(), Limit: health.MaxLimit, Offset: offset}
			if err := p.client.Samples(t.Context(), q, &page); err != nil {
				t.Fatal(err)
			}
			for i, s := range page.Samples {
				if w, ok := want[s.ID]; !ok || !sameSample(s, w) {
					t.Fatalf("got  %+v\nwant %+v", s, w)
				}
				if i > 0 && s.Start > page.Samples[i-1].Start {
					t.Fatal("not newest first")
				}
				delete(want, s.ID)
				got++
			}
			if !page.HasMore {
				break
			}
		}
		if got != total || len(want) != 0 {
			t.Errorf("%d samples, %d missing", got, len(want))
		}
	})
}

// Each fault of the simulated phone, and the fact that the client makes of it.
func TestFaults(t *testing.T) {
	failure := func(kind trust.Kind) func(error) bool {
		return func(err error) bool {
			var f *trust.Failure
			return errors.As(err, &f) && f.Kind == kind
		}
	}
	const both, one, two = 0, 1, 2
	for _, c := range []struct {
		fault   string
		version int
		want    func(error) bool
	}{
		{"refuse", both, failure(trust.Refused)},
		{"not-tls", both, failure(trust.NotTLS)},
		{"tls12", both, failure(trust.TLSVersion)},
		{"expired-server-cert", two, failure(trust.Expired)},
		{"not-yet-valid-server-cert", two, failure(trust.NotYetValid)},
		{"wrong-name", two, failure(trust.NameMismatch)},
		{"no-client-cert", two, as[*NoClientCertError]},
		{"no-client-cert", two, failure(trust.NoClientCert)},
		{"no-client-cert:alert", two, failure(trust.NoClientCert)},
		{"revoked", two, as[*RevokedError]},
		{"revoked", two, failure(trust.Revoked)},
		{"revoked:alert", two, failure(trust.Revoked)},
		{"expired-client-cert", two, failure(trust.Expired)},
		{"expired-client-cert:alert", two, failure(trust.Expired)},
		{"foreign-client-cert:alert", two, failure(trust.OtherCA)},
		{"reset", both, failure(trust.Reset)},
		{"reset:handshake", both, failure(trust.Reset)},
		{"hang-up", both, failure(trust.CutShort)},
		{"stall", both, failure(trust.TimedOut)},
		{"stall-page", both, failure(trust.TimedOut)},
		{"token-rejected", one, as[*TokenRejectedError]},
		{"rate-limited", both, as[*RateLimitedError]},
		{"http-500", both, as[*HTTPError]},
		{"http:418", both, as[*HTTPError]},
		{"http:302", both, as[*HTTPError]},
		{"locked", both, as[*LockedError]},
		{"type-disabled:steps", both, as[*TypeNotEnabledError]},
		{"health-unavailable", both, as[*PhoneError]},
		{"cut-page", both, as[*TruncatedError]},
		{"cut-page:0", both, as[*TruncatedError]},
		{"cut-page:3000", both, as[*TruncatedError]},
		{"not-json", both, as[*NotJSONError]},
		{"empty-json", both, as[*EmptyAnswerError]},
	} {
		for version := 1; version <= 2; version++ {
			if c.version != both && c.version != version {
				continue
			}
			t.Run(fmt.Sprintf("version %d/%s", version, c.fault), func(t *testing.T) {
				o := simulator.Options{Protocol: version, History: history(t, 2000)}
				if strings.HasPrefix(c.fault, "expired-client") {
					// Of a certificate that has just begun, a phone that calls it
					// out of date means the beginning: let it be older.
					o.Now = func() time.Time { return time.Now().AddDate(0, -7, 0) }
				}
				p := newPair(t, o)
				conf := p.client.conf
				conf.WaitLimit = -1
				conf.Timeout = 300 * time.Millisecond
				if err := p.phone.SetFaults(c.fault); err != nil {
					t.Fatal(err)
				}
				var page health.Page
				q := health.Query{Types: []health.Type{health.Steps}, Start: 0, End: 1e10 / 4}
				if err := newClient(t, conf).Samples(t.Context(), q, &page); !c.want(err) {
					t.Errorf("got %T %v", err, err)
				}
				if len(page.Samples) != 0 {
					t.Errorf("%d samples stayed", len(page.Samples))
				}
			})
		}
	}
}

func as[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}

func TestPairingRefused(t *testing.T) {
	bothVersions(t, func(t *testing.T, version int) {
		p, q := startPhone(t, simulator.Options{Protocol: version})
		tr := trust.Pinned(q.Leaf)
		if version == 2 {
			tr = trust.Pairing(q.Leaf, q.CA)
		}
		c := newClient(t, config(q, tr))
		_, csr := newCSR(t)
		try := func(code string) error {
			_, err := c.Pair(t.Context(), PairRequest{Code: code, ClientName: "a Mac", CSR: csr, CA: q.CA})
			return err
		}
		expect := func(what string, err error, reason PairingReason) {
			t.Helper()
			var refused *PairingError
			if !errors.As(err, &refused) || refused.Reason != reason || refused.Message == "" {
				t.Errorf("%s: %v", what, err)
			}
		}
		for range 5 {
			expect("a wrong code", try("wrongOne"), InvalidCode)
		}
		expect("the right code after five wrong ones", try(q.Code), TooManyAttempts)
		expect("after that", try(q.Code), NoSession)
		for fault, reason := range map[string]PairingReason{
			"expired-code": ExpiredCode, "no-session": NoSession, "locked-out": TooManyAttempts, "invalid-code": InvalidCode,
		} {
			if err := p.SetFaults(fault); err != nil {
				t.Fatal(err)
			}
			expect(fault, try(p.NewCode()), reason)
		}
		if err := p.SetFaults("http-500"); err != nil {
			t.Fatal(err)
		}
		if err := try(p.NewCode()); !as[*HTTPError](err) {
			t.Errorf("got %v", err)
		}
	})
}

// What the phone issues must be what the QR code promised.
func TestPairingAnotherCA(t *testing.T) {
	_, q := startPhone(t, simulator.Options{Protocol: 2})
	_, csr := newCSR(t)
	c := newClient(t, config(q, trust.Pairing(q.Leaf, q.CA)))
	_, err := c.Pair(t.Context(), PairRequest{Code: q.Code, ClientName: "a Mac", CSR: csr, CA: pki.Fingerprint{1}})
	var bad *pki.IssuedError
	if !errors.As(err, &bad) || !strings.Contains(err.Error(), "the CA is ") {
		t.Errorf("got %v", err)
	}
	if _, err := c.Pair(t.Context(), PairRequest{Code: q.Code, CSR: []byte("junk")}); err == nil ||
		!strings.Contains(err.Error(), "request") {
		t.Errorf("got %v", err)
	}
}

func TestRenewAndUnpair(t *testing.T) {
	p := newPair(t, simulator.Options{Protocol: 2})
	csr, err := pki.NewCSR(p.key, pki.CommonNameClient)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.phone.SetFaults("no-renew"); err != nil {
		t.Fatal(err)
	}
	if _, err := p.client.Renew(t.Context(), csr, p.ca); !as[*NotOfferedError](err) {
		t.Errorf("got %v", err)
	}
	if err := p.phone.SetFaults(); err != nil {
		t.Fatal(err)
	}
	issued, err := p.client.Renew(t.Context(), csr, p.ca)
	if err != nil || issued.Client.Equal(p.issued.Client) || !issued.CA.Equal(p.issued.CA) {
		t.Errorf("%+v, %v", issued, err)
	}
	if err := p.client.Unpair(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.client.Status(t.Context()); !as[*RevokedError](err) {
		t.Errorf("after unpairing: %v", err)
	}

	one := newPair(t, simulator.Options{Protocol: 1})
	if err := one.client.Unpair(t.Context()); !as[*NotOfferedError](err) {
		t.Errorf("got %v", err)
	}
	if _, err := one.client.Renew(t.Context(), csr, p.ca); !as[*NotOfferedError](err) {
		t.Errorf("got %v", err)
	}
}

// An alert about the client certificate is never mistaken for a disconnection,
// however the bytes race.
func TestAlertsAreNeverLost(t *testing.T) {
	p := newPair(t, simulator.Options{Protocol: 2})
	if err := p.phone.SetFaults("revoked:alert"); err != nil {
		t.Fatal(err)
	}
	conf := p.client.conf
	conf.Pacer = Unpaced()
	c := newClient(t, conf)
	for i := range 100 {
		var f *trust.Failure
		if _, err := c.Status(t.Context()); !errors.As(err, &f) || f.Kind != trust.Revoked {
			t.Fatalf("run %d: %v", i, err)
		}
	}
}

// The phone refuses the 61st request of a minute; with the pacer it is never
// asked.
func TestRateLimit(t *testing.T) {
	p := newPair(t, simulator.Options{Protocol: 1})
	conf := p.client.conf
	conf.Pacer = Unpaced()
	free := newClient(t, conf)
	for i := range 61 {
		_, err := free.Status(t.Context())
		if i < 60 && err != nil || i == 60 && !as[*RateLimitedError](err) {
			t.Fatalf("request %d: %v", i+1, err)
		}
	}

	p = newPair(t, simulator.Options{Protocol: 1})
	conf = p.client.conf
	conf.WaitLimit = time.Second
	paced := newClient(t, conf)
	for i := 0; ; i++ {
		if _, err := paced.Status(t.Context()); err != nil {
			if !as[*RateLimitedError](err) || i != paceLimit {
				t.Errorf("request %d: %v", i+1, err)
			}
			break
		}
	}
	if m := p.phone.Meters(); m.Refused != 0 {
		t.Errorf("the phone had to refuse %d", m.Refused)
	}
}

// A type that the app does not know fails the request as a whole.
func TestUnknownType(t *testing.T) {
	bothVersions(t, func(t *testing.T, version int) {
		p := newPair(t, simulator.Options{Protocol: version})
		var page health.Page
		err := p.client.Samples(t.Context(), health.Query{Types: []health.Type{"moodOfTomorrow"}, Start: 0, End: 1}, &page)
		var bad *BadRequestError
		if !errors.As(err, &bad) || bad.Message != "Invalid request body" {
			t.Errorf("got %v", err)
		}
	})
}

func BenchmarkSamples(b *testing.B) {
	p := newPair(b, simulator.Options{Protocol: 2, History: history(b, 200_000), NoRateLimit: true})
	conf := p.client.conf
	conf.Pacer = Unpaced()
	c := newClient(b, conf)
	var page health.Page
	q := health.Query{Types: []health.Type{health.HeartRate, health.Steps}, Start: 0, End: 1e10 / 4,
		Limit: health.MaxLimit}
	n := 0
	for b.Loop() {
		if err := c.Samples(context.Background(), q, &page); err != nil {
			b.Fatal(err)
		}
		n += len(page.Samples)
		b.SetBytes(page.Bytes)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "samples/s")
}
