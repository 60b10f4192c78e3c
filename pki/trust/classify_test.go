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
func remoteError(code uint8) error {
	return &net.OpError{Op: "remote error", Err: errors.New(tls.AlertError(code).Error())}
}

func TestClassifySocketErrors(t *testing.T) {
	op := func(err error) error {
		return &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", err)}
	}
	for _, c := range []struct {
		err  error
		want Kind
	}{
		{op(syscall.ECONNREFUSED), Refused},
		{op(syscall.EHOSTUNREACH), Unreachable},
		{op(syscall.ENETUNREACH), Unreachable},
		{op(syscall.ECONNRESET), Reset},
		{op(syscall.EPIPE), Reset},
		{op(syscall.ETIMEDOUT), TimedOut},
		{net.ErrClosed, Reset},
		{io.EOF, CutShort},
		{io.ErrUnexpectedEOF, CutShort},
		{os.ErrDeadlineExceeded, TimedOut},
		{context.DeadlineExceeded, TimedOut},
		{context.Canceled, Canceled},
		{&net.DNSError{Err: "no such host"}, NameNotFound},
		{tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, NotTLS},
		{errors.New("anything"), Unknown},
	} {
		for _, err := range []error{c.err, &url.Error{Op: "Get", URL: "https://phone.local", Err: c.err}, fmt.Errorf("read a page: %w", c.err)} {
			if f := Classify(err); f == nil || f.Kind != c.want || !errors.Is(f, c.err) {
				t.Errorf("%v: %+v, want %s", err, f, c.want)
			}
		}
	}
	if Classify(nil) != nil {
		t.Error("nothing is a failure")
	}
	typed := &Failure{Kind: Revoked, Whose: Client}
	if got := Classify(fmt.Errorf("wrapped: %w", typed)); got != typed {
		t.Errorf("got %v", got)
	}
}

func TestRemoteAlert(t *testing.T) {
	for code := range 256 {
		known := !strings.HasPrefix(tls.AlertError(code).Error(), "tls: alert(") //nolint:gosec // 0..255
		for _, err := range []error{
			remoteError(uint8(code)), //nolint:gosec // 0..255
			&url.Error{Op: "Post", Err: fmt.Errorf("readLoopPeekFailLocked: %w", remoteError(uint8(code)))}, //nolint:gosec // 0..255
			&net.OpError{Op: "read", Err: remoteError(uint8(code))},                                         //nolint:gosec // 0..255
		} {
			if a := remoteAlert(err); known && int(a) != code {
				t.Errorf("alert %d: got %v", code, a)
			}
		}
	}
	for _, err := range []error{nil, io.EOF, &net.OpError{Op: "local error", Err: errors.New("tls: bad certificate")}, &net.OpError{Op: "remote error", Err: errors.New("tls: something of tomorrow")}} {
		if a := remoteAlert(err); a != 0 {
			t.Errorf("%v: got %v", err, a)
		}
	}
}

// An alert about the Mac's certificate, with what the report knows beside it.
func TestReportClassifiesAlerts(t *testing.T) {
	p, namesake := newPhone(t), newPhone(t)
	now := time.Now()
	cert := func(from, until time.Time, opts ...simulator.Option) *x509.Certificate {
		return p.newClient(t, now, append(opts, simulator.Valid(from, until))...)
	}
	month := 31 * 24 * time.Hour
	good := cert(now.Add(-month), now.Add(12*month))
	for _, c := range []struct {
		name     string
		alert    Alert
		own      *x509.Certificate
		want     Kind
		inferred bool
	}{
		{"expired, just begun: RFC 8446 has one alert for both", 45, cert(now.Add(-time.Hour), now.Add(12*month)), NotYetValid, true},
		{"required, none shown", 116, nil, NoClientCert, false},
		{"refused, none shown", 42, nil, NoClientCert, false},
		{"revoked", 44, good, Revoked, false},
		{"expired by the phone's clock", 45, good, Expired, false},
		{"expired, says who means not yet", 45, cert(now.Add(month), now.Add(2*month)), NotYetValid, false},
		{"unknown CA", 48, good, OtherCA, false},
		{"unsupported", 43, good, WrongUsage, false},
		{"no reason, in order", 42, good, Revoked, true},
		{"access denied, in order", 49, good, Revoked, true},
		{"unknown reason, in order", 46, good, Revoked, true},
		{"the signature is wrong", 51, good, BadClientCert, false},
		{"no reason, expired here too", 49, cert(now.Add(-2*month), now.Add(-month)), Expired, false},
		{"no reason, not yet valid here", 42, cert(now.Add(month), now.Add(2*month)), NotYetValid, false},
		{"no reason, for servers", 42, cert(now.Add(-month), now.Add(12*month), simulator.Usage(x509.ExtKeyUsageServerAuth)), WrongUsage, false},
		{"no reason, of another pairing", 49, namesake.client, OtherCA, false},
		{"no reason, ends soon: a clock may be wrong", 49, cert(now.Add(-month), now.Add(29*24*time.Hour)), BadClientCert, false},
		{"no reason, new: a clock may be wrong", 49, cert(now.Add(-time.Hour), now.Add(12*month)), BadClientCert, false},
		{"internal error", 80, good, PeerAlert, false},
	} {
		r := &Report{Host: "phone.local", Remote: "192.168.1.7:443", trust: p.mutual(p.client), now: func() time.Time { return now }}
		if c.own != nil {
			r.Own, r.ClientCertSent = c.own, true
		}
		f := r.Classify(&url.Error{Err: remoteError(uint8(c.alert))})
		if f.Kind != c.want || f.Inferred != c.inferred || !f.Remote || f.Alert != c.alert || f.Host != "phone.local" || f.Addr != "192.168.1.7:443" {
			t.Errorf("%s: %+v, want %s", c.name, f, c.want)
		}
		if r.Failure != f || r.Classify(fmt.Errorf("again: %w", f)) != f {
			t.Errorf("%s: not in the report", c.name)
		}
	}
	if f := (&Report{}).Classify(nil); f != nil {
		t.Errorf("got %v", f)
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
		{403, `{"code":"TYPE_NOT_ENABLED","message":"x"}`, -1},
		{400, "<html><head><title>400 No required SSL certificate was sent</title></head>", NoClientCert},
		{400, "<html><head><title>400 The SSL certificate error</title></head>", Revoked},
		{400, "Invalid request body", -1},
		{200, `{"code":"CERT_REVOKED"}`, -1},
		{500, `{"code":"CERT_REVOKED"}`, -1},
		{404, "", -1},
	} {
		r := &Report{trust: p.mutual(p.client), Own: p.client, ClientCertSent: true, now: time.Now}
		f := r.ClassifyResponse(c.status, []byte(c.body))
		if (f == nil) != (c.want == -1) || f != nil && (f.Kind != c.want || f.Error() == "") {
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
			for _, f := range []*Failure{
				{Kind: k, Whose: whose},
				{Kind: k, Whose: whose, Cert: p.server, Host: "phone.local", Addr: "10.0.0.1:1", Names: []string{"a"}, Err: io.EOF, Inferred: true},
				{Kind: k, Whose: whose, Alert: 42, Remote: true, Err: remoteError(42)},
			} {
				if s := f.Error(); s == "" || strings.ContainsAny(s, "\n{}") || s != strings.TrimSpace(s) || strings.HasSuffix(s, ".") {
					t.Errorf("%s of %q says %q", k, whose, s)
				}
			}
		}
	}
	if Kind(999).String() != "Kind(999)" || (&Failure{Kind: -1}).Error() == "" {
		t.Error("a kind out of range")
	}
}
