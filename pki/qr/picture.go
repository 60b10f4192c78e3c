package qr

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"math"
	"strings"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"
)

// Bounds of a picture that is decoded at all. The largest that people have are
// 48-megapixel photographs (8064 x 6048, 10-25 MB as JPEG) and screenshots of
// 6K displays.
const (
	DefaultMaxBytes  = 40 << 20
	DefaultMaxPixels = 64_000_000
	maxSide          = 1 << 16
)

// Convert turns a picture of a format that Go does not decode (HEIC) into an
// image, by what the system offers. format is the name as in [FormatError]. It
// returns a [*FormatError] where it cannot; it must respect ctx.
type Convert func(ctx context.Context, format string, data []byte) (image.Image, error)

// format is one kind of picture file: how it begins and how it is read.
type format struct {
	name   string
	magic  []string // '?' stands for any byte
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

// formats is the list of what is recognised by its first bytes. A format
// without decode is known by name only, for the sake of the message.
func formats() []format {
	return []format{
		{"PNG", []string{"\x89PNG\r\n\x1a\n"}, png.DecodeConfig, png.Decode},
		{"JPEG", []string{"\xff\xd8"}, jpeg.DecodeConfig, jpeg.Decode},
		{"GIF", []string{"GIF87a", "GIF89a"}, gif.DecodeConfig, gif.Decode},
		{"WebP", []string{"RIFF????WEBP"}, webp.DecodeConfig, webp.Decode},
		{"TIFF", []string{"II\x2a\x00", "MM\x00\x2a"}, tiff.DecodeConfig, tiff.Decode},
		{"BMP", []string{"BM????\x00\x00\x00\x00"}, bmp.DecodeConfig, bmp.Decode},
		{name: "HEIC", magic: []string{"????ftypheic", "????ftypheix", "????ftyphevc", "????ftypheim", "????ftypheis", "????ftypmif1", "????ftypmsf1"}},
		{name: "AVIF", magic: []string{"????ftypavif", "????ftypavis"}},
		{name: "JPEG XL", magic: []string{"\xff\x0a", "\x00\x00\x00\x0cJXL "}},
		{name: "JPEG 2000", magic: []string{"\x00\x00\x00\x0cjP  "}},
		{name: "PDF", magic: []string{"%PDF-"}},
		{name: "SVG", magic: []string{"<svg", "<?xml"}},
		{name: "icon", magic: []string{"icns", "\x00\x00\x01\x00"}},
		{name: "QuickTime film", magic: []string{"????ftypqt", "????ftypmp4", "????ftypisom", "????ftypM4V"}},
	}
}

func sniff(data []byte) (format, bool) {
	for _, f := range formats() {
		for _, m := range f.magic {
			if begins(data, m) {
				return f, true
			}
		}
	}
	return format{}, false
}

func begins(data []byte, magic string) bool {
	if len(data) < len(magic) {
		return false
	}
	for i := 0; i < len(magic); i++ {
		if magic[i] != '?' && magic[i] != data[i] {
			return false
		}
	}
	return true
}

// readAll reads the file up to the limit, and not a byte more than is needed
// to know that it is beyond.
func readAll(ctx context.Context, r io.Reader, limit int64) ([]byte, error) {
	if l, ok := r.(interface{ Len() int }); ok && int64(l.Len()) > limit {
		return nil, &TooLargeError{Bytes: int64(l.Len()), Limit: limit}
	}
	if s, ok := r.(io.Seeker); ok { // a file tells its size before it is read
		if here, err := s.Seek(0, io.SeekCurrent); err == nil {
			end, err := s.Seek(0, io.SeekEnd)
			if _, back := s.Seek(here, io.SeekStart); back != nil {
				return nil, fmt.Errorf("qr: read the picture: %w", back)
			}
			if err == nil && end-here > limit {
				return nil, &TooLargeError{Bytes: end - here, Limit: limit}
			}
		}
	}
	data, err := io.ReadAll(io.LimitReader(contextReader{ctx, r}, limit+1))
	if err != nil {
		return nil, fmt.Errorf("qr: read the picture: %w", err)
	}
	if int64(len(data)) > limit {
		return nil, &TooLargeError{Bytes: int64(len(data)), Limit: limit}
	}
	return data, nil
}

// contextReader stops between two reads when the context is done.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// decodePicture turns a file's bytes into an image and says how it must be
// turned to stand upright (EXIF orientation, 1-8).
func decodePicture(ctx context.Context, data []byte, opts Options) (image.Image, int, error) {
	if len(data) == 0 {
		return nil, 0, &TruncatedError{Err: io.ErrUnexpectedEOF}
	}
	f, ok := sniff(data)
	if !ok {
		return nil, 0, &FormatError{}
	}
	if f.decode == nil {
		if opts.Convert == nil {
			return nil, 0, &FormatError{Format: f.name}
		}
		img, err := opts.Convert(ctx, f.name, data)
		if err != nil {
			return nil, 0, fmt.Errorf("qr: convert the %s picture: %w", f.name, err)
		}
		return img, 1, nil // the system's converters turn it upright themselves
	}
	cfg, err := f.config(bytes.NewReader(data))
	if err != nil {
		return nil, 0, pictureError(f.name, err)
	}
	if err := checkSize(f.name, cfg, data, opts.maxPixels()); err != nil {
		return nil, 0, err
	}
	img, err := guard(f, data)
	if err != nil {
		return nil, 0, pictureError(f.name, err)
	}
	orientation := 1
	switch f.name {
	case "JPEG":
		orientation = jpegOrientation(data)
	case "TIFF":
		orientation = tiffOrientation(data)
	}
	return img, orientation, nil
}

// guard decodes, and turns a decoder's panic into an error: the bytes come from
// anywhere, and a fault in a decoder must not end the menu-bar app.
func guard(f format, data []byte) (img image.Image, err error) {
	defer func() {
		if r := recover(); r != nil {
			img, err = nil, fmt.Errorf("decoder failed: %v", r)
		}
	}()
	return f.decode(bytes.NewReader(data))
}

// checkSize refuses, by the header alone, what would take too much memory, and
// headers that promise more than the file can hold: each format has a largest
// ratio between what is stored and what comes out.
func checkSize(name string, cfg image.Config, data []byte, maxPixels int64) error {
	if cfg.Width <= 0 || cfg.Height <= 0 {
		return &DamagedError{Format: name, Err: errors.New("it has no width or no height")}
	}
	pixels := int64(cfg.Width) * int64(cfg.Height)
	if limit := min(maxPixels, maxDecoded/bytesPerPixel(name, cfg, data)); cfg.Width > maxSide || cfg.Height > maxSide || pixels > limit {
		return &TooLargeError{Format: name, Width: cfg.Width, Height: cfg.Height, Limit: limit}
	}
	const slack = 1 << 20 // small pictures need no proof
	if perByte := pixelsPerByte(name, cfg); pixels > slack && pixels/perByte > int64(len(data)) {
		return &TruncatedError{Format: name, Err: fmt.Errorf("%d bytes cannot hold %d x %d pixels", len(data), cfg.Width, cfg.Height)}
	}
	return nil
}

// maxDecoded is the most memory that a picture may take as Go's decoders leave
// it: 48 megapixels of a progressive JPEG of the usual 4:2:0 kind.
const maxDecoded = 384 << 20

// bytesPerPixel is what a decoder allocates for a pixel.
func bytesPerPixel(name string, cfg image.Config, data []byte) int64 {
	switch {
	case name == "JPEG":
		planes, progressive := jpegPlanes(data)
		if progressive {
			return int64(math.Ceil(planes * (4 + 1))) // all coefficients are kept until the end, as int32
		}
		return int64(math.Ceil(planes))
	case cfg.ColorModel == color.YCbCrModel:
		return 3 // without subsampling
	case cfg.ColorModel == color.GrayModel:
		return 1
	case cfg.ColorModel == color.Gray16Model:
		return 2
	case cfg.ColorModel == color.RGBA64Model || cfg.ColorModel == color.NRGBA64Model:
		return 8
	}
	if _, ok := cfg.ColorModel.(color.Palette); ok {
		return 1
	}
	return 4
}

// pixelsPerByte is the most pixels that one byte of the file can stand for.
func pixelsPerByte(name string, cfg image.Config) int64 {
	switch name {
	case "PNG", "TIFF":
		// Deflate makes at most 1032 bytes of one (zlib, "Technical Details"). A
		// palette may have 1 bit a pixel; a decoder's Gray may come from 1 bit too.
		switch cfg.ColorModel {
		case color.RGBAModel, color.NRGBAModel:
			return 1032 / 3
		case color.RGBA64Model, color.NRGBA64Model:
			return 1032 / 6
		}
		return 1032 * 8
	case "JPEG":
		return 64 * 8 * 4 // a bit for a block of 8 x 8, chroma at a quarter
	case "GIF":
		return 4096 // an LZW code of 9-12 bits for a string of at most 4,096
	case "BMP":
		return 8
	}
	return 1 << 14 // WebP: a lossless picture of one colour takes no bits for its pixels
}

// jpegPlanes reads the frame header of a JPEG file (ITU-T T.81, B.2.2): how many
// samples it has for a pixel, and whether it is progressive.
func jpegPlanes(data []byte) (planes float64, progressive bool) {
	const most = 4
	for p := 2; p+4 <= len(data) && data[p] == 0xff; {
		m := data[p+1]
		switch {
		case m == 0xff:
			p++
			continue
		case m == 0x01 || m >= 0xd0 && m <= 0xd7:
			p += 2
			continue
		case m == 0xda:
			return most, true
		}
		n := int(binary.BigEndian.Uint16(data[p+2:]))
		if m != 0xc0 && m != 0xc1 && m != 0xc2 {
			p += 2 + n
			continue
		}
		if p+2+n > len(data) || n < 8 || n < 8+3*int(data[p+9]) {
			return most, true
		}
		sum, hmax, vmax := 0, 1, 1
		for i := range int(data[p+9]) {
			h, v := int(data[p+11+3*i]>>4), int(data[p+11+3*i]&15)
			sum, hmax, vmax = sum+h*v, max(hmax, h), max(vmax, v)
		}
		return min(most, float64(sum)/float64(hmax*vmax)), m == 0xc2
	}
	return most, true
}

// pictureError sorts a decoder's complaint into cut short, or damaged.
func pictureError(name string, err error) error {
	cut := errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
	for _, words := range []string{ // what the decoders say without wrapping
		"unexpected EOF",     // image/gif, x/image/webp
		"short Huffman data", // image/jpeg
		"not enough",         // image/png and image/gif: "not enough pixel data"
		"too short",
	} {
		cut = cut || strings.Contains(err.Error(), words)
	}
	if cut {
		return &TruncatedError{Format: name, Err: err}
	}
	return &DamagedError{Format: name, Err: err}
}
