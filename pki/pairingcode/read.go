package pairingcode

import (
	"context"
	"errors"
	"image"
	"image/color"
	"image/draw"
	"io"
	"slices"
	"time"

	"github.com/makiuchi-d/gozxing"
	multi "github.com/makiuchi-d/gozxing/multi/qrcode"
	"github.com/makiuchi-d/gozxing/qrcode"
	xdraw "golang.org/x/image/draw"
)

// budget is how long a picture is searched at most. A code that is plain to see
// is found in a fraction of a second; only a picture without one, or a bad
// photograph, takes longer.
const budget = 10 * time.Second

// FindPayload reads a picture (PNG, JPEG, GIF, WebP, TIFF, BMP, and what convert
// makes of others; nil makes nothing) and returns the pairing payload in it. Of
// several QR codes it takes ours; of several of ours the one that expires last,
// so that a new code beside an old one wins. It may be expired: see
// [Payload.Expired].
//
// Errors: a [*PayloadError] or [*NotHealthSyncError] where there are other codes
// only, [*NotFoundError] where there is none, [*FormatError], [*PictureError], or
// what r returned.
func FindPayload(ctx context.Context, r io.Reader, now time.Time, convert Convert) (Payload, error) {
	data, err := readAll(ctx, r)
	if err != nil {
		return Payload{}, err
	}
	img, err := decodePicture(ctx, data, convert)
	if err != nil {
		return Payload{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	return find(ctx, img, now)
}

// find searches a picture for as long as it takes, or ctx allows.
func find(ctx context.Context, img image.Image, now time.Time) (Payload, error) {
	texts, err := search(ctx, img, func(text string) bool {
		p, err := ParsePayload(text)
		return err == nil && !p.Expired(now)
	})
	if err != nil {
		return Payload{}, err
	}
	return pick(texts)
}

// pick chooses among the texts of a picture's codes.
func pick(texts []string) (Payload, error) {
	var best Payload
	var broken *PayloadError
	foreign := &NotHealthSyncError{}
	for _, text := range texts {
		p, err := ParsePayload(text)
		var wrong *PayloadError
		switch {
		case err == nil:
			if best.Version == 0 || p.ExpiresAt.After(best.ExpiresAt) {
				best = p
			}
		case errors.As(err, &wrong):
			broken = wrong
		default:
			foreign.Kinds = append(foreign.Kinds, kindOf(text))
		}
	}
	switch {
	case best.Version != 0:
		return best, nil
	case broken != nil:
		return Payload{}, broken
	}
	return Payload{}, foreign
}

// sides are the lengths in pixels of the longer side to which a picture is
// brought, one look after the other, those first in which most codes are found.
// gozxing finds a code best with 3 to 6 pixels a module. The picture's own size
// is among them unless it is very large; small ones are made larger.
func sides(long int) []int {
	const most = 5000 // beyond it a look takes seconds
	var out []int
	for _, side := range [...]int{1000, long, 2000, 1400, 700, 500, 300, 4000} {
		near := func(other int) bool { return side*100 > other*87 && side*100 < other*115 }
		larger := side > long && (long > 700 || side > 8*long)
		if side > most || larger && !near(long) || slices.ContainsFunc(out, near) {
			continue // it shows no more than another
		}
		out = append(out, side)
	}
	return out
}

// search looks at one preparation of the picture after the other until one shows
// a code that is wanted, and returns the texts of all codes seen until then.
func search(ctx context.Context, img image.Image, wanted func(string) bool) ([]string, error) {
	var texts []string
	seen := map[string]bool{}
	b := img.Bounds()
	long := max(b.Dx(), b.Dy())
pictures:
	for _, ground := range grounds(img) {
		gray := grayOf(img, ground)
		for _, side := range sides(long) {
			for _, tone := range tones(scaled(gray, side)) {
				for _, text := range codesIn(ctx, tone) {
					if !seen[text] {
						seen[text] = true
						texts = append(texts, text)
					}
					if wanted(text) {
						return texts, nil
					}
				}
				if ctx.Err() != nil {
					break pictures
				}
			}
		}
	}
	if len(texts) > 0 {
		return texts, nil
	}
	return nil, &NotFoundError{Width: b.Dx(), Height: b.Dy(), Stopped: ctx.Err()}
}

// grounds are what a picture is laid upon. A light code that was cut out of a
// dark screen is invisible on white.
func grounds(img image.Image) []color.Gray {
	if o, ok := img.(interface{ Opaque() bool }); ok && !o.Opaque() {
		return []color.Gray{{Y: 255}, {Y: 0}}
	}
	return []color.Gray{{Y: 255}}
}

func grayOf(img image.Image, ground color.Gray) *image.Gray {
	b := img.Bounds()
	g := image.NewGray(image.Rect(0, 0, b.Dx(), b.Dy()))
	draw.Draw(g, g.Rect, image.NewUniform(ground), image.Point{}, draw.Src)
	draw.Draw(g, g.Rect, img, b.Min, draw.Over)
	return g
}

func scaled(g *image.Gray, side int) *image.Gray {
	w, h := g.Rect.Dx(), g.Rect.Dy()
	long := max(w, h)
	if side == long {
		return g
	}
	out := image.NewGray(image.Rect(0, 0, max(1, w*side/long), max(1, h*side/long)))
	xdraw.BiLinear.Scale(out, out.Rect, g, g.Rect, xdraw.Src, nil)
	return out
}

// tones gives the picture as it is and as its negative: some apps show a light
// code on a dark ground.
func tones(g *image.Gray) []*image.Gray {
	negative := image.NewGray(g.Rect)
	for i, v := range g.Pix {
		negative.Pix[i] = 255 - v
	}
	return []*image.Gray{g, negative}
}

// codesIn lets gozxing look at a picture with each of its two ways to tell dark
// from light.
func codesIn(ctx context.Context, g *image.Gray) (texts []string) {
	source := gozxing.NewLuminanceSourceFromImage(g)
	hints := map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_TRY_HARDER: true}
	for _, binarizer := range []gozxing.Binarizer{
		gozxing.NewHybridBinarizer(source), gozxing.NewGlobalHistgramBinarizer(source),
	} {
		if ctx.Err() != nil {
			return texts
		}
		bitmap, err := gozxing.NewBinaryBitmap(binarizer)
		if err != nil {
			continue
		}
		for _, read := range []func() ([]*gozxing.Result, error){
			func() ([]*gozxing.Result, error) { return multi.NewQRCodeMultiReader().DecodeMultiple(bitmap, hints) },
			func() ([]*gozxing.Result, error) {
				r, err := qrcode.NewQRCodeReader().Decode(bitmap, hints)
				return []*gozxing.Result{r}, err
			},
		} {
			results, err := guarded(read)
			if err != nil {
				continue
			}
			for _, r := range results {
				if text := r.GetText(); text != "" {
					texts = append(texts, text)
				}
			}
			break // the second reader finds one where the first finds none
		}
	}
	return texts
}

// guarded turns a fault of the library on a strange picture into "nothing found".
func guarded(read func() ([]*gozxing.Result, error)) (results []*gozxing.Result, err error) {
	defer func() {
		if r := recover(); r != nil {
			results, err = nil, errors.New("the reader failed")
		}
	}()
	return read()
}
