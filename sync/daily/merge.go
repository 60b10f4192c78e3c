package daily

import (
	"math"
	"slices"

	"healthsync/sync/civil"
	"healthsync/sync/health"
)

// Sample is what of a sample makes a day's figure.
type Sample struct {
	// Start and End are Unix seconds. A sample without length, or one whose
	// fractions of a second were cut off, stands for the second that it starts
	// in.
	Start, End int64
	Value      float64
	// Rank is the place of its source in the order: the lowest counts. Two
	// sources never have the same.
	Rank int
	// Zone is where it was measured, nil where that is not known.
	Zone *civil.Zone
}

// length is how many seconds a sample stands for.
func (s *Sample) length() int64 { return max(s.End-s.Start, 1) }

// Figure is one day of one type.
type Figure struct {
	// Samples that have a share in the day; for an average, that start in it.
	Samples int
	// Total counts once what several sources measured at the same time; Naive
	// adds everything up. For sleep both are seconds asleep. For an average
	// they mean nothing.
	Total, Naive float64
	// Sum, Average, Minimum and Maximum are for what is measured at a moment,
	// over all sources.
	Sum, Average, Minimum, Maximum float64
}

// Sum makes figures of samples that come in the order of their starts.
type Sum struct {
	how     health.Aggregation
	home    *civil.Zone
	figures map[civil.Day]*Figure
	explain *explanation // nil where it is not asked for
	active  []*open
	spare   []*open
	now     int64 // up to where the active ones are counted
}

// open is a sample that is being counted.
type open struct {
	Sample
	stop int64
	zone *civil.Zone
	// won is how many seconds it counted, of the day at hand and of earlier
	// ones.
	day   civil.Day
	won   int64
	spill []share
	told  bool
}

type share struct {
	day civil.Day
	won int64
}

// noon is how much earlier than the calendar's a day of sleep begins: a night
// belongs to the day of waking, from noon to noon.
const noon = 12 * 60 * 60

// NewSum begins figures of a type that is aggregated so; home is the zone of
// samples that do not say where they were measured.
func NewSum(how health.Aggregation, home *civil.Zone) *Sum {
	return &Sum{how: how, home: home, figures: map[civil.Day]*Figure{}, now: math.MinInt64}
}

// Shift is how much earlier than midnight the days of an aggregation begin, in
// seconds.
func Shift(how health.Aggregation) int64 {
	if how == health.Duration {
		return noon
	}
	return 0
}

// Add adds a sample. Samples come in the order of their starts.
func (s *Sum) Add(x Sample) {
	zone := x.Zone
	if zone == nil {
		zone = s.home
	}
	switch s.how {
	case health.Average:
		d, _, _ := zone.At(x.Start, 0)
		s.figure(d).observe(x.Value)
		if e := s.explain; e != nil && d == e.day {
			e.each(Part{x.Start, x.End, x.Rank, x.Value, true, true})
		}
		return
	case health.Duration:
		if health.SleepStage(x.Value) == health.StageInBed {
			return // it lies over the others and says nothing of sleep
		}
	}
	s.advance(x.Start)
	o := s.take()
	*o = open{Sample: x, stop: x.Start + x.length(), zone: zone, spill: o.spill[:0]}
	o.day, _, _ = zone.At(x.Start, Shift(s.how))
	s.active = append(s.active, o)
}

func (s *Sum) take() *open {
	n := len(s.spare)
	if n == 0 {
		return &open{}
	}
	o := s.spare[n-1]
	s.spare = s.spare[:n-1]
	return o
}

// Figures ends the sum. The map is the caller's.
func (s *Sum) Figures() map[civil.Day]*Figure {
	s.advance(math.MaxInt64)
	for _, f := range s.figures {
		if s.how == health.Average {
			f.Average = f.Sum / float64(f.Samples)
		}
	}
	return s.figures
}

// advance counts the active samples up to a moment.
func (s *Sum) advance(to int64) {
	for len(s.active) > 0 && s.now < to {
		if s.now < s.active[0].Start {
			s.now = s.active[0].Start
		}
		next, best := to, s.active[0].Rank
		for _, o := range s.active {
			next, best = min(next, o.stop), min(best, o.Rank)
		}
		s.count(s.now, next, best)
		s.now = next
		s.active = slices.DeleteFunc(s.active, func(o *open) bool {
			if o.stop > next {
				return false
			}
			s.close(o)
			return true
		})
	}
	s.now = max(s.now, to)
}

// count gives the time between two moments to the samples of the source that
// counts there.
func (s *Sum) count(from, to int64, best int) {
	if from == to {
		return
	}
	if s.explain != nil {
		s.tell(from, to, best)
	}
	for _, o := range s.active {
		if o.Rank != best {
			continue
		}
		if s.how == health.Duration {
			if !Asleep(o.Value) {
				continue
			}
			o.win(from, to, noon)
			return // asleep once, however many samples say so
		}
		o.win(from, to, 0)
	}
}

// Asleep reports whether the value of a sleep sample is a stage of sleep.
func Asleep(value float64) bool {
	switch health.SleepStage(value) {
	case health.StageAsleep, health.StageCore, health.StageDeep, health.StageREM:
		return true
	}
	return false
}

// win gives a sample the time between two moments, by days.
func (o *open) win(from, to, shift int64) {
	for from < to {
		d, _, end := o.zone.At(from, shift)
		end = min(end, to)
		if d != o.day {
			if o.won > 0 {
				o.spill = append(o.spill, share{o.day, o.won})
			}
			o.day, o.won = d, 0
		}
		o.won += end - from
		from = end
	}
}

// close adds up what a sample counted.
func (s *Sum) close(o *open) {
	s.spare = append(s.spare, o)
	if s.how == health.Duration {
		if !Asleep(o.Value) {
			return
		}
		o.Value = float64(o.length())
	}
	if o.won > 0 {
		o.spill = append(o.spill, share{o.day, o.won})
	}
	length := float64(o.length())
	for _, w := range o.spill {
		s.figure(w.day).Total += o.Value * (float64(w.won) / length)
	}
	shift := Shift(s.how)
	last := civil.Day(math.MinInt)
	for from := o.Start; from < o.stop; {
		d, _, to := o.zone.At(from, shift)
		to = min(to, o.stop)
		f := s.figure(d)
		f.Naive += o.Value * (float64(to-from) / length)
		if d != last {
			f.Samples++
			last = d
		}
		from = to
	}
}

func (s *Sum) figure(d civil.Day) *Figure {
	f := s.figures[d]
	if f == nil {
		f = &Figure{}
		s.figures[d] = f
	}
	return f
}

// observe adds a value that was measured at a moment.
func (f *Figure) observe(v float64) {
	if f.Samples == 0 {
		f.Minimum, f.Maximum = v, v
	}
	f.Samples++
	f.Sum += v
	f.Minimum, f.Maximum = min(f.Minimum, v), max(f.Maximum, v)
}
