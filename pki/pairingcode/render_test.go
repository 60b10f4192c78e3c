package pairingcode

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"healthsync/sync/testenv"
)

// zbarimg reads a picture with a reader that shares nothing with ours.
func zbarimg(t *testing.T, img image.Image) string {
	t.Helper()
	tool := testenv.NeedTool(t, "zbarimg", "zbar-tools")
	file := filepath.Join(t.TempDir(), "code.png")
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(tool, "-q", "--raw", "-Sdisable", "-Sqrcode.enable", file).Output()
	if err != nil {
		t.Errorf("zbarimg: %v", err)
	}
	return strings.TrimSpace(string(out))
}

func TestEncodePNG(t *testing.T) {
	for version := 1; version <= 2; version++ {
		for _, scale := range []int{1, 2, 3, 8} {
			p := samplePayload(version, seeded(uint64(scale)))
			data, err := EncodePNG(p, scale)
			if err != nil {
				t.Fatal(err)
			}
			got, err := FindPayload(t.Context(), bytes.NewReader(data), now, nil)
			if err != nil || got != p {
				t.Errorf("version %d, scale %d: %v, %v", version, scale, got, err)
			}
			img, err := png.Decode(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			if scale == 8 {
				if text := zbarimg(t, img); text != string(p.JSON()) {
					t.Errorf("version %d: zbarimg reads %q", version, text)
				}
			}
		}
	}
	if data, err := EncodePNG(samplePayload(1, seeded(1)), 1_000_000); err != nil || len(data) > 1<<20 {
		t.Errorf("a senseless scale: %d bytes, %v", len(data), err)
	}
}

func TestEncodeTooLong(t *testing.T) {
	var e *TooLongError
	if _, err := Encode(bytes.Repeat([]byte("x"), 3000)); !errors.As(err, &e) || e.Bytes != 3000 {
		t.Errorf("%v", err)
	}
}

// drawTerminal draws half blocks as a terminal does, in cells twice as high as wide.
func drawTerminal(t *testing.T, text string, fg, bg color.Gray, w int) image.Image {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	columns := 0
	for _, l := range lines {
		columns = max(columns, len([]rune(l)))
	}
	img := image.NewGray(image.Rect(0, 0, (columns+6)*w, (len(lines)+4)*2*w))
	for i := range img.Pix {
		img.Pix[i] = bg.Y
	}
	for row, l := range lines {
		for col, r := range []rune(l) {
			if !strings.ContainsRune("█▀▄ ", r) {
				t.Fatalf("a %q in the terminal's code", r)
			}
			for y := range 2 * w {
				for x := range w {
					if r == '█' || y < w && r == '▀' || y >= w && r == '▄' {
						img.SetGray((col+3)*w+x, (row+2)*2*w+y, fg)
					}
				}
			}
		}
	}
	return img
}

func TestTerminal(t *testing.T) {
	for version := 1; version <= 2; version++ {
		p := samplePayload(version, seeded(7))
		text, err := Terminal(p)
		if err != nil {
			t.Fatal(err)
		}
		for i, l := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
			if n := len([]rune(l)); n > 79 {
				t.Errorf("line %d has %d columns: too wide for a terminal of 80", i, n)
			}
		}
		img := drawTerminal(t, text, color.Gray{Y: 230}, color.Gray{Y: 25}, 6)
		if got, err := find(t.Context(), img, now); err != nil || got != p {
			t.Errorf("version %d: %v, %v", version, got, err)
		}
		if read := zbarimg(t, img); read != string(p.JSON()) {
			t.Errorf("version %d: zbarimg reads %q", version, read)
		}
	}
}
