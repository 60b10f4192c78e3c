package pairingcode

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
)

// pictureFiles is the payload of version2 as a file of each format that is read.
func pictureFiles(t testing.TB) map[string][]byte {
	t.Helper()
	p, err := ParsePayload(version2)
	if err != nil {
		t.Fatal(err)
	}
	m := mustEncode(p.JSON())
	paletted := m.Image(3)
	c := newCanvas(paletted.Bounds().Dx(), paletted.Bounds().Dy(), 255)
	c.code(m, 0, 0, 3, 255, 0)
	gray := c.image()
	rgba := image.NewNRGBA(gray.Bounds())
	deep := image.NewNRGBA64(gray.Bounds())
	for y := range gray.Rect.Dy() {
		for x := range gray.Rect.Dx() {
			rgba.Set(x, y, gray.At(x, y))
			deep.Set(x, y, gray.At(x, y))
		}
	}
	files := map[string][]byte{}
	put := func(name string, encode func(io.Writer) error) {
		var b bytes.Buffer
		if err := encode(&b); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		files[name] = b.Bytes()
	}
	put("PNG paletted", func(w io.Writer) error { return png.Encode(w, paletted) })
	put("PNG gray", func(w io.Writer) error { return png.Encode(w, gray) })
	put("PNG colour", func(w io.Writer) error { return png.Encode(w, rgba) })
	put("PNG 16 bit", func(w io.Writer) error { return png.Encode(w, deep) })
	put("JPEG gray", func(w io.Writer) error { return jpeg.Encode(w, gray, nil) })
	put("JPEG colour", func(w io.Writer) error { return jpeg.Encode(w, rgba, &jpeg.Options{Quality: 60}) })
	put("GIF", func(w io.Writer) error { return gif.Encode(w, paletted, nil) })
	put("TIFF", func(w io.Writer) error { return tiff.Encode(w, gray, nil) })
	put("TIFF deflate", func(w io.Writer) error {
		return tiff.Encode(w, rgba, &tiff.Options{Compression: tiff.Deflate, Predictor: true})
	})
	put("BMP", func(w io.Writer) error { return bmp.Encode(w, rgba) })
	for _, name := range []string{"lossless", "lossy"} { // Go has no encoder
		data, err := os.ReadFile("testdata/pairing-" + name + ".webp")
		if err != nil {
			t.Fatal(err)
		}
		files["WebP "+name] = data
	}
	return files
}

func TestFormats(t *testing.T) {
	want, err := ParsePayload(version2)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range pictureFiles(t) {
		got, err := FindPayload(t.Context(), bytes.NewReader(data), now, nil)
		if err != nil || got != want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// problem is what is wrong with a picture by the error, 0 where it is another.
func problem(err error) PictureProblem {
	var bad *PictureError
	if errors.As(err, &bad) {
		return bad.Problem
	}
	return 0
}

// A picture cut anywhere is an error of ours, at once, and most often says so.
func TestTruncated(t *testing.T) {
	for name, data := range pictureFiles(t) {
		short := 0
		const cuts = 40
		for i := range cuts {
			n := len(data) * i / cuts
			_, err := FindPayload(t.Context(), bytes.NewReader(data[:n]), now, nil)
			var unknown *FormatError
			var found *NotFoundError
			switch {
			case problem(err) == CutShort:
				short++
			case err == nil, problem(err) == Damaged, errors.As(err, &unknown) && n < 16, errors.As(err, &found):
				// Right as well: some decoders give what there is.
			default:
				t.Errorf("%s cut to %d of %d bytes: %T %v", name, n, len(data), err, err)
			}
		}
		if short < cuts*2/3 {
			t.Errorf("%s: only %d of %d cuts are called cut short", name, short, cuts)
		}
	}
}

func TestUnreadable(t *testing.T) {
	for _, c := range []struct {
		name, data, format string
	}{
		{"HEIC", "\x00\x00\x00\x18ftypheic\x00\x00\x00\x00", "HEIC"},
		{"HEIC of another brand", "\x00\x00\x00\x24ftypmif1\x00\x00\x00\x00", "HEIC"},
		{"AVIF", "\x00\x00\x00\x1cftypavif\x00\x00\x00\x00", "AVIF"},
		{"PDF", "%PDF-1.7\n", "PDF"},
		{"SVG", "<svg xmlns=", "SVG"},
		{"text", "this is no picture", ""},
		{"zeros", strings.Repeat("\x00", 100), ""},
		{"one byte", "\x89", ""},
	} {
		_, err := FindPayload(t.Context(), strings.NewReader(c.data), now, nil)
		var f *FormatError
		if !errors.As(err, &f) || f.Format != c.format {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if _, err := FindPayload(t.Context(), strings.NewReader(""), now, nil); problem(err) != CutShort {
		t.Errorf("empty: %v", err)
	}
}

func TestConvert(t *testing.T) {
	p := samplePayload(2, seeded(3))
	heic := "\x00\x00\x00\x18ftypheic\x00\x00\x00\x00"
	convert := func(_ context.Context, format string, data []byte) (image.Image, error) {
		if format != "HEIC" || string(data) != heic {
			t.Errorf("asked to convert %q %q", format, data)
		}
		return mustEncode(p.JSON()).Image(4), nil
	}
	got, err := FindPayload(t.Context(), strings.NewReader(heic), now, convert)
	if err != nil || got != p {
		t.Errorf("%v, %v", got, err)
	}
	refuse := func(context.Context, string, []byte) (image.Image, error) { return nil, &FormatError{Format: "HEIC"} }
	var unknown *FormatError
	if _, err := FindPayload(t.Context(), strings.NewReader(heic), now, refuse); !errors.As(err, &unknown) {
		t.Errorf("refused: %v", err)
	}
}

// pngHeader is a PNG file that claims a size and holds nothing.
func pngHeader(w, h uint32, depth, kind byte) []byte {
	ihdr := []byte("IHDR\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	binary.BigEndian.PutUint32(ihdr[4:], w)
	binary.BigEndian.PutUint32(ihdr[8:], h)
	ihdr[12], ihdr[13] = depth, kind
	b := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), ihdr...)
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(ihdr))
	return append(b, "\x00\x00\x00\x05IDATxxxxx"...)
}

// What would take much memory is refused by its header: the test fails by the
// memory taken, not by the time.
func TestBombs(t *testing.T) {
	gifHeader := "GIF89a\xff\xff\xff\xff\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\xff\xff\xff\xff\x00\x08"
	bmpHeader := func(w, h uint32) []byte {
		b := append([]byte("BM\x00\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00"), make([]byte, 36)...)
		binary.LittleEndian.PutUint32(b[18:], w)
		binary.LittleEndian.PutUint32(b[22:], h)
		b[26], b[28] = 1, 24
		return b
	}
	for _, c := range []struct {
		name string
		data []byte
		want PictureProblem
	}{
		{"PNG of 30000 x 30000", pngHeader(30000, 30000, 8, 6), TooLarge},
		{"PNG of 2^31", pngHeader(1<<31-1, 1<<31-1, 1, 0), Damaged}, // image/png: dimension overflow
		{"PNG of 16 bits, 7900 x 7900", pngHeader(7900, 7900, 16, 6), TooLarge},
		{"PNG of 7000 x 7000 in 60 bytes", pngHeader(7000, 7000, 8, 6), CutShort},
		{"GIF of 65535 x 65535", []byte(gifHeader), TooLarge},
		{"BMP of 60000 x 60000", bmpHeader(60000, 60000), TooLarge},
		{"BMP of 5000 x 5000 in 54 bytes", bmpHeader(5000, 5000), CutShort},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := FindPayload(t.Context(), bytes.NewReader(c.data), now, nil)
		runtime.ReadMemStats(&after)
		if got := problem(err); got != c.want {
			t.Errorf("%s: %d (%v), want %d", c.name, got, err, c.want)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
			t.Errorf("%s: allocated %d bytes", c.name, used)
		}
	}
}

// endless gives bytes for ever and counts them.
type endless struct{ n int64 }

func (e *endless) Read(p []byte) (int, error) {
	e.n += int64(len(p))
	return len(p), nil
}

func TestTooManyBytes(t *testing.T) {
	e := &endless{}
	if _, err := FindPayload(t.Context(), e, now, nil); problem(err) != TooLarge {
		t.Errorf("a stream without end: %v", err)
	} else if e.n > 4*maxBytes {
		t.Errorf("read %d bytes", e.n)
	}
}

// Where a picture is transparent the code must stand out on one ground or the other.
func TestTransparent(t *testing.T) {
	p := samplePayload(1, seeded(9))
	m := mustEncode(p.JSON())
	for name, ink := range map[string]color.NRGBA{"black on nothing": {A: 255}, "white on nothing": {255, 255, 255, 255},
		"half black": {A: 128}} {
		side := (m.Size + 8) * 4
		img := image.NewNRGBA(image.Rect(0, 0, side, side))
		for y := range side {
			for x := range side {
				if m.Dark(x/4-4, y/4-4) {
					img.SetNRGBA(x, y, ink)
				}
			}
		}
		got, err := find(t.Context(), img, now)
		if err != nil || got != p {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}
