package simulator

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"healthsync/sync/health"
)

// The sources' names, as devices write them into their samples. Apple puts a
// typographic apostrophe into "Ana’s" and a no-break space into "Apple Watch".
const (
	onPhone = "Ana\u2019s iPhone"
	onWatch = "Ana\u2019s Apple\u00a0Watch"
	onScale = "Withings"
	onCuff  = "OMRON connect"
	byHand  = "Health"
)

// shape says how much happens in each of the 24 hours of a day.
type shape = *[24]float64

var (
	awake   = &[24]float64{0, 0, 0, 0, 0, 0, 2, 7, 9, 5, 4, 5, 8, 7, 4, 4, 5, 8, 9, 7, 5, 4, 2, 1}
	asleep  = &[24]float64{9, 10, 10, 10, 10, 9, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}
	always  = &[24]float64{4, 4, 4, 4, 4, 4, 5, 6, 6, 5, 5, 5, 6, 6, 5, 5, 5, 6, 6, 6, 5, 5, 5, 4}
	morning = &[24]float64{0, 0, 0, 0, 0, 0, 4, 9, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	evening = &[24]float64{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 6, 9, 6, 2, 0}
)

// stream is one device measuring one type.
type stream struct {
	source  string
	perDay  float64
	when    shape
	longest float64 // seconds that a sample may last; 0 is a moment
	value   value
	// inWorkout is the part of the samples that fall into the day's workout,
	// where there is one.
	inWorkout float64
}

// value gives a value for a sample of so many seconds at an hour.
type value func(r *rand.Rand, d *day, hour, seconds float64) float64

// round rounds to 1/n.
func round(v, n float64) float64 { return math.Round(v*n) / n }

// around gives values that scatter around a mean, which follows a slow wave
// over the years.
func around(mean, wave, scatter, n float64) value {
	return func(r *rand.Rand, d *day, _, _ float64) float64 {
		return round(mean+wave*d.trend()+scatter*r.NormFloat64(), n)
	}
}

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
	return max(1, math.Round(base*d.hard(hour)+5*r.NormFloat64()+2*d.trend()))
}

func steps(r *rand.Rand, d *day, hour, seconds float64) float64 {
	return max(1, math.Round(seconds*(0.2+0.6*r.Float64())*d.activity*d.hard(hour)))
}

func metres(r *rand.Rand, d *day, hour, seconds float64) float64 {
	return round(seconds*(0.15+0.45*r.Float64())*d.activity*d.hard(hour)+0.5, 1e4)
}

func cycled(r *rand.Rand, _ *day, _, seconds float64) float64 {
	return round(seconds*(4+2*r.Float64()), 1e4)
}

func active(r *rand.Rand, d *day, hour, seconds float64) float64 {
	return round((0.01+0.03*r.ExpFloat64())*seconds*d.hard(hour)*d.activity, 1e3)
}

func basal(r *rand.Rand, _ *day, _, seconds float64) float64 {
	return round(seconds*0.055*(1+0.05*r.NormFloat64()), 1e3) // 1,700 kcal a day in what the samples leave of it
}

func one(*rand.Rand, *day, float64, float64) float64 { return 1 }

func minutes(r *rand.Rand, _ *day, _, _ float64) float64 { return float64(1 + r.IntN(5)) }

func flights(r *rand.Rand, _ *day, _, _ float64) float64 { return float64(1 + int(r.ExpFloat64())) }

func variability(r *rand.Rand, d *day, _, _ float64) float64 {
	return round(max(0.012, 0.048-0.004*d.trend()+0.013*r.NormFloat64()), 1e7)
}

func oxygen(r *rand.Rand, _ *day, _, _ float64) float64 {
	return round(min(1, 0.967+0.012*r.NormFloat64()), 100)
}

const tallness = 1.76 // metres

func metresTall(*rand.Rand, *day, float64, float64) float64 { return tallness }

func kilograms(r *rand.Rand, d *day, _, _ float64) float64 {
	return round(72.5+1.8*d.trend()-0.7*d.season()+0.3*r.NormFloat64(), 1e2)
}

func massIndex(r *rand.Rand, d *day, _, _ float64) float64 {
	return round(kilograms(r, d, 0, 0)/(tallness*tallness), 10)
}

func leanKilograms(r *rand.Rand, d *day, _, _ float64) float64 {
	return round(kilograms(r, d, 0, 0)*0.81, 100)
}

// streams is the person, in samples of an average day. A night has 21 stages
// and, from the phone, one InBed.
var streams = map[health.Type][]stream{
	health.Steps:                   {{onPhone, 45, awake, 600, steps, 0.1}, {onWatch, 65, awake, 600, steps, 0.2}},
	health.DistanceWalkingRunning:  {{onPhone, 38, awake, 600, metres, 0.1}, {onWatch, 55, awake, 600, metres, 0.2}},
	health.DistanceCycling:         {{onWatch, 1.5, awake, 300, cycled, 0.8}},
	health.ActiveEnergyBurned:      {{onWatch, 420, awake, 70, active, 0.3}},
	health.BasalEnergyBurned:       {{onWatch, 290, always, 900, basal, 0}},
	health.ExerciseTime:            {{onWatch, 34, awake, 60, one, 0.8}},
	health.StandHours:              {{onWatch, 85, awake, 300, minutes, 0}},
	health.FlightsClimbed:          {{onPhone, 7, awake, 40, flights, 0}},
	health.Workouts:                {{onWatch, 0.45, awake, 5400, nil, 1}},
	health.HeartRate:               {{onWatch, 320, always, 0, pulse, 0.4}},
	health.RestingHeartRate:        {{onWatch, 1, evening, 0, around(56, 2, 1, 1), 0}},
	health.WalkingHeartRateAverage: {{onWatch, 0.9, evening, 0, around(97, 3, 4, 10), 0}},
	health.HeartRateVariability:    {{onWatch, 9, always, 60, variability, 0}},
	health.BloodPressureSystolic:   {{onCuff, 0.3, morning, 0, around(122, 3, 7, 1), 0}},
	health.BloodPressureDiastolic:  {{onCuff, 0.3, morning, 0, around(78, 2, 5, 1), 0}},
	health.BloodOxygen:             {{onWatch, 18, asleep, 15, oxygen, 0}},
	health.RespiratoryRate:         {{onWatch, 27, asleep, 0, around(14.5, 0, 1.3, 2), 0}},
	health.BodyTemperature:         {{byHand, 0.03, evening, 0, around(36.7, 0, 0.35, 10), 0}},
	health.VO2Max:                  {{onWatch, 0.25, awake, 0, around(42, 2, 0.5, 100), 1}},
	health.Weight:                  {{onScale, 0.4, morning, 0, kilograms, 0}},
	health.Height:                  {{byHand, 0.01, morning, 0, metresTall, 0}},
	health.BodyMassIndex:           {{onScale, 0.4, morning, 0, massIndex, 0}},
	health.BodyFatPercentage:       {{onScale, 0.4, morning, 0, around(0.19, 0.01, 0.003, 1e4), 0}},
	health.LeanBodyMass:            {{onScale, 0.4, morning, 0, leanKilograms, 0}},
	health.SleepAnalysis:           {{onWatch, 22, asleep, 0, nil, 0}},
}

// fill makes n samples of a type on a day, oldest first, in milliseconds: at
// times that when draws, with values and identities that r draws.
func (g *generator) fill(t health.Type, d *day, n int, when, r *rand.Rand) []health.Sample {
	var out []health.Sample
	switch t {
	case health.SleepAnalysis:
		out = g.night(d, n, r)
	case health.Workouts:
		out = workouts(d, n, r)
	default:
		share, done := 0.0, 0
		for i := range streams[t] {
			s := &streams[t][i]
			share += s.perDay
			upTo := int(math.Round(float64(n) * share / perDay(t)))
			out = append(out, s.fill(t, d, upTo-done, when, r)...)
			done = upTo
		}
	}
	slices.SortStableFunc(out, byStart)
	return out
}

// fill places n samples: the day, bent by its shape, is cut into n slots. Those
// of one device never overlap.
func (s *stream) fill(t health.Type, d *day, n int, when, r *rand.Rand) []health.Sample {
	out := make([]health.Sample, 0, n)
	info, _ := health.Lookup(t)
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
		out = append(out, health.Sample{
			Type: t, Start: at, End: at + int64(seconds*1000), Value: s.value(r, d, start, seconds),
			ID: randomUUID(r), Unit: info.Unit, Source: s.source,
		})
	}
	for i := range hard {
		slot := d.length / float64(hard)
		put(d.workout+float64(i)*slot, d.workout+float64(i+1)*slot)
	}
	n -= hard
	hourAt := s.hours()
	from := hourAt(0)
	for i := range n {
		to := hourAt(float64(i+1) / float64(n))
		put(from, max(from, to))
		from = to
	}
	slices.SortFunc(out, byStart)
	for i := 1; i < len(out); i++ {
		out[i-1].End = min(out[i-1].End, out[i].Start)
	}
	return out
}

// hours gives the hour of the day by which a part, from 0 to 1, of all that
// happens has happened. It is asked for growing parts.
func (s *stream) hours() func(part float64) float64 {
	sum := 0.0
	for _, w := range s.when {
		sum += w
	}
	hour, before := 0, 0.0
	return func(part float64) float64 {
		part *= sum
		for hour < 23 && (s.when[hour] == 0 || before+s.when[hour] < part) {
			before += s.when[hour]
			hour++
		}
		if s.when[hour] == 0 {
			return float64(hour)
		}
		return float64(hour) + min(1, max(0, (part-before)/s.when[hour]))
	}
}

// night makes the sleep that ends on the morning of d: one InBed by the phone
// and n-1 stages by the watch, in cycles of some ninety minutes.
func (g *generator) night(d *day, n int, r *rand.Rand) (out []health.Sample) {
	if n == 0 {
		return nil
	}
	add := func(start, end int64, stage health.SleepStage, source string) {
		out = append(out, health.Sample{
			Type: health.SleepAnalysis, Start: start, End: end, Value: float64(stage), ID: randomUUID(r),
			Unit: "category", Source: source, Metadata: `{"sleepStage":"` + stage.String() + `"}`,
		})
	}
	bed := d.start + int64(d.bed*3.6e6)
	if g.counts != nil { // an exact number has no night that is partly outside
		bed = max(bed, g.From.UnixMilli())
	}
	wake := d.start + int64(d.wake*3.6e6)
	if wake <= bed {
		wake = bed + 3.6e6
	}
	add(bed, wake, health.StageInBed, onPhone)
	cycle := []health.SleepStage{
		health.StageCore, health.StageDeep, health.StageCore, health.StageREM, health.StageCore, health.StageAwake,
	}
	lengths := make([]float64, n-1)
	sum := 0.0
	for i := range lengths {
		lengths[i] = []float64{25, 20, 20, 15, 10, 2}[i%len(cycle)] * (0.5 + r.Float64())
		sum += lengths[i]
	}
	at := float64(bed) + 60e3
	scale := (float64(wake) - at) / max(sum, 1)
	for i, l := range lengths {
		next := at + l*scale
		add(int64(at), int64(next), cycle[i%len(cycle)], onWatch)
		at = next
	}
	return out
}

var sports = []string{"running", "walking", "cycling", "swimming", "yoga", "other"}

// workouts makes the day's workout, and more where more are wanted.
func workouts(d *day, n int, r *rand.Rand) (out []health.Sample) {
	for i := range n {
		start, length, sport := d.workout, d.length, d.sport
		if start == 0 || i > 0 {
			start = 7 + 14*(float64(i)+r.Float64())/float64(n)
			length, sport = min(1, 10/float64(n)), r.IntN(len(sports))
		}
		at := d.start + int64(start*3.6e6)
		seconds := math.Round(length * 3600)
		metadata := fmt.Sprintf(`{"activityType":%q,"durationSeconds":"%.0f"`, sports[sport], seconds)
		if sport < 4 {
			speed := []float64{2.8, 1.5, 6.5, 0.7}[sport] * (0.9 + 0.2*r.Float64())
			metadata += fmt.Sprintf(`,"totalDistanceMeters":"%.2f"`, seconds*speed)
		}
		metadata += fmt.Sprintf(`,"totalEnergyKilocalories":"%.2f"}`, seconds/60*(6+4*r.Float64()))
		out = append(out, health.Sample{
			Type: health.Workouts, Start: at, End: at + int64(seconds*1000), Value: seconds, ID: randomUUID(r),
			Unit: "s", Source: onWatch, Metadata: metadata,
		})
	}
	return out
}
