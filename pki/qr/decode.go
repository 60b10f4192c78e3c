package qr

import (
	"context"
	"errors"
	"image"
	"io"
	"time"
)

// Options bound and widen what [Decode] does. The zero value is what a person
// who waits for an answer wants.
type Options struct {
	MaxBytes  int64         // largest file; 0 is DefaultMaxBytes
	MaxPixels int64         // largest picture; 0 is DefaultMaxPixels
	Budget    time.Duration // longest search in one picture, after it is decoded; 0 is DefaultBudget
	Convert   Convert       // for formats that Go does not decode, such as HEIC; nil: they are refused
}

// DefaultBudget is how long a picture is searched at most. A code that is
// plain to see is found in a tenth of a second; only a picture without one, or
// a bad photograph, takes longer.
const DefaultBudget = 10 * time.Second

func (o Options) maxBytes() int64 {
	if o.MaxBytes > 0 {
		return o.MaxBytes
	}
	return DefaultMaxBytes
}

func (o Options) maxPixels() int64 {
	if o.MaxPixels > 0 {
		return o.MaxPixels
	}
	return DefaultMaxPixels
}

func (o Options) budget() time.Duration {
	if o.Budget > 0 {
		return o.Budget
	}
	return DefaultBudget
}

// Code is a QR code found in a picture.
type Code struct {
	Text string // what it says; may be a secret
}

// Decode reads a picture (PNG, JPEG with its EXIF orientation, GIF, WebP, TIFF,
// BMP) and returns the QR codes in it, in the order in which they were found;
// at least one, or an error: [*NotFoundError], [*FormatError],
// [*TooLargeError], [*TruncatedError], [*DamagedError], or what r returned.
//
// It looks until a preparation of the picture shows a code and returns what that
// one shows; it does not promise to find every code of a page. Memory is bounded
// by the options, time by the budget and ctx.
func Decode(ctx context.Context, r io.Reader, opts Options) ([]Code, error) {
	pages, err := readPicture(ctx, r, opts)
	if err != nil {
		return nil, err
	}
	return search(ctx, pages, opts, nil)
}

// DecodeImage is [Decode] for an image that is in memory already.
func DecodeImage(ctx context.Context, img image.Image, opts Options) ([]Code, error) {
	pages, err := imagePages(img, opts)
	if err != nil {
		return nil, err
	}
	return search(ctx, pages, opts, nil)
}

// FindPayload reads a picture and returns the pairing payload in it. Of several
// QR codes it takes ours, and looks on when it finds only others; of several of
// ours the one that expires last, so that a new code beside an old one wins.
// The one returned may be expired: see [Payload.Expired]. When no QR code is a
// pairing payload the error is a [*PayloadError] of one that is meant to be, or
// a [*NotHealthSyncError]; otherwise errors are those of [Decode].
func FindPayload(ctx context.Context, r io.Reader, now time.Time, opts Options) (Payload, error) {
	pages, err := readPicture(ctx, r, opts)
	if err != nil {
		return Payload{}, err
	}
	return findPayload(ctx, pages, now, opts)
}

// FindPayloadImage is [FindPayload] for an image that is in memory already.
func FindPayloadImage(ctx context.Context, img image.Image, now time.Time, opts Options) (Payload, error) {
	pages, err := imagePages(img, opts)
	if err != nil {
		return Payload{}, err
	}
	return findPayload(ctx, pages, now, opts)
}

func findPayload(ctx context.Context, pages []*gray, now time.Time, opts Options) (Payload, error) {
	codes, err := search(ctx, pages, opts, func(text string) bool {
		p, err := ParsePayload(text)
		return err == nil && !p.Expired(now)
	})
	if err != nil {
		return Payload{}, err
	}
	return pick(codes)
}

// pick chooses among the codes of a picture.
func pick(codes []Code) (Payload, error) {
	var best Payload
	var broken *PayloadError
	foreign := &NotHealthSyncError{}
	for _, c := range codes {
		p, err := ParsePayload(c.Text)
		var pe *PayloadError
		switch {
		case err == nil:
			if best.Version == 0 || p.ExpiresAt.After(best.ExpiresAt) {
				best = p
			}
		case errors.As(err, &pe):
			broken = pe
		default:
			foreign.Kinds = append(foreign.Kinds, kindOf(c.Text))
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

// readPicture decodes a file into what [search] looks at.
func readPicture(ctx context.Context, r io.Reader, opts Options) ([]*gray, error) {
	data, err := readAll(ctx, r, opts.maxBytes())
	if err != nil {
		return nil, err
	}
	img, orientation, err := decodePicture(ctx, data, opts)
	if err != nil {
		return nil, err
	}
	return pagesOf(img, orientation), nil
}

func imagePages(img image.Image, opts Options) ([]*gray, error) {
	b := img.Bounds()
	if b.Empty() {
		return nil, &DamagedError{Format: "image", Err: errors.New("it has no width or no height")}
	}
	if b.Dx() > maxSide || b.Dy() > maxSide || int64(b.Dx())*int64(b.Dy()) > opts.maxPixels() {
		return nil, &TooLargeError{Format: "image", Width: b.Dx(), Height: b.Dy(), Limit: opts.maxPixels()}
	}
	return pagesOf(img, 1), nil
}

// pagesOf gives the picture on white, and where it is transparent also on
// black: a light code cut out of a dark screen is invisible on white.
func pagesOf(img image.Image, orientation int) []*gray {
	white, transparent := toGray(img, 255)
	pages := []*gray{white.upright(orientation)}
	if transparent {
		black, _ := toGray(img, 0)
		pages = append(pages, black.upright(orientation))
	}
	return pages
}
