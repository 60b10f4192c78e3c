package appleexport

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unique"

	"healthsync/sync/health"
)

// Record is one sample of an export.
type Record struct {
	// Sample is as the iPhone app would have served it, under an identity made
	// from its content.
	health.Sample
	// Identifier is HealthKit's name of the type.
	Identifier string
	// Created is when it came into HealthKit, in Unix seconds; 0 if not said.
	Created int64
	// TimeZone is the IANA name of where it was measured; "" if not said.
	TimeZone string
}

// Summary says what an export had.
type Summary struct {
	// Exported is when the export was made; zero if it does not say.
	Exported time.Time
	// Records and Workouts are the elements of those names outside of
	// correlations, Nested the Records inside: copies of others, by the
	// document type's own note.
	Records, Workouts, Nested int64
	// Taken are the samples given, by type.
	Taken map[health.Type]int64
	// Skipped are the records of types that the app has no name for, by
	// HealthKit's identifier.
	Skipped map[string]int64
	// Faulty are the records that could not be read: a date, a number or a
	// unit that is none. FirstFault describes the first, without its value.
	Faulty     int64
	FirstFault string
}

// Total is the number of samples given.
func (s *Summary) Total() int64 {
	var n int64
	for _, c := range s.Taken {
		n += c
	}
	return n
}

// FormatError says that a text is no export, or no XML from Offset on.
type FormatError struct {
	Offset int64 // in bytes of XML
	Reason string
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("not an Apple Health export: %s (at byte %d)", e.Reason, e.Offset)
}

// TruncatedError says that an export ends before its end: a download or a copy
// that was cut off. What came before was given.
type TruncatedError struct {
	Offset int64 // in bytes of XML
	Err    error // what the reader said, if it was not just the end
}

func (e *TruncatedError) Error() string {
	s := fmt.Sprintf("the Apple Health export is cut off after %d bytes", e.Offset)
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *TruncatedError) Unwrap() error { return e.Err }

// Read gives every sample of an export.xml in the order of the file, which is
// by type and then roughly by time. The record that yield gets is used again
// after it returns; an error of yield's ends the reading and is returned as it
// is. Other errors are a [*FormatError], a [*TruncatedError], the reader's or
// the context's. The summary is never nil: with an error it tells of what came
// before.
func Read(ctx context.Context, r io.Reader, yield func(*Record) error) (*Summary, error) {
	p := &parser{
		identities: identities{seen: map[uint64]struct{}{}, again: map[uint64]uint32{}},
		yield:      yield, sum: &Summary{Taken: map[health.Type]int64{}, Skipped: map[string]int64{}},
	}
	err := p.open(r)
	if err == nil {
		err = p.run(ctx)
	}
	return p.sum, err
}

// parser turns elements into records.
type parser struct {
	tokens
	identities
	yield func(*Record) error
	sum   *Summary

	path    []element
	attrs   []xml.Attr // of the element that began last
	rec     Record
	pending bool // rec waits for its element's end
	workout workout
}

// element is the name of an open element, as far as it matters.
type element uint8

const (
	other element = iota
	healthData
	record
	workoutElement
	correlation
)

var elements = map[string]element{
	root: healthData, "Record": record, "Workout": workoutElement, "Correlation": correlation,
}

// maxDepth is how many elements may be open at once. Exports have five.
const maxDepth = 64

func (p *parser) run(ctx context.Context) error {
	for n := 0; ; n++ {
		if n&0xfff == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		token, err := p.next()
		if err != nil {
			return err
		}
		switch x := token.(type) {
		case xml.StartElement:
			e := elements[x.Name.Local]
			if len(p.path) == 0 && e != healthData {
				return &FormatError{p.offset(), fmt.Sprintf("its root is %.40q", x.Name.Local)}
			}
			if len(p.path) > maxDepth {
				return &FormatError{p.offset(), "elements too deep"}
			}
			p.path, p.attrs = append(p.path, e), x.Attr
			p.enter(e, x.Name.Local)
		case xml.EndElement:
			if err := p.leave(); err != nil || len(p.path) == 0 {
				return err // nothing is read behind </HealthData>
			}
		}
	}
}

// enter looks at an element that begins.
func (p *parser) enter(e element, name string) {
	depth := len(p.path)
	switch {
	case e == record && depth == 2:
		p.sum.Records++
		p.startRecord()
	case e == workoutElement && depth == 2:
		p.sum.Workouts++
		p.startWorkout()
	case e == record && depth == 3 && p.path[1] == correlation:
		p.sum.Nested++
	case depth == 3 && p.pending && name == "MetadataEntry":
		if p.attr("key") == "HKTimeZone" {
			p.rec.TimeZone = shared(p.attr("value"))
		}
	case depth == 3 && p.path[1] == workoutElement && name == "WorkoutStatistics":
		p.workout.statistics(p)
	case depth == 2 && name == "ExportDate":
		if at, ok := parseDate(p.attr("value")); ok {
			p.sum.Exported = time.Unix(at, 0).UTC()
		}
	}
}

// leave ends the innermost element and gives the record that it was.
func (p *parser) leave() error {
	depth := len(p.path)
	e := p.path[depth-1]
	p.path = p.path[:depth-1]
	if depth != 2 || !p.pending {
		return nil
	}
	p.pending = false
	if e == workoutElement {
		p.rec.Metadata = p.workout.metadata()
	}
	p.sum.Taken[p.rec.Type]++
	return p.yield(&p.rec)
}

// attr gives an attribute of the current element, "" where it is missing. Of
// two with the same name it gives the first.
func (p *parser) attr(name string) string {
	for _, a := range p.attrs {
		if a.Name.Local == name && a.Name.Space == "" {
			return a.Value
		}
	}
	return ""
}

// shared gives the one string in memory for all equal ones: a million records
// have a few sources.
func shared(s string) string { return unique.Make(s).Value() }

func (p *parser) fault(what string) {
	p.sum.Faulty++
	if p.sum.FirstFault == "" {
		p.sum.FirstFault = fmt.Sprintf("%s (at byte %d)", what, p.offset())
	}
}

// times reads the three dates; false where the first two are none.
func (p *parser) times() bool {
	var ok1, ok2 bool
	p.rec.Start, ok1 = parseDate(p.attr("startDate"))
	p.rec.End, ok2 = parseDate(p.attr("endDate"))
	p.rec.Created, _ = parseDate(p.attr("creationDate"))
	return ok1 && ok2
}

func (p *parser) startRecord() {
	identifier := p.attr("type")
	t, known := quantities[identifier]
	sleep := !known && identifier == sleepIdentifier
	if !known && !sleep {
		p.sum.Skipped[identifier]++
		return
	}
	p.rec = Record{Identifier: shared(identifier)}
	if !p.times() {
		p.fault(p.rec.Identifier + " without a date")
		return
	}
	value, unit := p.attr("value"), p.attr("unit")
	if sleep {
		if !p.sleep(value) {
			p.fault(p.rec.Identifier + " with an unknown stage")
			return
		}
	} else {
		info, _ := health.Lookup(t)
		from := info.Unit
		if t == health.StandHours {
			// HealthKit has minutes of standing; the app asks for them as
			// a count, which is what it would serve if HealthKit let it.
			from = "min"
		}
		v, ok := convert(value, unit, from)
		if !ok {
			p.fault(fmt.Sprintf("%s without a number in a unit that leads to %s", p.rec.Identifier, from))
			return
		}
		p.rec.Type, p.rec.Value, p.rec.Unit = t, v, info.Unit
	}
	p.finish(value, unit)
}

// sleep takes a stage by its name or, as HealthKit numbers it, by its number.
func (p *parser) sleep(value string) bool {
	stage, ok := stages[value]
	if !ok {
		n, err := strconv.Atoi(value)
		if stage = health.SleepStage(n); err != nil || stage.String() == "unknown" {
			return false
		}
	}
	p.rec.Type, p.rec.Value, p.rec.Unit = health.SleepAnalysis, float64(stage), "category"
	p.rec.Metadata = stageMetadata[stage]
	return true
}

var stageMetadata = func() (m [health.StageREM + 1]string) {
	for s := range m {
		m[s] = `{"sleepStage":"` + health.SleepStage(s).String() + `"}`
	}
	return m
}()

// finish gives the record its source and identity. said is what the record says
// of its value.
func (p *parser) finish(said ...string) {
	p.rec.Source = shared(p.attr("sourceName"))
	p.rec.ID = p.identify(&p.rec, p.attr("sourceVersion"), said...)
	p.pending = true
}

// workout is what a workout's metadata are made of.
type workout struct {
	activity         string
	seconds          float64
	energy, distance float64
	hasEnergy        bool
	hasDistance      bool
}

func (p *parser) startWorkout() {
	activity := p.attr("workoutActivityType")
	p.rec = Record{Identifier: "HKWorkoutTypeIdentifier"}
	p.workout = workout{activity: "other"}
	if name, ok := activities[activity]; ok {
		p.workout.activity = name
	}
	if !p.times() {
		p.fault(p.rec.Identifier + " without a date")
		return
	}
	duration, unit := p.attr("duration"), p.attr("durationUnit")
	if unit == "" {
		unit = "min" // what every export says
	}
	seconds, ok := convert(duration, unit, "s")
	if !ok {
		seconds = float64(p.rec.End - p.rec.Start)
	}
	w := &p.workout
	w.seconds = seconds
	w.energy, w.hasEnergy = convert(p.attr("totalEnergyBurned"), p.attr("totalEnergyBurnedUnit"), "kcal")
	w.distance, w.hasDistance = convert(p.attr("totalDistance"), p.attr("totalDistanceUnit"), "m")
	p.rec.Type, p.rec.Value, p.rec.Unit = health.Workouts, seconds, "s"
	p.finish(activity, duration)
}

// statistics takes the totals where exports since iOS 16 have them.
func (w *workout) statistics(p *parser) {
	identifier := p.attr("type")
	switch {
	case identifier == "HKQuantityTypeIdentifierActiveEnergyBurned":
		if v, ok := convert(p.attr("sum"), p.attr("unit"), "kcal"); ok {
			w.energy, w.hasEnergy = v, true
		}
	case strings.HasPrefix(identifier, "HKQuantityTypeIdentifierDistance") && !w.hasDistance:
		if v, ok := convert(p.attr("sum"), p.attr("unit"), "m"); ok {
			w.distance, w.hasDistance = v, true
		}
	}
}

// metadata is the object that the app makes of a workout
// (HealthSampleMapper.mapSample), keys sorted.
func (w *workout) metadata() string {
	m := map[string]string{"activityType": w.activity, "durationSeconds": strconv.FormatFloat(w.seconds, 'f', 0, 64)}
	if w.hasEnergy {
		m["totalEnergyKilocalories"] = strconv.FormatFloat(w.energy, 'f', 2, 64)
	}
	if w.hasDistance {
		m["totalDistanceMeters"] = strconv.FormatFloat(w.distance, 'f', 2, 64)
	}
	b, err := json.Marshal(m)
	if err != nil {
		return ""
	}
	return string(b)
}

// parseDate reads "2017-03-30 09:29:59 +0200" into Unix seconds.
func parseDate(s string) (unix int64, ok bool) {
	t, err := time.Parse("2006-01-02 15:04:05 -0700", s)
	if err != nil {
		return 0, false
	}
	return t.Unix(), true
}
