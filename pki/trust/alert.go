package trust

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
)

// Alert is a TLS alert, RFC 8446 section 6.
type Alert struct {
	Code uint8  `json:"code"`
	Name string `json:"name"` // as crypto/tls words it, such as "certificate required"
}

// The alerts that mean something to us; numbers from RFC 8446 section 6.
const (
	alertHandshakeFailure       = 40
	alertBadCertificate         = 42
	alertUnsupportedCertificate = 43
	alertCertificateRevoked     = 44
	alertCertificateExpired     = 45
	alertCertificateUnknown     = 46
	alertUnknownCA              = 48
	alertAccessDenied           = 49
	alertDecodeError            = 50
	alertDecryptError           = 51
	alertProtocolVersion        = 70
	alertInsufficientSecurity   = 71
	alertInternalError          = 80
	alertUserCanceled           = 90
	alertUnrecognizedName       = 112
	alertCertificateRequired    = 116
)

func newAlert(code uint8) *Alert {
	// tls.AlertError has the same table of texts as the unexported type that
	// connections use, with a prefix in front.
	const prefix = "tls: "
	name := tls.AlertError(code).Error()
	if len(name) > len(prefix) && name[:len(prefix)] == prefix {
		name = name[len(prefix):]
	}
	return &Alert{Code: code, Name: name}
}

// String gives the number and the name, as in "116 (certificate required)".
func (a *Alert) String() string { return fmt.Sprintf("%d (%s)", a.Code, a.Name) }

// RemoteAlert finds the alert that the peer sent in an error from a TLS
// connection, however deeply wrapped, and returns nil if there is none.
//
// On TCP crypto/tls reports a received alert as a *net.OpError whose Op is
// "remote error" and whose Err is of an unexported type, so that errors.As with
// tls.AlertError never matches (Go 1.26; AlertError is for QUIC). The texts are
// the same, and are compared with the table that crypto/tls exports rather than
// with literals.
func RemoteAlert(err error) *Alert {
	for err != nil {
		var op *net.OpError
		if !errors.As(err, &op) {
			return nil
		}
		if op.Op == "remote error" && op.Err != nil {
			text := op.Err.Error()
			for code := range 256 {
				if tls.AlertError(code).Error() == text { //nolint:gosec // 0..255 fits
					return newAlert(uint8(code)) //nolint:gosec // 0..255 fits
				}
			}
		}
		err = op.Err
	}
	return nil
}
