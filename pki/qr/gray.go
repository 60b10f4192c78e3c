package qr

import (
	"image"
	"image/color"
)

// gray is a picture as the readers want it: one byte a pixel, rows without gaps.
type gray struct {
	w, h int
	pix  []byte
}

func newGray(w, h int) *gray { return &gray{w, h, make([]byte, w*h)} }

// toGray turns an image into luminance on a background of the given
// brightness, which shows where the image is transparent. transparent says
// whether that is anywhere.
func toGray(img image.Image, background byte) (g *gray, transparent bool) {
	b := img.Bounds()
	g = newGray(b.Dx(), b.Dy())
	for y := 0; y < g.h; y++ {
		row := g.pix[y*g.w : (y+1)*g.w]
		if grayRow(img, b.Min.X, b.Min.Y+y, row, background) {
			transparent = true
		}
	}
	return g, transparent
}

// grayRow fills one row, with short ways for what Go's decoders return.
func grayRow(img image.Image, x0, y int, row []byte, background byte) (transparent bool) {
	switch m := img.(type) {
	case *image.Gray:
		copy(row, m.Pix[m.PixOffset(x0, y):])
	case *image.YCbCr: // Y is the luminance already
		copy(row, m.Y[m.YOffset(x0, y):])
	case *image.NYCbCrA:
		copy(row, m.Y[m.YOffset(x0, y):])
		a := m.A[m.AOffset(x0, y):]
		for x := range row {
			if a[x] != 255 {
				transparent = true
				row[x] = over(row[x], background, a[x])
			}
		}
	case *image.NRGBA:
		p := m.Pix[m.PixOffset(x0, y):]
		for x := range row {
			q := p[4*x : 4*x+4 : 4*x+4]
			row[x] = luma(q[0], q[1], q[2])
			if q[3] != 255 {
				transparent = true
				row[x] = over(row[x], background, q[3])
			}
		}
	case *image.RGBA:
		p := m.Pix[m.PixOffset(x0, y):]
		for x := range row {
			q := p[4*x : 4*x+4 : 4*x+4]
			row[x] = luma(q[0], q[1], q[2])
			if q[3] != 255 { // colours are premultiplied
				transparent = true
				row[x] = byte(min(255, int(row[x])+int(background)*(255-int(q[3]))/255))
			}
		}
	case *image.Paletted:
		var lut [256]byte
		var clear [256]bool
		for i, c := range m.Palette {
			if i > 255 {
				break
			}
			lut[i], clear[i] = grayOf(c, background)
		}
		for x, i := range m.Pix[m.PixOffset(x0, y):][:len(row)] {
			row[x] = lut[i]
			transparent = transparent || clear[i]
		}
	default:
		for x := range row {
			var t bool
			row[x], t = grayOf(img.At(x0+x, y), background)
			transparent = transparent || t
		}
	}
	return transparent
}

func grayOf(c color.Color, background byte) (byte, bool) {
	n := color.NRGBAModel.Convert(c).(color.NRGBA)
	v := luma(n.R, n.G, n.B)
	if n.A != 255 {
		return over(v, background, n.A), true
	}
	return v, false
}

// luma is ITU-R BT.601's weighting, the one JPEG's Y has.
func luma(r, g, b byte) byte {
	return byte((19595*uint32(r) + 38470*uint32(g) + 7471*uint32(b) + 1<<15) >> 16)
}

func over(v, background, alpha byte) byte {
	return byte((int(v)*int(alpha) + int(background)*(255-int(alpha)) + 127) / 255)
}

// upright turns a picture by its EXIF orientation. Only the quarter turns
// matter to a person who is told its size; readers find a code in any position.
func (g *gray) upright(orientation int) *gray {
	if orientation <= 1 || orientation > 8 {
		return g
	}
	w, h := g.w, g.h
	if orientation >= 5 {
		w, h = h, w
	}
	out := newGray(w, h)
	for y := 0; y < h; y++ {
		row := out.pix[y*w : (y+1)*w]
		for x := range row {
			var sx, sy int
			switch orientation {
			case 2:
				sx, sy = g.w-1-x, y
			case 3:
				sx, sy = g.w-1-x, g.h-1-y
			case 4:
				sx, sy = x, g.h-1-y
			case 5:
				sx, sy = y, x
			case 6:
				sx, sy = y, g.h-1-x
			case 7:
				sx, sy = g.w-1-y, g.h-1-x
			case 8:
				sx, sy = g.w-1-y, x
			}
			row[x] = g.pix[sy*g.w+sx]
		}
	}
	return out
}

// inverted is a light code on a dark ground made a dark one on a light ground.
func (g *gray) inverted() *gray {
	out := newGray(g.w, g.h)
	for i, v := range g.pix {
		out.pix[i] = 255 - v
	}
	return out
}

// crop copies a part, cut to the picture.
func (g *gray) crop(r image.Rectangle) *gray {
	r = r.Intersect(image.Rect(0, 0, g.w, g.h))
	out := newGray(r.Dx(), r.Dy())
	for y := 0; y < out.h; y++ {
		copy(out.pix[y*out.w:(y+1)*out.w], g.pix[(r.Min.Y+y)*g.w+r.Min.X:])
	}
	return out
}

// resize scales to w x h: by area when it shrinks (so that moire and noise are
// averaged away instead of sampled), by bilinear interpolation when it grows.
// Beside the result it takes the memory of a few rows.
func (g *gray) resize(w, h int) *gray {
	if w == g.w && h == g.h || g.w == 0 || g.h == 0 || w <= 0 || h <= 0 {
		return g
	}
	xs, ys := weights(g.w, w), weights(g.h, h)
	// Rows of the source, scaled across. A row is needed for at most two
	// neighbouring rows of the result, one beside it.
	var cache [2][]float32
	var held [2]int
	for i := range cache {
		cache[i], held[i] = make([]float32, w), -1
	}
	row := func(y int) []float32 {
		i := y % 2
		if held[i] != y {
			held[i] = y
			src := g.pix[y*g.w : (y+1)*g.w]
			for x := range cache[i] {
				k := &xs[x]
				var sum float32
				for n, c := range k.c {
					sum += c * float32(src[k.from+n])
				}
				cache[i][x] = sum
			}
		}
		return cache[i]
	}
	out := newGray(w, h)
	acc := make([]float32, w)
	for y := 0; y < h; y++ {
		clear(acc)
		for i, c := range ys[y].c {
			for x, v := range row(ys[y].from + i) {
				acc[x] += c * v
			}
		}
		dst := out.pix[y*w : (y+1)*w]
		for x, v := range acc {
			dst[x] = byte(max(0, min(255, v+0.5)))
		}
	}
	return out
}

// kernel is which source pixels make one pixel of the result, and how much of each.
type kernel struct {
	from int
	c    []float32
}

func weights(from, to int) []kernel {
	ks := make([]kernel, to)
	scale := float64(from) / float64(to)
	for i := range ks {
		if scale > 1 { // area
			a, b := float64(i)*scale, float64(i+1)*scale
			lo, hi := int(a), min(from, int(b)+1)
			c := make([]float32, 0, hi-lo)
			for s := lo; s < hi; s++ {
				part := min(b, float64(s+1)) - max(a, float64(s))
				if part <= 0 {
					break
				}
				c = append(c, float32(part/scale))
			}
			ks[i] = kernel{lo, c}
			continue
		}
		pos := (float64(i)+0.5)*scale - 0.5
		lo := int(pos)
		f := float32(pos - float64(lo))
		switch {
		case pos <= 0:
			ks[i] = kernel{0, []float32{1}}
		case lo+1 >= from:
			ks[i] = kernel{from - 1, []float32{1}}
		default:
			ks[i] = kernel{lo, []float32{1 - f, f}}
		}
	}
	return ks
}
