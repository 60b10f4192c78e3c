package menubar

import (
	"bytes"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"os"
	"testing"
)

// Each icon has its files: 16 points at @1x and @2x, twice that, and one with
// an edge for trays that do not colour icons.
func TestIcons(t *testing.T) {
	for _, icon := range Icons() {
		for suffix, pixels := range map[string]int{"16": 16, "32": 32, "64": 64, "tray": 48} {
			path := fmt.Sprintf("icons/%s-%s.png", icon, suffix)
			if size := readIcon(t, path).Bounds().Size(); size != image.Pt(pixels, pixels) {
				t.Errorf("%s is %v", path, size)
			}
		}
	}
}

func readIcon(t *testing.T, path string) *image.NRGBA {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	out := image.NewNRGBA(m.Bounds())
	draw.Draw(out, out.Bounds(), m, image.Point{}, draw.Src)
	return out
}

// The icons are told apart by their shape: any two differ in at least a tenth
// of the pixels of the smallest size, and templates are black and alpha alone.
func TestIconsDiffer(t *testing.T) {
	for i, a := range Icons() {
		m := readIcon(t, fmt.Sprintf("icons/%s-16.png", a))
		for p := 0; p < len(m.Pix); p += 4 {
			if m.Pix[p+3] > 0 && (m.Pix[p] != 0 || m.Pix[p+1] != 0 || m.Pix[p+2] != 0) {
				t.Fatalf("%s has colours", a)
			}
		}
		for _, b := range Icons()[i+1:] {
			o := readIcon(t, fmt.Sprintf("icons/%s-16.png", b))
			n := 0
			for p := 3; p < len(m.Pix); p += 4 {
				if d := int(m.Pix[p]) - int(o.Pix[p]); d > 96 || d < -96 {
					n++
				}
			}
			if n < len(m.Pix)/4/10 {
				t.Errorf("%s and %s differ in %d of %d pixels", a, b, n, len(m.Pix)/4)
			}
		}
	}
}

// On a light and on a dark panel each tray icon has enough that stands out.
func TestTrayIconsOnAnyPanel(t *testing.T) {
	for _, i := range Icons() {
		m := readIcon(t, fmt.Sprintf("icons/%s-tray.png", i))
		for _, panel := range []uint8{0x10, 0x80, 0xf5} {
			n := 0
			for p := 0; p < len(m.Pix); p += 4 {
				if d := (int(m.Pix[p]) - int(panel)) * int(m.Pix[p+3]) / 255; d > 90 || d < -90 {
					n++
				}
			}
			if n < 100 {
				t.Errorf("%s on a panel of %#x: %d pixels stand out", i, panel, n)
			}
		}
	}
}

func TestUnknownIcon(t *testing.T) {
	for _, read := range []func() ([]byte, error){Icon("").Template, Icon("no such").Tray} {
		if raw, err := read(); err != nil || len(raw) == 0 {
			t.Errorf("an unknown icon is no picture at all (systray would panic on macOS): %v", err)
		}
	}
}
