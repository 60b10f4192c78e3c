package pairingcode

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	_ "image/gif" // registers its decoder, as the others do
	_ "image/jpeg"
	_ "image/png"
	"io"
	"strings"

	_ "golang.org/x/image/bmp"
	_ "golang.org/x/image/tiff"
	_ "golang.org/x/image/webp"
)

// Bounds of a picture that is decoded at all. The largest that people have are
// 48-megapixel photographs (8064 x 6048, 10-25 MB as JPEG) and screenshots of
// 6K displays. Go's decoders leave a pixel in 8 bytes at most.
const (
	maxBytes  = 40 << 20
	maxPixels = 50_000_000
)

// Convert turns a picture of a format that Go does not decode (HEIC) into an
// image, by what the system offers. format is the name as in [FormatError]. It
// returns a [*FormatError] where it cannot; it must respect ctx.
type Convert func(ctx context.Context, format string, data []byte) (image.Image, error)

// foreign are the formats that are known by name only, for the sake of the
// message, or for [Convert]. '?' stands for any byte.
var foreign = []struct{ name, magic string }{
	{"HEIC", "????ftyphei?"}, {"HEIC", "????ftyphevc"}, {"HEIC", "????ftypmif1"}, {"HEIC", "????ftypmsf1"},
	{"AVIF", "????ftypavi?"}, {"JPEG XL", "\xff\x0a"}, {"JPEG XL", "\x00\x00\x00\x0cJXL "},
	{"JPEG 2000", "\x00\x00\x00\x0cjP  "}, {"PDF", "%PDF-"}, {"SVG", "<svg"}, {"SVG", "<?xml"},
	{"icon", "icns"}, {"icon", "\x00\x00\x01\x00"},
	{"QuickTime film", "????ftypqt"}, {"QuickTime film", "????ftypmp4"}, {"QuickTime film", "????ftypisom"},
	{"QuickTime film", "????ftypM4V"},
}

// foreignName names the format of what Go does not decode, "" where it is unknown.
func foreignName(data []byte) string {
	for _, f := range foreign {
		if begins(data, f.magic) {
			return f.name
		}
	}
	return ""
}

func begins(data []byte, magic string) bool {
	if len(data) < len(magic) {
		return false
	}
	for i := range len(magic) {
		if magic[i] != '?' && magic[i] != data[i] {
			return false
		}
	}
	return true
}

// readAll reads the file up to the limit, and not a byte more than is needed to
// see that it is larger.
func readAll(ctx context.Context, r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(contextReader{ctx, r}, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("pairing code: read the picture: %w", err)
	}
	if len(data) > maxBytes {
		return nil, &PictureError{Problem: TooLarge, Text: fmt.Sprintf("the picture is larger than %d MB",
			maxBytes>>20)}
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
		return nil, &PictureError{CutShort, "the picture is empty", io.ErrUnexpectedEOF}
	}
	cfg, format, err := image.DecodeConfig(bytes.NewReader(data))
	if errors.Is(err, image.ErrFormat) {
		format = foreignName(data)
		if format == "" || convert == nil {
			return nil, &FormatError{Format: format}
		}
		img, err := convert(ctx, format, data)
		if err != nil {
			return nil, fmt.Errorf("pairing code: convert the %s picture: %w", format, err)
		}
		return img, nil
	}
	format = strings.Replace(strings.ToUpper(format), "WEBP", "WebP", 1)
	if err != nil {
		return nil, pictureError(format, err)
	}
	if err := CheckSize(format, cfg); err != nil {
		return nil, err
	}
	if cfg.Width*cfg.Height/pixelsPerByte > len(data) {
		return nil, pictureError(format, io.ErrUnexpectedEOF)
	}
	img, err := guard(data)
	if err != nil {
		return nil, pictureError(format, err)
	}
	return img, nil
}

// guard decodes, and turns a decoder's panic into an error: the bytes come from
// anywhere, and a fault in a decoder must not end the menu-bar app.
func guard(data []byte) (img image.Image, err error) {
	defer func() {
		if r := recover(); r != nil {
			img, err = nil, fmt.Errorf("decoder failed: %v", r)
		}
	}()
	img, _, err = image.Decode(bytes.NewReader(data))
	return img, err
}

// pixelsPerByte is the most pixels that one byte of a file can stand for: a
// lossless WebP of one colour has the most, deflate makes 1032 bytes of one.
const pixelsPerByte = 1 << 14

// CheckSize refuses by its header a picture that would take too much memory.
func CheckSize(format string, cfg image.Config) error {
	w, h := cfg.Width, cfg.Height
	switch {
	case w <= 0 || h <= 0:
		return pictureError(format, errors.New("it has no width or no height"))
	case w > maxPixels || h > maxPixels || w*h > maxPixels:
		return &PictureError{Problem: TooLarge, Text: fmt.Sprintf(
			"the %s picture of %d x %d pixels is too large (limit %d million pixels)", format, w, h,
			maxPixels/1_000_000)}
	}
	return nil
}

// pictureError tells from a decoder's complaint whether a picture is cut short
// or damaged.
func pictureError(format string, err error) error {
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
		return &PictureError{CutShort, fmt.Sprintf("the %s picture is cut short", format), err}
	}
	return &PictureError{Damaged, fmt.Sprintf("the %s picture cannot be decoded: %v", format, err), err}
}
