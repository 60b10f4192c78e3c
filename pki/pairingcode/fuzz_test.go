package pairingcode

import (
	"bytes"
	"context"
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
		if err != nil || again != p {
			t.Fatalf("%q reads as %v, %v", p.JSON(), again, err)
		}
		if _, err := Encode(p.JSON()); err != nil {
			t.Fatalf("no code for an accepted payload: %v", err)
		}
	})
}

// FuzzDecode feeds any bytes to the sniffing, the header rules, the decoders and
// the search.
func FuzzDecode(f *testing.F) {
	for _, data := range pictureFiles(f) {
		f.Add(data)
		f.Add(data[:len(data)/2])
	}
	f.Add(pngHeader(30000, 30000, 8, 6))
	f.Add([]byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := FindPayload(ctx, bytes.NewReader(data), now, nil)
		if time.Since(start) > 20*time.Second {
			t.Fatalf("took %v", time.Since(start))
		}
		if err == nil {
			return
		}
		var broken *PayloadError
		var foreign *NotHealthSyncError
		var unknown *FormatError
		var none *NotFoundError
		if !errors.Is(err, context.DeadlineExceeded) && !errors.As(err, &broken) && !errors.As(err, &foreign) &&
			!errors.As(err, &unknown) && problem(err) == 0 && !errors.As(err, &none) {
			t.Fatalf("%T %v", err, err)
		}
	})
}
