package qr

import (
	"context"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
)

// hunt is one search in one picture.
type hunt struct {
	ctx    context.Context
	wanted func(text string) bool
	codes  []Code
	seen   map[string]bool
	tries  int
	done   bool       // a wanted code was found
	read   []point    // finder patterns of codes that were read
	failed [][3]point // finder patterns that led to nothing
}

// search looks at one preparation of the picture after the other until one
// shows a code that is wanted, and returns all the codes seen until then.
func search(ctx context.Context, pages []*gray, opts Options, wanted func(string) bool) ([]Code, error) {
	ctx, cancel := context.WithTimeout(ctx, opts.budget())
	defer cancel()
	h := &hunt{ctx: ctx, wanted: wanted, seen: map[string]bool{}}
	for _, page := range pages {
		h.page(page)
		if h.over() {
			break
		}
	}
	if len(h.codes) > 0 {
		return h.codes, nil
	}
	return nil, &NotFoundError{Width: pages[0].w, Height: pages[0].h, Tries: h.tries, Stopped: ctx.Err()}
}

func (h *hunt) over() bool { return h.done || h.ctx.Err() != nil }

func (h *hunt) found(text string) {
	if h.seen[text] {
		return
	}
	h.seen[text] = true
	h.codes = append(h.codes, Code{Text: text})
	h.done = h.done || h.wanted(text)
}

// page looks at a picture in several sizes: the ones in which most codes are
// found first.
func (h *hunt) page(full *gray) {
	long := max(full.w, full.h)
	type level struct {
		g     *gray
		scale float64
	}
	var levels []level
	for _, s := range scales(long) {
		w, hh := int(float64(full.w)/s), int(float64(full.h)/s)
		if w < 21 || hh < 21 {
			continue
		}
		levels = append(levels, level{full.resize(w, hh), s})
	}
	for _, c := range []care{careful(), lenient()} {
		for _, look := range looks() {
			for _, l := range levels {
				b := look(l.g)
				if b == nil {
					continue
				}
				for _, tone := range []byte{1, 0} {
					h.bitmap(full, b, l.scale, tone, c)
					if h.over() {
						return
					}
				}
			}
		}
	}
	for _, l := range levels {
		h.zxing(l.g)
		if h.over() {
			return
		}
		h.zxing(l.g.inverted())
		if h.over() {
			return
		}
	}
}

// looks are the ways to make two tones of a picture.
func looks() []func(*gray) *bitmap {
	return []func(*gray) *bitmap{
		func(g *gray) *bitmap { return g.threshold(max(g.w, g.h) / 12) },
		func(g *gray) *bitmap { return g.smoothed().threshold(max(g.w, g.h) / 20) },
		(*gray).hybrid,
		func(g *gray) *bitmap { return g.threshold(max(g.w, g.h) / 40) },
	}
}

func (h *hunt) bitmap(full *gray, b *bitmap, scale float64, tone byte, c care) {
	h.tries++
	fs := b.finders(tone, c)
	ts := b.triples(fs, tone, c)
	for i := range ts {
		if h.over() {
			return
		}
		t := &ts[i]
		m := t.corner.module() * scale
		where := [3]point{t.corner.at.times(scale), t.right.at.times(scale), t.below.at.times(scale)}
		if h.known(where, 3*m) || h.hopeless(where, m) {
			continue
		}
		if text, ok := readTriple(full, t, scale, tone); ok {
			h.read = append(h.read, where[:]...)
			h.found(text)
		} else {
			h.failed = append(h.failed, where)
		}
	}
}

// known reports whether one of the finder patterns belongs to a code that has
// been read.
func (h *hunt) known(where [3]point, d float64) bool {
	for _, q := range h.read {
		for _, p := range where {
			if q.sub(p).length() < d {
				return true
			}
		}
	}
	return false
}

// hopeless reports whether the same three have been tried often enough.
func (h *hunt) hopeless(where [3]point, d float64) bool {
	n := 0
	for _, f := range h.failed {
		if f[0].sub(where[0]).length() < d && f[1].sub(where[1]).length() < d && f[2].sub(where[2]).length() < d {
			n++
		}
	}
	return n >= 4
}

// zxing lets gozxing look by itself.
func (h *hunt) zxing(g *gray) {
	defer func() { _ = recover() }()
	h.tries++
	hints := map[gozxing.DecodeHintType]interface{}{gozxing.DecodeHintType_TRY_HARDER: true}
	bm, err := gozxing.NewBinaryBitmap(gozxing.NewHybridBinarizer(newLuminance(g)))
	if err != nil {
		return
	}
	if r, err := qrcode.NewQRCodeReader().Decode(bm, hints); err == nil {
		h.found(r.GetText())
	}
}

// scales are by how much the picture is made smaller, one look after the other.
func scales(long int) []float64 {
	var out []float64
	add := func(s float64) {
		for _, o := range out {
			if s/o > 0.8 && s/o < 1.25 {
				return
			}
		}
		out = append(out, s)
	}
	l := float64(long)
	if l <= 1200 {
		add(1)
		add(0.5)
		if l < 500 {
			add(0.25)
		}
		if l > 600 {
			add(2)
		}
		return out
	}
	for _, side := range []float64{1000, 2000, 1400, 4000, 700, 500, 8000} {
		if l/side >= 0.8 {
			add(l / side)
		}
	}
	add(1)
	return out
}
