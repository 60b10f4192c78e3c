package clipboard

import (
	"context"
	"strings"
)

// pasteboard is macOS's: the function gives what it holds of a kind, which is
// [kindText], [kindFiles] or a type of picture; nil for nothing. It may wait for
// another device.
type pasteboard func(kind string) []byte

const (
	kindText  = "text"  // UTF-8
	kindFiles = "files" // paths, each ended by a zero
)

// macPictures are the types asked for, best first: macOS keeps a PNG beside the
// TIFF of a screenshot, and an iPhone's photo arrives as HEIC or JPEG.
var macPictures = []string{"public.png", "public.heic", "public.jpeg", "public.tiff"}

// take waits for what the pasteboard holds, or for ctx: an iPhone that is out
// of reach may keep Universal Clipboard waiting for a long time.
func (p pasteboard) take(ctx context.Context, kind string) ([]byte, error) {
	done := make(chan []byte, 1)
	go func() { done <- p(kind) }()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case b := <-done:
		switch {
		case len(b) == 0:
			return nil, ErrEmpty
		case len(b) > maxBytes:
			return nil, errTooMuch
		}
		return b, nil
	}
}

func (p pasteboard) text(ctx context.Context) (string, error) {
	b, err := p.take(ctx, kindText)
	return string(b), err
}

func (p pasteboard) files(ctx context.Context) ([]string, error) {
	b, err := p.take(ctx, kindFiles)
	if err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00"), nil
}

func (p pasteboard) image(ctx context.Context) ([]byte, error) {
	err := ErrEmpty
	for _, kind := range macPictures {
		var b []byte
		if b, err = p.take(ctx, kind); err == nil || ctx.Err() != nil {
			return b, err
		}
	}
	return nil, err
}
