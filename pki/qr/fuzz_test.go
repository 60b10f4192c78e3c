package qr

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"
)

func FuzzParsePayload(f *testing.F) {
	for _, s := range []string{
		version1, version2, "", "{}", "[]", "null", `{"version":"1"}`, version2[:100], version1 + version1,
		strings.ReplaceAll(version1, `"`, "\u201c"), "\ufeff\u00a0" + version2, strings.ReplaceAll(version2, ",", ",\r\n\t"),
		strings.Replace(version2, `{`, `{"a":[[[[{"b":1e999}]]]],`, 1), strings.Replace(version1, "2026", "9999", 1),
		strings.Replace(version1, "192.168.1.23", "[fe80::1%25en0]", 1), strings.Replace(version1, "AbCd2345", "\xff\xfe", 1),
		"https://example.org", "WIFI:T:WPA;S:a;P:b;;",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := ParsePayload(text)
		if err != nil {
			var pe *PayloadError
			var foreign *NotHealthSyncError
			if !errors.As(err, &pe) && !errors.As(err, &foreign) {
				t.Fatalf("%T %v", err, err)
			}
			if p != (Payload{}) {
				t.Fatalf("a payload beside the error %v", err)
			}
			return
		}
		if err := p.Validate(); err != nil {
			t.Fatalf("accepted, but %v", err)
		}
		again, err := ParsePayload(p.JSON())
		if err != nil || !again.Equal(p) {
			t.Fatalf("%q reads as %v, %v", p.JSON(), again, err)
		}
		if _, err := Encode(p.JSON()); err != nil {
			t.Fatalf("no code for an accepted payload: %v", err)
		}
	})
}

// FuzzDecode feeds any bytes to the sniffing, the header rules, the decoders and
// the search, with bounds so small that a round is fast.
func FuzzDecode(f *testing.F) {
	for _, data := range pictureFiles(f) {
		f.Add(data)
		f.Add(data[:len(data)/2])
	}
	f.Add(withOrientation(pictureFiles(f)["JPEG gray"], binary.BigEndian, 6))
	f.Add(pngHeader(30000, 30000, 8, 6))
	f.Add([]byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		start := time.Now()
		codes, err := Decode(context.Background(), bytes.NewReader(data), Options{MaxBytes: 1 << 20, MaxPixels: 1 << 18, Budget: 50 * time.Millisecond})
		if time.Since(start) > 20*time.Second {
			t.Fatalf("took %v", time.Since(start))
		}
		if err == nil {
			if len(codes) == 0 {
				t.Fatal("neither codes nor an error")
			}
			return
		}
		var unknown *FormatError
		var large *TooLargeError
		var truncated *TruncatedError
		var damaged *DamagedError
		var none *NotFoundError
		if !errors.As(err, &unknown) && !errors.As(err, &large) && !errors.As(err, &truncated) && !errors.As(err, &damaged) && !errors.As(err, &none) {
			t.Fatalf("%T %v", err, err)
		}
	})
}

// FuzzGrid feeds any modules to error correction and text: what a picture of
// something else looks like to it.
func FuzzGrid(f *testing.F) {
	m := mustEncode([]byte(version2))
	bits := make([]byte, 0, m.Size*m.Size)
	for y := range m.Size {
		for x := range m.Size {
			v := byte(255)
			if m.Dark(x, y) {
				v = 0
			}
			bits = append(bits, v)
		}
	}
	f.Add(uint8((m.Size-17)/4), bits)
	f.Add(uint8(1), []byte("anything"))
	f.Fuzz(func(t *testing.T, version uint8, cells []byte) {
		dim := 17 + 4*(1+int(version)%40)
		g := &modules{dim, make([]float64, dim*dim)}
		for i := range g.v {
			if i < len(cells) {
				g.v[i] = float64(cells[i])
			}
		}
		decodeBits(g.local(4))
		decodeBits(g.middle(3))
		decodeBits(g.sharpened(0.3).local(5))
	})
}
