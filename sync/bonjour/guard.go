package bonjour

import (
	"net/netip"
	"time"
)

// The rates of what a listener does for others, in packets a second and at
// once. A home has some ten responses a second at most; who sends more than
// perSource is not heard above it, and all together not above all. A packet costs
// half a millisecond at most (BenchmarkFlood), so that no flood costs more than
// some hundredths of a processor. The busiest speaker does not take the word
// from the others.
const (
	perSource, perSourceBurst = 30, 60
	all, allBurst             = 150, 300
	askRate, askBurst         = 5, 10
	maxSources                = 256
)

// bucket is a token bucket; the zero value is full.
type bucket struct {
	used float64
	at   time.Time
}

// ready reports that there is a token.
func (b *bucket) ready(now time.Time, rate, burst float64) bool {
	if d := now.Sub(b.at).Seconds(); d > 0 {
		b.used = max(0, b.used-d*rate)
	}
	b.at = now
	return b.used <= burst-1
}

func (b *bucket) take() { b.used++ }

// guard decides whose packets are read.
type guard struct {
	sources map[netip.Addr]*bucket
	all     bucket
}

func (g *guard) admit(from netip.Addr, now time.Time) bool {
	b := g.sources[from]
	if b == nil {
		if len(g.sources) >= maxSources || g.sources == nil {
			g.sources = make(map[netip.Addr]*bucket, 8)
		}
		b = &bucket{}
		g.sources[from] = b
	}
	if !b.ready(now, perSource, perSourceBurst) || !g.all.ready(now, all, allBurst) {
		return false
	}
	b.take()
	g.all.take()
	return true
}
