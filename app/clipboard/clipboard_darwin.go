package clipboard

import (
	"bytes"
	"context"
	"encoding/hex"
)

// Text reads the clipboard as UTF-8 text.
func Text(ctx context.Context) (string, error) {
	out, err := output(ctx, "/usr/bin/pbpaste", "-Prefer", "txt")
	if err != nil {
		return "", err
	}
	if len(out) == 0 {
		return "", ErrEmpty
	}
	return string(out), nil
}

// Image reads the clipboard as PNG or TIFF. AppleScript prints such data as
// «data PNGf89504E47…»: a class code of four letters and hexadecimal digits.
func Image(ctx context.Context) ([]byte, error) {
	for _, class := range []string{"PNGf", "TIFF"} {
		out, err := output(ctx, "/usr/bin/osascript", "-e", "the clipboard as «class "+class+"»")
		if err != nil {
			continue // nothing of that class
		}
		_, digits, found := bytes.Cut(out, []byte("«data "+class))
		digits, _, closed := bytes.Cut(digits, []byte("»"))
		if !found || !closed {
			continue
		}
		raw := make([]byte, hex.DecodedLen(len(digits)))
		if _, err := hex.Decode(raw, digits); err == nil && len(raw) > 0 {
			return raw, nil
		}
	}
	return nil, ErrEmpty
}
