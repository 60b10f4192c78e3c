package simulator

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"healthsync/sync/civil"
	"healthsync/sync/health"
)

// Plan says what history to make up: that of a person with an iPhone, a watch,
// a scale and a cuff, who sleeps at night, moves by day and works out now and
// then. The same plan makes the same history, sample for sample; without an
// exact number, a later To only adds to it.
type Plan struct {
	// Seed chooses the person.
	Seed uint64
	// From and To bound the starts: [From, To).
	From, To time.Time
	// Types are what to make; nil is all that such a person has. Sleep stages
	// come with SleepAnalysis. Types beyond the known 31 are refused.
	Types []health.Type
	// Samples is the exact number over Types; 0 is as many as such a person
	// has, about 1,450 a day. It needs a whole day between From and To, and
	// keeps to whole days.
	Samples int
	// Location has the person's days and nights; nil is UTC.
	Location *time.Location
}

// Generate makes a history.
func Generate(p Plan) (*History, error) {
	h := NewHistory()
	return h, h.Extend(p)
}

// Extend adds to a history what a plan makes: with From at the last plan's To,
// what was measured since.
func (h *History) Extend(p Plan) error {
	g, err := newGenerator(p)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, t := range g.types {
		made, there := g.make(t), h.samples[t]
		switch {
		case len(made) == 0:
		case len(there) == 0:
			h.samples[t] = made
		case there[len(there)-1].Start <= made[0].Start:
			h.samples[t] = append(there, made...)
		default:
			h.merge(t, made)
		}
	}
	return nil
}

// day is one day of the person's life.
type day struct {
	number     int64   // days since 1970 in the person's place
	start, end int64   // Unix milliseconds
	activity   float64 // 1 on the average
	wake, bed  float64 // hours: of getting up, and of going to bed the evening before (may be negative)
	workout    float64 // hour at which it begins; 0 is none
	length     float64 // of the workout, in hours
	sport      int
}

type generator struct {
	Plan
	types  []health.Type
	days   []day
	counts map[health.Type]int // nil: as nature has it
}

func newGenerator(p Plan) (*generator, error) {
	if p.Location == nil {
		p.Location = time.UTC
	}
	if !p.From.Before(p.To) {
		return nil, errors.New("simulator: a history begins before it ends")
	}
	if p.To.Sub(p.From) > 150*366*24*time.Hour {
		return nil, errors.New("simulator: a history is 150 years long at most")
	}
	g := &generator{Plan: p}
	if p.Types == nil {
		for t := range streams {
			g.types = append(g.types, t)
		}
	}
	for _, t := range p.Types {
		t = storedAs(t)
		if len(streams[t]) == 0 {
			return nil, fmt.Errorf("simulator: samples of type %q cannot be made up", t)
		}
		if !slices.Contains(g.types, t) {
			g.types = append(g.types, t)
		}
	}
	slices.Sort(g.types)
	g.days = g.calendar()
	if p.Samples > 0 {
		if len(g.days) == 0 {
			return nil, errors.New("simulator: an exact number of samples needs a whole day to lie in")
		}
		g.counts = g.apportion()
	}
	return g, nil
}

// calendar lists the days that have samples: with an exact number only those
// that lie in the plan whole.
func (g *generator) calendar() []day {
	var days []day
	for at := civil.StartOf(g.From.In(g.Location), 0); at.Before(g.To); {
		next := civil.StartOf(at, 1)
		if g.Samples == 0 || !at.Before(g.From) && !next.After(g.To) {
			days = append(days, g.day(at, next))
		}
		at = next
	}
	return days
}

func (g *generator) day(at, next time.Time) day {
	midnight := time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC).Unix()
	number := int64(math.Floor(float64(midnight) / 86400))
	r := g.rng("day", number)
	d := day{number: number, start: at.UnixMilli(), end: next.UnixMilli()}
	d.activity = max(0.25, 1+0.3*r.NormFloat64())
	d.wake = 6.75 + 0.4*r.NormFloat64()
	d.bed = -0.9 + 0.5*r.NormFloat64()
	if at.Weekday() == time.Saturday || at.Weekday() == time.Sunday {
		d.activity *= 1.15
		d.wake += 1.3
		d.bed += 0.8
	}
	d.wake = min(max(d.wake, 5), 11)
	d.bed = min(max(d.bed, -2.5), 2)
	if r.Float64() < 0.45 {
		d.workout = []float64{7.5, 12.3, 17.8, 18.6}[r.IntN(4)] + 0.5*r.Float64()
		d.length = 0.4 + 0.8*r.Float64()
		d.sport = r.IntN(len(sports))
		d.activity *= 1.3
	}
	return d
}

// rng gives the random numbers of one thing on one day, whatever else is made.
func (g *generator) rng(what string, number int64) *rand.Rand {
	return rand.New(rand.NewChaCha8(sha256.Sum256(fmt.Appendf(nil, "%d %s %d", g.Seed, what, number))))
}

// perDay is how many samples of a type an average day has.
func perDay(t health.Type) float64 {
	n := 0.0
	for _, s := range streams[t] {
		n += s.perDay
	}
	return n
}

// apportion divides the exact number over the types by their natural numbers,
// each type at least one where there are enough.
func (g *generator) apportion() map[health.Type]int {
	counts := make(map[health.Type]int, len(g.types))
	left, total := g.Samples, 0.0
	for _, t := range g.types {
		total += perDay(t)
		if g.Samples >= len(g.types) {
			counts[t]++
			left--
		}
	}
	share, given := 0.0, 0
	for _, t := range g.types {
		share += perDay(t)
		n := int(math.Round(float64(left)*share/total)) - given
		counts[t] += n
		given += n
	}
	return counts
}

// together are types measured in one go, at the times of another type: what a
// scale tells beside the weight, and both halves of a blood pressure.
var together = map[health.Type]health.Type{
	health.BloodPressureDiastolic: health.BloodPressureSystolic,
	health.BodyMassIndex:          health.Weight,
	health.BodyFatPercentage:      health.Weight,
	health.LeanBodyMass:           health.Weight,
}

// make makes all samples of a type, oldest first.
func (g *generator) make(t health.Type) []health.Sample {
	all := make([]health.Sample, 0, g.counts[t])
	from, to := g.From.UnixMilli(), g.To.UnixMilli()
	for i := range g.days {
		d := &g.days[i]
		when, r := g.rng("when "+string(cmp.Or(together[t], t)), d.number), g.rng(string(t), d.number)
		var n int
		if g.counts == nil {
			want := perDay(t) * d.weight(t)
			n = int(want)
			if when.Float64() < want-float64(n) {
				n++
			}
		} else { // the same on every day
			n = g.counts[t]*(i+1)/len(g.days) - g.counts[t]*i/len(g.days)
		}
		for _, s := range g.fill(t, d, n, when, r) {
			if g.counts == nil && (s.Start < from || s.Start >= to) {
				continue
			}
			s.Start, s.End = floorSecond(s.Start), floorSecond(s.End)
			all = append(all, s)
		}
	}
	return all
}

// weight is how much of a type a day has, 1 on the average.
func (d *day) weight(t health.Type) float64 {
	info, _ := health.Lookup(t)
	switch {
	case t == health.Workouts && d.workout == 0:
		return 0
	case t == health.Workouts:
		return 1 / perDay(t)
	case info.Group == health.Activity && t != health.BasalEnergyBurned:
		return d.activity
	}
	return 1
}

// floorSecond cuts milliseconds off, before 1970 too.
func floorSecond(ms int64) int64 { return time.UnixMilli(ms).Unix() }

func randomUUID(r *rand.Rand) (u health.UUID) {
	binary.LittleEndian.PutUint64(u[:8], r.Uint64())
	binary.LittleEndian.PutUint64(u[8:], r.Uint64())
	u[6] = u[6]&0x0f | 0x40 // version 4, as HealthKit's are
	u[8] = u[8]&0x3f | 0x80
	return u
}
