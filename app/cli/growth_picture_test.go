package cli_test

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
)

const (
	growthTable   = "../../docs/img/growth.tsv"
	growthPicture = "../../docs/img/growth.svg"
)

// The picture in docs/performance.md is that of the table beside it, which
// BenchmarkGrowth wrote. UPDATE=1 draws it anew.
func TestGrowthPicture(t *testing.T) {
	raw, err := os.ReadFile(growthTable)
	if err != nil {
		t.Fatal(err)
	}
	svg, err := drawGrowth(string(raw))
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("UPDATE") == "1" {
		if err := os.WriteFile(growthPicture, []byte(svg), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile(growthPicture); err != nil || string(have) != svg {
		t.Errorf("docs/img/growth.svg is not the picture of growth.tsv (%v); draw it with: UPDATE=1 go test ./app/cli -run TestGrowthPicture", err)
	}
}

// panel is one of the picture's charts: a column of the table over the first.
type panel struct {
	title, unit string
	column      int
	scale       float64 // of the column's unit
	top         float64 // of the axis
	bound       float64 // a limit that is drawn; 0 for none
	boundName   string
	linear      bool // a line from nothing through the first point is drawn
}

// drawGrowth draws the table of BenchmarkGrowth.
func drawGrowth(table string) (string, error) {
	var rows [][]float64
	for line := range strings.Lines(table) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		var row []float64
		for _, text := range strings.Split(strings.TrimSpace(line), "\t") {
			x, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return "", err
			}
			row = append(row, x)
		}
		if len(row) != 10 {
			return "", fmt.Errorf("a row of %d columns", len(row))
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return "", fmt.Errorf("no rows")
	}
	last := rows[len(rows)-1]
	panels := []panel{
		{title: "Processor time", unit: "s", column: 2, scale: 1, top: nice(last[2]), linear: true},
		{title: "Peak memory", unit: "MB", column: 3, scale: 1, top: 80, bound: 64, boundName: "bound 64 MB"},
		{title: "Bytes a sample in the file", unit: "", column: 7, scale: 1, top: 60, bound: 48, boundName: "bound 48"},
		{title: "A second sync, all of it", unit: "ms", column: 8, scale: 1, top: 200, bound: 150, boundName: "bound 150 ms beyond the iPhone"},
	}
	const width, height, gap = 380, 230, 20
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="-apple-system, Segoe UI, Helvetica, Arial, sans-serif" font-size="12">`+"\n", 2*width+gap, 2*height+gap)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", 2*width+gap, 2*height+gap)
	for i, p := range panels {
		p.draw(&b, rows, float64(i%2*(width+gap)), float64(i/2*(height+gap)), width, height)
	}
	b.WriteString("</svg>\n")
	return b.String(), nil
}

// nice is a round number not below x for the top of an axis.
func nice(x float64) float64 {
	step := math.Pow(10, math.Floor(math.Log10(x)))
	for _, m := range []float64{1, 2, 4, 5, 10} {
		if m*step >= x {
			return m * step
		}
	}
	return 10 * step
}

func (p *panel) draw(b *strings.Builder, rows [][]float64, left, top, width, height float64) {
	const margin, head, foot = 48, 34, 34
	right := rows[len(rows)-1][0] * 1.05
	x := func(n float64) float64 { return left + margin + n/right*(width-margin-14) }
	y := func(v float64) float64 { return top + height - foot - v*p.scale/p.top*(height-head-foot) }
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" font-weight="600" font-size="13">%s</text>`+"\n", left+margin, top+18, p.title)
	for i := range 5 {
		v := p.top / 4 * float64(i)
		fmt.Fprintf(b, `<path d="M%.1f %.1fH%.1f" stroke="#e2e2e2"/>`+"\n", left+margin, y(v/p.scale), left+width-14)
		label := strings.TrimSpace(strconv.FormatFloat(v, 'g', 4, 64) + " " + p.unit)
		fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="end" fill="#666">%s</text>`+"\n", left+margin-6, y(v/p.scale)+4, label)
	}
	if p.bound > 0 {
		fmt.Fprintf(b, `<path d="M%.1f %.1fH%.1f" stroke="#c0392b" stroke-dasharray="5 4"/>`+"\n", left+margin, y(p.bound/p.scale), left+width-14)
		fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="end" fill="#c0392b">%s</text>`+"\n", left+width-16, y(p.bound/p.scale)-5, p.boundName)
	}
	if p.linear {
		n := rows[len(rows)-1][0]
		fmt.Fprintf(b, `<path d="M%.1f %.1fL%.1f %.1f" stroke="#999" stroke-dasharray="3 4"/>`+"\n", x(0), y(0), x(n), y(rows[0][p.column]/rows[0][0]*n))
		fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="end" fill="#666">dashed: in proportion to the first</text>`+"\n", left+width-18, top+height-foot-8)
	}
	var path strings.Builder
	for i, row := range rows {
		fmt.Fprintf(&path, "%c%.1f %.1f", "ML"[min(i, 1)], x(row[0]), y(row[p.column]))
	}
	fmt.Fprintf(b, `<path d="%s" fill="none" stroke="#1f6fb2" stroke-width="2"/>`+"\n", path.String())
	for _, row := range rows {
		fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="3.5" fill="#1f6fb2"/>`+"\n", x(row[0]), y(row[p.column]))
		fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="middle" fill="#666">%g M</text>`+"\n", x(row[0]), top+height-foot+18, row[0]/1e6)
	}
}
