package qr

import (
	"github.com/makiuchi-d/gozxing"
)

// luminance lends a gray picture to gozxing's binarizers.
type luminance struct {
	gozxing.LuminanceSourceBase
	g *gray
}

func newLuminance(g *gray) *luminance {
	return &luminance{gozxing.LuminanceSourceBase{Width: g.w, Height: g.h}, g}
}

// GetMatrix gives the pixels themselves; binarizers only read them.
func (l *luminance) GetMatrix() []byte { return l.g.pix }

// GetRow copies one row.
func (l *luminance) GetRow(y int, row []byte) ([]byte, error) {
	if len(row) < l.g.w {
		row = make([]byte, l.g.w)
	}
	copy(row, l.g.pix[y*l.g.w:(y+1)*l.g.w])
	return row, nil
}

// Invert is never called by the readers used here; part of the interface.
func (l *luminance) Invert() gozxing.LuminanceSource { return newLuminance(l.g.inverted()) }

func (l *luminance) String() string { return "" }
