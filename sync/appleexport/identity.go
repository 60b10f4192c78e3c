package appleexport

import (
	"crypto/sha256"
	"encoding/binary"

	"healthsync/sync/health"
)

// An export has no UUIDs. An identity is made from what a record says, so that
// the same record in a later export is the same sample: type, times, the
// number and unit as written, and the source's name and version. It changes
// with them: a renamed watch, or another preferred unit of weight, makes new
// samples. The device attribute is left out: it has a memory address in it,
// another one in every export.
//
// HealthKit may hold equal records, and an export has them all: the second and
// later ones have their number in the identity too, counted in the order of
// the file.
type identities struct {
	seen  hashSet
	again map[uint64]uint32
	text  []byte
}

func (d *identities) begin(kind string) { d.text = append(append(d.text[:0], kind...), 0) }

func (d *identities) number(n int64) { d.text = binary.BigEndian.AppendUint64(d.text, uint64(n)) }

func (d *identities) bytes(b []byte) { d.text = append(append(d.text, b...), 0) }

// end gives the identity of what was said since begin: a UUID of version 8, a
// hash of one's own choice (RFC 9562 section 5.8), here SHA-256.
func (d *identities) end() health.UUID {
	sum := sha256.Sum256(d.text)
	key := binary.BigEndian.Uint64(sum[16:])
	if !d.seen.add(key) {
		if d.again == nil {
			d.again = map[uint64]uint32{}
		}
		d.again[key]++
		d.number(int64(d.again[key]))
		sum = sha256.Sum256(d.text)
	}
	u := health.UUID(sum[:16])
	u[6] = u[6]&0x0f | 0x80
	u[8] = u[8]&0x3f | 0x80
	return u
}

// hashSet is a set of hashes by open addressing: 8 bytes an entry, half to
// three quarters full.
type hashSet struct {
	slots []uint64
	n     int
	zero  bool
}

// add reports whether h is new.
func (s *hashSet) add(h uint64) bool {
	if h == 0 {
		was := s.zero
		s.zero = true
		return !was
	}
	if s.n*4 >= len(s.slots)*3 {
		old := s.slots
		s.slots = make([]uint64, max(1024, 2*len(old)))
		for _, o := range old {
			if o != 0 {
				s.slots[s.find(o)] = o
			}
		}
	}
	i := s.find(h)
	if s.slots[i] == h {
		return false
	}
	s.slots[i] = h
	s.n++
	return true
}

// find gives the slot of h, or the free one where it belongs.
func (s *hashSet) find(h uint64) int {
	mask := len(s.slots) - 1
	i := int(h) & mask
	for s.slots[i] != 0 && s.slots[i] != h {
		i = (i + 1) & mask
	}
	return i
}
