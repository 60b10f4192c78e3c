package phone

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"

	"healthsync/pki/trust"
	"healthsync/sync/health"
)

// refusal is an answer that is not a success. Version 1 says why in plain
// text, version 2 in JSON with a code.
type refusal struct {
	call    *call
	status  int
	code    string // version 2
	message string
	// certificate is set where it is the client certificate that is refused.
	certificate *trust.Failure
}

// parseRefusal reads the body of a refusal, which may be cut to its beginning.
func parseRefusal(k *call, status int, body []byte) refusal {
	r := refusal{call: k, status: status}
	if trimmed := bytes.TrimSpace(body); len(trimmed) > 0 && trimmed[0] == '{' {
		var said struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		}
		if json.Unmarshal(trimmed, &said) == nil { // half an explanation is none
			r.code, r.message = said.Code, said.Message
		}
		r.code, r.message = oneLine([]byte(r.code)), oneLine([]byte(r.message))
		return r
	}
	if !looksLikeMarkup(body) {
		r.message = oneLine(body)
	}
	return r
}

// looksLikeMarkup keeps a page meant for a browser out of an error.
func looksLikeMarkup(body []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) }

// refused turns a refusal into its error.
func (c *Client) refused(r refusal) error {
	if f := r.certificate; f != nil {
		switch f.Kind {
		case trust.NoClientCert:
			return &NoClientCertError{Message: r.message, Failure: f}
		case trust.Revoked:
			return &RevokedError{Message: r.message, Failure: f}
		}
		return f
	}
	if r.status == http.StatusTooManyRequests && !r.call.free {
		return errRefused
	}
	if r.call.refuse != nil {
		if err := r.call.refuse(r); err != nil {
			return err
		}
	}
	switch r.status {
	case http.StatusBadRequest:
		return &BadRequestError{Call: r.call.name, Message: r.message}
	case http.StatusUnauthorized:
		if c.conf.Version == 1 && !r.call.free {
			return &TokenRejectedError{Message: r.message}
		}
		if c.conf.Version == 2 { // there is nothing else it could miss
			f := &trust.Failure{Kind: trust.NoClientCert, Whose: trust.Client, Remote: true, At: c.conf.Now()}
			return &NoClientCertError{Message: r.message, Failure: f}
		}
	case http.StatusLocked:
		return &LockedError{}
	}
	return &HTTPError{Call: r.call.name, Status: r.status, Code: r.code, Message: r.message}
}

// refusedPairing tells the reasons of a refusal to pair apart: version 2 by
// its code, version 1 by its text (PairingService.swift, PairingError).
func refusedPairing(r refusal) error {
	switch r.status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusConflict,
		http.StatusGone, http.StatusUnprocessableEntity, http.StatusLocked, http.StatusTooManyRequests:
	default:
		return nil
	}
	text := strings.ToLower(r.code + " " + r.message)
	reasons := []struct {
		words  string
		reason PairingReason
	}{
		{"too many", TooManyAttempts}, {"too_many", TooManyAttempts}, {"locked_out", TooManyAttempts},
		{"expired", ExpiredCode},
		{"no pairing session", NoSession}, {"no_session", NoSession}, {"no_pairing", NoSession},
		{"invalid pairing code", InvalidCode}, {"code_invalid", InvalidCode}, {"invalid_code", InvalidCode},
	}
	for _, w := range reasons {
		if strings.Contains(text, w.words) {
			return &PairingError{Reason: w.reason, Message: r.message}
		}
	}
	switch {
	case r.status == http.StatusTooManyRequests:
		return &PairingError{Reason: TooManyAttempts, Message: r.message}
	case r.status == http.StatusBadRequest &&
		(r.code == "INVALID_REQUEST" || r.code == "INVALID_CSR" || strings.Contains(text, "format")):
		return nil // the request is at fault, not the code
	}
	return &PairingError{Reason: PairingRefused, Message: r.message}
}

// refusedSamples knows the one refusal that data requests have of their own.
func refusedSamples(types []health.Type) func(refusal) error {
	return func(r refusal) error {
		if r.status == http.StatusForbidden {
			return &TypeNotEnabledError{Types: types, Message: r.message}
		}
		return nil
	}
}

// refusedOffer is for calls that not every phone has.
func refusedOffer(r refusal) error {
	switch r.status {
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return &NotOfferedError{Call: r.call.name}
	}
	return nil
}
