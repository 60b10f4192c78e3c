package store

import (
	"encoding/binary"
	"math"
	"math/bits"

	"healthsync/sync/health"
)

// The hash of a sample: 64 bits over what the phone served, its type apart,
// which is a key of the ledger. A day's is the sum of its samples', modulo
// 2^48: it comes out the same in whatever order pages bring them, and a sample
// can be added and taken out again.
//
// What it finds: any difference that was not made with knowledge of it, but for
// one in 2^48, 280 million million. (If all 113,000 entries of 31 types in ten
// years were altered, one would be missed in 2.5 thousand million such
// databases.) A row that was changed, lost, doubled or put in by another
// program; a page that was stored in part; a bit that flipped. What it does not
// find: a change by someone who recomputes the ledger too. It is no signature;
// who may write the file may write all of it.
//
// Each step multiplies 64 by 64 bits and folds the 128 bits of the product, as
// wyhash does (https://github.com/wangyi-fudan/wyhash, public domain). The
// constants are the fractional parts of the square roots of 2, 3, 5, 7, 11 and
// 13 (the initial hash values of SHA-512, FIPS 180-4, section 5.3.5), made odd.
// They are part of the schema: another hash needs a migration.
const (
	hashA = 0x6a09e667f3bcc909
	hashB = 0xbb67ae8584caa73b
	hashC = 0x3c6ef372fe94f82b
	hashD = 0xa54ff53a5f1d36f1
	hashE = 0x510e527fade682d1
	hashF = 0x9b05688c2b3e6c1f
)

// ledgerHash is the part of a sum of hashes that the ledger keeps: 48 bits with
// their sign, six bytes in the file and not eight.
func ledgerHash(sum uint64) int64 { return int64(sum<<16) >> 16 }

func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// hashText hashes a source, a unit or metadata.
func hashText(seed uint64, s string) uint64 {
	h := fold(seed^uint64(len(s)), hashA)
	for len(s) >= 8 {
		h = fold(h^word(s[:8]), hashB)
		s = s[8:]
	}
	if len(s) > 0 {
		var last [8]byte
		copy(last[:], s)
		h = fold(h^binary.LittleEndian.Uint64(last[:]), hashC)
	}
	return fold(h^hashD, hashE)
}

func word(s string) uint64 {
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

func hashOrigin(o origin) uint64 { return hashText(hashText(hashE, o.source), o.unit) }

func hashMetadata(json string) uint64 {
	if json == "" {
		return 0
	}
	return hashText(hashF, json)
}

// hashSample hashes a sample; the hashes of its origin and metadata come from
// hashOrigin and hashMetadata.
func hashSample(id *health.UUID, start, duration int64, value float64, origin, metadata uint64) uint64 {
	if value == 0 {
		value = 0 // SQLite stores no sign of a zero
	}
	h := fold(binary.LittleEndian.Uint64(id[:8])^hashA, binary.LittleEndian.Uint64(id[8:])^hashB)
	h = fold(h^uint64(start), hashC^uint64(duration))
	h = fold(h^math.Float64bits(value), hashD^origin)
	return fold(h^hashE, hashF^metadata)
}
