package trust

import (
	"encoding/binary"
	"net"
	"sync/atomic"
	"time"
)

// wire watches a connection during its handshake, for what crypto/tls does not
// tell: when the hellos went, which version the server chose, and alerts in the
// clear. After the handshake it only passes bytes on.
type wire struct {
	net.Conn
	done atomic.Bool
	in   records
	out  records
}

func (w *wire) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	if n > 0 && !w.done.Load() {
		w.in.feed(b[:n])
	}
	return n, err
}

func (w *wire) Write(b []byte) (int, error) {
	if !w.done.Load() {
		w.out.feed(b)
	}
	return w.Conn.Write(b)
}

// records follows the TLS records of one direction (RFC 8446 section 5.1: one
// byte of type, two of version, two of length).
type records struct {
	first   time.Time // when the first byte passed
	hello   time.Time // when the first handshake record was whole
	version uint16    // of a ServerHello
	alert   *Alert    // in the clear
	header  []byte
	body    []byte
	left    int
	notTLS  bool
}

const (
	recordAlert     = 21
	recordHandshake = 22
	messageServer   = 2
	extVersions     = 43
	maxRecord       = 1<<14 + 256 // RFC 8446 section 5.2
)

func (r *records) feed(b []byte) {
	if r.first.IsZero() {
		r.first = time.Now()
	}
	for len(b) > 0 && !r.notTLS {
		if len(r.header) < 5 {
			n := min(5-len(r.header), len(b))
			r.header, b = append(r.header, b[:n]...), b[n:]
			if len(r.header) == 5 {
				r.left = int(binary.BigEndian.Uint16(r.header[3:]))
				r.notTLS = r.header[0] < 20 || r.header[0] > 23 || r.header[1] != 3 || r.left > maxRecord
			}
			continue
		}
		n := min(r.left, len(b))
		if r.header[0] == recordAlert || r.header[0] == recordHandshake && r.hello.IsZero() {
			r.body = append(r.body, b[:n]...)
		}
		b = b[n:]
		if r.left -= n; r.left == 0 {
			r.record()
			r.header, r.body = r.header[:0], r.body[:0]
		}
	}
}

func (r *records) record() {
	switch {
	case r.header[0] == recordAlert && len(r.body) == 2: // an encrypted one is longer
		r.alert = newAlert(r.body[1])
	case r.header[0] == recordHandshake && r.hello.IsZero():
		r.hello = time.Now()
		r.version = serverVersion(r.body)
	}
}

// serverVersion reads the version out of a ServerHello (RFC 8446 section
// 4.1.3), 0 from anything else. TLS 1.3 stands in an extension, older versions
// in the fixed field.
func serverVersion(msg []byte) uint16 {
	const fixed = 4 + 2 + 32 // message header, version, random
	if len(msg) < fixed+1 || msg[0] != messageServer {
		return 0
	}
	version := binary.BigEndian.Uint16(msg[4:])
	rest := msg[fixed:]
	skip := 1 + int(rest[0]) + 2 + 1 // session, cipher suite, compression
	if len(rest) < skip+2 {
		return version
	}
	rest = rest[skip+2:]
	for len(rest) >= 4 {
		kind, size := binary.BigEndian.Uint16(rest), int(binary.BigEndian.Uint16(rest[2:]))
		if len(rest) < 4+size {
			break
		}
		if kind == extVersions && size == 2 {
			return binary.BigEndian.Uint16(rest[4:])
		}
		rest = rest[4+size:]
	}
	return version
}
