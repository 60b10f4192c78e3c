package icon_test

import (
	"image"
	"image/color"
	"testing"

	"healthsync/bundle/icon"
)

func at(m image.Image, x, y int) color.NRGBA {
	return color.NRGBAModel.Convert(m.At(x, y)).(color.NRGBA)
}

func TestDraw(t *testing.T) {
	for _, n := range []int{16, 32, 64, 128, 256} {
		m := icon.Draw(n)
		if b := m.Bounds(); b.Dx() != n || b.Dy() != n {
			t.Errorf("%d: bounds %v", n, b)
		}
		if _, _, _, a := m.At(0, 0).RGBA(); a != 0 {
			t.Errorf("%d: the corner is not clear", n)
		}
		if c := at(m, n/2, n*7/10); c != (color.NRGBA{255, 255, 255, 255}) {
			t.Errorf("%d: no heart below the middle but %v", n, c)
		}
		if c := at(m, n/2, n*17/20); c.A != 255 || c.R < 0xc0 || c.G > 0x70 {
			t.Errorf("%d: the square is %v below the heart", n, c)
		}
	}
	if c := at(icon.Draw(256), 128, (524-112)/4); c.G > 0x80 {
		t.Errorf("no arrow in the heart but %v", c)
	}
}
