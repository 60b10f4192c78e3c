package trust

import (
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"time"

	"healthsync/pki"
)

// Report tells of one dial what `openssl s_client` would: every step with its
// time, both chains, each check, the alerts. It holds no key, no secret and
// nothing that was sent after the handshake. Names and addresses in it are
// those of the local network, but a server certificate's names may carry the
// name that its owner gave the phone. Durations are in nanoseconds in JSON.
//
// A report may not be used by several goroutines at once.
type Report struct {
	Host    string    `json:"host"`
	Port    int       `json:"port"`
	Trust   string    `json:"trust"`
	Started time.Time `json:"started"` // by the dialer's Now
	// Resolved are the local addresses of the host, in the order of trying.
	Resolved []netip.Addr `json:"resolved,omitempty"`
	Attempts []Attempt    `json:"attempts,omitempty"`
	// Local and Remote are the ends of the connection that was used last.
	Local  string `json:"local,omitempty"`
	Remote string `json:"remote,omitempty"`
	Steps  []Step `json:"steps"`

	Version string `json:"version,omitempty"` // such as "TLS 1.3"
	Cipher  string `json:"cipher,omitempty"`
	Group   string `json:"group,omitempty"` // the key exchange
	ALPN    string `json:"alpn,omitempty"`

	// PeerChain is what the server sent, leaf first; LocalChain what this Mac
	// has to show.
	PeerChain  []pki.Info `json:"peerChain,omitempty"`
	LocalChain []pki.Info `json:"localChain,omitempty"`
	// Peer and Own are the certificates themselves.
	Peer []*x509.Certificate `json:"-"`
	Own  []*x509.Certificate `json:"-"`

	// ClientCertRequested says that the server asked for a certificate, and
	// AcceptableCAs for which issuers; ClientCertSent that it was given one.
	ClientCertRequested bool     `json:"clientCertRequested"`
	AcceptableCAs       []string `json:"acceptableCAs,omitempty"`
	ClientCertSent      bool     `json:"clientCertSent"`

	Checks []Check `json:"checks"`
	// Dates are the certificates out of date that were let pass: always with
	// Pinned, otherwise only if the dialer was told to.
	Dates []*Failure `json:"dates,omitempty"`

	AlertIn  *Alert `json:"alertIn,omitempty"`
	AlertOut *Alert `json:"alertOut,omitempty"`
	// Failure is why the dial failed, nil if it did not.
	Failure *Failure `json:"failure,omitempty"`

	ca  *x509.Certificate // the CA of a mutual trust, to judge our own certificate by
	now func() time.Time
}

// Attempt is one try to connect to one address.
type Attempt struct {
	Addr  string        `json:"addr"`
	After time.Duration `json:"after"` // since the dial began
	Took  time.Duration `json:"took"`
	// Outcome is "connected", "not needed" (another address was quicker) or the
	// name of a [Kind].
	Outcome string `json:"outcome"`
	Err     string `json:"error,omitempty"`
}

// Step is one stage of a dial.
type Step struct {
	Name  string        `json:"name"`
	After time.Duration `json:"after"` // since the dial began
	Took  time.Duration `json:"took"`
}

// The names of the steps. A step that was not reached is not in the report;
// after a handshake that failed, another address of the host may have been
// tried, and a step then stands there twice.
const (
	StepOwn     = "own certificate" // finding and judging the client certificate
	StepResolve = "resolve"
	StepConnect = "connect"
	StepTLS     = "handshake" // the whole of it, signing included
	StepHello   = "hello"     // ClientHello to ServerHello: one round trip
	StepVerify  = "verify"    // judging the server's chain
	StepSign    = "sign"      // the Mac's key; a person may have been asked
	StepProbe   = "probe"     // waiting for the phone's word after the handshake
)

// Check is one test of a certificate.
type Check struct {
	Name     string `json:"name"`
	OK       bool   `json:"ok"`
	Enforced bool   `json:"enforced"`
	Detail   string `json:"detail,omitempty"`
}

func newCheck(name string, enforced bool, f *Failure) Check {
	c := Check{Name: name, OK: f == nil, Enforced: enforced}
	if f != nil {
		c.Detail = f.Error()
	}
	return c
}

// Took sums the time of a step, 0 if it was not reached.
func (r *Report) Took(step string) time.Duration {
	var d time.Duration
	for _, s := range r.Steps {
		if s.Name == step {
			d += s.Took
		}
	}
	return d
}

// ServerCert is the server's leaf certificate, nil if none was seen, which is
// also so where nothing was dialled and r is nil.
func (r *Report) ServerCert() *x509.Certificate {
	if r == nil || len(r.Peer) == 0 {
		return nil
	}
	return r.Peer[0]
}

// describe notes what was negotiated and what the server showed.
func (r *Report) describe(cs tls.ConnectionState, trust *Trust, now time.Time) {
	r.Version = tls.VersionName(cs.Version)
	r.Cipher = tls.CipherSuiteName(cs.CipherSuite)
	r.Group = cs.CurveID.String()
	r.ALPN = cs.NegotiatedProtocol
	r.Peer = cs.PeerCertificates
	r.PeerChain = nil
	for i, c := range cs.PeerCertificates {
		r.PeerChain = append(r.PeerChain, pki.Inspect(c, now, pki.InspectOptions{
			Pinned: i == 0 && trust != nil && trust.mode == pinned,
		}))
	}
}
