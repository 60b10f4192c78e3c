package phone

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

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

// Pair hands over the pairing code. In version 2 the certificates that come
// back are checked, also against the certificate of this very connection; an
// answer that fails gives a [pki.IssuedError], and nothing of it may be kept.
func (c *Client) Pair(ctx context.Context, r PairRequest) (Issued, error) {
	name := strings.ToValidUTF8(r.ClientName, "�")
	code := strings.ToValidUTF8(r.Code, "�")
	k := &call{name: CallPair, method: http.MethodPost, path: pathPair, free: true, refuse: refusedPairing}
	if c.conf.Version == 1 {
		k.body = object("code", code, "clientName", name)
		return c.tokenAnswer(ctx, k)
	}
	return c.issue(ctx, k, r.CSR, r.CA, "code", code, "clientName", name)
}

// Renew asks for a new client certificate on the strength of the present one
// (version 2). ca is the fingerprint of the stored CA. *NotOfferedError where
// the phone has no such call.
func (c *Client) Renew(ctx context.Context, csr []byte, ca pki.Fingerprint) (Issued, error) {
	if c.conf.Version == 1 {
		return Issued{}, &NotOfferedError{Call: CallRenew}
	}
	k := &call{name: CallRenew, method: http.MethodPost, path: pathRenew, refuse: refusedOffer}
	return c.issue(ctx, k, csr, ca)
}

// Unpair revokes this computer's certificate on the phone (version 2).
// *NotOfferedError in version 1: the app has no such call, the token stays
// valid there until it expires.
func (c *Client) Unpair(ctx context.Context) error {
	if c.conf.Version == 1 {
		return &NotOfferedError{Call: CallUnpair}
	}
	return c.do(ctx, &call{name: CallUnpair, method: http.MethodDelete, path: pathPair, empty: true, refuse: refusedOffer})
}

func (c *Client) tokenAnswer(ctx context.Context, k *call) (Issued, error) {
	var out Issued
	var f facts
	k.facts = &f
	k.maxAnswer = maxMessage
	k.read = reading(func(m *message, key string) (err error) {
		switch key {
		case "token":
			out.Token, err = m.stringOf(key)
		case "expiresAt":
			out.ExpiresAt, err = m.dateOf(key)
		default:
			err = m.ignore()
		}
		return err
	}, func() error {
		switch {
		case !plainToken(out.Token):
			return &fieldError{"token", "missing, or not a token"}
		case out.ExpiresAt.IsZero():
			return &fieldError{"expiresAt", "missing"}
		}
		return nil
	})
	if err := c.do(ctx, k); err != nil {
		return Issued{}, err
	}
	out.Report = f.report
	return out, nil
}

// issue makes a call that is answered by certificates, and checks them.
func (c *Client) issue(ctx context.Context, k *call, csr []byte, ca pki.Fingerprint, pairs ...string) (Issued, error) {
	request, err := pki.CheckCSR(csr)
	if err != nil {
		return Issued{}, err
	}
	k.body = object(append(pairs, "csr", string(pki.EncodeCSR(request.Raw)))...)
	var out Issued
	var f facts
	k.facts = &f
	k.maxAnswer = maxMessage
	k.read = reading(func(m *message, key string) (err error) {
		switch key {
		case "clientCertificate":
			out.Client, err = m.certificateOf(key)
		case "caCertificate":
			out.CA, err = m.certificateOf(key)
		case "expiresAt":
			out.ExpiresAt, err = m.dateOf(key)
		default:
			err = m.ignore()
		}
		return err
	}, nil)
	if err := c.do(ctx, k); err != nil {
		return Issued{}, err
	}
	want := pki.Expected{PublicKey: request.PublicKey, CA: ca, Server: f.report.ServerCert(), Now: c.conf.Now()}
	if err := pki.CheckIssued(out.Client, out.CA, want); err != nil {
		return Issued{}, err
	}
	if out.ExpiresAt.IsZero() { // the certificate says the same
		out.ExpiresAt = out.Client.NotAfter
	}
	out.Report = f.report
	return out, nil
}

// reading reads an answer that is one object: member takes the value of a key,
// and missing, where it is not nil, says at the end what is not there.
func reading(member func(m *message, key string) error, missing func() error) func(io.Reader) error {
	return func(body io.Reader) error {
		m := message{}
		err := m.read(body, func(key string) error { return member(&m, key) })
		if err == nil && m.members == 0 {
			err = errNothing
		}
		if err == nil && missing != nil {
			err = missing()
		}
		if err != nil {
			return m.failed(err)
		}
		return nil
	}
}

func (m *message) certificateOf(field string) (*x509.Certificate, error) {
	text, err := m.stringOf(field)
	if err != nil {
		return nil, err
	}
	cert, err := pki.DecodeCertificate([]byte(text))
	if err != nil {
		return nil, &fieldError{field, err.Error()}
	}
	return cert, nil
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
	var out Status
	var f facts
	k := &call{name: CallStatus, method: http.MethodGet, path: pathStatus, maxAnswer: maxMessage, facts: &f}
	k.read = reading(func(m *message, key string) (err error) {
		switch key {
		case "status":
			out.State, err = m.stringOf(key)
		case "version":
			out.Version, err = m.stringOf(key)
		case "deviceName":
			out.Name, err = m.stringOf(key)
		case "enabledTypes":
			out.Types, err = m.typesOf(key)
		case "serverTime":
			out.ServerTime, err = m.dateOf(key)
		default:
			err = m.ignore()
		}
		return err
	}, func() error {
		switch {
		case out.Version == "":
			return &fieldError{"version", "missing"}
		case out.Types == nil:
			return &fieldError{"enabledTypes", "missing"}
		case out.ServerTime.IsZero():
			return &fieldError{"serverTime", "missing"}
		}
		return nil
	})
	if err := c.do(ctx, k); err != nil {
		return Status{}, err
	}
	middle := f.sent.Add(f.received.Sub(f.sent) / 2)
	out.Skew = out.ServerTime.Add(time.Second / 2).Sub(middle)
	out.RoundTrip, out.Report = f.took, f.report
	return out, nil
}

// Types asks which types the phone shares at the moment. It counts as a
// request; Status says the same and more for the same price.
func (c *Client) Types(ctx context.Context) ([]health.Type, error) {
	var out []health.Type
	k := &call{name: CallTypes, method: http.MethodGet, path: pathTypes, maxAnswer: maxMessage}
	k.read = reading(func(m *message, key string) (err error) {
		if key == "enabledTypes" {
			out, err = m.typesOf(key)
			return err
		}
		return m.ignore()
	}, func() error {
		if out == nil {
			return &fieldError{"enabledTypes", "missing"}
		}
		return nil
	})
	if err := c.do(ctx, k); err != nil {
		return nil, err
	}
	return out, nil
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
	d := c.decoder()
	defer c.release(d)
	k := &call{
		name: CallSamples, method: http.MethodPost, path: pathData, body: body, maxAnswer: maxPage,
		refuse: refusedSamples(q.Types),
	}
	k.read = func(body io.Reader) error {
		head, err := d.decode(body, limit, page)
		if err == nil {
			err = head.judge(len(page.Samples))
		}
		if err != nil {
			page.Samples, page.HasMore = page.Samples[:0], false
			return d.failed(err)
		}
		return nil
	}
	err = c.do(ctx, k)
	if err != nil {
		page.Samples, page.HasMore = page.Samples[:0], false
	}
	return err
}

// errNothing is the answer `{}`.
var errNothing = errors.New("an empty object")

// judge says what an answer with n samples means.
func (h *answerHead) judge(n int) error {
	if h.members == 0 {
		return errNothing
	}
	switch h.Status {
	case "ok":
	case "locked":
		return &LockedError{}
	case "noPermission":
		return &NoPermissionError{Message: oneLine([]byte(h.Message))}
	case "error":
		return &PhoneError{Message: oneLine([]byte(h.Message))}
	default:
		if h.has&hasStatus == 0 {
			return &fieldError{"status", "missing"}
		}
		return &fieldError{"status", "unknown"}
	}
	switch {
	case h.has&hasSamples == 0:
		return &fieldError{"samples", "missing"}
	case h.has&hasHasMore == 0: // to guess "no" would end a history too early
		return &fieldError{"hasMore", "missing"}
	case h.has&hasReturned != 0 && h.Returned != n:
		return &fieldError{"returnedCount", "not the number of samples"}
	}
	return nil
}

func (c *Client) decoder() *pageDecoder {
	select {
	case d := <-c.decoders:
		return d
	default:
		return new(pageDecoder)
	}
}

func (c *Client) release(d *pageDecoder) {
	d.src = nil
	select {
	case c.decoders <- d:
	default:
	}
}
