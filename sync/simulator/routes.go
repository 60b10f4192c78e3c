package simulator

import (
	"crypto/x509"
	"errors"
	"net/http"
	"strconv"

	"healthsync/pki"
)

// The paths of both versions.
const (
	pathPair   = "/api/v1/pair"
	pathStatus = "/api/v1/status"
	pathTypes  = "/api/v1/health/types"
	pathData   = "/api/v1/health/data"
	pathRenew  = "/api/v1/renew"
)

// route answers a request. The order of the checks is the app's
// (NetworkServer.route): pairing first, then who asks, then how often, then
// what.
func (p *Phone) route(req *request, cert *x509.Certificate, f faults) *response {
	if r := p.faultAnswer(f); r != nil {
		return r
	}
	if req.path == pathPair && req.method == "POST" {
		return p.handlePair(req, f)
	}
	who, refused := p.authenticate(req, cert, f)
	if refused != nil {
		return refused
	}
	if f.has(faultRateLimited) || !p.opts.NoRateLimit && p.limit.limited(who, p.now()) {
		return p.failure(429, "Too Many Requests", "RATE_LIMITED", "Rate limit exceeded")
	}
	switch req.method + " " + req.path {
	case "GET " + pathStatus:
		return p.handleStatus(f)
	case "GET " + pathTypes:
		return p.json(field{"enabledTypes", jsonStrings(p.enabled(f))})
	case "POST " + pathData:
		return p.handleData(req, f)
	}
	if p.opts.Protocol == 2 {
		switch req.method + " " + req.path {
		case "DELETE " + pathPair:
			if err := p.id.revoke(cert); err != nil {
				return p.internal()
			}
			return &response{status: 204, reason: "No Content"}
		case "POST " + pathRenew:
			if !f.has(faultNoRenew) {
				return p.handleRenew(req, f)
			}
		}
	}
	return p.failure(404, "Not Found", "NOT_FOUND", "Unknown route")
}

// faultAnswer is the answer of a fault that answers everything alike, or nil.
func (p *Phone) faultAnswer(f faults) *response {
	status := 0
	switch {
	case f.has(faultHTTP):
		status, _ = strconv.Atoi(f[faultHTTP])
	case f.has(faultHTTP500):
		status = 500
	case f.has(faultNotJSON):
		return &response{status: 200, reason: "OK", typ: "text/html",
			body: []byte("<!DOCTYPE html><html><head><title>Router login</title></head><body>Please log in.</body></html>")}
	case f.has(faultEmptyJSON):
		return &response{status: 200, reason: "OK", typ: typeJSON, body: []byte("{}")}
	default:
		return nil
	}
	reason := http.StatusText(status)
	return p.failure(status, reason, "HTTP_"+strconv.Itoa(status), reason)
}

func (p *Phone) internal() *response {
	return p.failure(500, "Internal Server Error", "INTERNAL_ERROR", "Internal error")
}

// authenticate says who asks: the token's hash, or the certificate's serial
// number.
func (p *Phone) authenticate(req *request, cert *x509.Certificate, f faults) (who string, refused *response) {
	if p.opts.Protocol == 1 {
		token := req.bearer()
		if token == "" || f.has(faultTokenRejected) || !p.id.tokenValid(token, p.now()) {
			return "", p.failure(401, "Unauthorized", "", "Missing or invalid token")
		}
		return hashToken(token), nil
	}
	switch p.id.judge(cert, f, p.now()) {
	case clientMissing:
		return "", p.failure(401, "Unauthorized", "NO_CLIENT_CERTIFICATE", "A client certificate is required")
	case clientForeign:
		return "", p.failure(401, "Unauthorized", "NO_CLIENT_CERTIFICATE", "The client certificate was not issued by this iPhone")
	case clientExpired:
		return "", p.failure(401, "Unauthorized", "CERT_HAS_EXPIRED", "The client certificate is out of date")
	case clientRevoked:
		return "", p.failure(403, "Forbidden", "CERT_REVOKED", "The client certificate was revoked")
	}
	return cert.SerialNumber.Text(16), nil
}

func (p *Phone) handleStatus(f faults) *response {
	return p.json(
		field{"status", jsonString("ok")},
		field{"version", jsonString(strconv.Itoa(p.opts.Protocol))},
		field{"deviceName", jsonString(p.opts.DeviceName)},
		field{"enabledTypes", jsonStrings(p.enabled(f))},
		field{"serverTime", jsonDate(p.now().Unix())},
	)
}

func (p *Phone) handlePair(req *request, f faults) *response {
	malformed := p.failure(400, "Bad Request", "INVALID_REQUEST", "Invalid request format")
	m, err := decodeObject(req.body)
	if err != nil {
		return malformed
	}
	code, err := m.string("code")
	if err != nil {
		return malformed
	}
	if _, err = m.string("clientName"); err != nil {
		return malformed
	}
	var csr *x509.CertificateRequest
	if p.opts.Protocol == 2 {
		if csr, err = requestedCSR(m); err != nil {
			return p.failure(400, "Bad Request", "INVALID_CSR", "Invalid certificate request")
		}
	}
	for _, fault := range []struct {
		name string
		with *refusal
	}{{faultNoSession, refusedNoSession}, {faultExpiredCode, refusedExpired}, {faultInvalidCode, refusedInvalid}, {faultLockedOut, refusedAttempts}} {
		if f.has(fault.name) {
			return p.failure(400, "Bad Request", fault.with.code, fault.with.text)
		}
	}
	now := p.now()
	var answer *response
	err = p.pair.try(code, now, func() error {
		if p.opts.Protocol == 2 {
			answer, err = p.issue(csr, f)
			return err
		}
		token, expires, err := p.id.addToken(now)
		if err != nil {
			return err
		}
		answer = p.json(field{"token", jsonString(token)}, field{"expiresAt", jsonDate(expires.Unix())})
		return nil
	})
	var refused *refusal
	switch {
	case errors.As(err, &refused):
		return p.failure(400, "Bad Request", refused.code, refused.text)
	case err != nil:
		return p.internal()
	}
	return answer
}

func requestedCSR(m members) (*x509.CertificateRequest, error) {
	text, err := m.string("csr")
	if err != nil {
		return nil, err
	}
	return pki.CheckCSR([]byte(text))
}

func (p *Phone) handleRenew(req *request, f faults) *response {
	m, err := decodeObject(req.body)
	if err != nil {
		return p.failure(400, "Bad Request", "INVALID_REQUEST", "Invalid request format")
	}
	csr, err := requestedCSR(m)
	if err != nil {
		return p.failure(400, "Bad Request", "INVALID_CSR", "Invalid certificate request")
	}
	answer, err := p.issue(csr, f)
	if err != nil {
		return p.internal()
	}
	return answer
}

// issue signs a Mac's certificate and says so.
func (p *Phone) issue(csr *x509.CertificateRequest, f faults) (*response, error) {
	client, ca, err := p.id.addClient(csr, f, p.now())
	if err != nil {
		return nil, err
	}
	return p.json(
		field{"clientCertificate", jsonString(string(pki.EncodeCertificate(client)))},
		field{"caCertificate", jsonString(string(pki.EncodeCertificate(ca)))},
		field{"expiresAt", jsonDate(client.NotAfter.Unix())},
	), nil
}
