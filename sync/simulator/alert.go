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
	"errors"
	"hash"
	"net"

	"golang.org/x/crypto/chacha20poly1305"
)

// The alerts about a client's certificate (RFC 8446 section 6.2).
const (
	alertCertificateRevoked  tls.AlertError = 44
	alertCertificateExpired  tls.AlertError = 45
	alertUnknownCA           tls.AlertError = 48
	alertCertificateRequired tls.AlertError = 116
)

// serverSecret takes the server's application traffic secret from a
// connection's key log. crypto/tls sends bad_certificate for whatever a
// callback refuses, and an iPhone says certificate_revoked where that is the
// reason: so the alert is written by hand, with the key that crypto/tls would
// use for its next record.
type serverSecret struct{ secret []byte }

// Write takes one line of the key log (SSLKEYLOGFILE's format).
func (s *serverSecret) Write(line []byte) (int, error) {
	parts := bytes.Fields(line)
	if len(parts) == 3 && string(parts[0]) == "SERVER_TRAFFIC_SECRET_0" {
		secret, err := hex.DecodeString(string(parts[2]))
		if err != nil {
			return 0, err
		}
		s.secret = secret
	}
	return len(line), nil
}

// send writes a fatal alert as the first record after the server's Finished.
// Nothing else may have been written, and nothing may be written after it.
func (s *serverSecret) send(conn net.Conn, suite uint16, alert tls.AlertError) error {
	if s.secret == nil {
		return errors.New("simulator: no traffic secret")
	}
	h, keyLen := sha256.New, 16
	switch suite {
	case tls.TLS_AES_256_GCM_SHA384:
		h, keyLen = sha512.New384, 32
	case tls.TLS_CHACHA20_POLY1305_SHA256:
		keyLen = chacha20poly1305.KeySize
	}
	key, err := expandLabel(h, s.secret, "key", keyLen)
	if err != nil {
		return err
	}
	nonce, err := expandLabel(h, s.secret, "iv", 12) // sequence number 0 leaves it as it is
	if err != nil {
		return err
	}
	var aead cipher.AEAD
	if suite == tls.TLS_CHACHA20_POLY1305_SHA256 {
		aead, err = chacha20poly1305.New(key)
	} else {
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
	info = append(info, 0)
	return hkdf.Expand(h, secret, string(info), n)
}
