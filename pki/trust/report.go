package trust

import (
	"crypto/tls"
	"crypto/x509"
	"time"
)

// Report tells of one dial what `openssl s_client` would: each step with its
// time, both chains, each check. It holds no key, no secret and nothing that was
// sent after the handshake. Names and addresses in it are those of the local
// network, but a server certificate's names may carry the name that its owner
// gave the phone.
//
// A report may not be used by several goroutines at once.
type Report struct {
	Host     string
	Port     int
	Started  time.Time // by the dialer's Now
	Attempts []Attempt
	// Remote is the address and port of the connection that was used last.
	Remote string
	Steps  []Step

	Version string // such as "TLS 1.3"
	Cipher  string
	Group   string // the key exchange

	// Peer is what the server sent, leaf first; Own the Mac's certificate.
	Peer []*x509.Certificate
	Own  *x509.Certificate

	// ClientCertRequested says that the server asked for a certificate, and
	// AcceptableCAs for which issuers; ClientCertSent that it was given one.
	ClientCertRequested bool
	AcceptableCAs       []string
	ClientCertSent      bool

	Checks []Check
	// Failure is why the dial failed, nil if it did not.
	Failure *Failure

	trust *Trust
	now   func() time.Time
}

// Attempt is one try to connect to one address.
type Attempt struct {
	Addr string
	Took time.Duration
	Err  error // nil if it connected
}

// Step is one stage of a dial.
type Step struct {
	Name string
	Took time.Duration
}

// The names of the steps. A step that was not reached is not in the report;
// after a failure another address of the host may have been tried, and a step
// then stands there twice.
const (
	StepOwn     = "own certificate" // judging the client certificate
	StepResolve = "resolve"
	StepConnect = "connect"
	StepTLS     = "handshake" // the whole of it, signing included
	StepVerify  = "verify"    // judging the server's chain
	StepSign    = "sign"      // the Mac's key; a person may have been asked
	StepProbe   = "probe"     // waiting for the phone's word after the handshake
)

// step notes a step that began at begun and ends now.
func (r *Report) step(name string, begun time.Time) {
	r.Steps = append(r.Steps, Step{Name: name, Took: time.Since(begun)})
}

// Check is one test of a certificate. It was passed if Failure is nil.
type Check struct {
	Name     string
	Failure  *Failure
	Enforced bool // whether the failure ends the dial
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
func (r *Report) describe(cs tls.ConnectionState) {
	r.Version = tls.VersionName(cs.Version)
	r.Cipher = tls.CipherSuiteName(cs.CipherSuite)
	r.Group = cs.CurveID.String()
	r.Peer = cs.PeerCertificates
}
