package trust

import "fmt"

// Kind says what went wrong.
type Kind int

// The kinds of failure. [Failure.Whose] says which certificate it is about.
const (
	// Unknown is an error that this package cannot place.
	Unknown Kind = iota

	// Expired: the certificate's end has passed.
	Expired
	// NotYetValid: the certificate's beginning is still to come.
	NotYetValid
	// BrokenChain: the certificate does not lead to the CA: an issuer was not
	// sent, a signature does not verify, or no CA is stored.
	BrokenChain
	// OtherCA: the chain is sound but ends in a CA that is not ours, such as the
	// one of another pairing.
	OtherCA
	// SelfSigned: the certificate has no issuer but itself.
	SelfSigned
	// WrongUsage: the certificate is not meant for this end of a connection.
	WrongUsage
	// NameMismatch: the certificate is for other names and addresses.
	NameMismatch
	// FingerprintMismatch: not the certificate that the pairing code names.
	FingerprintMismatch
	// CAMismatch: the right certificate, but not the CA that the pairing code
	// names.
	CAMismatch
	// Malformed: the certificate cannot be read at all, or the peer that shows it
	// does not have its key: it was copied from the phone.
	Malformed

	// NoClientCert: the Mac has no certificate to show, or showed none to a
	// phone that asks for one.
	NoClientCert
	// BadClientCert: the phone does not accept the Mac's certificate and does
	// not say why; or the key does not belong to it.
	BadClientCert
	// Revoked: the phone has withdrawn the Mac's certificate.
	Revoked
	// KeyUnavailable: the Mac's key is missing, or did not sign. The cause is the
	// wrapped error.
	KeyUnavailable

	// TLSVersion: the peer does not speak TLS 1.3.
	TLSVersion
	// HandshakeTimeout: connected, but the handshake did not end in time.
	HandshakeTimeout
	// NotTLS: what answers does not speak TLS.
	NotTLS
	// PeerAlert: the peer ended the connection with an alert that none of the
	// other kinds covers.
	PeerAlert

	// Refused: nothing listens on that port.
	Refused
	// Unreachable: there is no way to that address.
	Unreachable
	// TimedOut: no answer in time, before or after the handshake.
	TimedOut
	// Reset: the connection was reset.
	Reset
	// CutShort: the connection ended before what was due had arrived.
	CutShort

	// NotLocal: the host is not, or does not resolve to, a local address.
	NotLocal
	// NameNotFound: the name does not resolve.
	NameNotFound
	// Canceled: the caller gave up.
	Canceled
)

// kinds holds, for each kind, its name and what [Failure.Error] says of it. In
// the text {cert} is the certificate; a text without it is about the connection.
var kinds = [...]struct{ name, text string }{
	Unknown:             {"unknown", "connection failed"},
	Expired:             {"expired", "{cert} has expired"},
	NotYetValid:         {"not-yet-valid", "{cert} is not yet valid"},
	BrokenChain:         {"broken-chain", "no chain from {cert} to the CA of this pairing"},
	OtherCA:             {"other-ca", "{cert} comes from another CA"},
	SelfSigned:          {"self-signed", "{cert} is signed by itself"},
	WrongUsage:          {"wrong-usage", "{cert} is not meant for this use"},
	NameMismatch:        {"name-mismatch", "{cert} is for other names"},
	FingerprintMismatch: {"fingerprint-mismatch", "{cert} is not the one expected"},
	CAMismatch:          {"ca-mismatch", "{cert} is not the one expected"},
	Malformed:           {"malformed", "{cert} cannot be read, or was copied from somebody else"},
	NoClientCert:        {"no-client-certificate", "there is no client certificate"},
	BadClientCert:       {"client-certificate-not-accepted", "{cert} was not accepted"},
	Revoked:             {"revoked", "{cert} has been revoked"},
	KeyUnavailable:      {"key-unavailable", "{cert} or its key cannot be used"},
	TLSVersion:          {"tls-version", "the peer does not speak TLS 1.3"},
	HandshakeTimeout:    {"handshake-timeout", "TLS handshake timed out"},
	NotTLS:              {"not-tls", "what answers does not speak TLS"},
	PeerAlert:           {"peer-alert", "the peer ended the connection with an alert"},
	Refused:             {"refused", "connection refused"},
	Unreachable:         {"unreachable", "host unreachable"},
	TimedOut:            {"timed-out", "timed out"},
	Reset:               {"reset", "connection reset"},
	CutShort:            {"cut-short", "connection cut short"},
	NotLocal:            {"not-local", "the host is not on the local network"},
	NameNotFound:        {"name-not-found", "the name was not found"},
	Canceled:            {"canceled", "canceled"},
}

// String gives the name used in logs, such as "not-yet-valid".
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kinds) {
		return fmt.Sprintf("Kind(%d)", int(k))
	}
	return kinds[k].name
}

// Whose says whose certificate, or which side, a failure is about.
type Whose string

// The parties.
const (
	Nobody Whose = ""       // not about a certificate
	Server Whose = "server" // the iPhone's
	Client Whose = "client" // the Mac's
	CA     Whose = "ca"     // the iPhone's CA, as stored on the Mac or as sent
)
