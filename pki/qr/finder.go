package qr

import (
	"cmp"
	"math"
	"slices"
)

// A finder pattern is the square in three corners of a QR code. Any line
// through its middle crosses dark, light, dark, light and dark in the
// proportion 1:1:3:1:1, at any angle (ISO/IEC 18004, 6.3.3).

// finder is a place in a picture that looks like a finder pattern.
type finder struct {
	at   point
	mx   float64 // size of a module across, in pixels
	my   float64 // and down
	seen int     // rows in which it was met
	ring float64 // share of directions in which it looks right, see rings
}

func (f *finder) module() float64 { return math.Sqrt(f.mx * f.my) }

type point struct{ x, y float64 }

func (p point) sub(q point) point     { return point{p.x - q.x, p.y - q.y} }
func (p point) add(q point) point     { return point{p.x + q.x, p.y + q.y} }
func (p point) times(f float64) point { return point{p.x * f, p.y * f} }
func (p point) length() float64       { return math.Hypot(p.x, p.y) }
func (p point) dot(q point) float64   { return p.x*q.x + p.y*q.y }

const maxFinders = 72

// care is how much must be right before a find is followed up.
type care struct {
	ring    float64 // share of directions in which a finder pattern looks right
	square  float64 // share of the three patterns' modules with the right tone
	bad     float64 // most that may be wrong with a triple, see judge
	triples int     // how many triples of a bitmap are tried
	small   bool    // only where the picture is not very large
}

// The first looks follow up what is plain to see; the later ones what is bent,
// drawn as dots, or seen from very low.
func careful() care { return care{ring: 0.6, square: 0.62, bad: 3.2, triples: 30} }
func lenient() care { return care{ring: 0.4, square: 0.54, bad: 6, triples: 40, small: true} }

// finders scans each row for the proportion and confirms it down and across.
// tone is 1 for dark codes on light and 0 for light codes on dark.
func (b *bitmap) finders(tone byte, c care) []finder {
	var found []finder
	var runs [5]int
	for y := range b.h {
		row := b.dark[y*b.w : (y+1)*b.w]
		n, length := 0, 0 // runs kept so far, beginning with one of our tone
		clear(runs[:])
		for x := 0; x <= b.w; x++ {
			if x < b.w && (x == 0 || row[x] == row[x-1]) {
				length++
				continue
			}
			if x > 0 {
				ours := row[x-1] == tone
				if n > 0 || ours {
					copy(runs[:], runs[1:])
					runs[4] = length
					n++
				}
				if ours && n >= 5 && looksRight(&runs) {
					found = b.confirm(found, x, y, &runs, tone)
				}
			}
			length = 1
		}
	}
	kept := found[:0]
	for _, f := range found {
		n := float64(f.seen)
		f.at, f.mx, f.my = f.at.times(1/n), f.mx/n, f.my/n
		if f.ring = b.rings(&f, tone); f.ring >= c.ring {
			kept = append(kept, f)
		}
	}
	slices.SortFunc(kept, func(a, b finder) int { return cmp.Compare(b.weight(), a.weight()) })
	return kept[:min(len(kept), maxFinders)]
}

// weight is how sure a find is, up to 1. A true one is met in each row of its
// middle, three modules high, and from all sides.
func (f *finder) weight() float64 { return f.ring * math.Min(1, float64(f.seen)/(2.5*f.my)) }

// looksRight compares neighbouring runs in pairs: blur and exposure make dark
// wider and light narrower or the other way round, the sum of two stays.
func looksRight(r *[5]int) bool {
	total := r[0] + r[1] + r[2] + r[3] + r[4]
	if total < 7 {
		return false
	}
	m := float64(total) / 7
	near := func(n int, want, slack float64) bool { return math.Abs(float64(n)-want*m) <= slack*m+0.5 }
	return near(r[0]+r[1], 2, 0.7) && near(r[1]+r[2], 4, 1.1) && near(r[2]+r[3], 4, 1.1) && near(r[3]+r[4], 2, 0.7) &&
		near(r[2], 3, 1.1) && near(r[0], 1, 0.75) && near(r[1], 1, 0.75) && near(r[3], 1, 0.75) && near(r[4], 1, 0.75)
}

// confirm checks a row's find downwards and once more across, and adds it to
// the finds, or to the one that it belongs to. end is the column after the last run.
func (b *bitmap) confirm(found []finder, end, y int, runs *[5]int, tone byte) []finder {
	cx := float64(end-runs[4]-runs[3]) - float64(runs[2])/2
	across := float64(runs[0]+runs[1]+runs[2]+runs[3]+runs[4]) / 7
	cy, my, ok := b.cross(int(cx), y, false, tone, across)
	if !ok {
		return found
	}
	cx, mx, ok := b.cross(int(cx), int(cy), true, tone, my)
	if !ok {
		return found
	}
	for i := range found {
		f := &found[i]
		n := float64(f.seen)
		if math.Abs(f.at.x/n-cx) <= mx*1.5 && math.Abs(f.at.y/n-cy) <= my*1.5 && f.mx/n < 1.6*mx && mx < 1.6*f.mx/n {
			f.at.x, f.at.y, f.mx, f.my, f.seen = f.at.x+cx, f.at.y+cy, f.mx+mx, f.my+my, f.seen+1
			return found
		}
	}
	if len(found) >= 4000 { // noise; what is true has been met more than once by now
		return found
	}
	return append(found, finder{at: point{cx, cy}, mx: mx, my: my, seen: 1})
}

// cross measures the five runs through a pixel of the innermost one, across or
// down, and returns the middle and the module size.
func (b *bitmap) cross(x, y int, across bool, tone byte, expect float64) (middle, module float64, ok bool) {
	if x < 0 || y < 0 || x >= b.w || y >= b.h || b.dark[y*b.w+x] != tone {
		return 0, 0, false
	}
	i, step, pos, size := y*b.w+x, b.w, y, b.h
	if across {
		step, pos, size = 1, x, b.w
	}
	limit := int(expect*5) + 3 // no run of a finder is longer than that
	var r [5]int
	back, forth := 0, 0 // pixels from the middle one to the ends of the runs
	for k, want := 2, tone; k >= 0; k, want = k-1, 1-want {
		n := 0
		for pos-back >= 0 && b.dark[i-back*step] == want {
			if n++; n > limit {
				return 0, 0, false
			}
			back++
		}
		if n == 0 {
			return 0, 0, false
		}
		r[k] = n
	}
	inner := r[2]
	forth = 1
	n := 0
	for pos+forth < size && b.dark[i+forth*step] == tone {
		if n++; n > limit {
			return 0, 0, false
		}
		forth++
	}
	r[2] += n
	end := forth // first pixel after the innermost run
	for k, want := 3, 1-tone; k < 5; k, want = k+1, 1-want {
		n := 0
		for pos+forth < size && b.dark[i+forth*step] == want {
			if n++; n > limit {
				return 0, 0, false
			}
			forth++
		}
		if n == 0 {
			return 0, 0, false
		}
		r[k] = n
	}
	total := r[0] + r[1] + r[2] + r[3] + r[4]
	module = float64(total) / 7
	if !looksRight(&r) || module > 2.5*expect || expect > 2.5*module {
		return 0, 0, false
	}
	return float64(pos-inner+1+pos+end) / 2, module, true
}

// tone is that of the pixel at p. Outside of the picture is the quiet zone: a
// code cut out to its very edge is read as well.
func (b *bitmap) tone(p point, code byte) byte {
	if !(p.x >= 0 && p.y >= 0 && p.x < float64(b.w) && p.y < float64(b.h)) { // also NaN
		return 1 - code
	}
	return b.dark[int(p.y)*b.w+int(p.x)]
}

// rings is the share of directions, of sixteen, in which one meets the three
// rings of a finder pattern from its middle: text and noise that look right
// across and down seldom do so all around.
func (b *bitmap) rings(f *finder, tone byte) float64 {
	good := 0
	m := f.module()
	for i := range 16 {
		s, c := math.Sincos(float64(i) * math.Pi / 8)
		var at [3]float64
		n, want := 0, tone
		for t := 0.0; t < 6.5*m && n < 3; t += 0.5 {
			if b.tone(point{f.at.x + c*t, f.at.y + s*t}, tone) != want {
				at[n] = t
				n, want = n+1, 1-want
			}
		}
		// 1.5, 2.5 and 3.5 modules straight, up to 1.41 times as far at an angle
		if n == 3 && at[0] > 0.9*m && at[0] < 2.9*m && at[1]-at[0] > 0.35*m && at[1]-at[0] < 2.2*m && at[2]-at[1] > 0.35*m && at[2]-at[1] < 2.2*m {
			good++
		}
	}
	return float64(good) / 16
}

// span measures how far a finder pattern reaches from its middle along a
// direction, to both sides, and returns the size of a module that way; 0 when
// the runs make no sense.
func (b *bitmap) span(f *finder, dir point, tone byte) float64 {
	total := 0.0
	for _, sign := range [2]float64{1, -1} {
		want, changes := tone, 0
		reach := 0.0
		limit := f.module() * 8
		for t := 0.0; ; t += 0.5 {
			if t > limit {
				return 0
			}
			if b.tone(f.at.add(dir.times(sign*t)), tone) != want {
				if changes++; changes == 3 {
					reach = t - 0.25
					break
				}
				want = 1 - want
			}
		}
		total += reach
	}
	return total / 7
}

// triple is three finder patterns in the order of a QR code's corners.
type triple struct {
	corner, right, below finder     // upper left, upper right, lower left
	sizes                [4]float64 // module along the upper edge at its two ends, and along the left edge
	bad                  float64    // how far from a square, 0 is perfect
}

// triples makes QR codes of finder patterns, the likeliest first.
func (b *bitmap) triples(fs []finder, tone byte, c care) []triple {
	var out []triple
	for i := range fs {
		for j := i + 1; j < len(fs); j++ {
			if r := fs[i].module() / fs[j].module(); r > 2.5 || r < 0.4 {
				continue
			}
			for k := j + 1; k < len(fs); k++ {
				if t, ok := makeTriple(&fs[i], &fs[j], &fs[k]); ok {
					out = append(out, t)
				}
			}
		}
	}
	byBad := func(a, b triple) int { return cmp.Compare(a.bad, b.bad) }
	slices.SortFunc(out, byBad)
	out = out[:min(len(out), 1500)]
	for i := range out {
		out[i].judge(b, tone, c)
	}
	slices.SortFunc(out, byBad)
	n := 0
	for n < len(out) && n < c.triples && out[n].bad < c.bad {
		n++
	}
	return out[:n]
}

// judge looks at what lies between the three patterns: their edges point along
// the code's edges, and a timing pattern joins them.
func (t *triple) judge(b *bitmap, tone byte, c care) {
	along, down := t.right.at.sub(t.corner.at), t.below.at.sub(t.corner.at)
	along, down = along.times(1/along.length()), down.times(1/down.length())
	t.sizes = [4]float64{
		b.span(&t.corner, along, tone), b.span(&t.right, along, tone),
		b.span(&t.corner, down, tone), b.span(&t.below, down, tone),
	}
	for i, s := range t.sizes {
		if m := t.corner.module(); s < m/2.5 || s > m*2.5 { // fall back on what the rows said
			t.sizes[i] = m
			t.bad += 0.3
		}
	}
	sx, sy := t.sizes[0], t.sizes[2]
	square := 0.0 // share of the patterns' modules that have the right tone
	for i, f := range [3]*finder{&t.corner, &t.right, &t.below} {
		mx, my := sx, sy
		if i == 1 {
			mx = t.sizes[1]
		} else if i == 2 {
			my = t.sizes[3]
		}
		right := 0
		for v := -4; v <= 4; v++ {
			for u := -4; u <= 4; u++ {
				ring := max(u, -u, v, -v)
				want := tone
				if ring == 2 || ring == 4 {
					want = 1 - tone
				}
				p := f.at.add(along.times(float64(u) * mx)).add(down.times(float64(v) * my))
				if b.tone(p, tone) == want {
					right++
				}
			}
		}
		square += float64(right) / 81 / 3
	}
	if square < c.square {
		t.bad = math.Inf(1)
		return
	}
	t.bad += 4 * (1 - square)
	t.bad += b.timing(t.corner.at.add(down.times(3*sy)), t.right.at.add(down.times(3*sy)), sx, t.sizes[1], tone)
	t.bad += b.timing(t.corner.at.add(along.times(3*sx)), t.below.at.add(along.times(3*sx)), sy, t.sizes[3], tone)
}

// timing says how far the tones between two points are from alternating with
// every module; 0 is a timing pattern. m and n are the module sizes at the ends.
func (b *bitmap) timing(from, to point, m, n float64, tone byte) float64 {
	length := to.sub(from).length()
	dir := to.sub(from).times(1 / length)
	best := 3.0
	for _, side := range [3]float64{0, 0.4, -0.4} { // a line tilted against ours still meets it
		shift := point{-dir.y, dir.x}.times(side * math.Sqrt(m*n))
		changes := 0
		start, end := 3.0*m, length-3.0*n
		last := b.tone(from.add(dir.times(start)).add(shift), tone)
		for t := start; t < end; t += 0.4 {
			if now := b.tone(from.add(dir.times(t)).add(shift), tone); now != last {
				changes++
				last = now
			}
		}
		if want := (end - start) / math.Sqrt(m*n); changes > 0 && want > 0 {
			best = min(best, 2*math.Abs(math.Log(float64(changes)/want)))
		}
	}
	return best
}

func makeTriple(a, b, c *finder) (triple, bool) {
	ab, bc, ca := a.at.sub(b.at).length(), b.at.sub(c.at).length(), c.at.sub(a.at).length()
	switch { // the corner lies opposite the longest side
	case ab >= bc && ab >= ca:
		a, c = c, a
	case ca >= ab && ca >= bc:
		a, b = b, a
	}
	u, v := b.at.sub(a.at), c.at.sub(a.at)
	if u.x*v.y-u.y*v.x < 0 { // y grows downwards: right before below
		b, c, u, v = c, b, v, u
	}
	lu, lv := u.length(), v.length()
	ma, mb, mc := a.module(), b.module(), c.module()
	m := math.Cbrt(ma * mb * mc)
	ratio := math.Abs(math.Log(lu / lv))
	cos := math.Abs(u.dot(v) / (lu * lv))
	spread := math.Log(max(ma, mb, mc) / min(ma, mb, mc))
	if ratio > 0.9 || cos > 0.7 || spread > 0.9 || (lu+lv)/2 < 11*m || (lu+lv)/2 > 180*m {
		return triple{}, false
	}
	doubt := 3 - a.weight() - b.weight() - c.weight()
	return triple{corner: *a, right: *b, below: *c, bad: ratio + cos + spread + 0.3*doubt}, true
}
