package engine

import (
	"context"
	"math"
	"slices"
	"time"

	"healthsync/sync/health"
	"healthsync/sync/store"
)

// Progress is an honest picture of a run that is under way: what is not known
// says so.
type Progress struct {
	// Requests made and Samples served so far in this run; New are those that
	// the database did not have.
	Requests int   `json:"requests"`
	Samples  int64 `json:"samples"`
	New      int64 `json:"new"`
	// Before is how many samples earlier runs have brought, where the history is
	// still being read to its beginning: with them, and not from nothing, a run
	// goes on that was ended early. It is 0 in a full run. Where another phone had
	// brought them first they count when this one has served them.
	Before int64 `json:"before,omitempty"`
	// Back is the second down to which all types are read, but for those that are
	// left for the end because they bring the app down; Types is how many there
	// are and Done how many of them are read whole.
	Back  int64 `json:"back,omitempty"`
	Types int   `json:"-"`
	Done  int   `json:"-"`
	// Known says that what is left can be estimated: a type has been read to its
	// beginning. Where it is false Remaining and Seconds are 0.
	Known bool `json:"totalKnown"`
	// Remaining estimates the samples that are still to come.
	Remaining int64 `json:"remaining"`
	// Rate is the samples per second that came in the last minute.
	Rate float64 `json:"-"`
	// Seconds is the time left at Rate, and never less than the phone's limit
	// on requests allows.
	Seconds float64 `json:"secondsLeft"`
}

// Have is how many samples of what there is are here: those of earlier runs
// count where this one goes on with their work.
func (p Progress) Have() int64 {
	if p.Before > 0 {
		return p.Before + p.New
	}
	return p.Samples
}

// meter counts what the progress tells.
type meter struct {
	// before is how many samples earlier runs have brought, where the history is
	// not read to its beginning, and later how many this one was served that they
	// were not.
	before, later int64
	// marks are how far the run was in the last minute.
	marks []mark
}

// mark is how far a run was at a moment.
type mark struct {
	at       time.Time
	requests int
	samples  int64
}

// recently is the time by which Rate is told, and that of the phone's limit.
const recently = time.Minute

// pace notes how far the run is and gives what came in the last minute.
func (m *meter) pace(now mark) (requests int, rate float64) {
	m.marks = append(m.marks, now)
	i := 0
	for i < len(m.marks)-2 && now.at.Sub(m.marks[i].at) > recently {
		i++
	}
	m.marks = slices.Delete(m.marks, 0, i)
	first := m.marks[0]
	if d := now.at.Sub(first.at).Seconds(); d > 0 {
		rate = float64(now.samples-first.samples) / d
	}
	return now.requests - first.requests, rate
}

// beyond counts the samples that earlier runs were not served.
func (m *meter) beyond(samples []health.Sample, had map[health.Type]store.Spans) {
	if m.before == 0 {
		return
	}
	for i := range samples {
		if !had[samples[i].Type].Contains(samples[i].Start) {
			m.later++
		}
	}
}

// countBefore finds how much earlier runs have brought, where a history is still
// being read to its beginning.
func (s *session) countBefore(ctx context.Context) error {
	s.meter.marks = []mark{{s.now(), s.res.Requests, 0}}
	open := func(t *track) bool { return len(t.todo) > 0 && t.todo[0].From == s.floor }
	if s.o.Full || s.o.Progress == nil || !slices.ContainsFunc(s.plan.tracks, open) {
		return nil
	}
	for _, t := range s.wanted {
		for _, x := range s.had[t] {
			from, err := s.db.CountOwn(ctx, t, x.From)
			if err != nil {
				return err
			}
			beyond, err := s.db.CountOwn(ctx, t, x.To)
			if err != nil {
				return err
			}
			s.meter.before += from - beyond
		}
	}
	return nil
}

// progress is how far the run is.
func (s *session) progress() Progress {
	p := s.plan
	out := Progress{
		Requests: s.res.Requests, Samples: s.res.Samples, New: int64(s.res.Added + s.res.Revived),
		Before: s.meter.before, Types: len(p.tracks), Done: len(p.tracks), Back: Beginning,
	}
	if out.Before > 0 {
		// What is not new was stored before this phone was read there.
		out.Before += max(s.meter.later-out.New, 0)
	}
	begin := p.begin
	if begin == 0 && p.older < End { // it begins before what was met, by some
		begin = p.older - (p.now-p.older)/20
	}
	left := 0.0
	for _, t := range p.tracks {
		if len(t.todo) == 0 {
			continue
		}
		out.Done--
		left += p.remaining(t, begin)
		if t.group < lastGroup {
			out.Back = max(out.Back, t.top())
		}
	}
	var used int
	used, out.Rate = s.meter.pace(mark{s.now(), s.res.Requests, s.res.Samples})
	out.Known = begin != 0 || out.Done == out.Types
	if !out.Known {
		return out
	}
	limit := s.o.PerMinute
	if limit == 0 {
		limit = DefaultPerMinute
	}
	// What is left of this minute's requests can be made at once.
	pages := max(math.Ceil(left/health.MaxLimit)-float64(max(limit-used, 0)), 0)
	out.Remaining, out.Seconds = int64(left), pages*60/float64(limit)
	if out.Rate > 0 {
		out.Seconds = max(out.Seconds, left/out.Rate)
	}
	return out
}

// remaining estimates the samples of a type that are still to be read if the
// history begins at that second.
func (p *planner) remaining(t *track, begin int64) (n float64) {
	rate := p.density(t)
	for _, s := range t.todo {
		n += rate * float64(max(min(s.To, p.now)-max(s.From, begin), 0))
	}
	return n
}
