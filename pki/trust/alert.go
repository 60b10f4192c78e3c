package trust

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
)

// Alert is the number of a TLS alert, RFC 8446 section 6. 0 (close_notify) is no
// failure; here it means that there was no alert.
type Alert uint8

// The alerts that mean something to us; numbers from RFC 8446 section 6.
const (
	alertHandshakeFailure       Alert = 40
	alertBadCertificate         Alert = 42
	alertUnsupportedCertificate Alert = 43
	alertCertificateRevoked     Alert = 44
	alertCertificateExpired     Alert = 45
	alertCertificateUnknown     Alert = 46
	alertUnknownCA              Alert = 48
	alertAccessDenied           Alert = 49
	alertDecryptError           Alert = 51
	alertProtocolVersion        Alert = 70
	alertInsufficientSecurity   Alert = 71
	alertUnrecognizedName       Alert = 112
	alertCertificateRequired    Alert = 116
)

// String gives the number and the name, as in "116 (certificate required)".
func (a Alert) String() string {
	return fmt.Sprintf("%d (%s)", uint8(a), strings.TrimPrefix(tls.AlertError(a).Error(), "tls: "))
}

// remoteAlert finds the alert that the peer sent in an error from a TLS
// connection, however deeply wrapped; 0 if there is none.
//
// On TCP crypto/tls reports a received alert as a *net.OpError whose Op is
// "remote error" and whose Err is of an unexported type, so that errors.As with
// tls.AlertError never matches (Go 1.26; AlertError is for QUIC). Both have the
// same texts.
func remoteAlert(err error) Alert {
	var op *net.OpError
	for errors.As(err, &op) {
		if op.Op == "remote error" && op.Err != nil {
			for code := range 256 {
				if a := Alert(code); tls.AlertError(a).Error() == op.Err.Error() { //nolint:gosec // 0..255 fits
					return a
				}
			}
		}
		err = op.Err
	}
	return 0
}
