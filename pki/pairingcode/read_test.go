package pairingcode

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
// A photograph out of focus is not read: its remedy is to take it again.
func TestScenes(t *testing.T) {
	for _, s := range scenes() {
		t.Run(s.name, func(t *testing.T) {
			if testing.Short() && !s.short {
				t.Skip("long: make test-all")
			}
			t.Parallel()
			const seed = 2
			p := samplePayload(2, seeded(seed))
			var b bytes.Buffer
			if err := jpeg.Encode(&b, s.picture(seed, p), &jpeg.Options{Quality: 80}); err != nil {
				t.Fatal(err)
			}
			img, err := decodePicture(t.Context(), b.Bytes(), nil)
			if err != nil {
				t.Fatal(err)
			}
			got, err := find(t.Context(), img, now) // without a limit of time
			var none *NotFoundError
			switch {
			case s.name == "photo, out of focus" && errors.As(err, &none):
			case err != nil || got != p:
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
		got, err := find(t.Context(), c.img, now)
		if err != nil || got != c.want {
			t.Errorf("%s: %v until %v, %v", c.name, got, got.ExpiresAt, err)
		}
	}
}

func TestOthersAreNamed(t *testing.T) {
	img := page("https://example.org/1", "WIFI:T:WPA;S:x;P:secret;;")
	_, err := find(t.Context(), img, now)
	var foreign *NotHealthSyncError
	if !errors.As(err, &foreign) {
		t.Fatalf("%v", err)
	}
	slices.Sort(foreign.Kinds)
	if !slices.Equal(foreign.Kinds, []string{"Wi-Fi network", "web address"}) {
		t.Errorf("kinds %q", foreign.Kinds)
	}
	broken := bytes.Replace([]byte(version2), []byte(`"version":"2"`), []byte(`"version":"3"`), 1)
	_, err = find(t.Context(), page("https://example.org/1", string(broken)), now)
	var pe *PayloadError
	if !errors.As(err, &pe) || pe.Field != fieldVersion {
		t.Errorf("a payload of version 3: %v", err)
	}
}

func TestNothingThere(t *testing.T) {
	r := seeded(5)
	letter := newCanvas(300, 250, 250)
	letter.text(r, 20, 20, 280, 230, 12, 30)
	noise := newCanvas(160, 120, 128).noise(r, 60)
	for name, c := range map[string]*canvas{
		"white": newCanvas(300, 200, 255), "black": newCanvas(300, 200, 0), "one pixel": newCanvas(1, 1, 9),
		"a line": newCanvas(3000, 1, 80), "a letter": letter, "noise": noise,
	} {
		_, err := find(t.Context(), c.image(), now)
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
	c := newCanvas(1200, 800, 250)
	c.text(seeded(6), 0, 0, 1200, 800, 12, 20)
	img := c.image()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := find(ctx, img, now)
	var none *NotFoundError
	if !errors.As(err, &none) || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := FindPayload(ctx, bytes.NewReader(pictureFiles(t)["GIF"]), now, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before reading: %v", err)
	}
}
