//go:build !darwin

package clipboard

import (
	"bytes"
	"context"
	"io"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
)

var system board = programs{}

// programs reads the clipboard by whichever of the readers is installed.
type programs struct{}

// reader is a program that reads the clipboard.
type reader struct {
	name string
	// env is the variable without which its desktop is not there.
	env               string
	text, list, image []string
}

var readers = []reader{
	{"wl-paste", "WAYLAND_DISPLAY", []string{"--no-newline", "--type", "text/plain"}, []string{"--list-types"},
		[]string{"--type"}},
	{"xclip", "DISPLAY", []string{"-selection", "clipboard", "-out"},
		[]string{"-selection", "clipboard", "-out", "-target", "TARGETS"}, []string{"-selection", "clipboard", "-out",
			"-target"}},
}

// pictures are the forms asked for, best first.
var pictures = []string{"image/png", "image/tiff", "image/jpeg", "image/webp", "image/bmp", "image/gif"}

func find() (reader, error) {
	var names []string
	for _, r := range readers {
		if os.Getenv(r.env) == "" {
			continue // a program for another desktop
		}
		if _, err := exec.LookPath(r.name); err == nil {
			return r, nil
		}
		names = append(names, r.name)
	}
	return reader{}, &NoToolError{Tools: names, NoDesktop: len(names) == 0}
}

func (programs) text(ctx context.Context) (string, error) {
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

func (programs) image(ctx context.Context) ([]byte, error) {
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

func (programs) files(ctx context.Context) ([]string, error) {
	r, err := find()
	if err != nil {
		return nil, err
	}
	offered, err := output(ctx, r.name, r.list...)
	if err != nil || !slices.Contains(strings.Fields(string(offered)), "text/uri-list") {
		return nil, ErrEmpty
	}
	list, err := output(ctx, r.name, append(slices.Clone(r.image), "text/uri-list")...)
	if err != nil {
		return nil, ErrEmpty
	}
	if files := localFiles(string(list)); len(files) > 0 {
		return files, nil
	}
	return nil, ErrEmpty
}

// localFiles reads a list of addresses (RFC 2483): one a line, and comments.
// Only files of this computer are taken.
func localFiles(list string) []string {
	var out []string
	for line := range strings.Lines(list) {
		u, err := url.Parse(strings.TrimSpace(line))
		if err != nil || u.Scheme != "file" || u.Host != "" && u.Host != "localhost" ||
			!strings.HasPrefix(u.Path, "/") {
			continue
		}
		out = append(out, u.Path)
	}
	return out
}

// output runs a program and returns what it prints; the text of a failure is
// not passed on, because it may quote the clipboard.
func output(ctx context.Context, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	n, rerr := io.Copy(&buf, io.LimitReader(pipe, maxBytes+1))
	if n > maxBytes {
		_ = cmd.Process.Kill()
		rerr = errTooMuch
	}
	werr := cmd.Wait()
	if rerr != nil {
		return nil, rerr
	}
	return buf.Bytes(), werr
}
