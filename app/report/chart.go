package report

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The sizes of a chart, in the units of its view box: pixels in a panel of the
// usual width.
const (
	chartWidth = 480.0
	axisLeft   = 46.0
	axisRight  = 4.0
	axisTop    = 10.0
	axisBottom = 20.0
)

// chart is a coordinate system with so many columns.
type chart struct {
	svg     node
	columns int
	height  float64
	lo, hi  float64
}

// newChart makes a chart whose values go from lo to hi, which it widens to
// whole steps. title is what a screen reader says of it; the figures
// themselves are in the table that follows.
func newChart(title string, columns int, height, lo, hi, step float64, label func(float64) string) *chart {
	lo, hi = math.Floor(lo/step)*step, math.Ceil(hi/step)*step
	if lo == hi {
		hi += step
	}
	svg := el("svg", class("chart"), at("viewBox", "0 0 480 "+strconv.Itoa(int(height))), at("role", "img"),
		at("aria-label", title))
	c := &chart{svg, columns, height, lo, hi}
	for v := lo; v <= hi+step/2; v += step {
		c.rule("grid", axisLeft, chartWidth-axisRight, v)
		add(svg, el("text", num("x", axisLeft-7), num("y", c.y(v)+4), at("text-anchor", "end"), label(v)))
	}
	return c
}

// rule draws a level line.
func (c *chart) rule(kind string, x1, x2, v float64) {
	y := c.y(v)
	add(c.svg, el("line", class(kind), num("x1", x1), num("x2", x2), num("y1", y), num("y2", y)))
}

// niceStep is the least of 1, 2, 5, 10, 20, ... that is not below v.
func niceStep(v float64) float64 {
	if v <= 0 || math.IsInf(v, 0) || math.IsNaN(v) {
		return 1
	}
	ten := math.Pow(10, math.Floor(math.Log10(v)))
	for _, f := range []float64{1, 2, 5, 10} {
		if f*ten >= v*(1-1e-9) {
			return f * ten
		}
	}
	return 10 * ten
}

func (c *chart) y(v float64) float64 {
	plot := c.height - axisTop - axisBottom
	return axisTop + plot*(1-(v-c.lo)/(c.hi-c.lo))
}

func (c *chart) column() float64 { return (chartWidth - axisLeft - axisRight) / float64(c.columns) }

// x is the middle of a column.
func (c *chart) x(i int) float64 { return axisLeft + (float64(i)+0.5)*c.column() }

// wide is the width of a bar.
func (c *chart) wide() float64 { return min(c.column()*0.68, 26) }

// bar draws a bar from one value to another, with a word for whoever points
// at it.
func (c *chart) bar(i int, from, to float64, kind, title string) {
	wide := c.wide()
	top, bottom := c.y(math.Max(from, to)), c.y(math.Min(from, to))
	add(c.svg, el("rect", class(kind), num("x", c.x(i)-wide/2), num("y", top), num("width", wide),
		num("height", math.Max(bottom-top, 1)),
		num("rx", min(wide/4, 3)), el("title", title)))
}

// unread shades a column that was not read from the iPhone.
func (c *chart) unread(i int) {
	add(c.svg, el("rect", class("unread"), num("x", c.x(i)-c.column()/2), num("y", axisTop), num("width", c.column()),
		num("height", c.height-axisTop-axisBottom)))
}

// line joins the points that follow one another; a gap of more than so many
// columns stays one.
func (c *chart) line(points []Point, gap int, title func(Point) string) {
	var path strings.Builder
	last := -1
	for i, p := range points {
		if !p.Has {
			continue
		}
		move := "L"
		if last < 0 || i-last > gap {
			move = "M"
		}
		path.WriteString(move + coordinate(c.x(i)) + " " + coordinate(c.y(p.Value)))
		last = i
	}
	add(c.svg, el("path", class("path"), at("d", path.String())))
	for i, p := range points {
		if p.Has {
			add(c.svg, el("circle", class("dot"), num("cx", c.x(i)), num("cy", c.y(p.Value)), num("r", 3),
				el("title", title(p))))
		}
	}
}

func coordinate(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }

// dates writes every so many columns when it is, the last one among them.
func (c *chart) dates(every int, of func(i int) string) {
	for i := (c.columns - 1) % every; i < c.columns; i += every {
		x, anchor := c.x(i), "middle"
		if i == c.columns-1 && every > 1 { // a date is wider than a column
			x, anchor = chartWidth-axisRight, "end"
		}
		add(c.svg, el("text", num("x", x), num("y", c.height-5), at("text-anchor", anchor), of(i)))
	}
}

// span is the least and the greatest of what a chart shows.
func span(points []Point, kind Kind) (lo, hi float64) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, p := range points {
		if !p.Has {
			continue
		}
		if kind == Range {
			lo, hi = min(lo, p.Min), max(hi, p.Max)
		} else {
			lo, hi = min(lo, p.Value), max(hi, p.Value)
		}
	}
	switch {
	case lo > hi:
		return 0, 1
	case kind == Total:
		lo = min(lo, 0)
	case lo == hi:
		lo, hi = lo-1, hi+1
	default: // a little room, so that no point lies on the edge
		lo, hi = lo-0.08*(hi-lo), hi+0.08*(hi-lo)
	}
	return lo, hi
}

func (s Series) draw(points []Point, height float64, monthly bool, title string) node {
	lo, hi := span(points, s.Kind)
	c := newChart(title, len(points), height, lo, hi, niceStep((hi-lo)/3), s.axis(lo, hi))
	name := func(p Point) string {
		if monthly {
			return p.From.Format("January 2006")
		}
		return weekday(p.From)
	}
	for i, p := range points {
		if p.Unread {
			c.unread(i)
		}
	}
	switch s.Kind {
	case Total:
		for i, p := range points {
			if !p.Has {
				continue
			}
			class := "bar"
			if p.Partial {
				class = "bar part"
			}
			c.bar(i, 0, p.Value, class, name(p)+": "+s.say(p, monthly))
		}
	case Range:
		for i, p := range points {
			if p.Has {
				c.bar(i, p.Min, p.Max, "bar", name(p)+": "+s.say(p, monthly))
				c.rule("tick", c.x(i)-c.wide()/2, c.x(i)+c.wide()/2, p.Value)
			}
		}
	case Mean:
		gap := 8 // a weight is taken once a week
		if monthly {
			gap = 2
		}
		c.line(points, gap, func(p Point) string { return name(p) + ": " + s.say(p, monthly) })
	}
	if m, ok := mean(points, s.Kind == Total); ok && !monthly && s.Kind == Total {
		c.rule("mean", axisLeft, chartWidth-axisRight, m)
	}
	c.dates(every(monthly), func(i int) string { return tickDate(points[i].From, monthly) })
	return c.svg
}

func every(monthly bool) int {
	if monthly {
		return 1
	}
	return 7
}

func tickDate(t time.Time, monthly bool) string {
	if monthly {
		return t.Format("Jan")
	}
	return t.Format("2 Jan")
}

// axis writes the numbers beside a chart: no more decimals than they need.
func (s Series) axis(lo, hi float64) func(float64) string {
	decimals := 0
	for step := niceStep((hi - lo) / 3); step < 1 && decimals < 3; step *= 10 {
		decimals++
	}
	return func(v float64) string {
		if v >= 10_000 && decimals == 0 && math.Mod(v, 1000) == 0 {
			return figure(v/1000, 0) + "k"
		}
		return figure(v, decimals)
	}
}

// say is a point in words.
func (s Series) say(p Point, monthly bool) string {
	switch {
	case s.Kind == Range:
		return figure(p.Min, s.Decimals) + "–" + s.figure(p.Max) + ", mean " + figure(p.Value, s.Decimals)
	case s.Kind == Total && monthly:
		return s.figure(p.Value) + " a day"
	case p.Partial && !monthly && s.Kind == Total:
		return s.figure(p.Value) + " so far"
	}
	return s.figure(p.Value)
}

// mean is that of the points that have a figure and, if so wanted, are over.
func mean(points []Point, over bool) (float64, bool) {
	sum, n := 0.0, 0.0
	for _, p := range points {
		if p.Has && !(over && p.Partial) {
			sum += p.Value
			n++
		}
	}
	return sum / max(n, 1), n > 0
}

// stages are the parts of a night from the bottom of its bar to the top.
var stages = []struct {
	name, inText, class string
	of                  func(Night) float64
}{
	{"Deep", "deep", "s-deep", func(n Night) float64 { return n.Deep }},
	{"Core", "core", "s-core", func(n Night) float64 { return n.Core }},
	{"REM", "REM", "s-rem", func(n Night) float64 { return n.REM }},
	{"Asleep, stage not known", "asleep, stage not known", "s-plain", func(n Night) float64 { return n.Plain }},
	{"Awake", "awake", "s-awake", func(n Night) float64 { return n.Awake }},
}

func drawNights(nights []Night, height float64, monthly bool, title string) node {
	hi := 60.0
	for _, n := range nights {
		hi = max(hi, n.Asleep()+n.Awake)
	}
	c := newChart(title, len(nights), height, 0, hi/60, 2, func(h float64) string { return figure(h, 0) + " h" })
	for i, n := range nights {
		if n.Unread {
			c.unread(i)
		}
		name := "Night to " + weekday(n.From)
		if monthly {
			name = n.From.Format("January 2006")
		}
		at := 0.0
		for _, s := range stages {
			if v := s.of(n); v > 0 {
				c.bar(i, at/60, (at+v)/60, s.class, name+": "+s.inText+" "+hours(v)+" of "+hours(n.Asleep())+" asleep")
				at += v
			}
		}
	}
	c.dates(every(monthly), func(i int) string { return tickDate(nights[i].From, monthly) })
	return c.svg
}

// newest gives the last point that has a figure.
func newest(points []Point) (Point, bool) {
	for _, p := range slices.Backward(points) {
		if p.Has {
			return p, true
		}
	}
	return Point{}, false
}
