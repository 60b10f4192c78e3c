package trust

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"net"
	"time"
)

// handshake makes the connection secure, or closes it and says why not.
func (t *dialing) handshake(raw net.Conn) (*tls.Conn, *Failure) {
	w := &wire{Conn: raw}
	h := &shaking{dialing: t, wire: w}
	conn := tls.Client(w, h.config())
	begun := time.Now()
	err := conn.HandshakeContext(t.budget)
	took := time.Since(begun)
	w.done.Store(true)
	if !w.in.hello.IsZero() {
		t.step(StepHello, w.out.first, w.in.hello.Sub(w.out.first))
	}
	for _, s := range h.steps {
		t.step(s.name, s.begun, s.took)
	}
	t.step(StepTLS, begun, took)
	t.report.AlertOut = w.out.alert
	if err == nil {
		t.report.describe(conn.ConnectionState(), t.Trust, t.judge.now)
		return conn, nil
	}
	_ = raw.Close() // the handshake's error is the one to tell
	f := h.why(err)
	if f.Alert != nil {
		t.report.AlertIn = f.Alert
	}
	if f.Alert != nil && (f.Alert.Code == alertHandshakeFailure || f.Alert.Code == alertProtocolVersion) && w.in.hello.IsZero() {
		f = t.askVersion(f)
	}
	if h.alertOut != 0 {
		t.report.AlertOut = newAlert(h.alertOut)
	}
	return nil, f
}

// shaking is one handshake on its way. Its callbacks run in the goroutine of
// the handshake.
type shaking struct {
	*dialing
	wire     *wire
	signErr  error
	alertOut uint8 // what crypto/tls is known to send in this place
	steps    []timed
}

type timed struct {
	name  string
	begun time.Time
	took  time.Duration
}

func (h *shaking) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		MaxVersion: tls.VersionTLS13,
		ServerName: h.judge.host, // sent for names only; an address is no server name (RFC 6066)
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

func (h *shaking) verify(cs tls.ConnectionState) error {
	begun := time.Now()
	h.report.describe(cs, h.Trust, h.judge.now)
	f := h.judge.peer(cs.PeerCertificates)
	h.steps = append(h.steps, timed{StepVerify, begun, time.Since(begun)})
	if f != nil {
		h.alertOut = alertBadCertificate // what crypto/tls sends for any error from here
		return f
	}
	return nil
}

// clientCertificate is asked for if the server wants one. Unlike a plain
// tls.Config.Certificates it shows ours whatever CAs the server names, so that
// a phone with another CA answers "unknown CA" and not "certificate required".
func (h *shaking) clientCertificate(req *tls.CertificateRequestInfo) (*tls.Certificate, error) {
	h.report.ClientCertRequested = true
	h.report.AcceptableCAs = nil
	for _, der := range req.AcceptableCAs {
		h.report.AcceptableCAs = append(h.report.AcceptableCAs, distinguished(der))
	}
	if h.own == nil {
		return &tls.Certificate{}, nil // crypto/tls: an empty one means none
	}
	h.report.ClientCertSent = true
	cert := *h.own
	signer, ok := cert.PrivateKey.(crypto.Signer)
	if !ok { // judge.own has seen to it
		return &tls.Certificate{}, nil
	}
	cert.PrivateKey = &patientSigner{
		Signer: signer, ctx: h.budget, limit: orDefault(h.SignTimeout, DefaultSignTimeout),
		pause: h.budget.pause, resume: h.budget.resume,
		done: func(took time.Duration, err error) {
			h.signErr = err
			h.steps = append(h.steps, timed{StepSign, time.Now().Add(-took), took})
		},
	}
	return &cert, nil
}

func distinguished(der []byte) string {
	var seq pkix.RDNSequence
	if rest, err := asn1.Unmarshal(der, &seq); err != nil || len(rest) > 0 {
		return "(unreadable)"
	}
	return seq.String()
}

// why turns the error of a handshake into a failure, by what the callbacks and
// the wire have seen rather than by the error's words where possible.
func (h *shaking) why(err error) *Failure {
	var f *Failure
	if errors.As(err, &f) {
		return f
	}
	if h.signErr != nil && h.budget.Err() == nil {
		h.alertOut = alertInternalError
		return &Failure{Kind: KeyUnavailable, Whose: Client, Cert: h.report.Own[0], Err: h.signErr}
	}
	if RemoteAlert(err) != nil {
		return h.report.Classify(err)
	}
	if h.budget.Err() != nil {
		return contextFailure(context.Cause(h.budget), HandshakeTimeout, h.report.Host)
	}
	if v := h.wire.in.version; v != 0 && v < tls.VersionTLS13 {
		return &Failure{Kind: TLSVersion, Version: v, Err: err}
	}
	if h.wire.in.notTLS {
		return &Failure{Kind: NotTLS, Err: err}
	}
	if isMalformed(err) {
		h.alertOut = alertDecodeError
		return &Failure{Kind: Malformed, Whose: Server, Err: err}
	}
	return Classify(err)
}
