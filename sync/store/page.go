package store

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"healthsync/sync/health"
	"healthsync/sync/store/internal/sqlite"
)

// row is a sample in the form of the table sample, but for its type.
type row struct {
	id       health.UUID
	start    int64
	duration int64
	value    float64
	origin   int64
	metadata int64 // 0 is NULL
	hash     uint64
	seq      int32 // its place in the change: of two the later counts
	state    rowState
}

type rowState uint8

const (
	stateNew rowState = iota
	stateKnown
	stateChanged
	stateRevived // new, but for a tombstone
)

func compareRows(a, b row) int {
	if c := cmp.Compare(a.start, b.start); c != 0 {
		return c
	}
	if c := bytes.Compare(a.id[:], b.id[:]); c != 0 {
		return c
	}
	return cmp.Compare(a.seq, b.seq)
}

// before orders a row against a key of the table.
func (r *row) before(start int64, id *health.UUID) bool {
	return r.start < start || r.start == start && bytes.Compare(r.id[:], id[:]) < 0
}

func (r *row) at(start int64, id *health.UUID) bool { return r.start == start && r.id == *id }

// batch is what a change has of one type.
type batch struct {
	name      health.Type
	id        int64
	rows      []row  // ascending by key
	reconcile []Span // ascending and disjoint
	size      int    // of rows, while they are counted
	origins   [2]recentOrigin
	meta      recentMetadata
	counts    Counts
	touched   []touched
	longest   int64 // of its rows, seconds
	zoned     bool  // one of its rows says where it was measured
	facts     facts // of what is stored before the change
}

type recentOrigin struct {
	origin
	id   int64
	hash uint64
}

type recentMetadata struct {
	json  string
	id    int64
	hash  uint64
	zoned bool
}

// applier holds the memory of changes, which the next one uses again.
type applier struct {
	batches []*batch
	byType  map[health.Type]*batch
	rows    []row
	seen    []uint64
	feed    feedRows
	missing []missing
	entries ledgerRows
	figures figureRows
	mergers []*merger
}

// keepRows is the number of rows whose memory is kept for the next change:
// one page. A larger change gives its memory back.
const keepRows = 2 * health.MaxLimit

// begin sorts the samples of a change into batches.
func (a *applier) begin(c *conn, d *dictionary, ch *Change) error {
	a.batches = a.batches[:0]
	a.byType = make(map[health.Type]*batch)
	var last *batch
	for i := range ch.Samples {
		s := &ch.Samples[i]
		if last == nil || last.name != s.Type {
			last = a.batch(s.Type)
		}
		last.size++
		// Inf and -Inf of one day would add up to NaN, which SQLite takes for NULL.
		if math.IsNaN(s.Value) || math.IsInf(s.Value, 0) {
			return fmt.Errorf("sample %d of type %s has a value that is not a finite number", i, s.Type)
		}
	}
	for _, r := range ch.Reconcile {
		if !r.Span.Empty() {
			b := a.batch(r.Type)
			b.reconcile = append(b.reconcile, r.Span)
		}
	}
	if cap(a.rows) < len(ch.Samples) || cap(a.rows) > keepRows {
		a.rows = make([]row, len(ch.Samples))
	}
	rest := a.rows[:len(ch.Samples)]
	for _, b := range a.batches {
		if b.name == "" {
			return fmt.Errorf("a sample without a type")
		}
		var err error
		if b.id, _, err = d.typeID(c, b.name, true); err != nil {
			return err
		}
		b.rows, rest = rest[:0:b.size], rest[b.size:]
		b.reconcile = union(b.reconcile)
	}
	for i := range ch.Samples {
		s := &ch.Samples[i]
		if last.name != s.Type {
			last = a.byType[s.Type]
		}
		if err := last.add(c, d, s, i); err != nil {
			return err
		}
	}
	stored, err := readFacts(c)
	if err != nil {
		return err
	}
	for _, b := range a.batches {
		b.facts = stored[b.id]
		b.sort()
	}
	a.dropDoubles()
	return nil
}

func (a *applier) batch(t health.Type) *batch {
	b := a.byType[t]
	if b == nil {
		b = &batch{name: t}
		a.byType[t] = b
		a.batches = append(a.batches, b)
	}
	return b
}

// add turns a sample into a row. Pages come with few sources and metadata
// that repeat, their strings interned: the last ones are nearly always right,
// and a comparison of equal strings at one address costs next to nothing.
func (b *batch) add(c *conn, d *dictionary, s *health.Sample, seq int) error {
	r := row{id: s.ID, start: s.Start, duration: s.End - s.Start, value: s.Value, seq: int32(seq)}
	o := &b.origins[0]
	if o.id == 0 || o.source != s.Source || o.unit != s.Unit {
		b.origins[0], b.origins[1] = b.origins[1], b.origins[0]
		if o.id == 0 || o.source != s.Source || o.unit != s.Unit {
			o.origin = origin{s.Source, s.Unit}
			var err error
			if o.id, err = d.originID(c, o.origin); err != nil {
				return err
			}
			o.hash = hashOrigin(o.origin)
		}
	}
	r.origin = o.id
	metadata := uint64(0)
	if s.Metadata != "" {
		if b.meta.id == 0 || b.meta.json != s.Metadata {
			id, err := d.metadataID(c, s.Metadata)
			if err != nil {
				return err
			}
			b.meta = recentMetadata{s.Metadata, id, hashMetadata(s.Metadata), zoneName(s.Metadata) != ""}
		}
		r.metadata, metadata = b.meta.id, b.meta.hash
		b.zoned = b.zoned || b.meta.zoned
	}
	r.hash = hashSample(&r.id, r.start, r.duration, r.value, o.hash, metadata)
	b.longest = max(b.longest, reach(r.duration))
	b.rows = append(b.rows, r)
	return nil
}

// sort brings the rows into the order of the table's key. They come newest
// first, so that turning them around is nearly all there is to do.
func (b *batch) sort() {
	slices.Reverse(b.rows)
	for i := 1; i < len(b.rows); i++ {
		if compareRows(b.rows[i-1], b.rows[i]) > 0 {
			slices.SortFunc(b.rows, compareRows)
			return
		}
	}
}

// dropDoubles leaves the later of two rows of one identity. A table of parts
// of the IDs tells cheaply that there are none, as nearly always.
func (a *applier) dropDoubles() {
	for _, b := range a.batches {
		size := 1
		for size < 2*len(b.rows) {
			size *= 2
		}
		if cap(a.seen) < size || cap(a.seen) > 4*keepRows {
			a.seen = make([]uint64, size)
		}
		seen := a.seen[:size]
		clear(seen)
		if doubles(b.rows, seen) {
			b.dropDoubles()
		}
	}
}

// doubles reports whether two of rows may share an ID.
func doubles(rows []row, seen []uint64) bool {
	mask := uint64(len(seen) - 1) // a power of two
	for i := range rows {
		// The last bytes: random in every version of UUID that Apple makes.
		k := binary.LittleEndian.Uint64(rows[i].id[8:]) | 1 // 0 marks a free place
		for j := k >> 1 & mask; ; j = (j + 1) & mask {
			if seen[j] == k {
				return true
			}
			if seen[j] == 0 {
				seen[j] = k
				break
			}
		}
	}
	return false
}

func (b *batch) dropDoubles() {
	latest := make(map[health.UUID]int32, len(b.rows))
	for i := range b.rows {
		r := &b.rows[i]
		if seq, ok := latest[r.id]; !ok || seq < r.seq {
			latest[r.id] = r.seq
		}
	}
	b.rows = slices.DeleteFunc(b.rows, func(r row) bool { return latest[r.id] != r.seq })
}

// feedRows is the table that INSERT … SELECT reads.
type feedRows struct {
	typeID int64
	rows   []row
}

var feedColumns = []string{"type", "start", "id", "duration", "value", "origin", "metadata"}

// Len is the number of rows.
func (f *feedRows) Len() int { return len(f.rows) }

// Column gives a value in the order of feedColumns.
func (f *feedRows) Column(i, column int, v *sqlite.Value) {
	r := &f.rows[i]
	switch column {
	case 0:
		v.Int(f.typeID)
	case 1:
		v.Int(r.start)
	case 2:
		v.UUID((*[16]byte)(&r.id))
	case 3:
		v.Int(r.duration)
	case 4:
		v.Float(r.value)
	case 5:
		v.Int(r.origin)
	case 6:
		if r.metadata != 0 {
			v.Int(r.metadata)
		}
	}
}
