package store

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"testing"

	"healthsync/sync/health"
)

// One bit of a sample changed changes half of the bits of its hash, so that
// sums tell samples apart too.
func TestHashSpreads(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	total, n, least := 0, 0, 64
	for range 200 {
		var id health.UUID
		for i := range id {
			id[i] = byte(r.Uint32())
		}
		start, duration, value := r.Int64N(2_000_000_000), r.Int64N(600), float64(1+r.IntN(200))
		origin, meta := hashOrigin(origin{"Ana's Apple Watch", "count/min"}), hashMetadata(`{"sleepStage":"core"}`)
		h := hashSample(&id, start, duration, value, origin, meta)
		see := func(g uint64) {
			d := bits.OnesCount64(h ^ g)
			total, n, least = total+d, n+1, min(least, d)
		}
		for bit := range 128 {
			x := id
			x[bit/8] ^= 1 << (bit % 8)
			see(hashSample(&x, start, duration, value, origin, meta))
		}
		for bit := range 32 {
			see(hashSample(&id, start^1<<bit, duration, value, origin, meta))
			see(hashSample(&id, start, duration^1<<bit, value, origin, meta))
			see(hashSample(&id, start, duration, math.Float64frombits(math.Float64bits(value)^1<<(bit+20)), origin, meta))
		}
		see(hashSample(&id, start, duration, value, origin+1, meta))
		see(hashSample(&id, start, duration, value, origin, 0))
	}
	if mean := float64(total) / float64(n); mean < 31.5 || mean > 32.5 || least < 8 {
		t.Errorf("%.2f bits change on average, %d at least", mean, least)
	}
}

func TestHashText(t *testing.T) {
	seen := map[uint64]string{}
	for _, s := range []string{"", "a", "b", "ab", "a\x00", "abcdefgh", "abcdefgh\x00", "abcdefghi", "Ana's Apple Watch", "Ana's Apple Watcg"} {
		h := hashText(1, s)
		if old, ok := seen[h]; ok {
			t.Errorf("%q and %q", old, s)
		}
		seen[h] = s
	}
	if hashOrigin(origin{"ab", "c"}) == hashOrigin(origin{"a", "bc"}) {
		t.Error("a source runs into its unit")
	}
	if hashSample(&health.UUID{}, 1, 2, 0, 3, 4) != hashSample(&health.UUID{}, 1, 2, math.Copysign(0, -1), 3, 4) {
		t.Error("SQLite stores no sign of a zero")
	}
	// The values are part of the schema.
	if h := hashSample(&health.UUID{1, 15: 2}, 1_780_000_000, 5, 60.5, hashOrigin(origin{"Watch", "count/min"}), hashMetadata(`{"a":"b"}`)); h != 0xec20395851d8fce6 {
		t.Errorf("the hash is %#x: another one needs a migration", h)
	}
}

// The ledger keeps the lower 48 bits, the highest of them as the sign.
func TestLedgerHash(t *testing.T) {
	for sum, want := range map[uint64]int64{
		0: 0, 1: 1, 0xff: 0xff, 1<<47 - 1: 1<<47 - 1, 1 << 47: -1 << 47, 1<<48 - 1: -1, 1 << 48: 0, math.MaxUint64: -1,
		0xec20395851d8fce6: 0x395851d8fce6, 0x12348000000000ab: -1<<47 + 0xab,
	} {
		if got := ledgerHash(sum); got != want {
			t.Errorf("%#x: %#x, want %#x", sum, got, want)
		}
	}
}
