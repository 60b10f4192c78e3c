package trust

import "testing"

// BenchmarkDial is the price of a connection of its own for each request: both
// ends of the handshake run here.
func BenchmarkDial(b *testing.B) {
	p := newPhone(b)
	host, port := serveTLS(b, p.mutualConf(), nil)
	d := &Dialer{Trust: p.mutual(p.client)}
	for b.Loop() {
		if _, err := dialOnce(b, d, host, port); err != nil {
			b.Fatal(err)
		}
	}
}
