package qr

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
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
	"time"

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
		got, err := FindPayload(context.Background(), bytes.NewReader(data), now, Options{})
		if err != nil || !got.Equal(want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// A picture cut anywhere is an error of ours, at once, and most often says so.
func TestTruncated(t *testing.T) {
	for name, data := range pictureFiles(t) {
		short := 0
		const cuts = 40
		for i := range cuts {
			n := len(data) * i / cuts
			_, err := Decode(context.Background(), bytes.NewReader(data[:n]), Options{Budget: time.Second})
			var truncated *TruncatedError
			var damaged *DamagedError
			var unknown *FormatError
			var found *NotFoundError
			switch {
			case errors.As(err, &truncated):
				short++
			case err == nil, errors.As(err, &damaged), errors.As(err, &unknown) && n < 16, errors.As(err, &found):
				// Nothing to hold against it: some decoders give what there is.
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
		_, err := Decode(context.Background(), strings.NewReader(c.data), Options{})
		var f *FormatError
		if !errors.As(err, &f) || f.Format != c.format || !errors.Is(err, ErrFormatUnsupported) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	var truncated *TruncatedError
	if _, err := Decode(context.Background(), strings.NewReader(""), Options{}); !errors.As(err, &truncated) {
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
	got, err := FindPayload(context.Background(), strings.NewReader(heic), now, Options{Convert: convert})
	if err != nil || !got.Equal(p) {
		t.Errorf("%v, %v", got, err)
	}
	refuse := func(context.Context, string, []byte) (image.Image, error) { return nil, &FormatError{Format: "HEIC"} }
	if _, err := Decode(context.Background(), strings.NewReader(heic), Options{Convert: refuse}); !errors.Is(err, ErrFormatUnsupported) {
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
		want string // type of the error
	}{
		{"PNG of 30000 x 30000", pngHeader(30000, 30000, 8, 6), "*qr.TooLargeError"},
		{"PNG of 2^31", pngHeader(1<<31-1, 1<<31-1, 1, 0), "*qr.DamagedError"}, // image/png: dimension overflow
		{"PNG of 70000 x 10", pngHeader(70000, 10, 8, 0), "*qr.TooLargeError"},
		{"PNG of 16 bits, 7900 x 7900", pngHeader(7900, 7900, 16, 6), "*qr.TooLargeError"},
		{"PNG of 7000 x 7000 in 60 bytes", pngHeader(7000, 7000, 8, 6), "*qr.TruncatedError"},
		{"GIF of 65535 x 65535", []byte(gifHeader), "*qr.TooLargeError"},
		{"BMP of 60000 x 60000", bmpHeader(60000, 60000), "*qr.TooLargeError"},
		{"BMP of 5000 x 5000 in 54 bytes", bmpHeader(5000, 5000), "*qr.TruncatedError"},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Decode(context.Background(), bytes.NewReader(c.data), Options{})
		runtime.ReadMemStats(&after)
		if got := fmt.Sprintf("%T", err); got != c.want {
			t.Errorf("%s: %s (%v), want %s", c.name, got, err, c.want)
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
	var large *TooLargeError
	e := &endless{}
	if _, err := Decode(context.Background(), e, Options{MaxBytes: 1 << 20}); !errors.As(err, &large) {
		t.Errorf("a stream without end: %v", err)
	} else if e.n > 4<<20 {
		t.Errorf("read %d bytes", e.n)
	}
	// A file of 50 MB tells its size; not a byte of it is read.
	f, err := os.Create(t.TempDir() + "/large.png")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if err := f.Truncate(50 << 20); err != nil {
		t.Fatal(err)
	}
	large = nil
	if _, err := Decode(context.Background(), f, Options{}); !errors.As(err, &large) || large.Bytes != 50<<20 || large.Limit != DefaultMaxBytes {
		t.Errorf("a file of 50 MB: %v", err)
	}
	if at, _ := f.Seek(0, io.SeekCurrent); at != 0 {
		t.Errorf("read up to %d", at)
	}
	if _, err := FindPayloadImage(context.Background(), image.NewUniform(color.White), now, Options{}); !errors.As(err, &large) {
		t.Errorf("an image without bounds: %v", err)
	}
	var damaged *DamagedError
	if _, err := DecodeImage(context.Background(), image.NewGray(image.Rectangle{}), Options{}); !errors.As(err, &damaged) {
		t.Errorf("an empty image: %v", err)
	}
}

// EXIF 2.32, 4.6.5.1.5: which side of the visual image the stored row 0 and
// column 0 are.
func TestUpright(t *testing.T) {
	stored := &gray{3, 2, []byte("abcdef")}
	for orientation, want := range []string{1: "abc/def", 2: "cba/fed", 3: "fed/cba", 4: "def/abc", 5: "ad/be/cf", 6: "da/eb/fc", 7: "fc/eb/da", 8: "cf/be/ad"} {
		if orientation == 0 {
			continue
		}
		g := stored.upright(orientation)
		var rows []string
		for y := range g.h {
			rows = append(rows, string(g.pix[y*g.w:(y+1)*g.w]))
		}
		if got := strings.Join(rows, "/"); got != want {
			t.Errorf("orientation %d: %s, want %s", orientation, got, want)
		}
	}
}

// withOrientation puts an EXIF segment behind a JPEG file's first marker.
func withOrientation(file []byte, order binary.AppendByteOrder, orientation uint16) []byte {
	name := "II"
	if order.String() == binary.BigEndian.String() {
		name = "MM"
	}
	t := order.AppendUint16([]byte(name), 42)
	t = order.AppendUint32(t, 8)
	t = order.AppendUint16(t, 2)
	for _, e := range [][2]uint16{{0x010f, 1}, {0x0112, orientation}} {
		t = order.AppendUint16(t, e[0])
		t = order.AppendUint16(t, 3) // SHORT
		t = order.AppendUint32(t, 1)
		t = order.AppendUint16(order.AppendUint16(t, e[1]), 0)
	}
	segment := append([]byte("Exif\x00\x00"), order.AppendUint32(t, 0)...)
	out := append([]byte{}, file[:2]...)
	out = append(out, 0xff, 0xe0, 0, 4, 'x', 'x', 0xff, 0xe1)
	out = binary.BigEndian.AppendUint16(out, uint16(len(segment)+2))
	return append(append(out, segment...), file[2:]...)
}

func TestOrientation(t *testing.T) {
	file := pictureFiles(t)["JPEG gray"]
	if got := jpegOrientation(file); got != 1 {
		t.Errorf("without EXIF: %d", got)
	}
	want, err := ParsePayload(version2)
	if err != nil {
		t.Fatal(err)
	}
	for o := uint16(0); o <= 9; o++ {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			turned := withOrientation(file, order, o)
			expect := int(o)
			if o < 1 || o > 8 {
				expect = 1
			}
			if got := jpegOrientation(turned); got != expect {
				t.Errorf("%v %d: %d", order, o, got)
			}
			got, err := FindPayload(context.Background(), bytes.NewReader(turned), now, Options{})
			if err != nil || !got.Equal(want) {
				t.Errorf("%v %d: %v, %v", order, o, got, err)
			}
		}
	}
	for n := range 60 { // cut anywhere
		jpegOrientation(withOrientation(file, binary.BigEndian, 6)[:n])
		tiffOrientation([]byte("MM\x00\x2a\x00\x00\x00\x08\x00\x02\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06")[:min(n, 20)])
	}
}

// Where a picture is transparent the code must stand out on one ground or the other.
func TestTransparent(t *testing.T) {
	p := samplePayload(1, seeded(9))
	m := mustEncode(p.JSON())
	for name, ink := range map[string]color.NRGBA{"black on nothing": {A: 255}, "white on nothing": {255, 255, 255, 255}, "half black": {A: 128}} {
		side := (m.Size + 8) * 4
		img := image.NewNRGBA(image.Rect(0, 0, side, side))
		for y := range side {
			for x := range side {
				if m.Dark(x/4-4, y/4-4) {
					img.SetNRGBA(x, y, ink)
				}
			}
		}
		got, err := FindPayloadImage(context.Background(), img, now, Options{})
		if err != nil || !got.Equal(p) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// Every kind of image that Go has gives the same luminance.
func TestToGray(t *testing.T) {
	r := image.Rect(3, 5, 10, 9) // not at the origin
	fill := func(img interface {
		image.Image
		Set(x, y int, c color.Color)
	}) image.Image {
		for y := r.Min.Y; y < r.Max.Y; y++ {
			for x := r.Min.X; x < r.Max.X; x++ {
				img.Set(x, y, color.Gray{Y: byte(16*x + y)})
			}
		}
		return img
	}
	palette := color.Palette{}
	for i := range 256 {
		palette = append(palette, color.Gray{Y: byte(i)})
	}
	ycbcr := image.NewYCbCr(r, image.YCbCrSubsampleRatio420)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			ycbcr.Y[ycbcr.YOffset(x, y)] = byte(16*x + y)
		}
	}
	for _, img := range []image.Image{
		fill(image.NewGray(r)), fill(image.NewGray16(r)), fill(image.NewRGBA(r)), fill(image.NewNRGBA(r)),
		fill(image.NewRGBA64(r)), fill(image.NewNRGBA64(r)), fill(image.NewPaletted(r, palette)), fill(image.NewCMYK(r)), ycbcr,
	} {
		g, transparent := toGray(img, 255)
		if g.w != 7 || g.h != 4 || transparent {
			t.Errorf("%T: %d x %d, transparent %v", img, g.w, g.h, transparent)
			continue
		}
		for i, v := range g.pix {
			if want := byte(16*(i%7+3) + i/7 + 5); v != want {
				t.Errorf("%T: pixel %d is %d, want %d", img, i, v, want)
				break
			}
		}
	}
}
