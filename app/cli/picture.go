package cli

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"

	"healthsync/pki/qr"
)

// convertPicture lets macOS read what Go does not (HEIC from an iPhone's
// camera): sips is part of every Mac.
func convertPicture(ctx context.Context, format string, data []byte) (image.Image, error) {
	dir, err := os.MkdirTemp("", "healthsync")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	in, out := filepath.Join(dir, "picture"), filepath.Join(dir, "picture.png")
	if err := os.WriteFile(in, data, 0o600); err != nil {
		return nil, err
	}
	if err := exec.CommandContext(ctx, "/usr/bin/sips", "-s", "format", "png", in, "--out", out).Run(); err != nil {
		return nil, &qr.FormatError{Format: format}
	}
	raw, err := os.ReadFile(out)
	if err != nil {
		return nil, &qr.FormatError{Format: format}
	}
	return png.Decode(bytes.NewReader(raw))
}
