package appleexport

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

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
	// Bytes of XML read.
	Bytes int64
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
		scanner: newScanner(r), yield: yield, texts: map[string]string{},
		sum: &Summary{Taken: map[health.Type]int64{}, Skipped: map[string]int64{}},
	}
	err := p.run(ctx)
	p.sum.Bytes = p.offset()
	return p.sum, err
}

// parser turns tags into records.
type parser struct {
	*scanner
	identities
	yield func(*Record) error
	sum   *Summary
	texts map[string]string // sources, units and time zones, each once

	path    []element
	rec     Record
	pending bool // rec waits for its element's end
	workout workout
	scratch [2][]byte
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
	"HealthData": healthData, "Record": record, "Workout": workoutElement, "Correlation": correlation,
}

func (p *parser) run(ctx context.Context) error {
	for n := 0; p.next(); n++ {
		if n&0xfff == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if p.scanner.close {
			if len(p.path) == 0 {
				return &FormatError{p.offset(), "an element ends that did not begin"}
			}
			if err := p.leave(); err != nil {
				return err
			}
			if len(p.path) == 0 {
				return nil // </HealthData>: what follows is nobody's
			}
			continue
		}
		e := elements[string(p.name)]
		if len(p.path) == 0 && e != healthData {
			return &FormatError{p.offset(), fmt.Sprintf("its root is %.40q", p.name)}
		}
		if len(p.path) > 64 {
			return &FormatError{p.offset(), "elements too deep"}
		}
		empty := p.empty
		p.path = append(p.path, e)
		p.enter(e)
		if empty {
			if err := p.leave(); err != nil {
				return err
			}
			if len(p.path) == 0 {
				return nil
			}
		}
	}
	return p.why()
}

// why says why there are no more tags.
func (p *parser) why() error {
	var format *FormatError
	ended := errors.Is(p.err, io.EOF) || errors.Is(p.err, io.ErrUnexpectedEOF)
	switch {
	case errors.As(p.err, &format):
		return format
	case len(p.path) == 0 && ended:
		return &FormatError{p.offset(), "there is no HealthData in it"}
	case ended:
		return &TruncatedError{Offset: p.offset()}
	case len(p.path) > 0:
		return &TruncatedError{Offset: p.offset(), Err: p.err}
	}
	return p.err
}

// enter looks at an element that begins.
func (p *parser) enter(e element) {
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
	case depth == 3 && p.pending && string(p.name) == "MetadataEntry":
		if string(p.attr("key", 0)) == "HKTimeZone" {
			p.rec.TimeZone = p.text(p.attr("value", 0))
		}
	case depth == 3 && p.path[1] == workoutElement && string(p.name) == "WorkoutStatistics":
		p.workout.statistics(p)
	case depth == 2 && string(p.name) == "ExportDate":
		if at, ok := parseDate(p.attr("value", 0)); ok {
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

// attr gives an attribute of the current tag, nil where it is missing. The
// value is valid until the next call with the same number of scratch space.
func (p *parser) attr(name string, scratch int) []byte {
	for i := range p.attrs {
		if string(p.attrs[i].name) == name {
			v := p.attrs[i].value
			if !plain(v) {
				p.scratch[scratch] = unescape(p.scratch[scratch][:0], v)
				v = p.scratch[scratch]
			}
			return v
		}
	}
	return nil
}

// text makes a string of a value that comes again and again.
func (p *parser) text(b []byte) string {
	if s, ok := p.texts[string(b)]; ok {
		return s
	}
	s := string(b)
	if len(p.texts) < 1<<16 {
		p.texts[s] = s
	}
	return s
}

func (p *parser) fault(what string) {
	p.sum.Faulty++
	if p.sum.FirstFault == "" {
		p.sum.FirstFault = fmt.Sprintf("%s (at byte %d)", what, p.offset())
	}
}

// times reads the three dates; false where the first two are none.
func (p *parser) times() bool {
	var ok1, ok2 bool
	p.rec.Start, ok1 = parseDate(p.attr("startDate", 0))
	p.rec.End, ok2 = parseDate(p.attr("endDate", 0))
	p.rec.Created, _ = parseDate(p.attr("creationDate", 0))
	return ok1 && ok2
}

func (p *parser) startRecord() {
	identifier := p.attr("type", 0)
	t, known := quantities[string(identifier)]
	sleep := !known && string(identifier) == sleepIdentifier
	if !known && !sleep {
		p.sum.Skipped[string(identifier)]++
		return
	}
	p.rec = Record{Identifier: p.text(identifier)}
	if !p.times() {
		p.fault(p.rec.Identifier + " without a date")
		return
	}
	value, unit := p.attr("value", 0), p.attr("unit", 1)
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
	p.begin(p.rec.Identifier)
	p.bytes(value)
	p.bytes(unit)
	p.finish()
}

// sleep takes a stage by its name or, as HealthKit numbers it, by its number.
func (p *parser) sleep(value []byte) bool {
	stage, ok := stages[string(value)]
	if !ok {
		n, err := strconv.Atoi(string(value))
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

// finish gives the record its identity and source.
func (p *parser) finish() {
	source := p.attr("sourceName", 0)
	p.rec.Source = p.text(source)
	p.number(p.rec.Start)
	p.number(p.rec.End)
	p.number(p.rec.Created)
	p.bytes(source)
	p.bytes(p.attr("sourceVersion", 0))
	p.rec.ID = p.identities.end()
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
	activity := p.attr("workoutActivityType", 0)
	p.rec = Record{Identifier: "HKWorkoutTypeIdentifier"}
	p.workout = workout{activity: "other"}
	if name, ok := activities[string(activity)]; ok {
		p.workout.activity = name
	}
	if !p.times() {
		p.fault(p.rec.Identifier + " without a date")
		return
	}
	p.begin(p.rec.Identifier)
	p.bytes(activity)
	duration, unit := p.attr("duration", 0), p.attr("durationUnit", 1)
	p.bytes(duration)
	if len(unit) == 0 {
		unit = []byte("min") // what every export says
	}
	seconds, ok := convert(duration, unit, "s")
	if !ok {
		seconds = float64(p.rec.End - p.rec.Start)
	}
	w := &p.workout
	w.seconds = seconds
	w.energy, w.hasEnergy = convert(p.attr("totalEnergyBurned", 0), p.attr("totalEnergyBurnedUnit", 1), "kcal")
	w.distance, w.hasDistance = convert(p.attr("totalDistance", 0), p.attr("totalDistanceUnit", 1), "m")
	p.rec.Type, p.rec.Value, p.rec.Unit = health.Workouts, seconds, "s"
	p.finish()
}

// statistics takes the totals where exports since iOS 16 have them.
func (w *workout) statistics(p *parser) {
	identifier := p.attr("type", 0)
	switch {
	case string(identifier) == "HKQuantityTypeIdentifierActiveEnergyBurned":
		if v, ok := convert(p.attr("sum", 0), p.attr("unit", 1), "kcal"); ok {
			w.energy, w.hasEnergy = v, true
		}
	case bytes.HasPrefix(identifier, []byte("HKQuantityTypeIdentifierDistance")) && !w.hasDistance:
		if v, ok := convert(p.attr("sum", 0), p.attr("unit", 1), "m"); ok {
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
func parseDate(b []byte) (unix int64, ok bool) {
	if len(b) != 25 || b[4] != '-' || b[7] != '-' || b[10] != ' ' || b[13] != ':' || b[16] != ':' || b[19] != ' ' {
		return 0, false
	}
	number := func(from, to int) int {
		n := 0
		for _, c := range b[from:to] {
			if c < '0' || c > '9' {
				return -1
			}
			n = n*10 + int(c-'0')
		}
		return n
	}
	y, mo, d := number(0, 4), number(5, 7), number(8, 10)
	h, mi, s := number(11, 13), number(14, 16), number(17, 19)
	zh, zm := number(21, 23), number(23, 25)
	if y < 0 || mo < 1 || mo > 12 || d < 1 || d > 31 || h < 0 || h > 24 || mi < 0 || mi > 59 || s < 0 || s > 60 ||
		zh < 0 || zh > 18 || zm < 0 || zm > 59 || b[20] != '+' && b[20] != '-' {
		return 0, false
	}
	unix = days(y, mo, d)*86400 + int64(h*3600+mi*60+s)
	offset := int64(zh*3600 + zm*60)
	if b[20] == '-' {
		offset = -offset
	}
	return unix - offset, true
}

// days since 1970-01-01 in the Gregorian calendar (Howard Hinnant,
// "chrono-Compatible Low-Level Date Algorithms", days_from_civil).
func days(y, m, d int) int64 {
	if m <= 2 {
		y--
		m += 12
	}
	return int64(365*y+y/4-y/100+y/400+(153*(m-3)+2)/5+d) - 719469
}
