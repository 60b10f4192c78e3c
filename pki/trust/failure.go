package trust

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"healthsync/pki"
)

// Failure is one thing that went wrong with a connection, with the evidence.
// It holds no secret; its names and addresses are those of the local network.
type Failure struct {
	Kind  Kind
	Whose Whose
	// Cert is the certificate at fault, if there is one.
	Cert *x509.Certificate
	// Names are those the certificate is good for (NameMismatch), the addresses
	// that were refused (NotLocal), or the issuer that is missing or foreign
	// (BrokenChain, OtherCA).
	Names []string
	// Want and Got are the fingerprints of a FingerprintMismatch or CAMismatch.
	Want, Got pki.Fingerprint
	// Host is what the caller asked for, Addr the address and port dialled.
	Host, Addr string
	// At is this machine's time of the judgement.
	At time.Time
	// Alert is the alert the peer sent, or nil.
	Alert *Alert
	// Version is the TLS version the peer offered instead (TLSVersion), 0 if
	// it did not say.
	Version uint16
	// Remote says that the peer judged, not this machine: an expired client
	// certificate may be expired by the phone's clock only.
	Remote bool
	// Inferred says that the peer gave no reason and the kind is what is left:
	// see [Report.Classify].
	Inferred bool
	// Err is the underlying error, or nil.
	Err error
}

// Since gives the moment from which on the certificate was out of date
// (Expired) or will be good (NotYetValid); otherwise the zero time.
func (f *Failure) Since() time.Time {
	switch {
	case f.Cert == nil:
	case f.Kind == Expired:
		return f.Cert.NotAfter
	case f.Kind == NotYetValid:
		return f.Cert.NotBefore
	}
	return time.Time{}
}

// Code is the code of the failure's kind.
func (f *Failure) Code() string { return f.Kind.Code() }

func (f *Failure) Unwrap() error { return f.Err }

// Error says what happened in one line, without advice.
func (f *Failure) Error() string {
	s := f.sentence()
	if f.Remote && f.Alert != nil {
		s += fmt.Sprintf(" (the phone sent alert %s)", f.Alert)
	}
	if f.Err != nil && f.Alert == nil {
		s += ": " + f.Err.Error()
	}
	return s
}

func (f *Failure) sentence() string {
	switch f.Kind {
	case Expired:
		return f.whose() + " has expired" + onDate(f.Since())
	case NotYetValid:
		return f.whose() + " is not yet valid" + onDate(f.Since())
	case BrokenChain:
		if f.Whose == CA {
			return "the CA certificate is missing or unusable"
		}
		return f.whose() + " does not lead to the CA of this pairing"
	case OtherCA:
		return f.whose() + " comes from another CA" + list(f.Names)
	case SelfSigned:
		return f.whose() + " is signed by itself"
	case WrongUsage:
		return f.whose() + " is not meant for this use"
	case NameMismatch:
		return fmt.Sprintf("%s is not for %s but for%s", f.whose(), orUnknown(f.Host), orNothing(f.Names))
	case FingerprintMismatch:
		return fmt.Sprintf("%s is %s, expected %s", f.whose(), f.Got.Short(), f.Want.Short())
	case CAMismatch:
		return fmt.Sprintf("the CA is %s, expected %s", f.Got.Short(), f.Want.Short())
	case Malformed:
		return f.whose() + " cannot be read, or was copied from somebody else"
	case NoClientCert:
		return "there is no client certificate"
	case BadClientCert:
		return "the client certificate was not accepted"
	case Revoked:
		if f.Inferred {
			return "the client certificate is in order but no longer accepted"
		}
		return "the client certificate has been revoked"
	case KeyUnavailable:
		return "the client certificate or its key cannot be used"
	case TLSVersion:
		if f.Version != 0 {
			return "the peer speaks " + tls.VersionName(f.Version) + ", not TLS 1.3"
		}
		return "the peer does not speak TLS 1.3"
	case HandshakeTimeout:
		return f.where("TLS handshake timed out")
	case NotTLS:
		return f.where("what answers does not speak TLS")
	case PeerAlert:
		if f.Alert != nil {
			return "the phone ended the connection with alert " + f.Alert.String()
		}
		return "the phone ended the connection with an alert"
	case Refused:
		return f.where("connection refused")
	case Unreachable:
		return f.where("host unreachable")
	case TimedOut:
		return f.where("timed out")
	case Reset:
		return f.where("connection reset")
	case CutShort:
		return f.where("connection cut short")
	case NotLocal:
		return fmt.Sprintf("%s is not on the local network%s", orUnknown(f.Host), list(f.Names))
	case NameNotFound:
		return fmt.Sprintf("the name %s was not found", orUnknown(f.Host))
	case Canceled:
		return "canceled"
	}
	return f.where("connection failed")
}

func (f *Failure) whose() string {
	s := "the certificate"
	switch f.Whose {
	case Server:
		s = "the server certificate"
	case Client:
		s = "the client certificate"
	case CA:
		s = "the CA certificate"
	}
	if f.Cert != nil && f.Cert.Subject.CommonName != "" {
		s += fmt.Sprintf(" (%.60s)", f.Cert.Subject.CommonName)
	}
	return s
}

func (f *Failure) where(s string) string {
	if f.Addr != "" {
		return s + " (" + f.Addr + ")"
	}
	return s
}

func onDate(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return " (" + t.UTC().Format(time.RFC3339) + ")"
}

func list(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return " (" + strings.Join(names, ", ") + ")"
}

func orUnknown(s string) string {
	if s == "" {
		return "the host"
	}
	return s
}

func orNothing(names []string) string {
	if len(names) == 0 {
		return " no name at all"
	}
	return " " + strings.Join(names, ", ")
}

// failureJSON is the public face of a Failure: everything but the certificate
// itself.
type failureJSON struct {
	Kind      Kind            `json:"kind"`
	Code      string          `json:"code"`
	Whose     Whose           `json:"whose,omitempty"`
	Subject   string          `json:"subject,omitempty"`
	NotBefore time.Time       `json:"notBefore,omitzero"`
	NotAfter  time.Time       `json:"notAfter,omitzero"`
	Names     []string        `json:"names,omitempty"`
	Want      pki.Fingerprint `json:"want,omitzero"`
	Got       pki.Fingerprint `json:"got,omitzero"`
	Host      string          `json:"host,omitempty"`
	Addr      string          `json:"addr,omitempty"`
	At        time.Time       `json:"at,omitzero"`
	Alert     *Alert          `json:"alert,omitempty"`
	Version   string          `json:"version,omitempty"`
	Remote    bool            `json:"remote,omitempty"`
	Inferred  bool            `json:"inferred,omitempty"`
	Message   string          `json:"message"`
}

// MarshalJSON writes the failure with its code and its message.
func (f *Failure) MarshalJSON() ([]byte, error) {
	j := failureJSON{
		Kind: f.Kind, Code: f.Code(), Whose: f.Whose, Names: f.Names,
		Want: f.Want, Got: f.Got, Host: f.Host, Addr: f.Addr, At: f.At,
		Alert: f.Alert, Remote: f.Remote, Inferred: f.Inferred, Message: f.Error(),
	}
	if f.Cert != nil {
		j.Subject = f.Cert.Subject.CommonName
		j.NotBefore, j.NotAfter = f.Cert.NotBefore.UTC(), f.Cert.NotAfter.UTC()
	}
	if f.Version != 0 {
		j.Version = tls.VersionName(f.Version)
	}
	return json.Marshal(j)
}
