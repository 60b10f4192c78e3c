package phone

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"healthsync/pki/trust"
	"healthsync/sync/health"
)

// Call names a request to the phone.
type Call string

// The calls.
const (
	CallPair    Call = "pair"
	CallStatus  Call = "status"
	CallTypes   Call = "types"
	CallSamples Call = "samples"
	CallUnpair  Call = "unpair"
	CallRenew   Call = "renew"
)

// The errors of this package are facts about an answer. What went wrong before
// there was one (address, connection, certificate, time) is a [trust.Failure].
// Message, where an error has one, is what the phone said, cut to one short
// line; none of them holds a health value, a token or a code.

// LockedError means that the phone is locked: HealthKit cannot be read until
// its owner unlocks it (HTTP 423).
type LockedError struct{}

func (*LockedError) Error() string { return "the phone is locked" }

// RateLimitedError means that the phone has no request left in its budget
// (HTTP 429), or that waiting for one would take longer than the caller allows.
type RateLimitedError struct {
	// RetryAfter is the time after which the next request should fit. The
	// phone does not tell; it is what the pacer reckons.
	RetryAfter time.Duration
}

func (e *RateLimitedError) Error() string {
	return fmt.Sprintf("the phone's limit of %d requests a minute is used up for another %v",
		phoneLimit, e.RetryAfter.Round(time.Second))
}

// TokenRejectedError means that a version 1 phone does not take the token: it
// has expired, was revoked, or belongs to another phone (HTTP 401). The phone
// does not say which.
type TokenRejectedError struct{ Message string }

func (e *TokenRejectedError) Error() string { return said("the phone rejects the token", e.Message) }

// NoClientCertError means that a version 2 phone asks for a client certificate
// and says so in HTTP (401). The same refusal in TLS, by an alert, is a
// [trust.Failure] of kind NoClientCert; this error wraps one, so that
// errors.As finds both alike.
type NoClientCertError struct {
	Message string
	Failure *trust.Failure
}

func (e *NoClientCertError) Error() string {
	return said("the phone asks for a client certificate", e.Message)
}

func (e *NoClientCertError) Unwrap() error { return e.Failure }

// RevokedError means that a version 2 phone has revoked this computer's
// certificate and says so in HTTP (403). It wraps a [trust.Failure] of kind
// Revoked, as which the same refusal arrives by a TLS alert.
type RevokedError struct {
	Message string
	Failure *trust.Failure
}

func (e *RevokedError) Error() string {
	return said("the phone has revoked the client certificate", e.Message)
}

func (e *RevokedError) Unwrap() error { return e.Failure }

// TypeNotEnabledError means that at least one of Types, which are those of the
// request, is not shared by the phone (HTTP 403). The phone does not say which.
type TypeNotEnabledError struct {
	Types   []health.Type
	Message string
}

func (e *TypeNotEnabledError) Error() string {
	return said("the phone does not share all of the types asked for", e.Message)
}

// NoPermissionError means that the phone answered with the status
// noPermission. Version 1.0.0 of the app never does: a type whose permission
// was taken away has no samples and no error there.
type NoPermissionError struct{ Message string }

func (e *NoPermissionError) Error() string {
	return said("the phone's app has no permission to read health data", e.Message)
}

// PhoneError means that the phone could not read its health data (the status
// error in an answer that is otherwise in order).
type PhoneError struct{ Message string }

func (e *PhoneError) Error() string {
	return said("the phone could not read its health data", e.Message)
}

// BadRequestError means that the phone did not understand a request (HTTP
// 400), as it does for a type that it does not know.
type BadRequestError struct {
	Call    Call
	Message string
}

func (e *BadRequestError) Error() string {
	return said(fmt.Sprintf("the phone does not understand the request (%s)", e.Call), e.Message)
}

// PairingReason says why the phone did not pair, in a short phrase.
type PairingReason string

// The reasons. Version 1 tells them apart by its text only.
const (
	// PairingRefused is a refusal whose text this version does not know.
	PairingRefused  PairingReason = "pairing refused"
	NoSession       PairingReason = "no pairing is going on"
	InvalidCode     PairingReason = "wrong pairing code"
	ExpiredCode     PairingReason = "the pairing code has expired"
	TooManyAttempts PairingReason = "too many wrong pairing codes"
)

// PairingError means that the phone refused to pair.
type PairingError struct {
	Reason  PairingReason
	Message string
}

func (e *PairingError) Error() string { return said(string(e.Reason), e.Message) }

// TruncatedError means that an answer ended before it was complete: the phone
// stopped sharing or went away in the middle. Nothing of it was kept.
type TruncatedError struct {
	Call Call
	// Got of the Want bytes of the body arrived.
	Got, Want int64
	// Err is what ended it.
	Err error
}

func (e *TruncatedError) Error() string {
	return fmt.Sprintf("the phone's answer (%s) was cut short at %d of %d bytes: %v", e.Call, e.Got, e.Want, e.Err)
}

func (e *TruncatedError) Unwrap() error { return e.Err }

// NotJSONError means that a complete answer is not JSON. Whatever answered is
// probably not the app.
type NotJSONError struct {
	Call Call
	// Offset is the number of bytes up to where it went wrong. The bytes
	// themselves may be health data and are not shown.
	Offset int64
	Err    error
}

func (e *NotJSONError) Error() string {
	return fmt.Sprintf("the phone's answer (%s) cannot be read at byte %d: %v", e.Call, e.Offset, e.Err)
}

func (e *NotJSONError) Unwrap() error { return e.Err }

// AnswerError means that an answer is in order as HTTP and JSON but does not
// say what the protocol promises.
type AnswerError struct {
	Call Call
	// Field is the member of the answer, or the header, that is wrong; "" for
	// the answer as a whole.
	Field  string
	Reason string
	// Sample is the index of the sample that is wrong, or -1.
	Sample int
}

func (e *AnswerError) Error() string {
	where := e.Field
	if e.Sample >= 0 {
		where = strings.TrimSpace(fmt.Sprintf("sample %d %s", e.Sample, where))
	}
	if where != "" {
		where += ": "
	}
	return fmt.Sprintf("the phone's answer (%s) is not as agreed: %s%s", e.Call, where, e.Reason)
}

// wrong is an answer that does not say what it should. Whoever knows the call and
// the sample adds them.
func wrong(field, reason string) *AnswerError {
	return &AnswerError{Field: field, Reason: reason, Sample: -1}
}

// EmptyAnswerError means that the phone answered 200 with `{}`. The app does so
// when it cannot encode its answer, as with one value that is not finite among
// the samples: it does not mean that there are no samples. A narrower request
// may go through.
type EmptyAnswerError struct{ Call Call }

func (e *EmptyAnswerError) Error() string {
	return fmt.Sprintf("the phone could not write its answer (%s)", e.Call)
}

// TooLargeError means that an answer is larger than any honest one; it was not
// read.
type TooLargeError struct {
	Call        Call
	Size, Limit int64 // bytes
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("the phone's answer (%s) of %d bytes is over the limit of %d", e.Call, e.Size, e.Limit)
}

// HTTPError is an answer that has no meaning of its own in the protocol: a
// status that the app does not send, or a redirect, which is never followed.
type HTTPError struct {
	Call   Call
	Status int
	// Code is the code of a version 2 error, or "".
	Code    string
	Message string
}

func (e *HTTPError) Error() string {
	return said(fmt.Sprintf("the phone answered %s by HTTP status %d", e.Call, e.Status), e.Message)
}

// NotOfferedError means that the phone has no such call: a version 1 phone
// cannot be told to unpair, and not every version 2 phone renews.
type NotOfferedError struct{ Call Call }

func (e *NotOfferedError) Error() string { return fmt.Sprintf("the phone does not offer %s", e.Call) }

// QueryError means that a query cannot be asked; nothing was sent.
type QueryError struct{ Reason string }

func (e *QueryError) Error() string { return "not a query for the phone: " + e.Reason }

func said(fact, message string) string {
	if message == "" {
		return fact
	}
	return fmt.Sprintf("%s (%q)", fact, message)
}

// oneLine makes what a phone said fit for an error: one line of printable
// text, 200 bytes at most.
func oneLine(b []byte) string {
	text := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(b), "�"))
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > 200 {
		text = strings.ToValidUTF8(text[:197], "") + "…"
	}
	return text
}
