package icns

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// Runs and stretches of every length come back.
func TestPack(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var in []byte
		for len(in) < 1024 {
			in = append(in, bytes.Repeat([]byte{byte(rng.IntN(4))}, 1+rng.IntN(1+rng.IntN(300)))...)
		}
		out, err := unpack(pack(nil, in), len(in))
		if err != nil || !bytes.Equal(in, out) {
			t.Fatalf("%v: %v", err, in)
		}
	}
	if _, err := unpack([]byte{0x80}, 3); err == nil {
		t.Error("a run without its byte")
	}
	if _, err := unpack([]byte{0x05, 1}, 6); err == nil {
		t.Error("a stretch that is cut")
	}
}
