package simulator

import (
	"crypto/x509"
	"errors"
	"net/http"
	"strconv"

	"github.com/go-json-experiment/json"

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
	call := req.method + " " + req.path
	if call == "POST "+pathPair {
		return p.handlePair(req, f, false)
	}
	who, refused := p.authenticate(req, cert, f)
	if refused != nil {
		return refused
	}
	if f.has("rate-limited") || !p.opts.NoRateLimit && p.limit.limited(who, p.now()) {
		return p.failure(429, "RATE_LIMITED", "Rate limit exceeded")
	}
	switch call {
	case "GET " + pathStatus:
		return answer(200, object{
			"status": "ok", "version": strconv.Itoa(p.opts.Protocol), "deviceName": p.opts.DeviceName,
			"enabledTypes": p.enabled(f), "serverTime": formatDate(p.now().Unix()),
		})
	case "GET " + pathTypes:
		return answer(200, object{"enabledTypes": p.enabled(f)})
	case "POST " + pathData:
		return p.handleData(req, f)
	}
	if p.opts.Protocol == 2 {
		switch call {
		case "DELETE " + pathPair:
			if p.id.revoke(cert) != nil {
				return p.internal()
			}
			return &response{status: 204}
		case "POST " + pathRenew:
			if !f.has("no-renew") {
				return p.handlePair(req, f, true)
			}
		}
	}
	return p.failure(404, "NOT_FOUND", "Unknown route")
}

// faultAnswer is the answer of a fault that answers everything alike, or nil.
func (p *Phone) faultAnswer(f faults) *response {
	status := 500
	switch {
	case f.has("http"):
		status, _ = strconv.Atoi(f["http"])
	case f.has("http-500"):
	case f.has("not-json"):
		return &response{status: 200, typ: "text/html",
			body: []byte("<!DOCTYPE html><html><head><title>Router login</title></head><body>Please log in.</body></html>")}
	case f.has("empty-json"):
		return answer(200, object{})
	default:
		return nil
	}
	return p.failure(status, "HTTP_"+strconv.Itoa(status), http.StatusText(status))
}

func (p *Phone) internal() *response { return p.failure(500, "INTERNAL_ERROR", "Internal error") }

// authenticate says who asks: the token's hash, or the certificate's serial
// number.
func (p *Phone) authenticate(req *request, cert *x509.Certificate, f faults) (who string, refused *response) {
	if p.opts.Protocol == 1 {
		token := req.bearer()
		if f.has("token-rejected") || !p.id.tokenValid(token, p.now()) {
			return "", p.failure(401, "", "Missing or invalid token")
		}
		return hashToken(token), nil
	}
	if r := p.id.checkClient(cert, f, p.now()); r != nil {
		return "", p.failure(r.status, r.code, r.text)
	}
	return cert.SerialNumber.Text(16), nil
}

// handlePair answers pair, and renew for who is paired already.
func (p *Phone) handlePair(req *request, f faults, renew bool) *response {
	var in struct {
		Code       *string `json:"code"`
		ClientName *string `json:"clientName"`
		CSR        string  `json:"csr"`
	}
	err := json.Unmarshal(req.body, &in)
	if err != nil || !renew && (in.Code == nil || in.ClientName == nil) {
		return p.failure(400, "INVALID_REQUEST", "Invalid request format")
	}
	var csr *x509.CertificateRequest
	if p.opts.Protocol == 2 {
		if csr, err = pki.CheckCSR([]byte(in.CSR)); err != nil {
			return p.failure(400, "INVALID_CSR", "Invalid certificate request")
		}
	}
	var r *response
	admit := func() (err error) { r, err = p.admit(csr, f); return err }
	if renew {
		err = admit()
	} else if err = faultRefusal(f); err == nil {
		err = p.pair.try(*in.Code, p.now(), admit)
	}
	if refused, ok := errors.AsType[*refusal](err); ok {
		return p.failure(400, refused.code, refused.text)
	}
	if err != nil {
		return p.internal()
	}
	return r
}

// admit gives a Mac a token, in version 2 a certificate.
func (p *Phone) admit(csr *x509.CertificateRequest, f faults) (*response, error) {
	if p.opts.Protocol == 1 {
		token, expires, err := p.id.addToken(p.now())
		return answer(200, object{"token": token, "expiresAt": formatDate(expires.Unix())}), err
	}
	client, ca, err := p.id.addClient(csr, f, p.now())
	if err != nil {
		return nil, err
	}
	return answer(200, object{
		"clientCertificate": string(pki.EncodeCertificate(client)), "caCertificate": string(pki.EncodeCertificate(ca)),
		"expiresAt": formatDate(client.NotAfter.Unix()),
	}), nil
}
