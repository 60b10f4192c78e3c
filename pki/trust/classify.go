package trust

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"healthsync/pki"
)

// Classify turns an error from a dial or from a connection into a failure: nil
// for nil, the failure itself if there is one inside, Unknown for what it cannot
// place.
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
	if a := remoteAlert(err); a != 0 {
		return fromAlert(a, err)
	}
	return &Failure{Kind: fromSocket(err), Err: err}
}

// fromAlert says what an alert means in this protocol. Those with Whose Client
// are about the client certificate: nothing else of the client can be refused.
func fromAlert(a Alert, err error) *Failure {
	f := &Failure{Whose: Client, Alert: a, Remote: true, Err: err}
	switch a {
	case alertProtocolVersion, alertInsufficientSecurity:
		f.Kind, f.Whose = TLSVersion, Nobody
	case alertUnrecognizedName:
		f.Kind, f.Whose = NameMismatch, Server
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
		f.Kind, f.Whose = PeerAlert, Nobody
	}
	return f
}

func fromSocket(err error) Kind {
	var header tls.RecordHeaderError
	is := func(codes ...error) bool {
		return slices.ContainsFunc(codes, func(c error) bool { return errors.Is(err, c) })
	}
	switch {
	case is(context.Canceled):
		return Canceled
	case errors.As(err, &header):
		return NotTLS
	case is(syscall.ECONNREFUSED):
		return Refused
	case is(syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EHOSTDOWN, syscall.ENETDOWN,
		syscall.EADDRNOTAVAIL,          // no address of ours fits, as with IPv6 switched off
		syscall.EINVAL,                 // a link-local address whose zone does not exist
		syscall.EPERM, syscall.EACCES): // a firewall of this machine
		return Unreachable
	case is(syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED, net.ErrClosed):
		return Reset
	case isTimeout(err):
		return TimedOut
	case is(io.ErrUnexpectedEOF, io.EOF):
		return CutShort
	}
	return Unknown
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
	if f == nil || errors.Is(err, f) { // judged before
		return f
	}
	return r.fail(f)
}

// fail completes a failure of this connection and notes it.
func (r *Report) fail(f *Failure) *Failure {
	f.Host, f.Addr, f.At = r.Host, r.Remote, r.now()
	if f.Whose == Client && f.Remote {
		r.refine(f)
	}
	r.Failure = f
	return f
}

// The margins of an inference. A clock that is a month wrong breaks the phone's
// certificate too; and within the last month the certificate is due for renewal
// in any case. At its beginning the phone's clock cannot be far off, for the
// phone has dated the certificate itself.
const (
	inferBefore = 30 * 24 * time.Hour // the end
	inferAfter  = 48 * time.Hour      // the beginning
)

// refine looks for the reason why the phone refused the Mac's certificate.
func (r *Report) refine(f *Failure) {
	if r.Own == nil || !r.ClientCertSent {
		if f.Kind == BadClientCert {
			f.Kind = NoClientCert
		}
		return
	}
	f.Cert = r.Own
	justBegun := f.At.Sub(r.Own.NotBefore) <= inferAfter
	endIsFar := r.Own.NotAfter.Sub(f.At) > inferBefore
	switch {
	case f.Kind == Expired && f.Alert != 0: // RFC 8446: "has expired or is not currently valid"
		switch {
		case pki.StatusAt(r.Own, f.At) == pki.StatusNotYetValid:
			f.Kind = NotYetValid
		case justBegun && endIsFar:
			f.Kind, f.Inferred = NotYetValid, true // the beginning is nearer by far
		}
	case f.Kind == BadClientCert && f.Alert != alertDecryptError: // that one is about the signature
		bad := unfit(r.Own, r.trust.root)
		if bad == nil {
			bad = dated(Client, r.Own, f.At)
		}
		if bad != nil {
			f.Kind = bad.Kind
			return
		}
		if len(r.AcceptableCAs) > 0 && !slices.Contains(r.AcceptableCAs, distinguishedName(r.Own.RawIssuer)) {
			f.Kind, f.Inferred = OtherCA, true // the server has said whose it takes
			return
		}
		if !justBegun && endIsFar {
			f.Kind, f.Inferred = Revoked, true
		}
	}
}

// The codes by which a phone refuses a client certificate in JSON (protocol
// version 2).
var refusalCodes = map[string]Kind{
	"NO_CLIENT_CERTIFICATE": NoClientCert, "CERT_REVOKED": Revoked,
	"CERT_HAS_EXPIRED": Expired, "CERT_NOT_YET_VALID": NotYetValid,
}

// ClassifyResponse recognises a refusal of the client certificate that came as
// an HTTP response: the phone's own (401 or 403, JSON with a code), or the page
// of a server in front of it that judges in HTTP, as nginx does (400). It
// returns nil for every other response.
func (r *Report) ClassifyResponse(status int, body []byte) *Failure {
	if status < 400 || status > 499 {
		return nil
	}
	var answer struct{ Code string }
	text := string(body[:min(len(body), 4096)])
	kind := Unknown
	switch {
	case json.Unmarshal(body, &answer) == nil:
		kind = refusalCodes[answer.Code]
	case strings.Contains(text, "No required SSL certificate was sent"): // nginx, code 496
		kind = NoClientCert
	case strings.Contains(text, "The SSL certificate error"): // nginx, code 495: any reason
		kind = BadClientCert
	}
	if kind == Unknown {
		return nil
	}
	err := fmt.Errorf("HTTP %d %s", status, answer.Code)
	return r.fail(&Failure{Kind: kind, Whose: Client, Remote: true, Err: err})
}
