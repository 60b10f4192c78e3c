//go:build !darwin

package clipboard

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// reader is a program that reads the clipboard.
type reader struct {
	name string
	// env is the variable without which its desktop is not there.
	env               string
	text, list, image []string
}

var readers = []reader{
	{"wl-paste", "WAYLAND_DISPLAY", []string{"--no-newline", "--type", "text/plain"}, []string{"--list-types"}, []string{"--type"}},
	{"xclip", "DISPLAY", []string{"-selection", "clipboard", "-out"}, []string{"-selection", "clipboard", "-out", "-target", "TARGETS"}, []string{"-selection", "clipboard", "-out", "-target"}},
}

// pictures are the forms asked for, best first.
var pictures = []string{"image/png", "image/tiff", "image/jpeg", "image/webp", "image/bmp", "image/gif"}

func find() (reader, error) {
	var names []string
	for _, r := range readers {
		if _, err := exec.LookPath(r.name); err == nil && os.Getenv(r.env) != "" {
			return r, nil
		}
		names = append(names, r.name)
	}
	return reader{}, &NoToolError{Tools: names}
}

// Text reads the clipboard as UTF-8 text.
func Text(ctx context.Context) (string, error) {
	r, err := find()
	if err != nil {
		return "", err
	}
	out, err := output(ctx, r.name, r.text...)
	if err != nil || len(out) == 0 {
		return "", ErrEmpty // both programs fail where there is no text
	}
	return string(out), nil
}

// Image reads the clipboard as a picture of a common format.
func Image(ctx context.Context) ([]byte, error) {
	r, err := find()
	if err != nil {
		return nil, err
	}
	types, err := output(ctx, r.name, r.list...)
	if err != nil {
		return nil, ErrEmpty
	}
	offered := strings.Fields(string(types))
	for _, p := range pictures {
		if !slices.Contains(offered, p) {
			continue
		}
		if out, err := output(ctx, r.name, append(slices.Clone(r.image), p)...); err == nil && len(out) > 0 {
			return out, nil
		}
	}
	return nil, ErrEmpty
}
