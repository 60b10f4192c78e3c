package qr

import (
	"cmp"
	"image"
	"math"
	"slices"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode/decoder"
)

// modulePixels is the size to which a code is brought before it is read: large
// enough to place a module, small enough to average noise and moire away.
const modulePixels = 5

// readTriple tries to read the code that three finder patterns, found in a
// picture scaled by 1/scale, stand for. full is the picture in its own size.
func readTriple(full *gray, t *triple, scale float64, tone byte) (string, bool) {
	q := [4]point{t.corner.at, t.right.at, t.fourth(true), t.below.at}
	for i := range q {
		q[i] = q[i].times(scale)
	}
	flatQ := t.fourth(false).times(scale)
	module := math.Sqrt(t.corner.module()*math.Sqrt(t.right.module()*t.below.module())) * scale

	// Cut out the code with its quiet zone and some more for the guess being wrong.
	lo, hi := point{math.Inf(1), math.Inf(1)}, point{math.Inf(-1), math.Inf(-1)}
	for _, p := range append(q[:], flatQ) {
		lo, hi = point{min(lo.x, p.x), min(lo.y, p.y)}, point{max(hi.x, p.x), max(hi.y, p.y)}
	}
	margin := 10 * module
	r := image.Rect(int(lo.x-margin), int(lo.y-margin), int(hi.x+margin)+1, int(hi.y+margin)+1)
	r = r.Intersect(image.Rect(0, 0, full.w, full.h))
	if r.Dx() < 21 || r.Dy() < 21 {
		return "", false
	}
	roi := full.crop(r)
	sx, sy := 1.0, 1.0
	if module > modulePixels*1.3 {
		w := max(1, int(float64(roi.w)*modulePixels/module))
		h := max(1, int(float64(roi.h)*modulePixels/module))
		sx, sy = float64(w)/float64(roi.w), float64(h)/float64(roi.h)
		roi = roi.resize(w, h)
		module *= sx
	}
	if tone == 0 {
		roi = roi.inverted()
	}
	move := func(p point) point { return point{(p.x - float64(r.Min.X)) * sx, (p.y - float64(r.Min.Y)) * sy} }
	for i := range q {
		q[i] = move(q[i])
	}
	other := q
	other[2] = move(flatQ)
	level := roi.flat(max(8, int(module*7)))

	for _, f := range level.guesses(t, module, [][4]point{q, other}) {
		cells := pattern(f.dim)
		free, rigid := f, f
		// The smallest codes have nothing in the fourth corner to hold it in
		// place: then it is better derived from the other three.
		rigid.rigid = true
		for _, f := range [2]*grid{&free, &rigid} {
			level.fit(f, cells, 0.8, 0.4, 0.2, 0.1, 0.05)
			if f.score < fitEnough {
				continue
			}
			h := f.plane()
			if text, ok := readGrid(roi, level, f.dim, &h); ok {
				return text, true
			}
		}
	}
	return "", false
}

// How well a grid must fit before more is done with it. Of 539 codes read in
// the public sets and the made scenes the worst had 0.65 roughly fitted and
// 0.67 in the end; what is no code is mostly below 0.4.
// With the size off by one version (the timing patterns alternate all the same)
// it reached 0.97; above fitSurely no other size need be looked at.
const (
	fitRoughly = 0.4
	fitEnough  = 0.5
	fitSurely  = 1.1
)

// guesses are the three grids that fit best roughly, of all sizes and places of
// the fourth corner that the triple may have.
func (g *gray) guesses(t *triple, module float64, starts [][4]point) []grid {
	var all []grid
sizes:
	for _, dim := range t.dimensions() {
		cells := pattern(dim)
		for n, start := range starts {
			if n > 0 && start[2].sub(starts[0][2]).length() < module {
				continue
			}
			h := planeOf(3.5, float64(dim)-3.5, start)
			if g.fitness(&h, cells[:3*cornerCells]) < 0.2 { // not even the finder patterns lie along the edges
				continue
			}
			f := grid{dim: dim, q: start}
			g.fit(&f, cells, 1.5, 0.8)
			all = append(all, f)
			if f.score > fitSurely {
				break sizes
			}
			if a, ok := g.alignment(dim, start); ok {
				f := grid{dim: dim, q: a}
				g.fit(&f, cells, 0.8)
				all = append(all, f)
				if f.score > fitSurely {
					break sizes
				}
			}
		}
	}
	slices.SortStableFunc(all, func(a, b grid) int { return cmp.Compare(b.score, a.score) })
	n := 0
	for n < min(len(all), 3) && all[n].score >= fitRoughly {
		n++
	}
	return all[:n]
}

// modules is a code's modules as brightness, dim x dim.
type modules struct {
	dim int
	v   []float64
}

// gather takes the mean of each module's middle.
func (g *gray) gather(dim int, h *plane, reach float64) *modules {
	m := &modules{dim, make([]float64, dim*dim)}
	for y := range dim {
		for x := range dim {
			var sum float64
			for j := -1.0; j <= 1; j++ {
				for i := -1.0; i <= 1; i++ {
					sum += g.sample(h.at(float64(x)+0.5+i*reach, float64(y)+0.5+j*reach))
				}
			}
			m.v[y*dim+x] = sum / 9
		}
	}
	return m
}

// sharpened takes from each module what blur brought over from its neighbours.
func (m *modules) sharpened(amount float64) *modules {
	out := &modules{m.dim, make([]float64, len(m.v))}
	at := func(x, y int) float64 {
		return m.v[min(max(y, 0), m.dim-1)*m.dim+min(max(x, 0), m.dim-1)]
	}
	for y := range m.dim {
		for x := range m.dim {
			c := at(x, y)
			out.v[y*m.dim+x] = c + amount*(4*c-at(x-1, y)-at(x+1, y)-at(x, y-1)-at(x, y+1))
		}
	}
	return out
}

// local decides each module by the mean of those around it.
func (m *modules) local(reach int) *gozxing.BitMatrix {
	return m.decide(func(x, y int) float64 {
		var sum float64
		n := 0
		for j := max(0, y-reach); j <= min(m.dim-1, y+reach); j++ {
			for i := max(0, x-reach); i <= min(m.dim-1, x+reach); i++ {
				sum += m.v[j*m.dim+i]
				n++
			}
		}
		return sum / float64(n)
	})
}

// middle decides each module by the middle between the darkest and the
// lightest around it, which an uneven mix of the two does not shift.
func (m *modules) middle(reach int) *gozxing.BitMatrix {
	return m.decide(func(x, y int) float64 {
		lo, hi := math.Inf(1), math.Inf(-1)
		for j := max(0, y-reach); j <= min(m.dim-1, y+reach); j++ {
			for i := max(0, x-reach); i <= min(m.dim-1, x+reach); i++ {
				lo, hi = min(lo, m.v[j*m.dim+i]), max(hi, m.v[j*m.dim+i])
			}
		}
		return (lo + hi) / 2
	})
}

func (m *modules) decide(level func(x, y int) float64) *gozxing.BitMatrix {
	b, err := gozxing.NewSquareBitMatrix(m.dim)
	if err != nil {
		return nil
	}
	for y := range m.dim {
		for x := range m.dim {
			if m.v[y*m.dim+x] < level(x, y) {
				b.Set(x, y)
			}
		}
	}
	return b
}

// readGrid samples the modules and decodes them, in several ways: error
// correction tells which one is right.
func readGrid(roi, level *gray, dim int, h *plane) (string, bool) {
	raw := roi.gather(dim, h, 0.25)
	flat := level.gather(dim, h, 0.25)
	even := func(int, int) float64 { return 128 }
	for _, bits := range []func() *gozxing.BitMatrix{
		func() *gozxing.BitMatrix { return raw.local(4) },
		func() *gozxing.BitMatrix { return flat.decide(even) },
		func() *gozxing.BitMatrix { return raw.middle(3) },
		func() *gozxing.BitMatrix { return raw.sharpened(0.15).local(5) },
		func() *gozxing.BitMatrix { return raw.sharpened(0.3).local(5) },
		func() *gozxing.BitMatrix { return raw.sharpened(0.3).middle(3) },
		func() *gozxing.BitMatrix { return flat.sharpened(0.2).decide(even) },
		func() *gozxing.BitMatrix { return flat.local(8) },
	} {
		if text, ok := decodeBits(bits()); ok {
			return text, true
		}
	}
	return "", false
}

// decodeBits is error correction and text, by gozxing.
func decodeBits(bits *gozxing.BitMatrix) (text string, ok bool) {
	if bits == nil {
		return "", false
	}
	defer func() {
		if recover() != nil { // a fault in the library on strange bits is "no code here"
			text, ok = "", false
		}
	}()
	r, err := decoder.NewDecoder().Decode(bits, nil)
	if err != nil || r.GetText() == "" {
		return "", false
	}
	return r.GetText(), true
}
