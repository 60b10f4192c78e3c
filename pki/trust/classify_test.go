package trust

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"healthsync/sync/simulator"
)

// remoteError is an alert in the form that crypto/tls gives it (its own type is
// not exported, the text is).
func remoteError(a Alert) error {
	return &net.OpError{Op: "remote error", Err: errors.New(tls.AlertError(a).Error())}
}

func TestClassifySocketErrors(t *testing.T) {
	op := func(err error) error {
		return &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", err)}
	}
	for want, errs := range map[Kind][]error{
		Refused:     {op(syscall.ECONNREFUSED)},
		Unreachable: {op(syscall.EHOSTUNREACH), op(syscall.ENETUNREACH)},
		Reset:       {op(syscall.ECONNRESET), op(syscall.EPIPE), net.ErrClosed},
		TimedOut:    {op(syscall.ETIMEDOUT), os.ErrDeadlineExceeded, context.DeadlineExceeded},
		CutShort:    {io.EOF, io.ErrUnexpectedEOF},
		Canceled:    {context.Canceled},
		NotTLS:      {tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}},
		Unknown:     {errors.New("anything")},
	} {
		for _, err := range errs {
			f, wrapped := Classify(err), Classify(fmt.Errorf("read a page: %w", err))
			if f.Kind != want || wrapped.Kind != want || !errors.Is(wrapped, err) {
				t.Errorf("%v: %+v, %+v, want %s", err, f, wrapped, want)
			}
		}
	}
	if Classify(nil) != nil || (&Report{}).Classify(nil) != nil {
		t.Error("nothing is a failure")
	}
	typed := &Failure{Kind: Revoked, Whose: Client}
	if got := Classify(fmt.Errorf("wrapped: %w", typed)); got != typed {
		t.Errorf("got %v", got)
	}
}

func TestRemoteAlert(t *testing.T) {
	for code := range 256 {
		a := Alert(code)                                                 //nolint:gosec // 0..255
		if strings.HasPrefix(tls.AlertError(a).Error(), "tls: alert(") { // no name
			continue
		}
		for _, err := range []error{
			remoteError(a),
			&url.Error{Op: "Post", Err: fmt.Errorf("wrapped: %w", remoteError(a))},
			&net.OpError{Op: "read", Err: remoteError(a)},
		} {
			if got := remoteAlert(err); got != a {
				t.Errorf("alert %d: got %v", code, got)
			}
		}
	}
	local := &net.OpError{Op: "local error", Err: errors.New("tls: bad certificate")}
	unknown := &net.OpError{Op: "remote error", Err: errors.New("tls: something of tomorrow")}
	for _, err := range []error{nil, io.EOF, local, unknown} {
		if a := remoteAlert(err); a != 0 {
			t.Errorf("%v: got %v", err, a)
		}
	}
}

// An alert about the Mac's certificate, with what the report knows beside it.
func TestReportClassifiesAlerts(t *testing.T) {
	p, namesake := newPhone(t), newPhone(t)
	now := time.Now()
	const month = 31 * 24 * time.Hour
	cert := func(from, until time.Duration, opts ...simulator.Option) *x509.Certificate {
		return p.newClient(t, now, append(opts, simulator.Valid(now.Add(from), now.Add(until)))...)
	}
	good := cert(-month, 12*month)
	fresh := cert(-time.Hour, 12*month)
	future, endsSoon := cert(month, 2*month), cert(-month, 29*24*time.Hour)
	forServers := cert(-month, 12*month, simulator.Usage(x509.ExtKeyUsageServerAuth))
	const inferred = true
	for _, c := range []struct {
		name     string
		alert    Alert
		own      *x509.Certificate
		want     Kind
		inferred bool
	}{
		{"required, none shown", alertCertificateRequired, nil, NoClientCert, false},
		{"refused, none shown", alertBadCertificate, nil, NoClientCert, false},
		{"revoked", alertCertificateRevoked, good, Revoked, false},
		{"expired by the phone's clock", alertCertificateExpired, good, Expired, false},
		{"expired, says who means not yet", alertCertificateExpired, future, NotYetValid, false},
		{"expired, just begun: RFC 8446 has one alert for both", alertCertificateExpired, fresh, NotYetValid, inferred},
		{"unknown CA", alertUnknownCA, good, OtherCA, false},
		{"unsupported", alertUnsupportedCertificate, good, WrongUsage, false},
		{"the signature is wrong", alertDecryptError, good, BadClientCert, false},
		{"no reason, in order", alertBadCertificate, good, Revoked, inferred},
		{"access denied, in order", alertAccessDenied, good, Revoked, inferred},
		{"unknown reason, in order", alertCertificateUnknown, good, Revoked, inferred},
		{"no reason, expired here too", alertAccessDenied, cert(-2*month, -month), Expired, false},
		{"no reason, not yet valid here", alertBadCertificate, future, NotYetValid, false},
		{"no reason, for servers", alertBadCertificate, forServers, WrongUsage, false},
		{"no reason, of another pairing", alertAccessDenied, namesake.client, OtherCA, false},
		{"no reason, ends soon: a clock may be wrong", alertAccessDenied, endsSoon, BadClientCert, false},
		{"no reason, new: a clock may be wrong", alertAccessDenied, fresh, BadClientCert, false},
		{"internal error", 80, good, PeerAlert, false},
		{"handshake failure after the handshake", alertHandshakeFailure, good, PeerAlert, false},
	} {
		r := &Report{Host: "phone.local", Remote: "192.168.1.7:443", trust: p.mutual(p.client), now: time.Now}
		r.Own, r.ClientCertSent = c.own, c.own != nil
		f := r.Classify(&url.Error{Err: remoteError(c.alert)})
		if f.Kind != c.want || f.Inferred != c.inferred || !f.Remote || f.Alert != c.alert ||
			f.Host != r.Host || f.Addr != r.Remote {
			t.Errorf("%s: %+v, want %s", c.name, f, c.want)
		}
		if r.Failure != f || r.Classify(fmt.Errorf("again: %w", f)) != f {
			t.Errorf("%s: not in the report", c.name)
		}
	}
}

func TestClassifyResponse(t *testing.T) {
	p := newPhone(t)
	for _, c := range []struct {
		status int
		body   string
		want   Kind
	}{
		{401, `{"code":"NO_CLIENT_CERTIFICATE","message":"x"}`, NoClientCert},
		{403, `{"code":"CERT_REVOKED","message":"x"}`, Revoked},
		{401, `{"code":"CERT_HAS_EXPIRED","message":"x"}`, Expired},
		{401, `{"code":"CERT_NOT_YET_VALID","message":"x"}`, NotYetValid},
		{400, "<html><head><title>400 No required SSL certificate was sent</title></head>", NoClientCert},
		{400, "<html><head><title>400 The SSL certificate error</title></head>", Revoked},
		{403, `{"code":"TYPE_NOT_ENABLED","message":"x"}`, accepted},
		{400, "Invalid request body", accepted},
		{200, `{"code":"CERT_REVOKED"}`, accepted},
		{500, `{"code":"CERT_REVOKED"}`, accepted},
		{404, "", accepted},
	} {
		r := &Report{trust: p.mutual(p.client), Own: p.client, ClientCertSent: true, now: time.Now}
		f := r.ClassifyResponse(c.status, []byte(c.body))
		if (f == nil) != (c.want == accepted) || f != nil && f.Kind != c.want {
			t.Errorf("%d %s: %+v, want %s", c.status, c.body, f, c.want)
		}
	}
}

// Every kind has a name and a sentence, and tells no more than a line.
func TestEveryKindSpeaks(t *testing.T) {
	p := newPhone(t)
	seen := map[string]bool{}
	for k := Unknown; k <= Canceled; k++ {
		if k.String() == "" || seen[k.String()] {
			t.Errorf("kind %d: %q", k, k)
		}
		seen[k.String()] = true
		for _, whose := range []Whose{Nobody, Server, Client, CA} {
			full := &Failure{Kind: k, Whose: whose, Cert: p.server, Host: "phone.local", Addr: "10.0.0.1:1", Err: io.EOF}
			full.Names, full.Inferred = []string{"a"}, true
			alerted := &Failure{Kind: k, Whose: whose, Alert: 42, Remote: true, Err: remoteError(42)}
			for _, f := range []*Failure{{Kind: k, Whose: whose}, full, alerted} {
				s := f.Error()
				if s == "" || strings.ContainsAny(s, "\n{}") || s != strings.TrimSpace(s) || strings.HasSuffix(s, ".") {
					t.Errorf("%s of %q says %q", k, whose, s)
				}
			}
		}
	}
	if Kind(999).String() != "Kind(999)" || (&Failure{Kind: -1}).Error() == "" {
		t.Error("a kind out of range")
	}
}
