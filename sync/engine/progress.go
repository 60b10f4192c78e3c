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
	Requests     int
	Samples, New int64
	// Before is how many samples earlier runs have brought, where the history is
	// still being read to its beginning: with them, and not from nothing, a run
	// goes on that was ended early. It is 0 in a full run. Where another phone had
	// brought them first they count when this one has served them.
	Before int64
	// Back is the second down to which all types are read, but for those that are
	// left for the end because they bring the app down; Types is how many there
	// are and Done how many of them are read whole.
	Back        int64
	Types, Done int
	// Known says that the beginning of the history is known well enough to
	// estimate what is left: it was sounded, or a type has been read to its
	// end. Where it is false Remaining and Seconds are 0.
	Known bool
	// Remaining estimates the samples that are still to come.
	Remaining int64
	// Rate is the samples per second that came in the last minute.
	Rate float64
	// Seconds is the time left at Rate, and never less than the phone's limit
	// on requests allows.
	Seconds float64
}

// Have is how many samples of what there is are here: those of earlier runs
// count where this one goes on with their work.
func (p Progress) Have() int64 {
	if p.Before > 0 {
		return p.Before + p.New
	}
	return p.Samples
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
func (s *session) pace() (requests int, rate float64) {
	now := mark{s.now(), s.res.Requests, s.res.Samples}
	s.marks = append(s.marks, now)
	i := 0
	for i < len(s.marks)-2 && now.at.Sub(s.marks[i].at) > recently {
		i++
	}
	s.marks = slices.Delete(s.marks, 0, i)
	first := s.marks[0]
	if d := now.at.Sub(first.at).Seconds(); d > 0 {
		rate = float64(now.samples-first.samples) / d
	}
	return now.requests - first.requests, rate
}

// look is the progress as the planner sees it.
func (s *session) look() Progress {
	p := s.plan
	l := Progress{
		Requests: s.res.Requests, Samples: s.res.Samples, Before: s.before,
		Types: len(p.index), Back: Beginning,
	}
	open := map[health.Type]bool{}
	for _, t := range p.tracks {
		if len(t.todo) > 0 {
			open[t.typ] = true
			if t.team < last {
				l.Back = max(l.Back, t.top())
			}
		}
	}
	begin := s.beginning(l.Back)
	left := 0.0
	for _, t := range p.tracks {
		left += p.left(t, begin)
	}
	l.Done = l.Types - len(open)
	l.Known = begin != 0 || l.Done == l.Types
	if !l.Known {
		left = 0
	}
	l.Remaining = int64(left)
	var used int
	used, l.Rate = s.pace()
	limit := s.o.PerMinute
	if limit == 0 {
		limit = DefaultPerMinute
	}
	// What is left of this minute's requests can be made at once.
	pages := max(math.Ceil(left/health.MaxLimit)-float64(max(limit-used, 0)), 0)
	l.Seconds = pages * 60 / float64(limit)
	if l.Rate > 0 {
		l.Seconds = max(l.Seconds, left/l.Rate)
	}
	return l
}

// beginning estimates when the history begins, if it is read down to back; 0
// where nothing is known.
func (s *session) beginning(back int64) int64 {
	b := s.mem.Begin
	if b == nil {
		return s.plan.floor
	}
	young := float64(s.future - max(min(b.To, back), b.From+1))
	old := float64(s.future - b.From)
	return s.future - int64(math.Sqrt(max(young, 1)*old))
}

// left estimates the samples of a type that are still to be read if the history
// begins at that second.
func (p *planner) left(t *track, begin int64) (n float64) {
	for _, s := range t.todo {
		rate := t.rate()
		if r := t.resume; r != nil && s.To <= r.at && r.tau > 0 {
			rate = r.n / r.tau
		}
		n += rate * float64(max(min(s.To, p.now)-max(s.From, begin), 0))
	}
	return n
}

const (
	// soundings is how many questions find the beginning of the history: they
	// tell its age, which is thought to be half a year to sixteen years, within
	// a half; one more, of a long history, within a quarter.
	soundings = 2
	// sounded is how many samples make a history: one weight entered by hand
	// for the year 1990 does not.
	sounded = 20
	// worthSounding is how many pages a year must be thought to hold for it:
	// then some small questions are nothing among the many to come.
	worthSounding = 12
	// worthMore is how many it must hold for one more.
	worthMore = 15
	// mostSamples is how many samples a phone is thought to hold at most; where
	// a year of the newest days would be more, the history is short.
	mostSamples = 2e7
)

// soundingDue reports that the beginning of the history is to be sounded: once,
// in a long way back, after the newest days.
func (s *session) soundingDue() bool {
	if s.sounding || s.mem.Begin != nil || s.o.Progress == nil {
		return false
	}
	types, rate, _, rest := s.open()
	return len(types) > 0 && !rest && rate*year >= worthSounding*s.plan.size()
}

// open gives the types that have their whole history to be read, their density
// and the second down to which they are read; fresh says that the newest days
// come first.
func (s *session) open() (types []health.Type, rate float64, top int64, fresh bool) {
	top = Beginning
	for _, t := range s.plan.tracks {
		if len(t.todo) == 0 || t.team != 0 {
			continue
		}
		if t.top() > s.plan.fresh {
			return nil, 0, 0, true
		}
		if x := t.todo[0]; x.From == Beginning && !slices.Contains(types, t.typ) {
			types = append(types, t.typ)
			rate += t.rate()
			top = max(top, t.top())
		}
	}
	return types, rate, top, false
}

// sound finds out when the history begins, so that the time that is left can be
// told from the start.
func (s *session) sound(ctx context.Context) error {
	types, rate, top, _ := s.open()
	s.sounding = true
	// So long a history at most, if it is as dense as this all the way.
	full := mostSamples / rate
	old := min(16*year, full)
	young := min(float64(max(s.future-top, year/2)), old/2)
	times := soundings
	if rate*year >= worthMore*s.plan.size() {
		times++
	}
	ended := full < 16*year
	for range times {
		if 2*young >= old {
			break
		}
		age := math.Sqrt(young * old)
		n, err := s.older(ctx, types, s.future-int64(age))
		if err != nil {
			return err
		}
		if n >= sounded {
			young = age
			s.plan.sure = s.future - int64(age)
		} else {
			old, ended = age, true
		}
	}
	if !ended {
		old = ancient
	}
	if err := s.barrier(ctx); err != nil {
		return err
	}
	s.mem.Begin, s.mem.Sure = &store.Span{From: s.future - int64(old), To: s.future - int64(young)}, s.plan.sure
	return nil
}

// older counts the samples before a second, up to sounded.
func (s *session) older(ctx context.Context, types []health.Type, end int64) (int, error) {
	page, err := s.blank(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { s.free <- page }()
	r := request{probe: true, query: health.Query{Types: types, Start: Beginning, End: end, Limit: sounded}}
	if _, err := s.ask(ctx, r, page); err != nil {
		return 0, err
	}
	return len(page.Samples), nil
}
