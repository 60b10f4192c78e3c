package trust

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"net"
	"strings"
	"time"
)

// handshake is one TLS handshake. Its callbacks run in the goroutine that calls
// run.
type handshake struct {
	*dial
	verified bool           // the server has chosen TLS 1.3 and shown its certificate
	signer   *patientSigner // nil until the Mac's key is asked for
}

// run makes the connection secure, or closes it and says why not.
func (h *handshake) run(raw net.Conn) (*tls.Conn, *Failure) {
	conn := tls.Client(raw, h.config())
	begun := time.Now()
	err := conn.HandshakeContext(h.timeout)
	h.report.step(StepTLS, begun)
	if err == nil {
		return conn, nil
	}
	_ = raw.Close() // the handshake's error is the one to tell
	return nil, h.why(err)
}

func (h *handshake) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		MaxVersion: tls.VersionTLS13,
		ServerName: h.verifier.host, // sent for names only; an address is no server name (RFC 6066)
		Time:       h.now,
		// The checks of crypto/tls are for public names and public CAs. Ours
		// stand in VerifyConnection, which runs in their place: after the
		// server's certificate has arrived and before anything is answered.
		InsecureSkipVerify:     true, //nolint:gosec // see VerifyConnection
		VerifyConnection:       h.verify,
		GetClientCertificate:   h.clientCertificate,
		SessionTicketsDisabled: true, // each connection proves itself anew
		KeyLogWriter:           h.KeyLog,
	}
}

func (h *handshake) verify(cs tls.ConnectionState) error {
	begun := time.Now()
	h.verified = true
	h.report.describe(cs)
	f := h.verifier.peer(cs.PeerCertificates)
	h.report.step(StepVerify, begun)
	if f != nil {
		return f
	}
	return nil
}

// clientCertificate is asked for if the server wants one. Unlike a plain
// tls.Config.Certificates it shows ours whatever CAs the server names, so that
// a phone with another CA answers "unknown CA" and not "certificate required".
func (h *handshake) clientCertificate(req *tls.CertificateRequestInfo) (*tls.Certificate, error) {
	h.report.ClientCertRequested = true
	h.report.AcceptableCAs = nil
	for _, der := range req.AcceptableCAs {
		h.report.AcceptableCAs = append(h.report.AcceptableCAs, distinguishedName(der))
	}
	if h.report.Own == nil {
		return &tls.Certificate{}, nil // crypto/tls: an empty one means none
	}
	h.report.ClientCertSent = true
	cert := *h.Trust.client
	// verifier.own has made sure that the key is a Signer.
	h.signer = &patientSigner{Signer: cert.PrivateKey.(crypto.Signer), timeout: h.timeout, report: h.report}
	cert.PrivateKey = h.signer
	return &cert, nil
}

func distinguishedName(der []byte) string {
	var seq pkix.RDNSequence
	if rest, err := asn1.Unmarshal(der, &seq); err != nil || len(rest) > 0 {
		return "(unreadable)"
	}
	return seq.String()
}

// why turns the error of a handshake into a failure, by what the callbacks have
// seen rather than by the error's words where possible.
func (h *handshake) why(err error) *Failure {
	var f *Failure
	switch a := remoteAlert(err); {
	case errors.As(err, &f):
		return f
	case h.signer != nil && h.signer.err != nil && h.timeout.Err() == nil:
		return &Failure{Kind: KeyUnavailable, Whose: Client, Cert: h.report.Own, Err: h.signer.err}
	case a == alertHandshakeFailure && !h.verified:
		// Nothing that the server speaks is among what was offered (RFC 8446
		// section 6.2), which was TLS 1.3: what GnuTLS says of TLS 1.2.
		return &Failure{Kind: TLSVersion, Alert: a, Remote: true, Err: err}
	case a != 0:
		return h.report.Classify(err)
	case h.timeout.Err() != nil:
		return contextFailure(context.Cause(h.timeout), HandshakeTimeout, h.report.Host)
	}
	// For these crypto/tls (Go 1.26) has neither a type nor a callback.
	for text, f := range map[string]Failure{
		"tls: server selected unsupported protocol version": {Kind: TLSVersion},
		"tls: failed to parse certificate from server":      {Kind: Malformed, Whose: Server},
		"tls: invalid signature by the server certificate":  {Kind: Malformed, Whose: Server}, // without its key
	} {
		if strings.Contains(err.Error(), text) {
			f.Err = err
			return &f
		}
	}
	return Classify(err)
}
