package daily

import (
	"healthsync/sync/civil"
	"healthsync/sync/health"
)

// Part is what one sample has in a stretch of time in which the same samples
// are there.
type Part struct {
	From, To int64
	Rank     int
	// Value is the sample's share in the stretch; of sleep the seconds asleep.
	Value float64
	// Counted says that its source is the one that counts there.
	Counted bool
	// First is set in the first part of each sample.
	First bool
}

type explanation struct {
	day  civil.Day
	each func(Part)
}

// Explain has each told how the samples of a day are counted, in the order of
// time. Of an average each sample is a part. It is asked for before the first
// Add.
func (s *Sum) Explain(day civil.Day, each func(Part)) { s.explain = &explanation{day, each} }

// tell tells a stretch, as far as it lies in the day: first who counts there.
func (s *Sum) tell(from, to int64, best int) {
	slept := false
	for _, counted := range []bool{true, false} {
		for _, o := range s.active {
			if (o.Rank == best) != counted {
				continue
			}
			value := o.Value / float64(o.length())
			if s.how == health.Duration {
				value = 0
				if Asleep(o.Value) && !(counted && slept) {
					value = 1
					slept = slept || counted
				}
			}
			s.explain.tell(o, from, to, Shift(s.how), value, counted)
		}
	}
}

func (e *explanation) tell(o *open, from, to, shift int64, value float64, counted bool) {
	for from < to {
		d, _, end := o.zone.At(from, shift)
		end = min(end, to)
		if d == e.day {
			e.each(Part{from, end, o.Rank, value * float64(end-from), counted, !o.told})
			o.told = true
		}
		from = end
	}
}
