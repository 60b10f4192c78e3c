package trust

import (
	"testing"

	"healthsync/pki"
)

// BenchmarkDial is the price of a connection of its own for each request: both
// ends of the handshake run here.
func BenchmarkDial(b *testing.B) {
	p := newPhone(b)
	host, port := serveTLS(b, p.mutualConf(), nil)
	d := &Dialer{Trust: p.mutual(p.client)}
	b.Run("mutual", func(b *testing.B) {
		for b.Loop() {
			if _, err := dialOnce(b, d, host, port); err != nil {
				b.Fatal(err)
			}
		}
	})
	conf := p.mutualConf()
	conf.ClientAuth = 0
	host, port = serveTLS(b, conf, nil)
	d = &Dialer{Trust: Pinned(pki.FingerprintOf(p.server))}
	b.Run("pinned", func(b *testing.B) {
		for b.Loop() {
			if _, err := dialOnce(b, d, host, port); err != nil {
				b.Fatal(err)
			}
		}
	})
}
