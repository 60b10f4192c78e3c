package trust

import (
	"crypto/x509"
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
	// Alert is the alert the peer sent, 0 if none.
	Alert Alert
	// Remote says that the peer judged, not this machine: an expired client
	// certificate may be expired by the phone's clock only.
	Remote bool
	// Inferred says that the peer gave no reason and the kind is what is left:
	// see [Report.Classify].
	Inferred bool
	// Err is the underlying error, or nil.
	Err error
}

func (f *Failure) Unwrap() error { return f.Err }

// Error says what happened in one line, with the evidence and without advice.
func (f *Failure) Error() string {
	kind := f.Kind
	if kind < 0 || int(kind) >= len(kinds) {
		kind = Unknown
	}
	s := strings.ReplaceAll(kinds[kind].text, "{cert}", f.certificate())
	if evidence := f.evidence(); evidence != "" {
		s += " (" + evidence + ")"
	}
	if f.Inferred {
		s += ", so far as can be told"
	}
	switch {
	case f.Alert != 0:
		s += fmt.Sprintf(": the peer sent alert %s", f.Alert)
	case f.Err != nil:
		s += ": " + f.Err.Error()
	}
	return s
}

// certificate names the certificate at fault.
func (f *Failure) certificate() string {
	s := "the certificate"
	switch f.Whose {
	case Server, Client:
		s = "the " + string(f.Whose) + " certificate"
	case CA:
		s = "the CA certificate"
	}
	if f.Cert != nil && f.Cert.Subject.CommonName != "" {
		s += fmt.Sprintf(" (%.60s)", f.Cert.Subject.CommonName)
	}
	return s
}

// evidence is what stands in brackets behind the sentence.
func (f *Failure) evidence() string {
	switch f.Kind {
	case Expired, NotYetValid:
		if f.Cert == nil {
			return ""
		}
		if f.Kind == Expired {
			return "until " + f.Cert.NotAfter.UTC().Format(time.RFC3339)
		}
		return "from " + f.Cert.NotBefore.UTC().Format(time.RFC3339)
	case NameMismatch:
		names := "no name at all"
		if len(f.Names) > 0 {
			names = strings.Join(f.Names, ", ")
		}
		return fmt.Sprintf("%s, not %s", names, f.Host)
	case BrokenChain, OtherCA:
		return strings.Join(f.Names, ", ")
	case FingerprintMismatch, CAMismatch:
		return fmt.Sprintf("%s, expected %s", f.Got.Short(), f.Want.Short())
	case NotLocal:
		return strings.Join(append([]string{f.Host}, f.Names...), ", ")
	case NameNotFound:
		return f.Host
	case SelfSigned, WrongUsage, Malformed, NoClientCert, BadClientCert, Revoked, KeyUnavailable, Canceled:
		return ""
	}
	return f.Addr
}
