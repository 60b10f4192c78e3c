// Package icns writes and reads Apple's icon files, of the kinds that iconutil
// makes today. The kinds and their numbers: https://en.wikipedia.org/wiki/Apple_Icon_Image_format
package icns

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
)

// kind is an entry: its name, its size in pixels, and whether its data is ARGB
// instead of PNG. PNG in the two smallest kinds is shown scrambled by some
// versions of macOS, so they are what iconutil makes them.
type kind struct {
	name   string
	pixels int
	argb   bool
}

var kinds = []kind{
	{"ic04", 16, true}, {"ic11", 32, false}, // 16 points, at 1x and 2x
	{"ic05", 32, true}, {"ic12", 64, false},
	{"ic07", 128, false}, {"ic13", 256, false},
	{"ic08", 256, false}, {"ic14", 512, false},
	{"ic09", 512, false}, {"ic10", 1024, false},
}

// Encode writes an icon of every size from 16 points to 512 points at 2x.
// draw is asked for each size in pixels.
func Encode(w io.Writer, draw func(pixels int) image.Image) error {
	var body bytes.Buffer
	made := map[int][]byte{}
	for _, k := range kinds {
		var data []byte
		if k.argb {
			data = encodeARGB(draw(k.pixels))
		} else if made[k.pixels] == nil {
			var b bytes.Buffer
			if err := png.Encode(&b, draw(k.pixels)); err != nil {
				return err
			}
			made[k.pixels] = b.Bytes()
		}
		if !k.argb {
			data = made[k.pixels]
		}
		entry(&body, k.name, data)
	}
	var out bytes.Buffer
	entry(&out, "icns", body.Bytes())
	_, err := w.Write(out.Bytes())
	return err
}

func entry(w *bytes.Buffer, name string, data []byte) {
	w.WriteString(name)
	_ = binary.Write(w, binary.BigEndian, uint32(len(data)+8))
	w.Write(data)
}

// encodeARGB writes the four channels one after the other, each packed.
func encodeARGB(m image.Image) []byte {
	b := m.Bounds()
	planes := [4][]byte{}
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			c := color.NRGBAModel.Convert(m.At(x, y)).(color.NRGBA)
			for i, v := range [4]byte{c.A, c.R, c.G, c.B} {
				planes[i] = append(planes[i], v)
			}
		}
	}
	out := []byte("ARGB")
	for _, p := range planes {
		out = pack(out, p)
	}
	return out
}

// pack appends runs (0x80+n-3, byte) of 3 to 130 and stretches (n-1, bytes) of
// up to 128.
func pack(out, p []byte) []byte {
	for i := 0; i < len(p); {
		run := 1
		for i+run < len(p) && run < 130 && p[i+run] == p[i] {
			run++
		}
		if run >= 3 {
			out = append(out, byte(0x80+run-3), p[i])
			i += run
			continue
		}
		n := 0
		for i+n < len(p) && n < 128 && (i+n+2 >= len(p) || p[i+n] != p[i+n+1] || p[i+n] != p[i+n+2]) {
			n++
		}
		out = append(append(out, byte(n-1)), p[i:i+n]...)
		i += n
	}
	return out
}

func unpack(in []byte, want int) ([]byte, error) {
	var out []byte
	for len(in) > 0 {
		c := int(in[0])
		switch {
		case c >= 0x80 && len(in) >= 2:
			out = append(out, bytes.Repeat(in[1:2], c-0x80+3)...)
			in = in[2:]
		case c < 0x80 && len(in) >= c+2:
			out = append(out, in[1:c+2]...)
			in = in[c+2:]
		default:
			return nil, errors.New("icns: a packed picture is cut")
		}
	}
	if len(out) != want {
		return nil, fmt.Errorf("icns: a packed picture holds %d bytes, want %d", len(out), want)
	}
	return out, nil
}

// Decode reads an icon back: its pictures by the name of their kind. It is
// strict: every kind that Encode writes must be there, at its size.
func Decode(data []byte) (map[string]image.Image, error) {
	if len(data) < 8 || string(data[:4]) != "icns" || int(binary.BigEndian.Uint32(data[4:])) != len(data) {
		return nil, errors.New("icns: no icon, or cut")
	}
	out := map[string]image.Image{}
	for rest := data[8:]; len(rest) > 0; {
		if len(rest) < 8 {
			return nil, errors.New("icns: cut in an entry's head")
		}
		n := int(binary.BigEndian.Uint32(rest[4:]))
		if n < 8 || n > len(rest) {
			return nil, fmt.Errorf("icns: entry %.4q claims %d bytes of %d", rest, n, len(rest))
		}
		name, body := string(rest[:4]), rest[8:n]
		rest = rest[n:]
		for _, k := range kinds {
			if k.name != name {
				continue
			}
			m, err := decodeEntry(k, body)
			if err != nil {
				return nil, err
			}
			out[name] = m
		}
	}
	for _, k := range kinds {
		if out[k.name] == nil {
			return nil, fmt.Errorf("icns: no %s (%d pixels)", k.name, k.pixels)
		}
	}
	return out, nil
}

func decodeEntry(k kind, body []byte) (image.Image, error) {
	if !k.argb {
		m, err := png.Decode(bytes.NewReader(body))
		if err != nil {
			return nil, fmt.Errorf("icns: %s: %w", k.name, err)
		}
		if b := m.Bounds(); b.Dx() != k.pixels || b.Dy() != k.pixels {
			return nil, fmt.Errorf("icns: %s has %v, want %d pixels", k.name, b, k.pixels)
		}
		return m, nil
	}
	if !bytes.HasPrefix(body, []byte("ARGB")) {
		return nil, fmt.Errorf("icns: %s is not ARGB", k.name)
	}
	n := k.pixels * k.pixels
	p, err := unpack(body[4:], 4*n)
	if err != nil {
		return nil, err
	}
	m := image.NewNRGBA(image.Rect(0, 0, k.pixels, k.pixels))
	for i := range n {
		m.SetNRGBA(i%k.pixels, i/k.pixels, color.NRGBA{A: p[i], R: p[n+i], G: p[2*n+i], B: p[3*n+i]})
	}
	return m, nil
}
