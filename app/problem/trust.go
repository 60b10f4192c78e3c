package problem

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"healthsync/app/words"
	"healthsync/pki/trust"
)

// codes gives the condition of each kind of failure.
var codes = map[trust.Kind]Code{
	trust.Unknown: Internal,

	trust.Expired: CertHasExpired, trust.NotYetValid: CertNotYetValid,
	trust.BrokenChain: CertSignatureInvalid, trust.OtherCA: CertSignatureInvalid, trust.Malformed: CertSignatureInvalid,
	trust.SelfSigned: SelfSigned, trust.WrongUsage: CertWrongUsage, trust.NameMismatch: CertNameInvalid,
	trust.FingerprintMismatch: CertFingerprintMismatch, trust.CAMismatch: CAMismatch,

	trust.NoClientCert: NoClientCertificate, trust.BadClientCert: CertRejected, trust.Revoked: CertRevoked,
	trust.KeyUnavailable: NoClientCertificate,

	trust.TLSVersion: UnsupportedProtocol, trust.HandshakeTimeout: TimedOut, trust.NotTLS: NotTLS,
	trust.PeerAlert: NotTLS,

	trust.Refused: ConnRefused, trust.Unreachable: HostUnreachable, trust.TimedOut: TimedOut,
	trust.Reset: ConnReset, trust.CutShort: ConnReset,
	trust.NotLocal: HostNotLocal, trust.NameNotFound: PhoneNotFound, trust.Canceled: Interrupted,
}

// trustError explains a failed connection or a certificate that was not accepted.
func trustError(err error, now time.Time) *Error {
	var f *trust.Failure
	if !errors.As(err, &f) {
		return nil
	}
	switch f.Kind {
	case trust.NotLocal:
		return hostNotLocal(f, err)
	case trust.KeyUnavailable:
		// The key is in the vault: what the vault says is the cause.
		if e := vaultError(f.Err, now); e != nil {
			return e
		}
	}
	e := New(codes[f.Kind], connectionDetail(f, now), err)
	switch f.Kind {
	case trust.HandshakeTimeout:
		e.Sentence, e.Note = "TLS handshake timed out", "during TLS negotiation"
	case trust.OtherCA:
		e.Remedy = Remedy{
			Text:    "reset this computer's side and pair again",
			Command: "healthsync keychain clear && healthsync scan", Action: "pair",
		}
	case trust.CutShort:
		e.Sentence = "The connection ended before there was an answer"
	case trust.NameNotFound:
		e.Detail = fmt.Sprintf("The name %s is not known on this network.", f.Host)
	case trust.PeerAlert:
		e.Sentence = "The other end broke off the TLS connection"
	}
	return e
}

// Certificate names the certificate of a party at the start of a sentence.
func Certificate(of trust.Whose) string {
	switch of {
	case trust.Server:
		return "The iPhone's certificate"
	case trust.Client:
		return "This computer's certificate"
	case trust.CA:
		return "The CA certificate"
	}
	return "The certificate"
}

// connectionDetail says which certificate failed, its dates or its names.
func connectionDetail(f *trust.Failure, now time.Time) string {
	whose := Certificate(f.Whose)
	switch f.Kind {
	case trust.Expired, trust.NotYetValid:
		return dateDetail(f, now)
	case trust.NameMismatch:
		names := "no name at all"
		if len(f.Names) > 0 {
			names = strings.Join(f.Names, ", ")
		}
		return fmt.Sprintf("%s is for %s, not for %s.", whose, names, f.Host)
	case trust.OtherCA:
		return whose + " comes from the CA of another pairing."
	case trust.BrokenChain, trust.Malformed:
		if f.Whose == trust.CA {
			return "The CA certificate of this pairing is missing from the keychain, or unusable."
		}
		return whose + " does not lead to the CA of this pairing."
	case trust.SelfSigned:
		return whose + " is signed by itself, not by the CA of this pairing."
	case trust.FingerprintMismatch:
		return fmt.Sprintf("Expected %s, got %s. Nothing was sent to it.", f.Want.Short(), f.Got.Short())
	case trust.CAMismatch:
		return fmt.Sprintf("Expected the CA %s, got %s. Nothing was sent to it.", f.Want.Short(), f.Got.Short())
	case trust.NoClientCert:
		if f.Remote {
			return "The iPhone asks for this computer's certificate and got none."
		}
		return "This computer has no certificate to show."
	case trust.BadClientCert:
		return "It does not say why; it was probably paired anew or its app reinstalled."
	case trust.Revoked:
		return "The iPhone has revoked this computer's certificate, as happens when it is unpaired there."
	case trust.TLSVersion:
		return "At " + f.Addr + "."
	case trust.PeerAlert:
		if f.Alert != 0 {
			return fmt.Sprintf("It sent the alert %s.", f.Alert)
		}
	case trust.Unknown:
		return words.Capital(lastLine(f)) + "."
	}
	if f.Addr != "" {
		return "At " + f.Addr + "."
	}
	return ""
}

// dateDetail says when a certificate starts or ends. Where the iPhone refused it,
// only the iPhone's clock is known to be past that.
func dateDetail(f *trust.Failure, now time.Time) string {
	whose := Certificate(f.Whose)
	switch {
	case f.Kind == trust.Expired && f.Cert == nil:
		return whose + " has expired by the iPhone's clock."
	case f.Kind == trust.Expired && f.Remote && f.Cert.NotAfter.After(now):
		return fmt.Sprintf("%s has expired by the iPhone's clock; by this computer's it is valid until %s.",
			whose, words.Day(f.Cert.NotAfter))
	case f.Kind == trust.Expired:
		return fmt.Sprintf("%s expired on %s (%s ago).",
			whose, words.Day(f.Cert.NotAfter), words.Span(now.Sub(f.Cert.NotAfter)))
	case f.Cert == nil:
		return whose + " is not yet valid by the iPhone's clock."
	}
	return fmt.Sprintf("%s is valid from %s (in %s by this computer's clock).",
		whose, words.Day(f.Cert.NotBefore), words.Span(f.Cert.NotBefore.Sub(now)))
}
