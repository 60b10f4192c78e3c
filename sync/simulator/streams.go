package simulator

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"healthsync/sync/health"
)

// device is what measured.
type device int

const (
	onPhone device = iota
	onWatch
	onScale
	onCuff
	byHand
)

// sources are the names that devices write into their samples. Apple puts a
// typographic apostrophe into "Ana’s" and a no-break space into "Apple Watch".
type sources [5]string

func newSources(person string) sources {
	if person == "" {
		person = "Ana"
	}
	return sources{person + "\u2019s iPhone", person + "\u2019s Apple\u00a0Watch", "Withings", "OMRON connect", "Health"}
}

// when is the shape of a day: how much happens in each of its 24 hours.
type when int

const (
	awake when = iota
	asleep
	always
	morning
	evening
)

var shapes = [...][24]float64{
	awake:   {0, 0, 0, 0, 0, 0, 2, 7, 9, 5, 4, 5, 8, 7, 4, 4, 5, 8, 9, 7, 5, 4, 2, 1},
	asleep:  {9, 10, 10, 10, 10, 9, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2},
	always:  {4, 4, 4, 4, 4, 4, 5, 6, 6, 5, 5, 5, 6, 6, 5, 5, 5, 6, 6, 6, 5, 5, 5, 4},
	morning: {0, 0, 0, 0, 0, 0, 4, 9, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
	evening: {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 6, 9, 6, 2, 0},
}

// stream is one device measuring one type.
type stream struct {
	by      device
	perDay  float64
	when    when
	longest float64 // seconds that a sample may last; 0 is a moment
	// value gives a value for a sample of so many seconds at an hour.
	value func(r *rand.Rand, d *day, hour, seconds float64) float64
	// inWorkout is the part of the samples that fall into the day's workout,
	// where there is one.
	inWorkout float64
}

func whole(v float64) float64 { return max(1, math.Round(v)) }

// digits rounds to so many decimals.
func digits(v float64, n float64) float64 { return math.Round(v*n) / n }

// hard is how hard the person works at an hour: 1 at rest, up to 2.4.
func (d *day) hard(hour float64) float64 {
	if d.workout > 0 && hour >= d.workout && hour < d.workout+d.length {
		return 2.4 - 0.4*math.Abs(2*(hour-d.workout)/d.length-1)
	}
	return 1
}

// season goes from -1 in winter to 1 in summer.
func (d *day) season() float64 { return -math.Cos(2 * math.Pi * float64(d.yday) / 365) }

// trend is a slow wave over the years.
func (d *day) trend() float64 { return math.Sin(float64(d.number) / 210) }

func pulse(r *rand.Rand, d *day, hour, _ float64) float64 {
	base := 68 + 4*math.Sin((hour-9)/24*2*math.Pi)
	if hour < d.wake {
		base = 54
	}
	return whole(base*d.hard(hour) + 5*r.NormFloat64() + 2*d.trend())
}

func steps(r *rand.Rand, d *day, hour, seconds float64) float64 {
	return whole(seconds * (0.2 + 0.6*r.Float64()) * d.activity * d.hard(hour))
}

func metres(r *rand.Rand, d *day, hour, seconds float64) float64 {
	return digits(seconds*(0.15+0.45*r.Float64())*d.activity*d.hard(hour)+0.5, 1e4)
}

func systolic(r *rand.Rand, d *day, _, _ float64) float64 {
	return whole(122 + 3*d.trend() + 7*r.NormFloat64())
}

func diastolic(r *rand.Rand, d *day, _, _ float64) float64 {
	return whole(78 + 2*d.trend() + 5*r.NormFloat64())
}

func kilograms(r *rand.Rand, d *day, _, _ float64) float64 {
	return digits(72.5+1.8*d.trend()-0.7*d.season()+0.3*r.NormFloat64(), 1e2)
}

const tallness = 1.76 // metres

// streams is the person, in samples of an average day.
var streams = map[health.Type][]stream{
	health.Steps: {
		{onPhone, 45, awake, 600, steps, 0.1},
		{onWatch, 65, awake, 600, steps, 0.2},
	},
	health.DistanceWalkingRunning: {
		{onPhone, 38, awake, 600, metres, 0.1},
		{onWatch, 55, awake, 600, metres, 0.2},
	},
	health.DistanceCycling: {{onWatch, 1.5, awake, 300, func(r *rand.Rand, _ *day, _, seconds float64) float64 {
		return digits(seconds*(4+2*r.Float64()), 1e4)
	}, 0.8}},
	health.ActiveEnergyBurned: {{onWatch, 420, awake, 70, func(r *rand.Rand, d *day, hour, seconds float64) float64 {
		return digits((0.01+0.03*r.ExpFloat64())*seconds*d.hard(hour)*d.activity, 1e3)
	}, 0.3}},
	health.BasalEnergyBurned: {{onWatch, 290, always, 900, func(r *rand.Rand, _ *day, _, seconds float64) float64 {
		return digits(seconds*0.055*(1+0.05*r.NormFloat64()), 1e3) // 1 700 kcal a day in what the samples leave of it
	}, 0}},
	health.ExerciseTime: {{onWatch, 34, awake, 60, func(*rand.Rand, *day, float64, float64) float64 { return 1 }, 0.8}},
	health.StandHours: {{onWatch, 85, awake, 300, func(r *rand.Rand, _ *day, _, _ float64) float64 {
		return float64(1 + r.IntN(5))
	}, 0}},
	health.FlightsClimbed: {{onPhone, 7, awake, 40, func(r *rand.Rand, _ *day, _, _ float64) float64 {
		return float64(1 + int(r.ExpFloat64()))
	}, 0}},
	health.Workouts:         {{onWatch, 0.45, awake, 5400, nil, 1}},
	health.HeartRate:        {{onWatch, 320, always, 0, pulse, 0.4}},
	health.RestingHeartRate: {{onWatch, 1, evening, 0, func(r *rand.Rand, d *day, _, _ float64) float64 { return whole(56 + 2*d.trend() + r.NormFloat64()) }, 0}},
	health.WalkingHeartRateAverage: {{onWatch, 0.9, evening, 0, func(r *rand.Rand, d *day, _, _ float64) float64 {
		return digits(97+3*d.trend()+4*r.NormFloat64(), 10)
	}, 0}},
	health.HeartRateVariability: {{onWatch, 9, always, 60, func(r *rand.Rand, d *day, _, _ float64) float64 {
		return digits(max(0.012, 0.048-0.004*d.trend()+0.013*r.NormFloat64()), 1e7)
	}, 0}},
	health.BloodPressureSystolic:  {{onCuff, 0.3, morning, 0, systolic, 0}},
	health.BloodPressureDiastolic: {{onCuff, 0.3, morning, 0, diastolic, 0}},
	health.BloodOxygen: {{onWatch, 18, asleep, 15, func(r *rand.Rand, _ *day, _, _ float64) float64 {
		return digits(min(1, 0.967+0.012*r.NormFloat64()), 100)
	}, 0}},
	health.RespiratoryRate: {{onWatch, 27, asleep, 0, func(r *rand.Rand, _ *day, _, _ float64) float64 {
		return digits(14.5+1.3*r.NormFloat64(), 2)
	}, 0}},
	health.BodyTemperature: {{byHand, 0.03, evening, 0, func(r *rand.Rand, _ *day, _, _ float64) float64 {
		return digits(36.7+0.35*r.NormFloat64(), 10)
	}, 0}},
	health.VO2Max: {{onWatch, 0.25, awake, 0, func(r *rand.Rand, d *day, _, _ float64) float64 {
		return digits(42+2*d.trend()+0.5*r.NormFloat64(), 100)
	}, 1}},
	health.Weight: {{onScale, 0.4, morning, 0, kilograms, 0}},
	health.Height: {{byHand, 0.01, morning, 0, func(*rand.Rand, *day, float64, float64) float64 { return tallness }, 0}},
	health.BodyMassIndex: {{onScale, 0.4, morning, 0, func(r *rand.Rand, d *day, h, s float64) float64 {
		return digits(kilograms(r, d, h, s)/(tallness*tallness), 10)
	}, 0}},
	health.BodyFatPercentage: {{onScale, 0.4, morning, 0, func(r *rand.Rand, d *day, _, _ float64) float64 {
		return digits(0.19+0.01*d.trend()+0.003*r.NormFloat64(), 1e4)
	}, 0}},
	health.LeanBodyMass: {{onScale, 0.4, morning, 0, func(r *rand.Rand, d *day, h, s float64) float64 {
		return digits(kilograms(r, d, h, s)*0.81, 100)
	}, 0}},
	health.SleepAnalysis: {{onWatch, sleepPerNight, asleep, 0, nil, 0}},
}

// sleepPerNight counts the stages of a night and, from the phone, one InBed.
const sleepPerNight = 22

var sports = []string{"running", "walking", "cycling", "swimming", "yoga", "other"}

// together are types measured in one go, at the times of another type: what a
// scale tells beside the weight, and both halves of a blood pressure.
var together = map[health.Type]health.Type{
	health.BloodPressureDiastolic: health.BloodPressureSystolic,
	health.BodyMassIndex:          health.Weight,
	health.BodyFatPercentage:      health.Weight,
	health.LeanBodyMass:           health.Weight,
}

// fill makes n samples of a type on a day: at times that when draws, with
// values and identities that r draws.
func (g *generator) fill(h *History, out []record, t health.Type, d *day, n int, when, r *rand.Rand) []record {
	switch t {
	case health.SleepAnalysis:
		return g.night(h, out, d, n, r)
	case health.Workouts:
		return g.workouts(h, out, d, n, r)
	}
	info, _ := health.Lookup(t)
	total := perDay(t)
	share, done := 0.0, 0
	for i := range streams[t] {
		s := &streams[t][i]
		share += s.perDay
		upTo := int(math.Round(float64(n) * share / total))
		if i == len(streams[t])-1 {
			upTo = n
		}
		a := h.intern(attr{unit: info.Unit, source: g.people[s.by]})
		out = s.fill(out, d, upTo-done, a, when, r)
		done = upTo
	}
	return out
}

// fill places n samples: the day, bent by its shape, is cut into n slots. Those
// of one device never overlap.
func (s *stream) fill(out []record, d *day, n int, a uint32, when, r *rand.Rand) []record {
	first := len(out)
	hard := 0
	if d.workout > 0 {
		hard = int(s.inWorkout * float64(n))
	}
	hours := float64(d.end-d.start) / 3.6e6
	put := func(from, to float64) {
		start := from + (to-from)*0.9*when.Float64()
		seconds := 0.0
		if s.longest > 0 {
			seconds = min(s.longest, (to-start)*3600*0.98) * (0.3 + 0.7*r.Float64())
		}
		at := min(d.start+int64(start/24*hours*3.6e6), d.end-1)
		out = append(out, record{
			start: at, end: at + int64(seconds*1000), value: s.value(r, d, start, seconds), id: randomUUID(r), attr: a,
		})
	}
	for i := range hard {
		slot := d.length / float64(hard)
		put(d.workout+float64(i)*slot, d.workout+float64(i+1)*slot)
	}
	shape := &shapes[s.when]
	sum := 0.0
	for _, w := range shape {
		sum += w
	}
	hour, before := 0, 0.0
	inverse := func(x float64) float64 {
		x *= sum
		for hour < 23 && (shape[hour] == 0 || before+shape[hour] < x) {
			before += shape[hour]
			hour++
		}
		if shape[hour] == 0 {
			return float64(hour)
		}
		return float64(hour) + min(1, max(0, (x-before)/shape[hour]))
	}
	n -= hard
	from := inverse(0)
	for i := range n {
		to := inverse(float64(i+1) / float64(n))
		put(from, max(from, to))
		from = to
	}
	mine := out[first:]
	slices.SortFunc(mine, func(a, b record) int { return cmp.Compare(a.start, b.start) })
	for i := 1; i < len(mine); i++ {
		mine[i-1].end = min(mine[i-1].end, mine[i].start)
	}
	return out
}

// night makes the sleep that ends on the morning of d: one InBed by the phone
// and n-1 stages by the watch, in cycles of some ninety minutes.
func (g *generator) night(h *History, out []record, d *day, n int, r *rand.Rand) []record {
	if n == 0 {
		return out
	}
	stage := func(s health.SleepStage, by device) uint32 {
		return h.intern(attr{unit: "category", source: g.people[by], metadata: `{"sleepStage":"` + s.String() + `"}`})
	}
	bed := d.start + int64(d.bed*3.6e6)
	if g.counts != nil { // an exact number has no night that is partly outside
		bed = max(bed, g.From.UnixMilli())
	}
	wake := d.start + int64(d.wake*3.6e6)
	if wake <= bed {
		wake = bed + 3.6e6
	}
	out = append(out, record{start: bed, end: wake, value: float64(health.StageInBed), id: randomUUID(r), attr: stage(health.StageInBed, onPhone)})
	cycle := []health.SleepStage{health.StageCore, health.StageDeep, health.StageCore, health.StageREM, health.StageCore, health.StageAwake}
	lengths := make([]float64, n-1)
	sum := 0.0
	for i := range lengths {
		lengths[i] = []float64{25, 20, 20, 15, 10, 2}[i%len(cycle)] * (0.5 + r.Float64())
		sum += lengths[i]
	}
	at := float64(bed) + 60e3
	scale := (float64(wake) - at) / max(sum, 1)
	for i, l := range lengths {
		s := cycle[i%len(cycle)]
		next := at + l*scale
		out = append(out, record{start: int64(at), end: int64(next), value: float64(s), id: randomUUID(r), attr: stage(s, onWatch)})
		at = next
	}
	return out
}

// workouts makes the day's workout, and more where more are wanted.
func (g *generator) workouts(h *History, out []record, d *day, n int, r *rand.Rand) []record {
	for i := range n {
		start, length, sport := d.workout, d.length, d.sport
		if start == 0 || i > 0 {
			start, length, sport = 7+14*(float64(i)+r.Float64())/float64(n), min(1, 10/float64(n)), r.IntN(len(sports))
		}
		at := d.start + int64(start*3.6e6)
		seconds := math.Round(length * 3600)
		metadata := fmt.Sprintf(`{"activityType":%q,"durationSeconds":"%.0f"`, sports[sport], seconds)
		if sport < 4 {
			speed := []float64{2.8, 1.5, 6.5, 0.7}[sport] * (0.9 + 0.2*r.Float64())
			metadata += fmt.Sprintf(`,"totalDistanceMeters":"%.2f"`, seconds*speed)
		}
		metadata += fmt.Sprintf(`,"totalEnergyKilocalories":"%.2f"}`, seconds/60*(6+4*r.Float64()))
		out = append(out, record{
			start: at, end: at + int64(seconds*1000), value: seconds, id: randomUUID(r),
			attr: h.intern(attr{unit: "s", source: g.people[onWatch], metadata: metadata}),
		})
	}
	return out
}
