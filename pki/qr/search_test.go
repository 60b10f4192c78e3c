package qr

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/jpeg"
	"slices"
	"testing"
	"time"
)

// Each kind of picture that people hand in, once; TestRates makes many of each.
func TestScenes(t *testing.T) {
	for _, s := range scenes() {
		t.Run(s.name, func(t *testing.T) {
			if raceEnabled && s.slow {
				t.Skip("too slow under the race detector; nothing here runs at the same time")
			}
			t.Parallel()
			const seed = 3
			p := samplePayload(2, seeded(seed))
			var b bytes.Buffer
			if err := jpeg.Encode(&b, s.make(seed, p), &jpeg.Options{Quality: 80}); err != nil {
				t.Fatal(err)
			}
			got, err := FindPayload(context.Background(), &b, now, Options{Budget: 5 * time.Minute}) // slow machines have time
			if err != nil || !got.Equal(p) {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

// page puts texts as codes side by side.
func page(texts ...string) *image.Gray {
	c := newCanvas(80+len(texts)*290, 350, 255)
	for i, text := range texts {
		m := mustEncode([]byte(text))
		c.code(m, 40+i*290, 40, float64(270/(m.Size+8)), 255, 0)
	}
	return c.image()
}

func TestOursIsPicked(t *testing.T) {
	r := seeded(11)
	fresh, old, older := samplePayload(2, r), samplePayload(2, r), samplePayload(1, r)
	old.ExpiresAt, older.ExpiresAt = now.Add(-time.Hour), now.Add(-2*time.Hour)
	text := func(p Payload) string { return string(p.JSON()) }
	for _, c := range []struct {
		name string
		img  *image.Gray
		want Payload
	}{
		{"between others", page("https://example.org/1", text(fresh), "WIFI:T:WPA;S:x;P:y;;"), fresh},
		{"the fresh one of three", page(text(old), text(older), text(fresh)), fresh},
		{"the youngest of the expired", page(text(older), text(old)), old},
		{"the only one, expired", page("https://example.org/1", text(old)), old},
	} {
		got, err := FindPayloadImage(context.Background(), c.img, now, Options{})
		if err != nil || !got.Equal(c.want) {
			t.Errorf("%s: %v until %v, %v", c.name, got, got.ExpiresAt, err)
		}
	}
}

func TestOthersAreNamed(t *testing.T) {
	img := page("https://example.org/1", "WIFI:T:WPA;S:x;P:secret;;")
	_, err := FindPayloadImage(context.Background(), img, now, Options{})
	var foreign *NotHealthSyncError
	if !errors.As(err, &foreign) || !errors.Is(err, ErrNotHealthSync) {
		t.Fatalf("%v", err)
	}
	slices.Sort(foreign.Kinds)
	if !slices.Equal(foreign.Kinds, []string{"Wi-Fi network", "web address"}) {
		t.Errorf("kinds %q", foreign.Kinds)
	}
	broken := bytes.Replace([]byte(version2), []byte(`"version":"2"`), []byte(`"version":"3"`), 1)
	_, err = FindPayloadImage(context.Background(), page("https://example.org/1", string(broken)), now, Options{})
	var pe *PayloadError
	if !errors.As(err, &pe) || pe.Field != fieldVersion {
		t.Errorf("a payload of tomorrow: %v", err)
	}
}

func TestDecodeAll(t *testing.T) {
	want := []string{"first", "https://example.org/2", "third one"}
	codes, err := DecodeImage(context.Background(), page(want...), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range codes {
		got = append(got, c.Text)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestNothingThere(t *testing.T) {
	r := seeded(5)
	letter := newCanvas(600, 500, 250)
	letter.text(r, 40, 40, 560, 460, 16, 30)
	noise := newCanvas(320, 240, 128).noise(r, 60)
	for name, c := range map[string]*canvas{
		"white": newCanvas(300, 200, 255), "black": newCanvas(300, 200, 0), "one pixel": newCanvas(1, 1, 9),
		"a line": newCanvas(5000, 1, 80), "a letter": letter, "noise": noise,
	} {
		if raceEnabled && c.w*c.h > 70_000 {
			continue
		}
		_, err := FindPayloadImage(context.Background(), c.image(), now, Options{Budget: 5 * time.Minute})
		var none *NotFoundError
		if !errors.As(err, &none) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if none.Width != c.w || none.Height != c.h || none.Stopped != nil {
			t.Errorf("%s: %+v", name, none)
		}
	}
}

func TestSearchStops(t *testing.T) {
	c := newCanvas(3000, 2000, 250)
	c.text(seeded(6), 0, 0, 3000, 2000, 12, 20)
	img := c.image()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := FindPayloadImage(ctx, img, now, Options{})
	var none *NotFoundError
	if !errors.As(err, &none) || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	_, err = FindPayloadImage(context.Background(), img, now, Options{Budget: time.Nanosecond})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("out of time: %v", err)
	}
	if _, err := Decode(ctx, bytes.NewReader(pictureFiles(t)["GIF"]), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before reading: %v", err)
	}
}

// The table of ISO/IEC 18004 annex E, where the formula is easily wrong.
func TestAlignments(t *testing.T) {
	for version, want := range map[int][]int{1: nil, 2: {18}, 7: {6, 22, 38}, 10: {6, 28, 50}, 13: {6, 34, 62}, 15: {6, 26, 48, 70},
		16: {6, 26, 50, 74}, 22: {6, 26, 50, 74, 98}, 32: {6, 34, 60, 86, 112, 138}, 36: {6, 24, 50, 76, 102, 128, 154}, 40: {6, 30, 58, 86, 114, 142, 170}} {
		var got []int
		for _, c := range alignments(17 + 4*version) {
			if !slices.Contains(got, c[0]) {
				got = append(got, c[0])
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("version %d: %v, want %v", version, got, want)
		}
	}
}

func TestPlane(t *testing.T) {
	q := [4]point{{10, 12}, {200, 30}, {180, 210}, {5, 160}}
	h := planeOf(3.5, 53.5, q)
	for i, c := range [4]point{{3.5, 3.5}, {53.5, 3.5}, {53.5, 53.5}, {3.5, 53.5}} {
		if p := h.at(c.x, c.y); p.sub(q[i]).length() > 1e-6 {
			t.Errorf("corner %d lands on %v, want %v", i, p, q[i])
		}
	}
}

func TestResize(t *testing.T) {
	g := newGray(640, 401)
	for i := range g.pix {
		g.pix[i] = byte(i%640*255/639/2 + i/640/4)
	}
	for _, size := range [][2]int{{320, 200}, {100, 401}, {1280, 802}, {213, 77}, {640, 401}} {
		s := g.resize(size[0], size[1])
		for _, at := range [][2]float64{{0.1, 0.1}, {0.5, 0.5}, {0.9, 0.3}, {0.3, 0.95}} {
			want := int(g.pix[int(at[1]*401)*640+int(at[0]*640)])
			got := int(s.pix[int(at[1]*float64(s.h))*s.w+int(at[0]*float64(s.w))])
			if got < want-3 || got > want+3 {
				t.Errorf("%v at %v: %d, want about %d", size, at, got, want)
			}
		}
	}
}
