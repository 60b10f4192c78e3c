package qr

import (
	"context"
	"time"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
)

// search looks at one preparation of the picture after the other until one
// shows a code that is wanted, and returns all the codes seen until then.
func search(ctx context.Context, pages []*gray, opts Options, wanted func(string) bool) ([]Code, error) {
	ctx, cancel := context.WithTimeout(ctx, opts.budget())
	defer cancel()
	var codes []Code
	var tries int
	hints := map[gozxing.DecodeHintType]interface{}{gozxing.DecodeHintType_TRY_HARDER: true}
	for _, g := range pages {
		if ctx.Err() != nil {
			break
		}
		tries++
		bm, err := gozxing.NewBinaryBitmap(gozxing.NewHybridBinarizer(newLuminance(g)))
		if err != nil {
			continue
		}
		if r, err := qrcode.NewQRCodeReader().Decode(bm, hints); err == nil {
			codes = append(codes, Code{Text: r.GetText()})
			if wanted(r.GetText()) {
				return codes, nil
			}
		}
	}
	if len(codes) > 0 {
		return codes, nil
	}
	return nil, &NotFoundError{Width: pages[0].w, Height: pages[0].h, Tries: tries, Stopped: ctx.Err()}
}

var _ = time.Second
