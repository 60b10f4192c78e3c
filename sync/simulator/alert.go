package simulator

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"net"

	"golang.org/x/crypto/chacha20poly1305"
)

// clientRefusal is why a client certificate is refused: as a TLS alert
// (RFC 8446 section 6.2) and as an answer.
type clientRefusal struct {
	alert      tls.AlertError
	status     int
	code, text string
}

var (
	clientRevoked = &clientRefusal{44, 403, "CERT_REVOKED", "The client certificate was revoked"}
	clientExpired = &clientRefusal{45, 401, "CERT_HAS_EXPIRED", "The client certificate is out of date"}
	clientForeign = &clientRefusal{48, 401, "NO_CLIENT_CERTIFICATE",
		"The client certificate was not issued by this iPhone"}
	clientMissing = &clientRefusal{116, 401, "NO_CLIENT_CERTIFICATE", "A client certificate is required"}
)

// serverSecret is the server's application traffic secret of one connection,
// taken from its key log. crypto/tls sends bad_certificate for whatever a
// callback refuses and cannot be made to send certificate_revoked, which is
// what an iPhone says. So the alert is encrypted here, with the key that
// crypto/tls would use for its next record.
type serverSecret []byte

// Write takes one line of the key log (SSLKEYLOGFILE's format).
func (s *serverSecret) Write(line []byte) (n int, err error) {
	if parts := bytes.Fields(line); len(parts) == 3 && string(parts[0]) == "SERVER_TRAFFIC_SECRET_0" {
		*s, err = hex.DecodeString(string(parts[2]))
	}
	return len(line), err
}

// send writes a fatal alert as the first record after the server's Finished.
// Nothing else may have been written, and nothing may be written after it.
func (s serverSecret) send(conn net.Conn, suite uint16, alert tls.AlertError) error {
	h, keyLen := sha256.New, 16
	switch suite {
	case tls.TLS_AES_256_GCM_SHA384:
		h, keyLen = sha512.New384, 32
	case tls.TLS_CHACHA20_POLY1305_SHA256:
		keyLen = chacha20poly1305.KeySize
	}
	key, err := expandLabel(h, s, "key", keyLen)
	if err != nil {
		return err
	}
	nonce, err := expandLabel(h, s, "iv", 12) // sequence number 0 leaves it as it is
	if err != nil {
		return err
	}
	aead, err := chacha20poly1305.New(key)
	if suite != tls.TLS_CHACHA20_POLY1305_SHA256 {
		var block cipher.Block
		if block, err = aes.NewCipher(key); err == nil {
			aead, err = cipher.NewGCM(block)
		}
	}
	if err != nil {
		return err
	}
	const fatal, alertType, applicationData = 2, 21, 23
	inner := []byte{fatal, byte(alert), alertType}
	record := []byte{applicationData, 3, 3, 0, byte(len(inner) + aead.Overhead())}
	_, err = conn.Write(aead.Seal(record, nonce, inner, record))
	return err
}

// expandLabel is HKDF-Expand-Label of RFC 8446 section 7.1 without a context.
func expandLabel(h func() hash.Hash, secret []byte, label string, n int) ([]byte, error) {
	label = "tls13 " + label
	info := binary.BigEndian.AppendUint16(nil, uint16(n))
	info = append(info, byte(len(label)))
	info = append(info, label...)
	return hkdf.Expand(h, secret, string(append(info, 0)), n)
}
