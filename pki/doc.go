// Package pki reads and judges the certificates of HealthSync: the CA, the
// iPhone's server certificate, the Mac's client certificate and the self-signed
// one of protocol version 1. It makes the Mac's certificate request; the iPhone
// makes the certificates.
//
// It is pure: certificates in, facts out. It knows no
// network, no keychain, no file and no clock; whoever asks about time passes
// the moment to judge by. What a peer shows during a handshake is the business
// of package trust, where secrets live that of package vault.
package pki

// The subjects that protocol version 2 prescribes. On a Mac,
// `security find-certificate -c healthsync` finds certificates by these names
// only (it matches the common name, nothing else).
const (
	CommonNameCA     = "healthsync-ca"
	CommonNameServer = "healthsync-server"
	CommonNameClient = "healthsync-client"
)

// CommonNameV1 is the subject of the self-signed certificate that the shipping
// iPhone app (protocol version 1) makes.
const CommonNameV1 = "HealthSync Local"
