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
type shape [24]float64

// hour draws an hour of the day, with its fraction.
func (s *shape) hour(r *rand.Rand) float64 {
	sum := 0.0
	for _, w := range s {
		sum += w
	}
	x := sum * r.Float64()
	for h, w := range s {
		if x < w {
			return float64(h) + x/w
		}
		x -= w
	}
	return 12 // sums of floating-point numbers are not exact
}

var (
	awake   = &shape{0, 0, 0, 0, 0, 0, 2, 7, 9, 5, 4, 5, 8, 7, 4, 4, 5, 8, 9, 7, 5, 4, 2, 1}
	asleep  = &shape{9, 10, 10, 10, 10, 9, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}
	always  = &shape{4, 4, 4, 4, 4, 4, 5, 6, 6, 5, 5, 5, 6, 6, 5, 5, 5, 6, 6, 6, 5, 5, 5, 4}
	morning = &shape{0, 0, 0, 0, 0, 0, 4, 9, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	evening = &shape{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 6, 9, 6, 2, 0}
)

// stream is one device measuring one type.
type stream struct {
	source  string
	perDay  float64
	when    *shape
	longest float64 // seconds that a sample may last; 0 is a moment
	value   value
}

// value gives a value for a sample of so many seconds at an hour.
type value func(r *rand.Rand, d *day, hour, seconds float64) float64

// around gives values that scatter around a mean, which follows a slow wave
// over the years, rounded to 1/n.
func around(mean, wave, scatter, n float64) value {
	return func(r *rand.Rand, d *day, _, _ float64) float64 {
		return math.Round((mean+wave*d.trend()+scatter*r.NormFloat64())*n) / n
	}
}

// hard is how hard the person works at an hour: 1 at rest, up to 2.4.
func (d *day) hard(hour float64) float64 {
	if d.workout > 0 && hour >= d.workout && hour < d.workout+d.length {
		return 2.4 - 0.4*math.Abs(2*(hour-d.workout)/d.length-1)
	}
	return 1
}

// trend is a slow wave over the years.
func (d *day) trend() float64 { return math.Sin(float64(d.number) / 210) }

func pulse(r *rand.Rand, d *day, hour, _ float64) float64 {
	base := 68 + 4*math.Sin((hour-9)/24*2*math.Pi)
	if hour < d.wake {
		base = 54
	}
	return max(1, math.Round(base*d.hard(hour)+5*r.NormFloat64()+2*d.trend()))
}

// rate gives values that grow with the length of a sample, by low to high a
// second at rest.
func rate(low, high, n float64) value {
	return func(r *rand.Rand, d *day, hour, seconds float64) float64 {
		v := seconds * (low + (high-low)*r.Float64()) * d.activity * d.hard(hour)
		return max(1, math.Round(v*n)) / n
	}
}

func basal(r *rand.Rand, _ *day, _, seconds float64) float64 {
	return math.Round(seconds*32*(1+0.05*r.NormFloat64())) / 1e3 // 1,700 kcal in the parts of a day that have samples
}

func minutes(r *rand.Rand, _ *day, _, _ float64) float64 { return float64(1 + r.IntN(5)) }

func flights(r *rand.Rand, _ *day, _, _ float64) float64 { return float64(1 + int(r.ExpFloat64())) }

// streams is the person, in samples of an average day. A night has 21 stages
// and, from the phone, one InBed.
var streams = map[health.Type][]stream{
	health.Steps: {
		{onPhone, 45, awake, 600, rate(0.2, 0.8, 1)},
		{onWatch, 65, awake, 600, rate(0.2, 0.8, 1)},
	},
	health.DistanceWalkingRunning: {
		{onPhone, 38, awake, 600, rate(0.15, 0.6, 1e4)},
		{onWatch, 55, awake, 600, rate(0.15, 0.6, 1e4)},
	},
	health.DistanceCycling:         {{onWatch, 1.5, awake, 300, rate(4, 6, 1e4)}},
	health.ActiveEnergyBurned:      {{onWatch, 420, awake, 70, rate(0.01, 0.07, 1e3)}},
	health.BasalEnergyBurned:       {{onWatch, 290, always, 900, basal}},
	health.ExerciseTime:            {{onWatch, 34, awake, 60, around(1, 0, 0, 1)}},
	health.StandHours:              {{onWatch, 85, awake, 300, minutes}},
	health.FlightsClimbed:          {{onPhone, 7, awake, 40, flights}},
	health.Workouts:                {{onWatch, 0.45, awake, 5400, nil}},
	health.HeartRate:               {{onWatch, 320, always, 0, pulse}},
	health.RestingHeartRate:        {{onWatch, 1, evening, 0, around(56, 2, 1, 1)}},
	health.WalkingHeartRateAverage: {{onWatch, 0.9, evening, 0, around(97, 3, 4, 10)}},
	health.HeartRateVariability:    {{onWatch, 9, always, 60, around(0.048, -0.004, 0.009, 1e7)}},
	health.BloodPressureSystolic:   {{onCuff, 0.3, morning, 0, around(122, 3, 7, 1)}},
	health.BloodPressureDiastolic:  {{onCuff, 0.3, morning, 0, around(78, 2, 5, 1)}},
	health.BloodOxygen:             {{onWatch, 18, asleep, 15, around(0.967, 0, 0.008, 100)}},
	health.RespiratoryRate:         {{onWatch, 27, asleep, 0, around(14.5, 0, 1.3, 2)}},
	health.BodyTemperature:         {{byHand, 0.03, evening, 0, around(36.7, 0, 0.35, 10)}},
	health.VO2Max:                  {{onWatch, 0.25, awake, 0, around(42, 2, 0.5, 100)}},
	health.Weight:                  {{onScale, 0.4, morning, 0, around(72.5, 1.8, 0.3, 100)}},
	health.Height:                  {{byHand, 0.01, morning, 0, around(1.76, 0, 0, 100)}},
	health.BodyMassIndex:           {{onScale, 0.4, morning, 0, around(23.4, 0.58, 0.1, 10)}},
	health.BodyFatPercentage:       {{onScale, 0.4, morning, 0, around(0.19, 0.01, 0.003, 1e4)}},
	health.LeanBodyMass:            {{onScale, 0.4, morning, 0, around(58.7, 1.46, 0.24, 100)}},
	health.SleepAnalysis:           {{onWatch, 22, asleep, 0, nil}},
}

// fill makes n samples of a type on a day, oldest first, in milliseconds: at
// times that when draws, with values and identities that r draws.
func (g *generator) fill(t health.Type, d *day, n int, when, r *rand.Rand) (out []health.Sample) {
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

// fill draws n samples of one device, which never overlap.
func (s *stream) fill(t health.Type, d *day, n int, when, r *rand.Rand) []health.Sample {
	times := make([]int64, n)
	for i := range times {
		times[i] = d.start + int64(s.when.hour(when)/24*float64(d.end-d.start))
	}
	slices.Sort(times)
	times = append(times, d.end)
	info, _ := health.Lookup(t)
	out := make([]health.Sample, n)
	for i := range out {
		at := times[i]
		seconds := min(s.longest, float64(times[i+1]-at)/1000) * (0.3 + 0.7*r.Float64())
		out[i] = health.Sample{
			ID: randomUUID(r), Type: t, Start: at, End: at + int64(seconds*1000), Unit: info.Unit, Source: s.source,
			Value: s.value(r, d, float64(at-d.start)/3.6e6, seconds),
		}
	}
	return out
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
