package cli

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"

	"healthsync/pki/pairingcode"
)

// converters make a PNG of what Go does not read, HEIC from an iPhone's camera
// above all: sips is part of every Mac, the others belong to libheif.
var converters = []func(in, out string) []string{
	func(in, out string) []string {
		return []string{"/usr/bin/sips", "-s", "format", "png", in, "--out", out}
	},
	func(in, out string) []string { return []string{"heif-dec", in, out} },
	func(in, out string) []string { return []string{"heif-convert", in, out} }, // its name before libheif 1.19
}

// convertPicture lets the first of them read a picture that is there.
func convertPicture(ctx context.Context, format string, data []byte) (image.Image, error) {
	for _, convert := range converters {
		if _, err := exec.LookPath(convert("", "")[0]); err == nil {
			return convertBy(ctx, convert, format, data)
		}
	}
	return nil, &pairingcode.FormatError{Format: format}
}

func convertBy(ctx context.Context, convert func(in, out string) []string, format string,
	data []byte) (image.Image, error) {
	dir, err := os.MkdirTemp("", "healthsync")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	in, out := filepath.Join(dir, "picture"), filepath.Join(dir, "picture.png")
	if err := os.WriteFile(in, data, 0o600); err != nil {
		return nil, err
	}
	args := convert(in, out)
	if err := exec.CommandContext(ctx, args[0], args[1:]...).Run(); err != nil {
		return nil, &pairingcode.FormatError{Format: format}
	}
	raw, err := os.ReadFile(out)
	if err != nil {
		return nil, &pairingcode.FormatError{Format: format}
	}
	cfg, err := png.DecodeConfig(bytes.NewReader(raw))
	if err != nil {
		return nil, &pairingcode.FormatError{Format: format}
	}
	if err := pairingcode.CheckSize(format, cfg); err != nil {
		return nil, err
	}
	return png.Decode(bytes.NewReader(raw))
}
