package qr

import "github.com/makiuchi-d/gozxing"

// bitmap is a picture in two tones: 1 is dark. One byte a pixel is four times
// faster to scan here than packed bits.
type bitmap struct {
	w, h int
	dark []byte
}

// boxMean hands each pixel's index and the sum of the window around it to
// visit, the window being cut at the picture's edges. Memory is one row.
func (g *gray) boxMean(radius int, visit func(y int, sums []uint32, area []uint32)) {
	cols := make([]uint32, g.w)
	sums := make([]uint32, g.w)
	area := make([]uint32, g.w)
	add := func(y int) {
		for x, v := range g.pix[y*g.w : (y+1)*g.w] {
			cols[x] += uint32(v)
		}
	}
	for y := range min(radius, g.h) {
		add(y)
	}
	for y := range g.h {
		if y+radius < g.h {
			add(y + radius)
		}
		if old := y - radius - 1; old >= 0 {
			for x, v := range g.pix[old*g.w : (old+1)*g.w] {
				cols[x] -= uint32(v)
			}
		}
		rows := uint32(min(y+radius, g.h-1) - max(y-radius, 0) + 1)
		var sum, n uint32
		for x := range min(radius, g.w) {
			sum, n = sum+cols[x], n+1
		}
		for x := range g.w {
			if x+radius < g.w {
				sum, n = sum+cols[x+radius], n+1
			}
			if x-radius-1 >= 0 {
				sum, n = sum-cols[x-radius-1], n-1
			}
			sums[x], area[x] = sum, n*rows
		}
		visit(y, sums, area)
	}
}

// threshold calls dark what is darker than the mean around it by at least an
// eighteenth, so that even ground stays light whatever its brightness.
func (g *gray) threshold(radius int) *bitmap {
	b := &bitmap{g.w, g.h, make([]byte, len(g.pix))}
	g.boxMean(radius, func(y int, sums, area []uint32) {
		src := g.pix[y*g.w : (y+1)*g.w]
		dst := b.dark[y*g.w : (y+1)*g.w]
		for x, v := range src {
			if uint64(v)*uint64(area[x])*18 < uint64(sums[x])*17 {
				dst[x] = 1
			}
		}
	})
	return b
}

// offWhite calls dark what is clearly darker than the lightest around it, in a
// window of three blocks. Beside a lamp's reflection the dark of a code is a
// light grey, above any mean or middle, but still not white.
func (g *gray) offWhite(block int) *bitmap {
	bw, bh := (g.w+block-1)/block, (g.h+block-1)/block
	lo, hi := make([]byte, bw*bh), make([]byte, bw*bh)
	for i := range lo {
		lo[i] = 255
	}
	for y := range g.h {
		for x, v := range g.pix[y*g.w : (y+1)*g.w] {
			i := y/block*bw + x/block
			lo[i], hi[i] = min(lo[i], v), max(hi[i], v)
		}
	}
	level := newGray(bw, bh)
	for y := range bh {
		for x := range bw {
			l, h := byte(255), byte(0)
			for j := max(0, y-1); j <= min(bh-1, y+1); j++ {
				for i := max(0, x-1); i <= min(bw-1, x+1); i++ {
					l, h = min(l, lo[j*bw+i]), max(h, hi[j*bw+i])
				}
			}
			if level.pix[y*bw+x] = byte(int(l) + (int(h)-int(l))*83/100); h-l < 20 {
				level.pix[y*bw+x] = l / 2 // even ground is light
			}
		}
	}
	b := &bitmap{g.w, g.h, make([]byte, len(g.pix))}
	wide := level.resize(bw*block, bh*block)
	for y := range g.h {
		limit := wide.pix[y*wide.w:]
		dst := b.dark[y*g.w : (y+1)*g.w]
		for x, v := range g.pix[y*g.w : (y+1)*g.w] {
			if v < limit[x] {
				dst[x] = 1
			}
		}
	}
	return b
}

// smoothed takes noise out: each pixel becomes the mean of 3 x 3.
func (g *gray) smoothed() *gray {
	out := newGray(g.w, g.h)
	g.boxMean(1, func(y int, sums, area []uint32) {
		dst := out.pix[y*g.w : (y+1)*g.w]
		for x := range dst {
			dst[x] = byte((sums[x] + area[x]/2) / area[x])
		}
	})
	return out
}

// hybrid is zxing's threshold by blocks of 8 x 8 pixels, which lets a block
// without contrast follow its neighbours: right for large even modules.
func (g *gray) hybrid() *bitmap {
	m, err := gozxing.NewHybridBinarizer(newLuminance(g)).GetBlackMatrix()
	if err != nil {
		return nil
	}
	b := &bitmap{g.w, g.h, make([]byte, len(g.pix))}
	for y := range g.h {
		row := m.GetRow(y, nil)
		for x := range g.w {
			if row.Get(x) {
				b.dark[y*g.w+x] = 1
			}
		}
	}
	return b
}

// flat evens out the light: each pixel's distance from the mean around it,
// measured in the typical distance there, 128 in the middle. Where there is no
// contrast at all nothing is made of it.
func (g *gray) flat(radius int) *gray {
	means := make([]byte, len(g.pix))
	g.boxMean(radius, func(y int, sums, area []uint32) {
		dst := means[y*g.w : (y+1)*g.w]
		for x := range dst {
			dst[x] = byte((sums[x] + area[x]/2) / area[x])
		}
	})
	dev := newGray(g.w, g.h)
	for i, v := range g.pix {
		d := int(v) - int(means[i])
		dev.pix[i] = byte(max(d, -d))
	}
	out := newGray(g.w, g.h)
	dev.boxMean(radius, func(y int, sums, area []uint32) {
		for x := range g.w {
			i := y*g.w + x
			d := (int64(g.pix[i]) - int64(means[i])) * int64(area[x]) * 64
			spread := int64(sums[x]) + 2*int64(area[x]) // two levels: below is noise
			out.pix[i] = byte(min(255, max(0, 128+d/spread)))
		}
	})
	return out
}
