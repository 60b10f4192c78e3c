package qr

import (
	"context"
	"time"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
)

// hunt is one search in one picture.
type hunt struct {
	ctx    context.Context
	wanted func(text string) bool
	codes  []Code
	seen   map[string]bool
	all    bool // a wanted code does not end the look at the picture that showed it
	tries  int
	done   bool       // a wanted code was found
	until  time.Time  // when to stop although none was; zero: by ctx only
	read   []point    // finder patterns of codes that were read
	failed [][3]point // finder patterns that led to nothing
}

// search looks at one preparation of the picture after the other until one
// shows a code that is wanted, and returns all the codes seen until then.
// Without wanted it returns all that the first successful look shows.
func search(ctx context.Context, pages []*gray, opts Options, wanted func(string) bool) ([]Code, error) {
	ctx, cancel := context.WithTimeout(ctx, opts.budget())
	defer cancel()
	h := &hunt{ctx: ctx, wanted: wanted, all: wanted == nil, seen: map[string]bool{}}
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

// afterOther is how much longer a picture is searched once a code was read
// that is not the wanted one. Usually there is no other, and a person waits.
const afterOther = 3 * time.Second

func (h *hunt) over() bool {
	return h.done || h.ctx.Err() != nil || !h.until.IsZero() && time.Now().After(h.until)
}

func (h *hunt) found(text string) {
	if h.seen[text] {
		return
	}
	h.seen[text] = true
	h.codes = append(h.codes, Code{Text: text})
	if h.all || h.wanted(text) {
		h.done = true
	} else if len(h.codes) == 1 {
		h.until = time.Now().Add(afterOther)
	}
}

// page looks at a picture in several sizes and tones, the ones in which most
// codes are found first.
func (h *hunt) page(full *gray) {
	var levels []*level
	for _, s := range scales(max(full.w, full.h)) {
		levels = append(levels, &level{full: full, scale: s})
	}
	for _, c := range []care{careful(), lenient()} {
		for _, look := range looks() {
			for _, l := range levels {
				if h.over() {
					return
				}
				g := l.picture()
				if g == nil || c.small && max(g.w, g.h) > lenientSide {
					continue
				}
				b := look(g)
				if b == nil {
					continue
				}
				for _, tone := range []byte{1, 0} {
					if h.bitmap(full, b, l.scale, tone, c); h.over() {
						return
					}
				}
			}
		}
	}
	for _, l := range levels {
		g := l.picture()
		if g == nil || max(g.w, g.h) > lenientSide {
			continue
		}
		for _, g := range []*gray{g, g.inverted()} {
			if h.zxing(g); h.over() {
				return
			}
		}
	}
}

// lenientSide is the largest picture that gets the second, more patient round:
// what is bent or stylised and small in a very large picture is rare, and the
// round would take seconds there.
const lenientSide = 2100

// level is the picture made smaller by scale, when it is first looked at.
type level struct {
	full, made *gray
	scale      float64
}

func (l *level) picture() *gray {
	w, h := int(float64(l.full.w)/l.scale+0.5), int(float64(l.full.h)/l.scale+0.5)
	if w < minSide || h < minSide {
		return nil
	}
	if l.made == nil {
		l.made = l.full.resize(w, h)
	}
	return l.made
}

// minSide is the least a QR code can have: 21 modules of one pixel.
const minSide = 21

// looks are the ways to make two tones of a picture.
func looks() []func(*gray) *bitmap {
	return []func(*gray) *bitmap{
		func(g *gray) *bitmap { return g.threshold(max(g.w, g.h) / 12) },
		func(g *gray) *bitmap { return g.smoothed().threshold(max(g.w, g.h) / 20) },
		(*gray).hybrid,
		func(g *gray) *bitmap { return g.smoothed().offWhite(12) },
		func(g *gray) *bitmap { return g.threshold(max(g.w, g.h) / 40) },
	}
}

func (h *hunt) bitmap(full *gray, b *bitmap, scale float64, tone byte, c care) {
	h.tries++
	fs := b.finders(tone, c)
	ts := b.triples(fs, tone, c)
	for i := range ts {
		if h.over() && !(h.all && h.ctx.Err() == nil) {
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

// zxing lets gozxing look by itself. A fault in it on a strange picture counts
// as nothing found.
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

// scales are by how much the picture is made smaller, one look after the
// other. Small ones are made larger: gozxing's sampling and the thresholds want
// more than two pixels a module.
func scales(long int) []float64 {
	l := float64(long)
	if l <= 1200 {
		out := []float64{1, 0.5}
		if l < 500 {
			out = append(out, 0.25)
		}
		if l > 600 {
			out = append(out, 2)
		}
		return out
	}
	var out []float64
	whole := false
	for _, side := range []float64{1000, 2000, 1400, 4000, 700, 500} {
		s := l / side
		if s < 1.15 { // not worth another copy
			s = 1
		}
		if s == 1 && whole {
			continue
		}
		whole = whole || s == 1
		out = append(out, s)
	}
	if !whole {
		out = append(out, 1)
	}
	return out
}
