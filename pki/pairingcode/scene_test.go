package pairingcode

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"time"

	"healthsync/pki"
)

// now is the moment at which the tests' payloads are fresh.
var now = time.Date(2026, 1, 7, 12, 0, 0, 0, time.UTC)

// samplePayload is one as the iPhone shows it.
func samplePayload(version int, r *rand.Rand) Payload {
	p := Payload{Version: version, Host: "192.168.178.23", Port: 49152 + r.IntN(16000),
		ExpiresAt: now.Add(5 * time.Minute)}
	const alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789"
	for range 8 {
		p.Code += string(alphabet[r.IntN(len(alphabet))])
	}
	fill := func(f *pki.Fingerprint) {
		for i := range f {
			f[i] = byte(r.Uint32())
		}
	}
	fill(&p.Leaf)
	if version == 2 {
		fill(&p.CA)
	}
	return p
}

func seeded(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15)) }

// canvas is a picture under construction, in linear floating luminance 0-255.
type canvas struct {
	w, h int
	v    []float32
}

func newCanvas(w, h int, level float32) *canvas {
	c := &canvas{w, h, make([]float32, w*h)}
	for i := range c.v {
		c.v[i] = level
	}
	return c
}

func (c *canvas) rect(x0, y0, x1, y1 int, level float32) {
	for y := max(0, y0); y < min(c.h, y1); y++ {
		for x := max(0, x0); x < min(c.w, x1); x++ {
			c.v[y*c.w+x] = level
		}
	}
}

// code draws a QR code with its quiet zone, its outer corner at x0, y0.
func (c *canvas) code(m *Matrix, x0, y0 int, scale float64, light, dark float32) (side int) {
	side = int(math.Round(float64(m.Size+2*quietZone) * scale))
	for y := range side {
		for x := range side {
			level := light
			if m.Dark(int(float64(x)/scale)-quietZone, int(float64(y)/scale)-quietZone) {
				level = dark
			}
			if y0+y >= 0 && y0+y < c.h && x0+x >= 0 && x0+x < c.w {
				c.v[(y0+y)*c.w+x0+x] = level
			}
		}
	}
	return side
}

// text fills a part with rows of word-like strokes, the commonest clutter around a code.
func (c *canvas) text(r *rand.Rand, x0, y0, x1, y1, size int, level float32) {
	for y := y0; y+size < y1; y += size * 3 / 2 {
		for x := x0; x+size < x1; {
			for range 2 + r.IntN(8) {
				w := max(1, size/5)
				for range 1 + r.IntN(3) { // a letter of a few strokes
					if r.IntN(2) == 0 {
						c.rect(x, y+r.IntN(size/2), min(x+w, x1), y+size, level)
					} else {
						yy := y + r.IntN(size)
						c.rect(x, yy, min(x+size/2, x1), yy+w, level)
					}
				}
				x += size * 2 / 3
			}
			x += size
		}
	}
}

// phoneScreen is the app's pairing screen on a 3x display (1179 x 2556),
// with the code as large as the app draws it.
func phoneScreen(r *rand.Rand, m *Matrix, dark bool) *canvas {
	bg, fg, card := float32(242), float32(20), float32(255)
	if dark {
		bg, fg, card = 5, 235, 28
	}
	c := newCanvas(1179, 2556, bg)
	c.text(r, 60, 60, 1100, 120, 40, fg)
	c.rect(50, 300, 1129, 1700, card)
	c.text(r, 90, 330, 900, 420, 50, fg)
	scale := math.Floor(780 / float64(m.Size+2*quietZone))
	side := float64(m.Size+2*quietZone) * scale
	c.code(m, int(590-side/2), 480, scale, 255, 0)
	c.text(r, 90, 1340, 1080, 1680, 44, fg)
	c.rect(50, 1760, 1129, 2300, card)
	c.text(r, 90, 1800, 1080, 2280, 44, fg)
	return c
}

// homography maps the unit square onto a quadrilateral (corners clockwise from
// the upper left), after Heckbert 1989, section 2.2.3.
func homography(q [4][2]float64) [9]float64 {
	x0, y0, x1, y1 := q[0][0], q[0][1], q[1][0], q[1][1]
	x2, y2, x3, y3 := q[2][0], q[2][1], q[3][0], q[3][1]
	dx1, dx2, dx3 := x1-x2, x3-x2, x0-x1+x2-x3
	dy1, dy2, dy3 := y1-y2, y3-y2, y0-y1+y2-y3
	den := dx1*dy2 - dx2*dy1
	g := (dx3*dy2 - dx2*dy3) / den
	h := (dx1*dy3 - dx3*dy1) / den
	return [9]float64{x1 - x0 + g*x1, x3 - x0 + h*x3, x0, y1 - y0 + g*y1, y3 - y0 + h*y3, y0, g, h, 1}
}

func invert3(m [9]float64) [9]float64 {
	return [9]float64{
		m[4]*m[8] - m[5]*m[7], m[2]*m[7] - m[1]*m[8], m[1]*m[5] - m[2]*m[4],
		m[5]*m[6] - m[3]*m[8], m[0]*m[8] - m[2]*m[6], m[2]*m[3] - m[0]*m[5],
		m[3]*m[7] - m[4]*m[6], m[1]*m[6] - m[0]*m[7], m[0]*m[4] - m[1]*m[3],
	}
}

func apply3(m [9]float64, x, y float64) (float64, float64) {
	w := m[6]*x + m[7]*y + m[8]
	return (m[0]*x + m[1]*y + m[2]) / w, (m[3]*x + m[4]*y + m[5]) / w
}

// view photographs the canvas: held by a camera of the given focal length (in
// widths of the result) at a distance, turned by the three angles (degrees).
// Several samples a pixel in each direction stand for the lens.
func (c *canvas) view(w, h int, fill, roll, yaw, pitch float64, table func(x, y float64) float32) *canvas {
	rad := math.Pi / 180
	sr, cr := math.Sincos(roll * rad)
	sy, cy := math.Sincos(yaw * rad)
	sp, cp := math.Sincos(pitch * rad)
	longest := float64(max(c.w, c.h))
	project := func(x, y float64) [2]float64 {
		x, y = (x-0.5)*float64(c.w)/longest, (y-0.5)*float64(c.h)/longest
		x, y = x*cr-y*sr, x*sr+y*cr
		x, z := x*cy, x*sy
		y, z = y*cp-z*sp, y*sp+z*cp
		const distance = 1.8
		k := distance / (distance + z) * fill * float64(min(w, h))
		return [2]float64{float64(w)/2 + x*k, float64(h)/2 + y*k}
	}
	inv := invert3(homography([4][2]float64{project(0, 0), project(1, 0), project(1, 1), project(0, 1)}))
	out := newCanvas(w, h, 0)
	n := 2
	if w > 3000 {
		n = 1 // enough where the pixels are small, and seconds faster
	}
	for y := range h {
		for x := range w {
			var sum float32
			for i := range n * n {
				px, py := float64(x)+(float64(i%n)+0.5)/float64(n), float64(y)+(float64(i/n)+0.5)/float64(n)
				u, v := apply3(inv, px, py)
				if u >= 0 && v >= 0 && u < 1 && v < 1 {
					sum += c.v[int(v*float64(c.h))*c.w+int(u*float64(c.w))]
				} else {
					sum += table(px, py)
				}
			}
			out.v[y*w+x] = sum / float32(n*n)
		}
	}
	return out
}

// wood is a table top: slow grain, nothing a reader should stop at.
func wood(seed uint64) func(x, y float64) float32 {
	p := float64(seed%97) / 3
	return func(x, y float64) float32 {
		return float32(110 + 25*math.Sin(y/37+4*math.Sin(x/300+p)) + 12*math.Sin(y/5+x/90+p))
	}
}

// blur is a Gaussian lens of the given sigma in pixels.
func (c *canvas) blur(sigma float64) *canvas {
	n := int(math.Ceil(3 * sigma))
	k := make([]float32, 2*n+1)
	var sum float32
	for i := range k {
		k[i] = float32(math.Exp(-float64((i-n)*(i-n)) / (2 * sigma * sigma)))
		sum += k[i]
	}
	mid := make([]float32, len(c.v))
	for y := range c.h {
		for x := range c.w {
			var s float32
			for i, f := range k {
				s += f * c.v[y*c.w+min(max(x+i-n, 0), c.w-1)]
			}
			mid[y*c.w+x] = s / sum
		}
	}
	for y := range c.h {
		for x := range c.w {
			var s float32
			for i, f := range k {
				s += f * mid[min(max(y+i-n, 0), c.h-1)*c.w+x]
			}
			c.v[y*c.w+x] = s / sum
		}
	}
	return c
}

// each changes every pixel by its place and level.
func (c *canvas) each(f func(x, y float64, v float32) float32) *canvas {
	for i, v := range c.v {
		c.v[i] = f(float64(i%c.w), float64(i/c.w), v)
	}
	return c
}

// glare adds a lamp's reflection: saturated in the middle, haze around it.
func (c *canvas) glare(x, y, radius, strength float64) *canvas {
	return c.each(func(i, j float64, v float32) float32 {
		d := math.Hypot(i-x, (j-y)*1.3) / radius
		return v + float32(strength*math.Exp(-d*d))
	})
}

// shade lights the picture from one side: left at a, right at b.
func (c *canvas) shade(a, b float64) *canvas {
	return c.each(func(x, _ float64, v float32) float32 { return v * float32(a+(b-a)*x/float64(c.w)) })
}

// moire is the beat of the display's pixel grid with the camera's.
func (c *canvas) moire(period, angle, amplitude float64) *canvas {
	s, co := math.Sincos(angle * math.Pi / 180)
	return c.each(func(x, y float64, v float32) float32 {
		a, b := x*co-y*s, x*s+y*co
		return v * float32(1+amplitude/2*(math.Sin(a*2*math.Pi/period)+math.Sin(b*2*math.Pi/(period*1.07))))
	})
}

// noise is the sensor's.
func (c *canvas) noise(r *rand.Rand, sigma float64) *canvas {
	return c.each(func(_, _ float64, v float32) float32 { return v + float32(r.NormFloat64()*sigma) })
}

// contrast squeezes 0-255 into lo-hi; with hi below lo it makes a negative.
func (c *canvas) contrast(lo, hi float32) *canvas {
	return c.each(func(_, _ float64, v float32) float32 { return lo + v*(hi-lo)/255 })
}

// image is the finished picture.
func (c *canvas) image() *image.Gray {
	img := image.NewGray(image.Rect(0, 0, c.w, c.h))
	for i, v := range c.v {
		img.Pix[i] = color.Gray{Y: byte(min(255, max(0, v+0.5)))}.Y
	}
	return img
}

func mustEncode(text []byte) *Matrix {
	m, err := Encode(text)
	if err != nil {
		panic(err)
	}
	return m
}

// scene is a kind of picture that people hand in.
type scene struct {
	name  string
	short bool // made and read in a second: in the short tier too
	draw  func(s shot) *canvas
}

// shot is what one picture of a scene is drawn from.
type shot struct {
	*rand.Rand
	seed uint64
	code func() *Matrix
}

func (s scene) picture(seed uint64, p Payload) image.Image {
	r := seeded(seed)
	return s.draw(shot{r, seed, func() *Matrix { return mustEncode(shuffledJSON(p, r)) }}).image()
}

// between draws a number.
func (s shot) between(a, b float64) float64 { return a + s.Float64()*(b-a) }

func (s shot) screen(dark bool) *canvas { return phoneScreen(s.Rand, s.code(), dark) }

// photo takes a picture of a screen that lies on a table.
func (s shot) photo(c *canvas, w, h int, fill, roll, yaw, pitch float64) *canvas {
	return c.view(w, h, fill, roll, yaw, pitch, wood(s.seed))
}

// scenes are the pictures whose rates docs/qr-reading.md keeps.
func scenes() []scene {
	return []scene{
		{"screenshot of the phone", true, func(s shot) *canvas { return s.screen(false) }},
		{"screenshot, dark mode", true, func(s shot) *canvas { return s.screen(true) }},
		{"light on dark", false, func(s shot) *canvas { return s.screen(false).contrast(240, 20) }},
		{"small in a desktop screenshot", true, func(s shot) *canvas {
			c := newCanvas(3840, 2160, 250)
			c.text(s.Rand, 0, 0, 3840, 2160, 22, 40)
			c.code(s.code(), 200+s.IntN(3200), 200+s.IntN(1600), 2, 255, 0)
			return c
		}},
		{"scaled by a fraction", false, func(s shot) *canvas {
			c := newCanvas(1400, 1000, 240)
			c.text(s.Rand, 0, 0, 1400, 1000, 18, 30)
			c.code(s.code(), 100+s.IntN(800), 100+s.IntN(500), s.between(2.3, 4.3), 255, 0)
			return c
		}},
		{"page of other codes", false, func(s shot) *canvas {
			c := newCanvas(2000, 1500, 255)
			ours := s.IntN(12)
			for i := range 12 {
				m := mustEncode([]byte("https://example.org/other/" + string(rune('a'+i))))
				if i == ours {
					m = s.code()
				}
				c.code(m, 40+i%4*490, 30+i/4*490, math.Floor(440/float64(m.Size+8)), 255, 0)
			}
			return c
		}},
		{"photo of the phone", true, func(s shot) *canvas {
			c := s.screen(s.seed%2 == 0)
			c = s.photo(c, 1500, 2000, 1.3, s.between(-20, 20), s.between(-15, 15), s.between(-15, 15))
			return c.shade(0.6, 1).blur(0.9).noise(s.Rand, 6)
		}},
		{"photo, tilted", false, func(s shot) *canvas {
			sign := float64(1 - 2*int(s.seed%2))
			c := s.screen(false)
			c = s.photo(c, 1500, 2000, 1.3, s.between(0, 30), sign*s.between(30, 45), -sign*s.between(15, 30))
			return c.shade(0.7, 1).blur(0.8).noise(s.Rand, 5)
		}},
		{"photo, turned", false, func(s shot) *canvas {
			c := s.screen(true)
			c = s.photo(c, 2000, 2000, 1.2, s.between(35, 325), s.between(-10, 10), s.between(-10, 10))
			return c.shade(1, 0.7).blur(0.9).noise(s.Rand, 6)
		}},
		{"photo, glare", false, func(s shot) *canvas {
			c := s.screen(false).contrast(15, 200)
			c = s.photo(c, 1500, 2000, 1.3, s.between(-10, 10), 10, -10)
			x, y := s.between(600, 900), s.between(650, 950)
			return c.glare(x, y, s.between(55, 80), 400).glare(x, y, 400, 60).blur(0.8).noise(s.Rand, 5)
		}},
		{"photo, moire", false, func(s shot) *canvas {
			c := s.screen(false).contrast(20, 190)
			c = s.photo(c, 1500, 2000, 1.3, s.between(-5, 5), 6, 8)
			return c.moire(s.between(4, 12), s.between(0, 90), 0.45).blur(0.6).noise(s.Rand, 4)
		}},
		{"photo, partly covered", false, func(s shot) *canvas {
			m := s.code()
			c := phoneScreen(s.Rand, m, false)
			// a finger over the edge, between the finder patterns' corners
			scale := math.Floor(780 / float64(m.Size+2*quietZone))
			side := int(float64(m.Size+2*quietZone) * scale)
			d := int(float64(m.Size) * scale * s.between(0.14, 0.2))
			x0, y0 := 590+side/2-int(quietZone*scale)-d, 480+side/2-d/2
			c.rect(x0, y0, x0+2*d, y0+d, 150)
			return s.photo(c, 1500, 2000, 1.3, s.between(-5, 5), 5, -5).blur(0.7).noise(s.Rand, 4)
		}},
		{"photo, small in a large one", false, func(s shot) *canvas {
			c := s.screen(true)
			fill, roll := s.between(0.62, 0.74), s.between(-30, 30)
			c = s.photo(c, 4032, 3024, fill, roll, s.between(-10, 10), s.between(-10, 10))
			return c.shade(0.5, 1).blur(0.7).noise(s.Rand, 6)
		}},
		{"photo, dim and noisy", false, func(s shot) *canvas {
			c := s.screen(false).contrast(25, 95)
			c = s.photo(c, 1500, 2000, 1.2, s.between(-10, 10), 8, 8)
			return c.shade(0.7, 1).blur(0.7).noise(s.Rand, 16)
		}},
		{"photo, out of focus", false, func(s shot) *canvas {
			c := s.screen(false)
			c = s.photo(c, 1500, 2000, 1.3, s.between(-10, 10), 6, -6)
			return c.blur(s.between(3.2, 4)).noise(s.Rand, 3)
		}},
	}
}

// shuffledJSON is [Payload.JSON] with the fields in random order, as Swift's
// JSONEncoder writes them without .sortedKeys: a reader must not rely on any.
func shuffledJSON(p Payload, r *rand.Rand) []byte {
	f := p.fields()
	r.Shuffle(len(f), func(i, j int) { f[i], f[j] = f[j], f[i] })
	return join(f)
}
