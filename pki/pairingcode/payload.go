package pairingcode

import (
	"log/slog"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"healthsync/pki"
)

// MaxPayload is the largest text taken for a pairing payload, in bytes. A
// payload of version 2 has about 350; a QR code holds 2,953 at most
// (ISO/IEC 18004, version 40-L).
const MaxPayload = 4 << 10

// Bounds of a pairing code. The shipping app makes 8 characters of
// [A-Za-z2-9] (PairingService.generateSecureCode); a later one may make others.
const (
	minCode = 4
	maxCode = 64
)

// Payload is what the iPhone's QR code says: where it is, who it is, and the
// code that proves that its owner wants this pairing.
type Payload struct {
	Version int // protocol version, 1 or 2
	// Host is an IP address, with a zone where it is link-local, or a host name,
	// without brackets. It is not checked to be local.
	Host string
	Port int // 1-65535
	// Code is the one-time pairing code: a secret, which json.Marshal leaves out;
	// see [Payload.JSON].
	Code      string          `json:"-"`
	ExpiresAt time.Time       // end of the code's life by the iPhone's clock; whole seconds, UTC
	Leaf      pki.Fingerprint // SHA-256 of the server certificate's DER
	CA        pki.Fingerprint // SHA-256 of the CA certificate's DER; zero in version 1
}

// JSON names of the fields, as the app's PairingQRCode spells them.
const (
	fieldVersion = "version"
	fieldHost    = "host"
	fieldPort    = "port"
	fieldCode    = "code"
	fieldExpires = "expiresAt"
	fieldLeaf    = "certificateFingerprint"
	fieldCA      = "caFingerprint"
)

var fieldNames = [...]string{fieldVersion, fieldHost, fieldPort, fieldCode, fieldExpires, fieldLeaf, fieldCA}

// Validate says as a [*PayloadError] which field cannot be right, or nil. A
// zero ExpiresAt is accepted: a payload typed in by flags has none.
func (p Payload) Validate() error {
	if p.Version != 1 && p.Version != 2 {
		return &PayloadError{fieldVersion, "is not 1 or 2"}
	}
	if reason := badHost(p.Host); reason != "" {
		return &PayloadError{fieldHost, reason}
	}
	if p.Port < 1 || p.Port > 65535 {
		return &PayloadError{fieldPort, "is not a port (1-65535)"}
	}
	if reason := badCode(p.Code); reason != "" {
		return &PayloadError{fieldCode, reason}
	}
	if p.Leaf.IsZero() {
		return &PayloadError{fieldLeaf, "is empty"}
	}
	if p.Version == 2 && p.CA.IsZero() {
		return &PayloadError{fieldCA, "is empty"}
	}
	return nil
}

// Expired reports whether the code's life is over at now. It compares the
// iPhone's clock with the caller's: where the two disagree, the iPhone's answer
// to the pairing request decides, not this. False when ExpiresAt is not known.
func (p Payload) Expired(now time.Time) bool {
	return !p.ExpiresAt.IsZero() && !now.Before(p.ExpiresAt)
}

// String describes the payload without its code, so that one printed by
// accident does not show it.
func (p Payload) String() string {
	return "pairing payload version " + strconv.Itoa(p.Version) + " for " + p.Host + " port " + strconv.Itoa(p.Port)
}

// GoString keeps the code out of %#v too.
func (p Payload) GoString() string { return "pairingcode.Payload{" + p.String() + "}" }

// LogValue gives the log everything but the code.
func (p Payload) LogValue() slog.Value {
	attrs := []slog.Attr{
		slog.Int(fieldVersion, p.Version), slog.String(fieldHost, p.Host), slog.Int(fieldPort, p.Port),
		slog.Time(fieldExpires, p.ExpiresAt), slog.Any(fieldLeaf, p.Leaf),
	}
	if !p.CA.IsZero() {
		attrs = append(attrs, slog.Any(fieldCA, p.CA))
	}
	return slog.GroupValue(attrs...)
}

// JSON is the text that the iPhone shows as a QR code and copies to the
// clipboard. It holds the code. The fields come in the order of the app's
// declaration; the app itself has no fixed one.
func (p Payload) JSON() []byte { return join(p.fields()) }

func (p Payload) fields() []string {
	f := []string{
		`"version":` + quote(strconv.Itoa(p.Version)), // a string in Swift's struct
		`"host":` + quote(p.Host),
		`"port":` + strconv.Itoa(p.Port),
		`"code":` + quote(p.Code),
		`"expiresAt":` + quote(p.ExpiresAt.UTC().Format(dateLayout)),
		`"certificateFingerprint":` + quote(p.Leaf.Hex()),
	}
	if p.Version >= 2 {
		f = append(f, `"caFingerprint":`+quote(p.CA.Hex()))
	}
	return f
}

// dateLayout is what Swift's .iso8601 strategy writes: whole seconds, Z.
const dateLayout = "2006-01-02T15:04:05Z"

func join(fields []string) []byte { return []byte("{" + strings.Join(fields, ",") + "}") }

// quote writes a JSON string as Swift's JSONEncoder does, which escapes the slash.
func quote(s string) string {
	b, err := jsontext.AppendQuote(nil, s)
	if err != nil { // invalid UTF-8: replaced and reported by AppendQuote
		b, _ = jsontext.AppendQuote(nil, strings.ToValidUTF8(s, "�"))
	}
	return strings.ReplaceAll(string(b), "/", `\/`)
}

func badHost(host string) string {
	switch {
	case host == "":
		return "is empty"
	case len(host) > 253+16: // RFC 1035 section 2.3.4, and room for an IPv6 zone
		return "is too long"
	}
	if strings.ContainsAny(host, ":%") {
		addr, err := netip.ParseAddr(host)
		if err != nil || addr.Zone() != "" && !plain(addr.Zone(), "-_.") {
			return "is not a host name or an IP address"
		}
		return ""
	}
	if !plain(host, "-_.") || strings.HasPrefix(host, ".") || strings.Contains(host, "..") {
		return "is not a host name or an IP address"
	}
	return ""
}

func badCode(code string) string {
	switch {
	case code == "":
		return "is empty"
	case len(code) < minCode:
		return "is too short"
	case len(code) > maxCode:
		return "is too long"
	case !plain(code, "-_"):
		return "has characters that no pairing code has"
	}
	return ""
}

// plain reports whether s has only ASCII letters, digits and the extra ones.
func plain(s, extra string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !(c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || strings.IndexByte(extra, c) >= 0) {
			return false
		}
	}
	return true
}
