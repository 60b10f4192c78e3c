package trust

import (
	"bytes"
	"crypto/tls"
	"testing"
)

func TestRecordsInPieces(t *testing.T) {
	stream := append(bytes.Clone(serverHello12), 21, 3, 3, 0, 2, 2, 70, 23, 3, 3, 0, 1, 9)
	for size := 1; size <= len(stream); size++ {
		var r records
		for at := 0; at < len(stream); at += size {
			r.feed(stream[at:min(at+size, len(stream))])
		}
		if r.version != tls.VersionTLS12 || r.alert == nil || r.alert.Code != 70 || r.hello.IsZero() || r.notTLS {
			t.Fatalf("in pieces of %d: %+v", size, r)
		}
	}
}

func TestEncryptedAlertIsNotRead(t *testing.T) {
	var r records
	r.feed(append([]byte{21, 3, 3, 0, 26}, make([]byte, 26)...)) // TLS 1.2, encrypted
	if r.alert != nil {
		t.Errorf("got %v", r.alert)
	}
}

func TestServerVersion(t *testing.T) {
	hello := serverHello12[5:]
	if v := serverVersion(hello); v != tls.VersionTLS12 {
		t.Errorf("got %x", v)
	}
	// What TLS 1.3 adds: the extensions, with supported_versions among them.
	with13 := append(bytes.Clone(hello), 0, 12, 0, 51, 0, 2, 0, 29, 0, 43, 0, 2, 3, 4)
	if v := serverVersion(with13); v != tls.VersionTLS13 {
		t.Errorf("got %x", v)
	}
	for n := range with13 { // cut anywhere
		_ = serverVersion(with13[:n])
	}
	if v := serverVersion([]byte{1, 0, 0, 0}); v != 0 {
		t.Errorf("a ClientHello has version %x", v)
	}
}

// Whatever a peer sends before the handshake is done: no crash, and no more
// memory than one record.
func FuzzRecords(f *testing.F) {
	f.Add(serverHello12, 3)
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"), 100)
	f.Add([]byte{21, 3, 3, 0, 2, 2, 40}, 1)
	f.Add([]byte{22, 3, 3, 0xff, 0xff, 2}, 1)
	f.Fuzz(func(t *testing.T, stream []byte, size int) {
		if size < 1 {
			size = 1
		}
		var r records
		for at := 0; at < len(stream); at += size {
			r.feed(stream[at:min(at+size, len(stream))])
			if len(r.body) > maxRecord {
				t.Fatalf("%d bytes kept", len(r.body))
			}
		}
	})
}
