package pairingcode

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strings"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode/decoder"
	"github.com/makiuchi-d/gozxing/qrcode/encoder"
)

// quietZone is the margin in modules that ISO/IEC 18004 section 6.3.8 asks for.
const quietZone = 4

// Matrix is a QR code as modules; true is dark. It has no quiet zone.
type Matrix struct {
	Size int // modules along a side
	bits *encoder.ByteMatrix
}

// Dark reports whether the module in column x and row y is dark. Outside of the
// matrix is the quiet zone, which is light.
func (m *Matrix) Dark(x, y int) bool {
	return x >= 0 && y >= 0 && x < m.Size && y < m.Size && m.bits.Get(x, y) == 1
}

// TooLongError says that a text does not fit into any QR code.
type TooLongError struct {
	Bytes int
	Err   error
}

func (e *TooLongError) Error() string {
	return fmt.Sprintf("pairing code: a text of %d bytes does not fit into a QR code", e.Bytes)
}

func (e *TooLongError) Unwrap() error { return e.Err }

// Encode makes a QR code of a text at error correction level M, the one that
// the iPhone app sets (QRCodeRenderer), in the smallest version that holds it.
func Encode(text []byte) (*Matrix, error) {
	code, err := encoder.Encoder_encode(string(text), decoder.ErrorCorrectionLevel_M,
		map[gozxing.EncodeHintType]any{gozxing.EncodeHintType_CHARACTER_SET: "UTF-8"})
	if err != nil {
		return nil, &TooLongError{Bytes: len(text), Err: err}
	}
	return &Matrix{Size: code.GetMatrix().GetWidth(), bits: code.GetMatrix()}, nil
}

// Image draws the code, black on white with its quiet zone, scale pixels a module.
func (m *Matrix) Image(scale int) image.Image {
	scale = min(max(scale, 1), 64)
	side := (m.Size + 2*quietZone) * scale
	img := image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.White, color.Black})
	for y := 0; y < side; y++ {
		row := img.Pix[y*img.Stride:][:side]
		for x := range row {
			if m.Dark(x/scale-quietZone, y/scale-quietZone) {
				row[x] = 1
			}
		}
	}
	return img
}

// EncodePNG is the picture that the iPhone would show, scale pixels a module
// (the app uses 8; values outside of 1-64 are moved into that range).
func EncodePNG(p Payload, scale int) ([]byte, error) {
	m, err := Encode(p.JSON())
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m.Image(scale)); err != nil {
		return nil, fmt.Errorf("pairing code: encode the picture: %w", err)
	}
	return b.Bytes(), nil
}

// Terminal draws the payload's code with half blocks, two modules in a
// character, quiet zone included, each line ended by a newline. Characters are
// drawn in the terminal's foreground colour: the blocks are the light modules,
// as a dark terminal needs it.
func Terminal(p Payload) (string, error) {
	m, err := Encode(p.JSON())
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for y := -quietZone; y < m.Size+quietZone; y += 2 {
		for x := -quietZone; x < m.Size+quietZone; x++ {
			// The odd half-row below the quiet zone stays the terminal's own.
			top, bottom := !m.Dark(x, y), !m.Dark(x, y+1) && y+1 < m.Size+quietZone
			switch {
			case top && bottom:
				b.WriteRune('█')
			case top:
				b.WriteRune('▀')
			case bottom:
				b.WriteRune('▄')
			default:
				b.WriteByte(' ')
			}
		}
		b.WriteByte('\n')
	}
	return b.String(), nil
}
