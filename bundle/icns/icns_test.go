package icns_test

import (
	"bytes"
	"encoding/binary"
	"image"
	"sync"
	"testing"

	other "github.com/jackmordaunt/icns/v3"

	"healthsync/bundle/icns"
	"healthsync/bundle/icon"
)

var drawn sync.Map

// drawIcon draws each size once.
func drawIcon(pixels int) image.Image {
	m, ok := drawn.Load(pixels)
	if !ok {
		m, _ = drawn.LoadOrStore(pixels, icon.Draw(pixels))
	}
	return m.(image.Image)
}

var encoded = sync.OnceValue(func() []byte {
	var b bytes.Buffer
	if err := icns.Encode(&b, drawIcon); err != nil {
		panic(err)
	}
	return b.Bytes()
})

func TestRoundTrip(t *testing.T) {
	got, err := icns.Decode(encoded())
	if err != nil {
		t.Fatal(err)
	}
	for name, pixels := range map[string]int{"ic04": 16, "ic05": 32, "ic11": 32, "ic12": 64, "ic07": 128, "ic13": 256, "ic08": 256, "ic14": 512, "ic09": 512, "ic10": 1024} {
		same(t, name, got[name], drawIcon(pixels))
	}
	// A decoder that is not ours takes the largest.
	m, err := other.Decode(bytes.NewReader(encoded()))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "another decoder", m, drawIcon(1024))
}

func same(t *testing.T, name string, got, want image.Image) {
	t.Helper()
	if got == nil || got.Bounds() != want.Bounds() {
		t.Fatalf("%s: no picture of %v", name, want.Bounds())
	}
	if a, ok := got.(*image.NRGBA); ok && bytes.Equal(a.Pix, want.(*image.NRGBA).Pix) {
		return
	}
	for y := range want.Bounds().Dy() {
		for x := range want.Bounds().Dx() {
			r, g, b, a := got.At(x, y).RGBA()
			r2, g2, b2, a2 := want.At(x, y).RGBA()
			if r != r2 || g != g2 || b != b2 || a != a2 {
				t.Fatalf("%s differs at %d,%d", name, x, y)
			}
		}
	}
}

func TestBroken(t *testing.T) {
	// Small breakages show on any pictures; empty ones are quick.
	var plain bytes.Buffer
	if err := icns.Encode(&plain, func(n int) image.Image { return image.NewNRGBA(image.Rect(0, 0, n, n)) }); err != nil {
		t.Fatal(err)
	}
	encoded := plain.Bytes
	change := func(f func([]byte) []byte) []byte { return f(bytes.Clone(encoded())) }
	for name, data := range map[string][]byte{
		"empty":            nil,
		"not an icon":      []byte("\x89PNG\r\n\x1a\n"),
		"cut":              encoded()[:len(encoded())-10],
		"wrong length":     change(func(d []byte) []byte { binary.BigEndian.PutUint32(d[4:], 9); return d }),
		"an entry too big": change(func(d []byte) []byte { d[12] = 0x7f; return d }),
		"a picture broken": change(func(d []byte) []byte { i := bytes.Index(d, []byte("IDAT")); d[i+9] ^= 0xff; return d }),
		"a size missing":   change(func(d []byte) []byte { return bytes.Replace(d, []byte("ic10"), []byte("icXX"), 1) }),
		"a wrong size": change(func(d []byte) []byte {
			d = bytes.Replace(d, []byte("ic09"), []byte("icXX"), 1)
			return bytes.Replace(d, []byte("ic10"), []byte("ic09"), 1)
		}),
		"ARGB cut": change(func(d []byte) []byte { return bytes.Replace(d, []byte("ARGB"), []byte("ARG\x00"), 1) }),
	} {
		if _, err := icns.Decode(data); err == nil {
			t.Errorf("%s: decoded", name)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("icns\x00\x00\x00\x14ic04\x00\x00\x00\x0cARGB"))
	f.Fuzz(func(_ *testing.T, data []byte) { _, _ = icns.Decode(data) })
}
