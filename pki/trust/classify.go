package trust

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"healthsync/pki"
)

// Classify turns an error from a dial, from a connection or from net/http on
// top of one into a failure: nil for nil, the failure itself if there is one
// inside, Unknown for what it cannot place.
//
// An alert is looked for first: a server that refuses a certificate sends one
// and closes, and the close may be seen before it. If the report of the
// connection is at hand, [Report.Classify] knows more.
func Classify(err error) *Failure {
	if err == nil {
		return nil
	}
	var f *Failure
	if errors.As(err, &f) {
		return f
	}
	if a := RemoteAlert(err); a != nil {
		return fromAlert(a, err)
	}
	if errors.Is(err, context.Canceled) {
		return &Failure{Kind: Canceled, Err: err}
	}
	if f := fromX509(err); f != nil {
		return f
	}
	return &Failure{Kind: fromSocket(err), Err: err}
}

// fromAlert says what an alert means in this protocol. All but the first group
// are about the client certificate: the client has nothing else to be refused.
func fromAlert(a *Alert, err error) *Failure {
	f := &Failure{Kind: PeerAlert, Alert: a, Remote: true, Err: err}
	switch a.Code {
	case alertProtocolVersion, alertInsufficientSecurity:
		f.Kind = TLSVersion
		return f
	case alertUnrecognizedName:
		f.Kind, f.Whose = NameMismatch, Server
		return f
	case alertCertificateRequired:
		f.Kind = NoClientCert
	case alertCertificateExpired:
		f.Kind = Expired
	case alertCertificateRevoked:
		f.Kind = Revoked
	case alertUnknownCA:
		f.Kind = OtherCA
	case alertUnsupportedCertificate:
		f.Kind = WrongUsage
	case alertBadCertificate, alertCertificateUnknown, alertAccessDenied, alertDecryptError:
		f.Kind = BadClientCert
	default:
		return f
	}
	f.Whose = Client
	return f
}

// fromX509 reads the errors of crypto/x509, for connections that were not made
// by a [Dialer]; nil if there is none.
func fromX509(err error) *Failure {
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	f := &Failure{Whose: Server, Err: err}
	switch {
	case errors.As(err, &invalid):
		f.Cert = invalid.Cert
		switch invalid.Reason {
		case x509.Expired: // used for both ends of a certificate's life
			f.Kind = Expired
			if invalid.Cert != nil && time.Now().Before(invalid.Cert.NotBefore) {
				f.Kind = NotYetValid
			}
		case x509.IncompatibleUsage:
			f.Kind = WrongUsage
		default:
			f.Kind = BrokenChain
		}
	case errors.As(err, &unknown):
		f.Cert = unknown.Cert
		f.Kind = OtherCA
		if pki.SelfSigned(unknown.Cert) {
			f.Kind = SelfSigned
		}
	case errors.As(err, &name):
		f.Kind, f.Cert, f.Host, f.Names = NameMismatch, name.Certificate, name.Host, pki.Names(name.Certificate)
	case isMalformed(err):
		f.Kind = Malformed
	default:
		var verification *tls.CertificateVerificationError
		if !errors.As(err, &verification) {
			return nil
		}
		f.Kind = BrokenChain
	}
	return f
}

// isMalformed recognises the two failures of a handshake for which crypto/tls
// (Go 1.26, verifyServerCertificate and readServerCertificate) has neither a
// type nor a callback: a certificate that is none, and one that is shown by
// somebody without its key.
func isMalformed(err error) bool {
	text := err.Error()
	return strings.Contains(text, "tls: failed to parse certificate from server") ||
		strings.Contains(text, "tls: invalid signature by the server certificate")
}

func fromSocket(err error) Kind {
	var header tls.RecordHeaderError
	var dns *net.DNSError
	switch {
	case errors.As(err, &header), errors.Is(err, http.ErrSchemeMismatch):
		return NotTLS
	case errors.As(err, &dns):
		return NameNotFound
	case errors.Is(err, syscall.ECONNREFUSED):
		return Refused
	case isAny(err, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EHOSTDOWN, syscall.ENETDOWN,
		syscall.EADDRNOTAVAIL,          // no address of ours fits, as with IPv6 switched off
		syscall.EINVAL,                 // a link-local address whose zone does not exist
		syscall.EPERM, syscall.EACCES): // a firewall of this machine
		return Unreachable
	case isAny(err, syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED), errors.Is(err, net.ErrClosed):
		return Reset
	case isTimeout(err):
		if strings.Contains(err.Error(), "TLS handshake timeout") { // net/http, an unexported type
			return HandshakeTimeout
		}
		return TimedOut
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return CutShort
	}
	return Unknown
}

func isAny(err error, codes ...syscall.Errno) bool {
	for _, c := range codes {
		if errors.Is(err, c) {
			return true
		}
	}
	return false
}

func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.As(err, &timeout) && timeout.Timeout()
}

// Classify does what the function [Classify] does for an error that this
// connection gave, and adds what is known about it: the addresses, and which of
// the Mac's certificates the phone spoke of.
//
// Some servers refuse a certificate without a reason ("bad certificate",
// "access denied"). Then the certificate is examined here. If something is wrong
// with it, that is the kind. If the server has asked for the certificates of
// other CAs, it is OtherCA. If it is in order (issued by the CA that the phone
// has just proved to be its own, for this use, in date with a wide margin on
// both sides), one reason is left: the kind is Revoked and Inferred is set. With
// a narrow margin a wrong clock is as likely, and the kind stays BadClientCert.
func (r *Report) Classify(err error) *Failure {
	f := Classify(err)
	if f == nil {
		return nil
	}
	var typed *Failure
	if errors.As(err, &typed) {
		return f // judged before
	}
	r.place(f)
	return f
}

func (r *Report) place(f *Failure) {
	f.Host, f.Addr, f.At = r.Host, r.Remote, r.Started
	if r.now != nil {
		f.At = r.now()
	}
	if f.Alert != nil {
		r.AlertIn = f.Alert
	}
	if f.Whose == Client && f.Remote {
		r.refine(f)
	}
	r.Failure = f
}

// The margins of an inference. A clock that is a month wrong breaks the phone's
// certificate too; and within the last month the certificate is due for renewal
// in any case. At its beginning the phone's clock cannot be far off, for the
// phone has dated the certificate itself.
const (
	inferBefore = 30 * 24 * time.Hour // the end
	inferAfter  = 48 * time.Hour      // the beginning
)

func (r *Report) refine(f *Failure) {
	if len(r.Own) == 0 || !r.ClientCertSent {
		if f.Kind == BadClientCert {
			f.Kind = NoClientCert
		}
		return
	}
	own := r.Own[0]
	f.Cert = own
	switch f.Kind {
	case Expired: // RFC 8446: "has expired or is not currently valid"
		var answer *ResponseError
		if errors.As(f.Err, &answer) {
			return // in words, which say what they mean
		}
		switch {
		case pki.StatusAt(own, f.At) == pki.StatusNotYetValid:
			f.Kind = NotYetValid
		case f.At.Sub(own.NotBefore) < inferAfter && own.NotAfter.Sub(f.At) > inferBefore:
			f.Kind, f.Inferred = NotYetValid, true // the beginning is nearer by far
		}
	case BadClientCert:
		if f.Alert != nil && f.Alert.Code == alertDecryptError {
			return // it is the signature that the phone did not accept
		}
		if bad := wrongWith(own, r.ca, f.At); bad != nil {
			f.Kind = bad.Kind
			return
		}
		if len(r.AcceptableCAs) > 0 && !slices.Contains(r.AcceptableCAs, distinguished(own.RawIssuer)) {
			f.Kind, f.Inferred = OtherCA, true // the server has said whose it takes
			return
		}
		if f.At.Sub(own.NotBefore) > inferAfter && own.NotAfter.Sub(f.At) > inferBefore {
			f.Kind, f.Inferred = Revoked, true
		}
	}
}

// wrongWith examines a client certificate by this Mac's lights.
func wrongWith(own, ca *x509.Certificate, now time.Time) *Failure {
	if ca != nil && !pki.IssuedBy(own, ca) {
		return whyUntrusted(Client, own, nil, ca, errors.New("not issued by the CA of this pairing"))
	}
	if f := usable(Client, own, x509.ExtKeyUsageClientAuth); f != nil {
		return f
	}
	return dated(Client, own, now)
}

// ClassifyResponse recognises a refusal of the client certificate that came as
// an HTTP response: the phone's own (401 or 403, JSON with a code), or the page
// of a server in front of it that judges in HTTP, as nginx does (400). It
// returns nil for every other response.
func (r *Report) ClassifyResponse(status int, body []byte) *Failure {
	f := fromResponse(status, body)
	if f != nil {
		r.place(f)
	}
	return f
}

func fromResponse(status int, body []byte) *Failure {
	if status < 400 || status > 499 {
		return nil
	}
	f := &Failure{Whose: Client, Remote: true}
	var answer struct{ Code string }
	if json.Unmarshal(body, &answer) == nil {
		for _, k := range []Kind{NoClientCert, Revoked, Expired, NotYetValid} {
			if answer.Code == k.Code() {
				f.Kind, f.Err = k, &ResponseError{Status: status, Code: answer.Code}
				return f
			}
		}
		return nil
	}
	text := string(body[:min(len(body), 4096)])
	f.Err = &ResponseError{Status: status}
	switch {
	case strings.Contains(text, "No required SSL certificate was sent"): // nginx, code 496
		f.Kind = NoClientCert
	case strings.Contains(text, "The SSL certificate error"): // nginx, code 495: any reason
		f.Kind = BadClientCert
	default:
		return nil
	}
	return f
}

// ResponseError is a refusal in HTTP.
type ResponseError struct {
	Status int
	Code   string // of the phone's JSON, empty otherwise
}

func (e *ResponseError) Error() string {
	s := "HTTP " + http.StatusText(e.Status)
	if e.Code != "" {
		s += ", " + e.Code
	}
	return s
}
