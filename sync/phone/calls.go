package phone

import (
	"context"
	"crypto/x509"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"healthsync/pki"
	"healthsync/pki/trust"
	"healthsync/sync/health"
)

// The paths of both versions.
const (
	pathPair   = "/api/v1/pair"
	pathStatus = "/api/v1/status"
	pathTypes  = "/api/v1/health/types"
	pathData   = "/api/v1/health/data"
	pathRenew  = "/api/v1/renew"
)

// What an answer may hold in bytes. A full page of the app is 2 to 3 MB; the
// rest are a few kB.
const (
	maxPage    = 64 << 20
	maxMessage = 256 << 10
)

// PairRequest asks the phone to pair.
type PairRequest struct {
	// Code is the pairing code of the QR code.
	Code string
	// ClientName is this computer's name; the app keeps a hash of it.
	ClientName string
	// CSR is the request for a certificate, DER or PEM (version 2).
	CSR []byte
	// CA is the CA's fingerprint in the QR code (version 2).
	CA pki.Fingerprint
}

// Issued is what pairing and renewal give.
type Issued struct {
	// Token is the bearer token (version 1).
	Token string
	// Client and CA are the certificates (version 2); they have passed
	// [pki.CheckIssued].
	Client, CA *x509.Certificate
	// ExpiresAt is when the phone will stop to accept token or certificate.
	ExpiresAt time.Time
	// Report is what is known of the connection.
	Report *trust.Report
}

// Pair sends the pairing code. In version 2 the certificates that come
// back are checked, also against the certificate of this very connection; an
// answer that fails gives a [pki.IssuedError], and nothing of it may be kept.
func (c *Client) Pair(ctx context.Context, r PairRequest) (Issued, error) {
	name := strings.ToValidUTF8(r.ClientName, "�")
	code := strings.ToValidUTF8(r.Code, "�")
	k := &call{name: CallPair, method: http.MethodPost, path: pathPair, free: true, refuse: refusedPairing}
	if c.conf.Version == 1 {
		return c.tokenAnswer(ctx, k, map[string]string{"code": code, "clientName": name})
	}
	return c.issue(ctx, k, r.CSR, r.CA, map[string]string{"code": code, "clientName": name})
}

// Renew asks for a new client certificate on the strength of the present one
// (version 2). ca is the fingerprint of the stored CA. *NotOfferedError where
// the phone has no such call.
func (c *Client) Renew(ctx context.Context, csr []byte, ca pki.Fingerprint) (Issued, error) {
	if c.conf.Version == 1 {
		return Issued{}, &NotOfferedError{Call: CallRenew}
	}
	k := &call{name: CallRenew, method: http.MethodPost, path: pathRenew, refuse: refusedOffer}
	return c.issue(ctx, k, csr, ca, map[string]string{})
}

// Unpair revokes this computer's certificate on the phone (version 2).
// *NotOfferedError in version 1: the app has no such call, the token stays
// valid there until it expires.
func (c *Client) Unpair(ctx context.Context) error {
	if c.conf.Version == 1 {
		return &NotOfferedError{Call: CallUnpair}
	}
	k := &call{name: CallUnpair, method: http.MethodDelete, path: pathPair, empty: true, refuse: refusedOffer}
	return c.do(ctx, k)
}

// ask makes a call with a small answer; check says what is wrong with it.
func (c *Client) ask(ctx context.Context, k *call, request, answer any, check func() error) (err error) {
	if request != nil {
		if k.body, err = json.Marshal(request, json.Deterministic(true)); err != nil {
			return err
		}
	}
	k.read = message(answer, check)
	return c.do(ctx, k)
}

func (c *Client) tokenAnswer(ctx context.Context, k *call, request map[string]string) (Issued, error) {
	var answer struct {
		Token     string    `json:"token"`
		ExpiresAt time.Time `json:"expiresAt"`
	}
	err := c.ask(ctx, k, request, &answer, func() error {
		switch {
		case !plainToken(answer.Token):
			return wrong("token", "missing, or not a token")
		case answer.ExpiresAt.IsZero():
			return wrong("expiresAt", "missing")
		}
		return nil
	})
	if err != nil {
		return Issued{}, err
	}
	return Issued{Token: answer.Token, ExpiresAt: answer.ExpiresAt.UTC().Truncate(time.Second), Report: k.report}, nil
}

// issue makes a call that is answered by certificates, and checks them.
func (c *Client) issue(
	ctx context.Context, k *call, csr []byte, ca pki.Fingerprint, request map[string]string,
) (out Issued, err error) {
	asked, err := pki.CheckCSR(csr)
	if err != nil {
		return Issued{}, err
	}
	request["csr"] = string(pki.EncodeCSR(asked.Raw))
	var answer struct {
		Client    string    `json:"clientCertificate"`
		CA        string    `json:"caCertificate"`
		ExpiresAt time.Time `json:"expiresAt"`
	}
	err = c.ask(ctx, k, request, &answer, func() (err error) {
		if out.Client, err = certificateOf("clientCertificate", answer.Client); err == nil {
			out.CA, err = certificateOf("caCertificate", answer.CA)
		}
		return err
	})
	if err != nil {
		return Issued{}, err
	}
	want := pki.Expected{PublicKey: asked.PublicKey, CA: ca, Server: k.report.ServerCert(), Now: c.conf.Now()}
	if err := pki.CheckIssued(out.Client, out.CA, want); err != nil {
		return Issued{}, err
	}
	out.ExpiresAt, out.Report = answer.ExpiresAt.UTC().Truncate(time.Second), k.report
	if out.ExpiresAt.IsZero() { // the certificate says the same
		out.ExpiresAt = out.Client.NotAfter
	}
	return out, nil
}

// Status is what the phone says of itself.
type Status struct {
	// State is "ok".
	State string
	// Version is the protocol version that the phone speaks.
	Version string
	// Name is the device's name, as Bonjour announces it.
	Name string
	// Types are those that the phone shares at the moment.
	Types []health.Type
	// ServerTime is the phone's clock, in whole seconds cut down.
	ServerTime time.Time
	// Skew is how far the phone's clock is ahead of this computer's. It is not
	// better than half a second and half of RoundTrip.
	Skew time.Duration
	// RoundTrip is the time from the first byte of the request to the last of
	// the answer, on a connection that stood already.
	RoundTrip time.Duration
	// Report is what is known of the connection.
	Report *trust.Report
}

// Status asks the phone how it is. It counts as a request.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var answer struct {
		State   string    `json:"status"`
		Version string    `json:"version"`
		Name    string    `json:"deviceName"`
		Types   []string  `json:"enabledTypes"`
		Time    time.Time `json:"serverTime"`
	}
	var types []health.Type
	k := &call{name: CallStatus, method: http.MethodGet, path: pathStatus}
	err := c.ask(ctx, k, nil, &answer, func() (err error) {
		switch {
		case answer.Version == "":
			return wrong("version", "missing")
		case answer.Time.IsZero():
			return wrong("serverTime", "missing")
		}
		types, err = typesOf(answer.Types)
		return err
	})
	if err != nil {
		return Status{}, err
	}
	out := Status{
		State: answer.State, Version: answer.Version, Name: answer.Name, Types: types,
		ServerTime: answer.Time.UTC().Truncate(time.Second), RoundTrip: k.took, Report: k.report,
	}
	middle := k.sent.Add(k.received.Sub(k.sent) / 2)
	out.Skew = out.ServerTime.Add(time.Second / 2).Sub(middle)
	return out, nil
}

// Types asks which types the phone shares at the moment. It counts as a
// request; Status says the same and more for the same price.
func (c *Client) Types(ctx context.Context) (types []health.Type, err error) {
	var answer struct {
		Types []string `json:"enabledTypes"`
	}
	k := &call{name: CallTypes, method: http.MethodGet, path: pathTypes}
	err = c.ask(ctx, k, nil, &answer, func() (err error) {
		types, err = typesOf(answer.Types)
		return err
	})
	if err != nil {
		return nil, err
	}
	return types, nil
}

// Samples reads one page of samples into page while it arrives; what page held
// before is overwritten, and its memory is used again. After an error page is
// empty: a page is taken whole or not at all.
//
// The phone's order, newest first, is not checked, nor is that each sample lies
// in the range asked for.
func (c *Client) Samples(ctx context.Context, q health.Query, page *health.Page) error {
	page.Samples, page.HasMore, page.Bytes = page.Samples[:0], false, 0
	body, err := encodeQuery(q)
	if err != nil {
		return err
	}
	limit := q.Limit
	if limit == 0 {
		limit = health.MaxLimit
	}
	k := &call{
		name: CallSamples, method: http.MethodPost, path: pathData, body: body, maxAnswer: maxPage,
		refuse: refusedSamples(q.Types),
	}
	k.read = func(body io.Reader) error {
		_, err := decodePage(body, limit, page)
		return err
	}
	if err = c.do(ctx, k); err != nil {
		page.Samples, page.HasMore = page.Samples[:0], false
	}
	return err
}
