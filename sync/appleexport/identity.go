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
	seen  map[uint64]struct{}
	again map[uint64]uint32
}

// identify gives a record its identity: a UUID of version 8, a hash of one's own
// choice (RFC 9562 section 5.8), here SHA-256. said is what tells the record
// from others, beside its type, times and source.
func (d *identities) identify(r *Record, version string, said ...string) health.UUID {
	text := append([]byte(r.Identifier), 0)
	for _, s := range said {
		text = append(append(text, s...), 0)
	}
	for _, n := range [...]int64{r.Start, r.End, r.Created} {
		text = binary.BigEndian.AppendUint64(text, uint64(n))
	}
	text = append(append(text, r.Source...), 0)
	text = append(append(text, version...), 0)
	sum := sha256.Sum256(text)
	key := binary.BigEndian.Uint64(sum[16:])
	if _, double := d.seen[key]; double {
		d.again[key]++
		sum = sha256.Sum256(binary.BigEndian.AppendUint64(text, uint64(d.again[key])))
	}
	d.seen[key] = struct{}{}
	u := health.UUID(sum[:16])
	u[6] = u[6]&0x0f | 0x80
	u[8] = u[8]&0x3f | 0x80
	return u
}
