package pairingcode

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"strings"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"
)

// Bounds of a picture that is decoded at all. The largest that people have are
// 48-megapixel photographs (8064 x 6048, 10-25 MB as JPEG) and screenshots of
// 6K displays.
const (
	MaxBytes  = 40 << 20
	MaxPixels = 64_000_000
	// maxDecoded is the most memory in bytes that a picture may take as Go's
	// decoders leave it.
	maxDecoded = 384 << 20
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

// readAll reads the file up to the limit, and not a byte more than is needed to
// see that it is larger.
func readAll(ctx context.Context, r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(contextReader{ctx, r}, MaxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("pairing code: read the picture: %w", err)
	}
	if len(data) > MaxBytes {
		return nil, &TooLargeError{Bytes: int64(len(data)), Limit: MaxBytes}
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

// decodePicture turns a file's bytes into an image.
func decodePicture(ctx context.Context, data []byte, convert Convert) (image.Image, error) {
	if len(data) == 0 {
		return nil, &TruncatedError{Err: io.ErrUnexpectedEOF}
	}
	f, ok := sniff(data)
	if !ok {
		return nil, &FormatError{}
	}
	if f.decode == nil {
		if convert == nil {
			return nil, &FormatError{Format: f.name}
		}
		img, err := convert(ctx, f.name, data)
		if err != nil {
			return nil, fmt.Errorf("pairing code: convert the %s picture: %w", f.name, err)
		}
		return img, nil
	}
	cfg, err := f.config(bytes.NewReader(data))
	if err != nil {
		return nil, pictureError(f.name, err)
	}
	if err := checkSize(f.name, cfg, len(data)); err != nil {
		return nil, err
	}
	img, err := guard(f, data)
	if err != nil {
		return nil, pictureError(f.name, err)
	}
	return img, nil
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

// pixelsPerByte is the most pixels that one byte of a file can stand for: a
// lossless WebP of one colour has the most, deflate makes 1032 bytes of one.
const pixelsPerByte = 1 << 14

// checkSize refuses, by the header alone, what would take too much memory, and a
// header that promises more than the file can hold.
func checkSize(name string, cfg image.Config, size int) error {
	if cfg.Width <= 0 || cfg.Height <= 0 {
		return &DamagedError{Format: name, Err: errors.New("it has no width or no height")}
	}
	limit := min(MaxPixels, maxDecoded/bytesPerPixel(cfg))
	if cfg.Width > MaxPixels || cfg.Height > MaxPixels || cfg.Width*cfg.Height > limit {
		return &TooLargeError{Format: name, Width: cfg.Width, Height: cfg.Height, Limit: int64(limit)}
	}
	if cfg.Width*cfg.Height/pixelsPerByte > size {
		return &TruncatedError{Format: name, Err: fmt.Errorf("%d bytes cannot hold %d x %d pixels", size, cfg.Width, cfg.Height)}
	}
	return nil
}

// bytesPerPixel is what a decoder allocates for a pixel.
func bytesPerPixel(cfg image.Config) int {
	switch cfg.ColorModel {
	case color.YCbCrModel:
		return 7 // a progressive JPEG keeps its coefficients until the end
	case color.GrayModel:
		return 1
	case color.Gray16Model:
		return 2
	case color.RGBA64Model, color.NRGBA64Model:
		return 8
	}
	if _, ok := cfg.ColorModel.(color.Palette); ok {
		return 1
	}
	return 4
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
