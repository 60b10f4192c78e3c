package qr

import (
	"math"
)

// plane is a projective map from modules (the code's upper left corner is 0, 0)
// to pixels: a photograph of something flat, by Heckbert, "Fundamentals of
// Texture Mapping and Image Warping" (1989), section 2.2.
type plane [8]float64

func (h *plane) at(u, v float64) point {
	w := 1 / (h[6]*u + h[7]*v + 1)
	return point{(h[0]*u + h[1]*v + h[2]) * w, (h[3]*u + h[4]*v + h[5]) * w}
}

// planeOf maps the square from (lo, lo) to (hi, hi) onto four points, clockwise
// from the upper left.
func planeOf(lo, hi float64, q [4]point) plane {
	d1, d2 := q[1].sub(q[2]), q[3].sub(q[2])
	d3 := q[0].sub(q[1]).add(q[2]).sub(q[3])
	den := d1.x*d2.y - d2.x*d1.y
	if math.Abs(den) < 1e-9 {
		return plane{}
	}
	g := (d3.x*d2.y - d2.x*d3.y) / den
	k := (d1.x*d3.y - d3.x*d1.y) / den
	a, b, c := q[1].x-q[0].x+g*q[1].x, q[3].x-q[0].x+k*q[3].x, q[0].x
	d, e, f := q[1].y-q[0].y+g*q[1].y, q[3].y-q[0].y+k*q[3].y, q[0].y
	// Put the unit square's coordinates (u-lo)/(hi-lo) in, and scale the last entry to 1.
	s := 1 / (hi - lo)
	c, f = c-(a+b)*s*lo, f-(d+e)*s*lo
	one := 1 - (g+k)*s*lo
	if math.Abs(one) < 1e-9 {
		return plane{}
	}
	n := 1 / one
	return plane{a * s * n, b * s * n, c * n, d * s * n, e * s * n, f * n, g * s * n, k * s * n}
}

// fourth guesses where the lower right finder pattern's middle would be, from
// how much smaller the modules are at the far ends of the two edges.
func (t *triple) fourth(perspective bool) point {
	a, b, c := t.corner.at, t.right.at, t.below.at
	flat := b.add(c).sub(a)
	if !perspective {
		return flat
	}
	wb := math.Sqrt(t.sizes[0] / t.sizes[1])
	wc := math.Sqrt(t.sizes[2] / t.sizes[3])
	wd := wb + wc - 1
	if wd < 0.3 {
		return flat
	}
	d := b.times(wb).add(c.times(wc)).sub(a).times(1 / wd)
	if d.sub(flat).length() > 0.5*b.sub(c).length() {
		return flat
	}
	return d
}

// dimensions are the sizes in modules that the triple may have, likeliest
// first. Along a line seen in perspective the geometric mean of the module
// sizes at both ends is exact.
func (t *triple) dimensions() []int {
	u := t.right.at.sub(t.corner.at).length() / math.Sqrt(t.sizes[0]*t.sizes[1])
	v := t.below.at.sub(t.corner.at).length() / math.Sqrt(t.sizes[2]*t.sizes[3])
	guess := (u+v)/2 + 7
	version := (guess - 17) / 4
	near := math.Round(version)
	step := 1.0
	if version < near {
		step = -1
	}
	var dims []int
	for _, v := range []float64{near, near + step, near - step, near + 2*step, near - 2*step} {
		if v >= 1 && v <= 40 && math.Abs(v-version) <= 0.8+0.12*version {
			dims = append(dims, 17+4*int(v))
		}
	}
	return dims
}

// cell is a module whose tone is known beforehand.
type cell struct {
	u, v float64
	dark float64 // 1 dark, -1 light
}

// cornerCells is the number of known modules in each corner with a finder
// pattern; pattern lists these first.
const cornerCells = 64

// pattern lists the known modules of a code of this size: finder patterns with
// their separators, timing patterns, alignment patterns (ISO/IEC 18004, 6.3).
func pattern(dim int) []cell {
	var cells []cell
	put := func(x, y int, dark bool) {
		c := cell{float64(x) + 0.5, float64(y) + 0.5, -1}
		if dark {
			c.dark = 1
		}
		cells = append(cells, c)
	}
	square := func(cx, cy, reach int, light ...int) { // rings around a middle
		for y := -reach; y <= reach; y++ {
			for x := -reach; x <= reach; x++ {
				ring := max(x, -x, y, -y)
				dark := true
				for _, l := range light {
					dark = dark && ring != l
				}
				if px, py := cx+x, cy+y; px >= 0 && py >= 0 && px < dim && py < dim {
					put(px, py, dark)
				}
			}
		}
	}
	square(3, 3, 4, 2, 4)
	square(dim-4, 3, 4, 2, 4)
	square(3, dim-4, 4, 2, 4)
	for i := 8; i < dim-8; i++ {
		put(i, 6, i%2 == 0)
		put(6, i, i%2 == 0)
	}
	for _, c := range alignments(dim) {
		square(c[0], c[1], 2, 1)
	}
	return cells
}

// alignments are the middles of the alignment patterns, the lower right one
// last. The rule is that of ISO/IEC 18004 annex E as a formula, with its one
// exception (version 32).
func alignments(dim int) [][2]int {
	version := (dim - 17) / 4
	if version < 2 {
		return nil
	}
	n := version/7 + 2
	step := (version*4 + n*2 + 1) / (n*2 - 2) * 2
	if version == 32 {
		step = 26
	}
	pos := []int{6}
	for i := n - 2; i >= 0; i-- {
		pos = append(pos, dim-7-i*step)
	}
	var out [][2]int
	for i, y := range pos {
		for j, x := range pos {
			if i == 0 && j == 0 || i == 0 && j == n-1 || i == n-1 && j == 0 {
				continue // finder patterns are there
			}
			out = append(out, [2]int{x, y})
		}
	}
	return out
}

// sampler reads a picture between its pixels.
func (g *gray) sample(p point) float64 {
	x, y := p.x-0.5, p.y-0.5
	x0, y0 := int(x), int(y)
	if !(x >= 0 && y >= 0 && x0+1 < g.w && y0+1 < g.h) { // also NaN
		xi, yi := min(max(int(p.x), 0), g.w-1), min(max(int(p.y), 0), g.h-1)
		return float64(g.pix[yi*g.w+xi])
	}
	fx, fy := x-float64(x0), y-float64(y0)
	i := y0*g.w + x0
	top := float64(g.pix[i])*(1-fx) + float64(g.pix[i+1])*fx
	bottom := float64(g.pix[i+g.w])*(1-fx) + float64(g.pix[i+g.w+1])*fx
	return top*(1-fy) + bottom*fy
}

// fitness is how well the known modules lie where the map says: 1 would be a
// perfect print, 0 is what any other place gives.
func (g *gray) fitness(h *plane, cells []cell) float64 {
	var sum float64
	for i := range cells {
		c := &cells[i]
		sum += c.dark * (128 - g.sample(h.at(c.u, c.v)))
	}
	return sum / (float64(len(cells)) * 64)
}

// grid is a guess at a code in a picture: its size, the middles of its finder
// patterns clockwise (the third is where a fourth one would be), and how well
// the known modules agree with that.
type grid struct {
	dim   int
	q     [4]point
	rigid bool // the fourth corner follows from the others: seen straight on
	score float64
}

func (f *grid) plane() plane { return planeOf(3.5, float64(f.dim)-3.5, f.q) }

// fit moves the four corners, in ever smaller steps (in modules), to where the
// known modules agree best. The picture must be flat.
func (g *gray) fit(f *grid, cells []cell, steps ...float64) {
	square := func(q *[4]point) { q[2] = q[1].add(q[3]).sub(q[0]) }
	if f.rigid {
		square(&f.q)
	}
	lo, hi := 3.5, float64(f.dim)-3.5
	module := f.q[1].sub(f.q[0]).length() / (hi - lo)
	h := f.plane()
	f.score = g.fitness(&h, cells)
	for _, step := range steps {
		for range 3 {
			moved := false
			for corner := range f.q {
				if f.rigid && corner == 2 {
					continue
				}
				reach := step * module
				if corner != 2 {
					reach *= 0.5 // these were seen, the fourth was guessed
				}
				for _, d := range [8]point{{1, 0}, {-1, 0}, {0, 1}, {0, -1}, {1, 1}, {1, -1}, {-1, 1}, {-1, -1}} {
					try := f.q
					try[corner] = try[corner].add(d.times(reach))
					if f.rigid {
						square(&try)
					}
					h := planeOf(lo, hi, try)
					if s := g.fitness(&h, cells); s > f.score {
						f.q, f.score, moved = try, s, true
					}
				}
			}
			if !moved {
				break
			}
		}
	}
}

// alignment looks for the lower right alignment pattern around the place where
// the map expects it and returns the corner that brings it there. ok is false
// when the code has none or nothing there looks like one.
func (g *gray) alignment(dim int, q [4]point) ([4]point, bool) {
	all := alignments(dim)
	if len(all) == 0 {
		return q, false
	}
	c := all[len(all)-1]
	lo, hi := 3.5, float64(dim)-3.5
	h := planeOf(lo, hi, q)
	u, v := float64(c[0])+0.5, float64(c[1])+0.5
	var cells []cell
	for y := -2; y <= 2; y++ {
		for x := -2; x <= 2; x++ {
			tone := 1.0
			if max(x, -x, y, -y) == 1 {
				tone = -1
			}
			cells = append(cells, cell{float64(x), float64(y), tone})
		}
	}
	reach := 4 + float64(dim)/12
	best, bu, bv := 0.0, 0.0, 0.0
	for dv := -reach; dv <= reach; dv += 0.5 {
		for du := -reach; du <= reach; du += 0.5 {
			var sum float64
			for _, c := range cells {
				sum += c.dark * (128 - g.sample(h.at(u+du+c.u, v+dv+c.v)))
			}
			if s := sum/(25*64) - 0.02*math.Hypot(du, dv); s > best { // nearer is likelier
				best, bu, bv = s, du, dv
			}
		}
	}
	if best < 0.35 {
		return q, false
	}
	// Move the fourth corner so that the map carries (u, v) to where the pattern is.
	target := h.at(u+bu, v+bv)
	for range 8 {
		h = planeOf(lo, hi, q)
		q[2] = q[2].add(target.sub(h.at(u, v)))
	}
	return q, true
}
