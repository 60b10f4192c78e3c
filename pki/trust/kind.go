package trust

import "fmt"

// Kind says what went wrong.
type Kind int

// The kinds of failure. Which certificate a kind is about is told by
// [Failure.Whose].
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
	// Malformed: the certificate cannot be read at all, or who shows it does not
	// have its key: it was copied from the phone.
	Malformed

	// NoClientCert: the Mac has no certificate to show, or showed none to a
	// phone that asks for one.
	NoClientCert
	// BadClientCert: the phone does not accept the Mac's certificate and does
	// not say why; or the key does not belong to it.
	BadClientCert
	// Revoked: the phone has withdrawn the Mac's certificate.
	Revoked
	// KeyUnavailable: the place where the Mac's key is kept did not give the
	// certificate or did not sign. The cause is the wrapped error.
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

// kinds holds, for each kind, its name in logs and JSON and the code under
// which people know it. The codes up to UNSUPPORTED_PROTOCOL are those of the
// user guide, which follows the names that Node.js and OpenSSL use; so do the
// few that the guide does not have.
var kinds = [...]struct{ name, code string }{
	Unknown:             {"unknown", "UNKNOWN"},
	Expired:             {"expired", "CERT_HAS_EXPIRED"},
	NotYetValid:         {"not-yet-valid", "CERT_NOT_YET_VALID"},
	BrokenChain:         {"broken-chain", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"},
	OtherCA:             {"other-ca", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"},
	SelfSigned:          {"self-signed", "SELF_SIGNED_CERT_IN_CHAIN"},
	WrongUsage:          {"wrong-usage", "INVALID_PURPOSE"},
	NameMismatch:        {"name-mismatch", "CERT_COMMON_NAME_INVALID"},
	FingerprintMismatch: {"fingerprint-mismatch", "CERT_FINGERPRINT_MISMATCH"},
	CAMismatch:          {"ca-mismatch", "CA_MISMATCH"},
	Malformed:           {"malformed", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"},
	NoClientCert:        {"no-client-certificate", "NO_CLIENT_CERTIFICATE"},
	BadClientCert:       {"client-certificate-not-accepted", "CERT_REJECTED"},
	Revoked:             {"revoked", "CERT_REVOKED"},
	KeyUnavailable:      {"key-unavailable", "NO_CLIENT_CERTIFICATE"},
	TLSVersion:          {"tls-version", "UNSUPPORTED_PROTOCOL"},
	HandshakeTimeout:    {"handshake-timeout", "ETIMEDOUT"},
	NotTLS:              {"not-tls", "EPROTO"},
	PeerAlert:           {"peer-alert", "EPROTO"},
	Refused:             {"refused", "ECONNREFUSED"},
	Unreachable:         {"unreachable", "EHOSTUNREACH"},
	TimedOut:            {"timed-out", "ETIMEDOUT"},
	Reset:               {"reset", "ECONNRESET"},
	CutShort:            {"cut-short", "ECONNRESET"},
	NotLocal:            {"not-local", "HOST_NOT_LOCAL"},
	NameNotFound:        {"name-not-found", "PHONE_NOT_FOUND"},
	Canceled:            {"canceled", "CANCELED"},
}

// String gives the name used in logs and JSON, such as "not-yet-valid".
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kinds) {
		return fmt.Sprintf("Kind(%d)", int(k))
	}
	return kinds[k].name
}

// Code gives the error code that the user guide and the table of conditions
// use. Several kinds share one.
func (k Kind) Code() string {
	if k < 0 || int(k) >= len(kinds) {
		return kinds[Unknown].code
	}
	return kinds[k].code
}

// MarshalText writes the name.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Kinds lists every kind, for tables and tests.
func Kinds() []Kind {
	all := make([]Kind, len(kinds))
	for i := range all {
		all[i] = Kind(i)
	}
	return all
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
