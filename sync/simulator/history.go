package simulator

import (
	"cmp"
	"slices"
	"sync"

	"healthsync/sync/health"
)

// record is one sample as the phone's database holds it: 48 bytes, so that ten
// million fit in half a gigabyte. Times are Unix milliseconds: HealthKit has
// fractions of a second and sorts and selects by them, though the app's JSON
// cuts them off.
type record struct {
	start, end int64
	value      float64
	id         health.UUID
	attr       uint32 // index of History.attrs
}

// attr is what many samples have in common.
type attr struct{ unit, source, metadata string }

// attrJSON is attr as the app's JSON spells it, ready to be copied.
type attrJSON struct{ unit, source, metadata []byte }

// series holds one type's samples, oldest first; of equal starts the one
// inserted last is the newest.
type series struct{ recs []record }

// History is what the phone has measured. It is safe for concurrent use:
// samples may arrive late or be deleted while pages are served.
//
// The sleep stages ([health.Type.IsSleepStage]) are not stored: as in HealthKit
// they are views of [health.SleepAnalysis].
type History struct {
	mu     sync.RWMutex
	series map[health.Type]*series
	attrs  []attr
	json   []attrJSON
	index  map[attr]uint32
}

// NewHistory gives a history with these samples; none is fine.
func NewHistory(samples ...health.Sample) *History {
	h := &History{series: map[health.Type]*series{}, index: map[attr]uint32{}}
	h.Insert(samples...)
	return h
}

// Insert adds samples, in any order and anywhere in time: what a watch does
// that synchronises days later. A sample with the identity of one that is
// there replaces it. Samples of a sleep stage are stored as SleepAnalysis.
// It gives the number of samples that were not there before.
func (h *History) Insert(samples ...health.Sample) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	fresh := map[health.Type][]record{}
	for i := range samples {
		s := &samples[i]
		t := s.Type
		if t.IsSleepStage() {
			t = health.SleepAnalysis
		}
		fresh[t] = append(fresh[t], record{
			start: s.Start * 1000, end: s.End * 1000, value: s.Value, id: s.ID,
			attr: h.intern(attr{s.Unit, s.Source, s.Metadata}),
		})
	}
	before := 0
	after := 0
	for t, recs := range fresh {
		before += h.countLocked(t)
		h.mergeLocked(t, recs)
		after += h.countLocked(t)
	}
	return after - before
}

// Delete takes samples of a type away, as a person does in the Health app, and
// gives the number that were there.
func (h *History) Delete(t health.Type, ids ...health.UUID) int {
	if t.IsSleepStage() {
		t = health.SleepAnalysis
	}
	gone := make(map[health.UUID]bool, len(ids))
	for _, id := range ids {
		gone[id] = true
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.series[t]
	if s == nil {
		return 0
	}
	n := len(s.recs)
	// A new slice: a page being rendered holds the lock, so nobody reads the
	// old one, but its tail must not keep what was deleted.
	s.recs = slices.DeleteFunc(s.recs, func(r record) bool { return gone[r.id] })
	return n - len(s.recs)
}

// Types lists the types that have samples, in the app's order, unknown ones
// last. Where there is sleep, the stage types are not listed beside it.
func (h *History) Types() []health.Type {
	h.mu.RLock()
	defer h.mu.RUnlock()
	var ts []health.Type
	for t, s := range h.series {
		if len(s.recs) > 0 {
			ts = append(ts, t)
		}
	}
	order := map[health.Type]int{}
	for i, t := range health.Types() {
		order[t] = i - len(health.Types())
	}
	slices.SortFunc(ts, func(a, b health.Type) int {
		return cmp.Or(cmp.Compare(order[a], order[b]), cmp.Compare(a, b))
	})
	return ts
}

// Len is the number of samples of a type; for a sleep stage, of that stage.
func (h *History) Len(t health.Type) int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.countLocked(t)
}

func (h *History) countLocked(t health.Type) int {
	stage, isStage := t.Stage()
	if isStage {
		t = health.SleepAnalysis
	}
	s := h.series[t]
	switch {
	case s == nil:
		return 0
	case !isStage:
		return len(s.recs)
	}
	n := 0
	for i := range s.recs {
		if s.recs[i].value == float64(stage) {
			n++
		}
	}
	return n
}

// Samples gives every sample of a type newest first, as the phone would serve
// them: the truth that a test compares a database with.
func (h *History) Samples(t health.Type) []health.Sample {
	h.mu.RLock()
	defer h.mu.RUnlock()
	stored := t
	stage, isStage := t.Stage()
	if isStage {
		stored = health.SleepAnalysis
	}
	s := h.series[stored]
	if s == nil {
		return nil
	}
	out := make([]health.Sample, 0, len(s.recs))
	for i := len(s.recs) - 1; i >= 0; i-- {
		r := &s.recs[i]
		if isStage && r.value != float64(stage) {
			continue
		}
		a := &h.attrs[r.attr]
		out = append(out, health.Sample{
			ID: r.id, Type: t, Start: floorSecond(r.start), End: floorSecond(r.end),
			Value: r.value, Unit: a.unit, Source: a.source, Metadata: a.metadata,
		})
	}
	return out
}

// span gives the samples of a stored type that start in [from, to) Unix
// milliseconds, oldest first, to itself with inclusive. The caller holds the
// lock for as long as it reads them.
func (h *History) span(t health.Type, from, to int64, inclusive bool) []record {
	s := h.series[t]
	if s == nil {
		return nil
	}
	if inclusive {
		to++
	}
	byStart := func(r record, at int64) int { return cmp.Compare(r.start, at) }
	lo, _ := slices.BinarySearchFunc(s.recs, from, byStart)
	hi, _ := slices.BinarySearchFunc(s.recs, to, byStart)
	if hi < lo {
		return nil
	}
	return s.recs[lo:hi]
}

// intern gives the number of a and makes it if need be.
func (h *History) intern(a attr) uint32 {
	if i, ok := h.index[a]; ok {
		return i
	}
	i := uint32(len(h.attrs))
	h.index[a] = i
	h.attrs = append(h.attrs, a)
	h.json = append(h.json, attrJSON{
		unit:     appendSwiftString(nil, a.unit),
		source:   appendSwiftString(nil, a.source),
		metadata: swiftMetadata(a.metadata),
	})
	return i
}

// appendLocked adds records that are all newer than what is there, in order:
// the cheap way in for a generator.
func (h *History) appendLocked(t health.Type, recs []record) {
	s := h.series[t]
	if s == nil {
		s = &series{}
		h.series[t] = s
	}
	s.recs = append(s.recs, recs...)
}

// mergeLocked adds records in any order and drops older ones of equal identity.
func (h *History) mergeLocked(t health.Type, recs []record) {
	s := h.series[t]
	if s == nil {
		s = &series{}
		h.series[t] = s
	}
	seen := make(map[health.UUID]int, len(recs))
	unique := recs[:0]
	for _, r := range recs {
		if i, ok := seen[r.id]; ok {
			unique[i] = r
			continue
		}
		seen[r.id] = len(unique)
		unique = append(unique, r)
	}
	if len(s.recs) > 0 {
		s.recs = slices.DeleteFunc(s.recs, func(r record) bool { _, again := seen[r.id]; return again })
	}
	slices.SortStableFunc(unique, func(a, b record) int { return cmp.Compare(a.start, b.start) })
	if n := len(s.recs); n == 0 || s.recs[n-1].start <= unique[0].start {
		s.recs = append(s.recs, unique...)
		return
	}
	// Merge from the end, in place.
	i, j := len(s.recs)-1, len(unique)-1
	s.recs = append(s.recs, unique...)
	for k := len(s.recs) - 1; j >= 0; k-- {
		if i >= 0 && s.recs[i].start > unique[j].start {
			s.recs[k] = s.recs[i]
			i--
		} else {
			s.recs[k] = unique[j]
			j--
		}
	}
}

// floorSecond cuts milliseconds off, before 1970 too.
func floorSecond(ms int64) int64 {
	s := ms / 1000
	if ms%1000 < 0 {
		s--
	}
	return s
}
