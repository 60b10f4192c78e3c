// Package icon draws the app's icon: a heart that keeps itself in step. It is
// the one source of every size; nothing of it is a file.
package icon

import (
	"image"
	"image/color"
	"image/draw"
	"math"

	"golang.org/x/image/vector"
)

// The grid of Apple's template for macOS icons: a canvas of 1024 with a
// rounded square of 824 on it, and room for its shadow around.
const (
	canvas = 1024
	side   = 824
	corner = 186
)

var (
	top    = color.NRGBA{0xff, 0x6b, 0x81, 0xff}
	bottom = color.NRGBA{0xc8, 0x10, 0x4f, 0xff}
	white  = color.NRGBA{0xff, 0xff, 0xff, 0xff}
)

// Draw draws the icon at a size in pixels. At 32 pixels and below the arrows
// would be mud: there it is a bolder heart alone, on a square that uses more
// of the canvas, as Apple's own small icons do.
func Draw(pixels int) image.Image {
	d := &drawing{img: image.NewRGBA(image.Rect(0, 0, pixels, pixels)), scale: float64(pixels) / canvas}
	d.all(pixels <= 32)
	out := image.NewNRGBA(d.img.Bounds()) // files hold colours that are not multiplied by alpha
	draw.Draw(out, out.Bounds(), d.img, image.Point{}, draw.Src)
	return out
}

func (d *drawing) all(small bool) {
	s, r := float64(side), float64(corner)
	if small {
		s, r = 896, 200 // whole pixels at 16 and 32
	}
	if !small {
		d.shadow(s, r)
	}
	d.fill(squircle(s, r), gradient{d, top, bottom})
	if small {
		d.fill(heart(1.16), white)
		return
	}
	d.fill(heart(0.93), white)
	ring := gradient{d, color.NRGBA{0xf2, 0x4a, 0x6e, 0xff}, color.NRGBA{0xcf, 0x1a, 0x55, 0xff}}
	for _, from := range []float64{-150, 30} { // degrees; two arrows that chase each other
		d.fill(arrow(from, from+128), ring)
	}
}

type drawing struct {
	img   *image.RGBA
	scale float64
}

// path is drawn in the canvas's units.
type path func(v *vector.Rasterizer, p func(x, y float64) (float32, float32))

// fill takes a color.NRGBA or a gradient.
func (d *drawing) fill(shape path, src any) {
	b := d.img.Bounds()
	v := vector.NewRasterizer(b.Dx(), b.Dy())
	shape(v, func(x, y float64) (float32, float32) { return float32(x * d.scale), float32(y * d.scale) })
	if g, ok := src.(gradient); ok { // the rasterizer is slow with anything but one colour
		mask := image.NewAlpha(b)
		v.Draw(mask, b, image.Opaque, image.Point{})
		draw.DrawMask(d.img, b, g.picture(), image.Point{}, mask, image.Point{}, draw.Over)
		return
	}
	v.Draw(d.img, b, image.NewUniform(src.(color.NRGBA)), image.Point{})
}

// shadow lies 12 units lower and fades over 28.
func (d *drawing) shadow(s, r float64) {
	const layers = 8
	for i := range layers {
		grow := 28 * (1 - 2*float64(i)/(layers-1))
		shape := squircle(s+grow, r+grow/2)
		d.fill(func(v *vector.Rasterizer, p func(x, y float64) (float32, float32)) {
			shape(v, func(x, y float64) (float32, float32) { return p(x, y+12) })
		}, color.NRGBA{0, 0, 0, 12})
	}
}

// squircle is a square whose corners turn gently, like those of macOS: the
// curve begins well before a circle's would.
func squircle(s, r float64) path {
	lo, hi := (canvas-s)/2, (canvas+s)/2
	e := 1.28 * r // where the curve begins
	k := 0.30 * r // how near the corner its handles lie
	return func(v *vector.Rasterizer, p func(x, y float64) (float32, float32)) {
		move := func(x, y float64) { a, b := p(x, y); v.MoveTo(a, b) }
		line := func(x, y float64) { a, b := p(x, y); v.LineTo(a, b) }
		cube := func(x1, y1, x2, y2, x3, y3 float64) {
			a, b := p(x1, y1)
			c, d := p(x2, y2)
			e, f := p(x3, y3)
			v.CubeTo(a, b, c, d, e, f)
		}
		move(lo+e, lo)
		line(hi-e, lo)
		cube(hi-k, lo, hi, lo+k, hi, lo+e)
		line(hi, hi-e)
		cube(hi, hi-k, hi-k, hi, hi-e, hi)
		line(lo+e, hi)
		cube(lo+k, hi, lo, hi-k, lo, hi-e)
		line(lo, lo+e)
		cube(lo, lo+k, lo+k, lo, lo+e, lo)
		v.ClosePath()
	}
}

// heart is four fifths as wide as the square at zoom 1; a little less leaves a
// calm margin.
func heart(zoom float64) path {
	return func(v *vector.Rasterizer, p func(x, y float64) (float32, float32)) {
		q := func(x, y float64) (float32, float32) { return p(512+x*zoom, 520+y*zoom) }
		cube := func(x1, y1, x2, y2, x3, y3 float64) {
			a, b := q(x1, y1)
			c, d := q(x2, y2)
			e, f := q(x3, y3)
			v.CubeTo(a, b, c, d, e, f)
		}
		v.MoveTo(q(0, -150))
		cube(40, -228, 112, -262, 176, -262)
		cube(282, -262, 330, -182, 330, -96)
		cube(330, 60, 150, 190, 22, 284)
		cube(8, 294, -8, 294, -22, 284)
		cube(-150, 190, -330, 60, -330, -96)
		cube(-330, -182, -282, -262, -176, -262)
		cube(-112, -262, -40, -228, 0, -150)
		v.ClosePath()
	}
}

// arrow is an arc of the ring in the heart, clockwise, with a head at its end.
func arrow(from, to float64) path {
	const cx, cy, mid, half, head = 512.0, 524.0, 112.0, 18.0, 46.0
	at := func(deg, r float64) (float64, float64) {
		a := deg * math.Pi / 180
		return cx + r*math.Cos(a), cy + r*math.Sin(a)
	}
	return func(v *vector.Rasterizer, p func(x, y float64) (float32, float32)) {
		v.MoveTo(p(at(from, mid+half)))
		const steps = 48
		for i := 1; i <= steps; i++ {
			v.LineTo(p(at(from+(to-from)*float64(i)/steps, mid+half)))
		}
		v.LineTo(p(at(to, mid+head)))
		v.LineTo(p(at(to+36, mid+4)))
		v.LineTo(p(at(to, mid-head)))
		for i := steps; i >= 0; i-- {
			v.LineTo(p(at(from+(to-from)*float64(i)/steps, mid-half)))
		}
		v.ClosePath()
	}
}

// gradient runs from the square's top to its bottom.
type gradient struct {
	d        *drawing
	from, to color.NRGBA
}

func (g gradient) picture() *image.RGBA {
	m := image.NewRGBA(g.d.img.Bounds())
	for y := range m.Bounds().Dy() {
		t := min(1, max(0, (float64(y)/g.d.scale-(canvas-side)/2)/side))
		mix := func(a, b uint8) uint8 { return uint8(math.Round(float64(a) + (float64(b)-float64(a))*t)) }
		c := color.RGBA{mix(g.from.R, g.to.R), mix(g.from.G, g.to.G), mix(g.from.B, g.to.B), 0xff}
		for x := range m.Bounds().Dx() {
			m.SetRGBA(x, y, c)
		}
	}
	return m
}
