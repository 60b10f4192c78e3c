package simulator

import (
	"cmp"
	"slices"
	"sync"

	"healthsync/sync/health"
)

// History is what the phone has measured. It is safe for concurrent use:
// samples may arrive late or be deleted while pages are served.
//
// The sleep stages ([health.Type.IsSleepStage]) are not stored: as in HealthKit
// they are views of [health.SleepAnalysis].
type History struct {
	mu sync.RWMutex
	// Oldest first; of equal starts the one inserted last is the newest.
	samples map[health.Type][]health.Sample
}

// NewHistory gives a history with these samples; none is fine.
func NewHistory(samples ...health.Sample) *History {
	h := &History{samples: map[health.Type][]health.Sample{}}
	h.Insert(samples...)
	return h
}

// storedAs is the type under which HealthKit stores samples of a type.
func storedAs(t health.Type) health.Type {
	if t.IsSleepStage() {
		return health.SleepAnalysis
	}
	return t
}

// shows reports whether a stored sample is one of type t: of a sleep stage
// only those are whose value is the stage.
func shows(t health.Type, s *health.Sample) bool {
	stage, isStage := t.Stage()
	return !isStage || s.Value == float64(stage)
}

func byStart(a, b health.Sample) int { return cmp.Compare(a.Start, b.Start) }

// Insert adds samples, in any order and anywhere in time: what a watch does
// that synchronises days later. A sample with the identity of one that is
// there replaces it. It gives the number of samples that were not there before.
func (h *History) Insert(samples ...health.Sample) int {
	fresh := map[health.Type][]health.Sample{}
	for _, s := range samples {
		s.Type = storedAs(s.Type)
		fresh[s.Type] = append(fresh[s.Type], s)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	added := 0
	for t, list := range fresh {
		added += h.merge(t, list)
	}
	return added
}

// merge adds samples to a stored type and gives the number of new ones. The
// caller holds the lock.
func (h *History) merge(t health.Type, fresh []health.Sample) (added int) {
	last := make(map[health.UUID]int, len(fresh))
	for i := range fresh {
		last[fresh[i].ID] = i
	}
	list := h.samples[t]
	before := len(list)
	list = slices.DeleteFunc(list, func(s health.Sample) bool { _, again := last[s.ID]; return again })
	kept := fresh[:0]
	for i, s := range fresh {
		if last[s.ID] == i {
			kept = append(kept, s)
		}
	}
	if len(list) > 0 {
		kept = append(list, kept...)
	}
	slices.SortStableFunc(kept, byStart)
	h.samples[t] = kept
	return len(kept) - before
}

// Delete takes samples of a type away, as a person does in the Health app, and
// gives the number that were there.
func (h *History) Delete(t health.Type, ids ...health.UUID) int {
	t = storedAs(t)
	h.mu.Lock()
	defer h.mu.Unlock()
	before := len(h.samples[t])
	h.samples[t] = slices.DeleteFunc(h.samples[t], func(s health.Sample) bool { return slices.Contains(ids, s.ID) })
	return before - len(h.samples[t])
}

// Types lists the types that have samples, in the app's order, unknown ones
// last. Where there is sleep, the stage types are not listed beside it.
func (h *History) Types() []health.Type {
	h.mu.RLock()
	defer h.mu.RUnlock()
	var known, unknown []health.Type
	for _, t := range health.Types() {
		if len(h.samples[t]) > 0 {
			known = append(known, t)
		}
	}
	for t, list := range h.samples {
		if _, ok := health.Lookup(t); !ok && len(list) > 0 {
			unknown = append(unknown, t)
		}
	}
	slices.Sort(unknown)
	return append(known, unknown...)
}

// Len is the number of samples of a type; for a sleep stage, of that stage.
func (h *History) Len(t health.Type) int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	n := 0
	for i := range h.samples[storedAs(t)] {
		if shows(t, &h.samples[storedAs(t)][i]) {
			n++
		}
	}
	return n
}

// Samples gives every sample of a type newest first, as the phone would serve
// them: what a test compares a database with.
func (h *History) Samples(t health.Type) []health.Sample {
	h.mu.RLock()
	defer h.mu.RUnlock()
	var out []health.Sample
	for _, s := range slices.Backward(h.samples[storedAs(t)]) {
		if shows(t, &s) {
			s.Type = t
			out = append(out, s)
		}
	}
	return out
}

// span gives the samples of a stored type that start in [from, to), in Unix
// seconds, oldest first. The caller holds the lock for as long as it reads them.
func (h *History) span(t health.Type, from, to int64) []health.Sample {
	list := h.samples[t]
	before := func(s health.Sample, at int64) int { return cmp.Compare(s.Start, at) }
	lo, _ := slices.BinarySearchFunc(list, from, before)
	hi, _ := slices.BinarySearchFunc(list, to, before)
	return list[lo:max(lo, hi)]
}
