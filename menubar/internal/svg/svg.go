// Package svg draws the few shapes that the icons of the menu bar are made of:
// paths and circles, filled or stroked with round ends, black or cut out. It
// is part of the build, not of the program.
package svg

import (
	"encoding/xml"
	"fmt"
	"image"
	"image/color"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode"
)

// Grid is the side of an icon in the units of its source.
const Grid = 16

// Icon is one group of the source.
type Icon struct {
	ID     string
	shapes []shape
}

type point struct{ x, y float64 }

// shape is a flattened path.
type shape struct {
	lines  [][]point
	fill   ink
	stroke ink
	width  float64
}

// ink is what a fill or a stroke does to what is under it.
type ink int

const (
	none ink = iota
	black
	white // cuts out
)

type element struct {
	XMLName  xml.Name
	ID       string    `xml:"id,attr"`
	D        string    `xml:"d,attr"`
	CX       float64   `xml:"cx,attr"`
	CY       float64   `xml:"cy,attr"`
	R        float64   `xml:"r,attr"`
	Fill     string    `xml:"fill,attr"`
	Stroke   string    `xml:"stroke,attr"`
	Width    string    `xml:"stroke-width,attr"`
	Children []element `xml:",any"`
}

// Parse reads the groups of a source. A group's transform is where it stands
// beside the others; each is drawn on a grid of its own.
func Parse(r io.Reader) ([]Icon, error) {
	var root element
	if err := xml.NewDecoder(r).Decode(&root); err != nil {
		return nil, err
	}
	var icons []Icon
	for _, g := range root.Children {
		icon := Icon{ID: g.ID}
		for _, e := range g.Children {
			s, err := e.shape(g)
			if err != nil {
				return nil, fmt.Errorf("svg: %s: %w", g.ID, err)
			}
			icon.shapes = append(icon.shapes, s)
		}
		icons = append(icons, icon)
	}
	return icons, nil
}

func (e element) shape(group element) (shape, error) {
	s := shape{fill: inkOf(e.Fill, group.Fill), stroke: inkOf(e.Stroke, group.Stroke)}
	width := e.Width
	if width == "" {
		width = group.Width
	}
	if s.stroke != none {
		w, err := strconv.ParseFloat(width, 64)
		if err != nil {
			return s, fmt.Errorf("stroke-width: %w", err)
		}
		s.width = w
	}
	switch e.XMLName.Local {
	case "circle":
		s.lines = [][]point{arc(point{e.CX, e.CY}, e.R, 0, 2*math.Pi)}
		return s, nil
	case "path":
		var err error
		s.lines, err = path(e.D)
		return s, err
	}
	return s, fmt.Errorf("%s is not understood", e.XMLName.Local)
}

func inkOf(own, inherited string) ink {
	if own == "" {
		own = inherited
	}
	switch own {
	case "black":
		return black
	case "white":
		return white
	}
	return none
}

// path flattens the commands M, L, C, A and Z, all absolute.
func path(d string) ([][]point, error) {
	tokens := strings.FieldsFunc(spaced(d), func(r rune) bool { return unicode.IsSpace(r) || r == ',' })
	var lines [][]point
	var at point
	number := func(i int) float64 {
		if i >= len(tokens) {
			return math.NaN()
		}
		v, err := strconv.ParseFloat(tokens[i], 64)
		if err != nil {
			return math.NaN()
		}
		return v
	}
	pt := func(i int) point { return point{number(i), number(i + 1)} }
	for i := 0; i < len(tokens); {
		last := len(lines) - 1
		switch tokens[i] {
		case "M":
			at = pt(i + 1)
			lines = append(lines, []point{at})
			i += 3
		case "L":
			at = pt(i + 1)
			lines[last] = append(lines[last], at)
			i += 3
		case "C":
			lines[last] = append(lines[last], bezier(at, pt(i+1), pt(i+3), pt(i+5))...)
			at = pt(i + 5)
			i += 7
		case "A": // a circle's: rx, ry, rotation, large, sweep, end
			to := pt(i + 6)
			lines[last] = append(lines[last], arcTo(at, to, number(i+1), number(i+4) != 0, number(i+5) != 0)...)
			at = to
			i += 8
		case "Z":
			at = lines[last][0]
			lines[last] = append(lines[last], at)
			i++
		default:
			return nil, fmt.Errorf("path: %q is not understood", tokens[i])
		}
		if math.IsNaN(at.x) || math.IsNaN(at.y) {
			return nil, fmt.Errorf("path: a number is missing in %q", d)
		}
	}
	return lines, nil
}

func spaced(d string) string {
	var b strings.Builder
	for _, r := range d {
		if unicode.IsLetter(r) {
			b.WriteString(" " + string(r) + " ")
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

const steps = 24

func bezier(a, b, c, d point) []point {
	var out []point
	for i := 1; i <= steps; i++ {
		t := float64(i) / steps
		u := 1 - t
		k := [4]float64{u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t}
		out = append(out, point{k[0]*a.x + k[1]*b.x + k[2]*c.x + k[3]*d.x, k[0]*a.y + k[1]*b.y + k[2]*c.y + k[3]*d.y})
	}
	return out
}

// arcTo is SVG's arc of a circle (SVG 1.1, appendix F.6).
func arcTo(a, b point, r float64, large, sweep bool) []point {
	mid := point{(a.x + b.x) / 2, (a.y + b.y) / 2}
	dx, dy := b.x-a.x, b.y-a.y
	half := math.Hypot(dx, dy) / 2
	r = math.Max(r, half)
	h := math.Sqrt(math.Max(0, r*r-half*half)) / (2 * half)
	if large == sweep {
		h = -h
	}
	center := point{mid.x - h*dy, mid.y + h*dx}
	from := math.Atan2(a.y-center.y, a.x-center.x)
	to := math.Atan2(b.y-center.y, b.x-center.x)
	if sweep && to < from {
		to += 2 * math.Pi
	}
	if !sweep && to > from {
		to -= 2 * math.Pi
	}
	return arc(center, r, from, to)
}

func arc(center point, r, from, to float64) []point {
	var out []point
	for i := 0; i <= 2*steps; i++ {
		t := from + (to-from)*float64(i)/(2*steps)
		out = append(out, point{center.x + r*math.Cos(t), center.y + r*math.Sin(t)})
	}
	return out
}

// Draw draws the icon black on nothing, at a size in pixels. A halo of so many
// units of the grid, in white, makes it readable on any background.
func (i Icon) Draw(pixels int, halo float64) *image.NRGBA {
	samples := 4 // for each side of a pixel
	if pixels <= Grid {
		samples = 8
	}
	m := i.mask(pixels*samples, halo)
	img := image.NewNRGBA(image.Rect(0, 0, pixels, pixels))
	for y := range pixels {
		for x := range pixels {
			ink, light := 0, 0
			for sy := range samples {
				for sx := range samples {
					switch m.at(x*samples+sx, y*samples+sy) {
					case inked:
						ink++
					case lit:
						light++
					}
				}
			}
			if all := ink + light; all > 0 {
				img.SetNRGBA(x, y, color.NRGBA{R: shade(light, all), G: shade(light, all), B: shade(light, all), A: uint8(255 * all / (samples * samples))})
			}
		}
	}
	return img
}

// mask is the icon in points that are inked, lit by the halo, or neither.
type mask struct {
	side int
	dots []byte
}

const (
	inked = 1
	lit   = 2
)

func (m mask) at(x, y int) byte {
	if x < 0 || y < 0 || x >= m.side || y >= m.side {
		return 0
	}
	return m.dots[y*m.side+x]
}

func (i Icon) mask(side int, halo float64) mask {
	m := mask{side, make([]byte, side*side)}
	for n := range m.dots {
		x, y := n%side, n/side
		if i.covers(point{(float64(x) + 0.5) * Grid / float64(side), (float64(y) + 0.5) * Grid / float64(side)}) {
			m.dots[n] = inked
		}
	}
	d := halo * float64(side) / Grid
	for n := range m.dots {
		if halo > 0 && m.dots[n] == 0 && m.near(n%side, n/side, d) {
			m.dots[n] = lit
		}
	}
	return m
}

// near reports whether a dot is not further than d dots from ink.
func (m mask) near(x, y int, d float64) bool {
	for r := d; r > 0; r -= d / 4 {
		for k := range 24 {
			a := 2 * math.Pi * float64(k) / 24
			if m.at(x+int(math.Round(r*math.Cos(a))), y+int(math.Round(r*math.Sin(a)))) == inked {
				return true
			}
		}
	}
	return false
}

// shade is the tone of a pixel of which so much is halo.
func shade(light, all int) uint8 { return uint8(255 * light / all) }

// covers reports whether a point is inked.
func (i Icon) covers(p point) bool {
	on := false
	for _, s := range i.shapes {
		if s.fill != none && s.inside(p) {
			on = s.fill == black
		}
		if s.stroke != none && s.distance(p) <= s.width/2 {
			on = s.stroke == black
		}
	}
	return on
}

// inside is the rule of non-zero winding.
func (s shape) inside(p point) bool {
	winding := 0
	for _, line := range s.lines {
		for i := range line {
			a, b := line[i], line[(i+1)%len(line)]
			cross := (b.x-a.x)*(p.y-a.y) - (p.x-a.x)*(b.y-a.y)
			switch {
			case a.y <= p.y && b.y > p.y && cross > 0:
				winding++
			case a.y > p.y && b.y <= p.y && cross < 0:
				winding--
			}
		}
	}
	return winding != 0
}

// distance is how far a point is from the line.
func (s shape) distance(p point) float64 {
	best := math.Inf(1)
	for _, line := range s.lines {
		for i := 1; i < len(line); i++ {
			a, b := line[i-1], line[i]
			dx, dy := b.x-a.x, b.y-a.y
			t := 0.0
			if l := dx*dx + dy*dy; l > 0 {
				t = math.Max(0, math.Min(1, ((p.x-a.x)*dx+(p.y-a.y)*dy)/l))
			}
			best = math.Min(best, math.Hypot(p.x-a.x-t*dx, p.y-a.y-t*dy))
		}
	}
	return best
}
