package phone

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"healthsync/sync/health"
)

// pageDecoder turns the body of a data answer into samples while it arrives.
// It keeps its window and its strings from page to page.
type pageDecoder struct {
	scanner
	types, units, sources, metadata interner

	// order holds the keys of the last sample as indices of sampleFields: the
	// guess for the next one.
	order [8]uint8

	pairs []pair // scratch of one metadata object
	out   []byte
}

// answerHead is what stands beside the samples of a data answer.
type answerHead struct {
	Status   string
	Message  string
	HasMore  bool
	Returned int

	members int // of whatever name
	has     answerField
}

type answerField uint8

const (
	hasStatus answerField = 1 << iota
	hasMessage
	hasHasMore
	hasReturned
	hasSamples
)

// fieldError is a value that is valid JSON but not what the field may hold.
type fieldError struct {
	Field  string // "" for the answer as a whole
	Reason string
}

func (e *fieldError) Error() string {
	if e.Field == "" {
		return e.Reason
	}
	return e.Field + ": " + e.Reason
}

// sampleError says at which sample an answer went wrong.
type sampleError struct {
	Index int
	Err   error
}

func (e *sampleError) Error() string { return fmt.Sprintf("sample %d: %v", e.Index, e.Err) }

func (e *sampleError) Unwrap() error { return e.Err }

var errTooMany = errors.New("more samples than were asked for")

// decode reads one answer from r up to its end. Samples are appended to
// page.Samples[:0]; after an error the page is empty.
func (d *pageDecoder) decode(r io.Reader, limit int, page *health.Page) (answerHead, error) {
	d.reset(r)
	page.Samples = page.Samples[:0]
	head, err := d.answer(limit, page)
	page.Bytes = d.offset()
	page.HasMore = head.HasMore
	if err != nil {
		page.Samples, page.HasMore = page.Samples[:0], false
	}
	return head, err
}

func (d *pageDecoder) answer(limit int, page *health.Page) (head answerHead, err error) {
	if err := d.take('{'); err != nil {
		return head, err
	}
	for first := true; ; first = false {
		done, err := d.next('}', first)
		if err != nil {
			return head, err
		}
		if done {
			break
		}
		head.members++
		if err := d.answerField(limit, page, &head); err != nil {
			return head, err
		}
	}
	switch end, err := d.atEnd(); {
	case err != nil:
		return head, err
	case !end:
		return head, errSyntax
	}
	return head, nil
}

func (d *pageDecoder) answerField(limit int, page *health.Page, head *answerHead) error {
	key, err := d.text()
	if err != nil {
		return err
	}
	var field answerField
	switch string(key) {
	case "status":
		field = hasStatus
	case "message":
		field = hasMessage
	case "hasMore":
		field = hasHasMore
	case "returnedCount":
		field = hasReturned
	case "samples":
		field = hasSamples
	}
	if err := d.take(':'); err != nil {
		return err
	}
	if field != 0 && head.has&field != 0 {
		return &fieldError{fieldNames[field], "given twice"}
	}
	head.has |= field
	switch field {
	case hasStatus, hasMessage:
		c, err := d.peek()
		if err != nil {
			return err
		}
		if c != '"' {
			if field == hasMessage { // absent optionals are omitted, but null means the same
				return d.skip(1)
			}
			return &fieldError{"status", "not a string"}
		}
		text, err := d.text()
		if err != nil {
			return err
		}
		if !utf8.Valid(text) {
			return errUTF8
		}
		if field == hasStatus {
			head.Status = string(text)
		} else {
			head.Message = string(text)
		}
	case hasHasMore:
		head.HasMore, err = d.boolean()
		return err
	case hasReturned:
		if _, err := d.peek(); err != nil {
			return err
		}
		lit, err := d.literal()
		if err != nil {
			return err
		}
		n, err := number(lit)
		if err != nil {
			return err
		}
		if n < 0 || n > 1<<31 || n != float64(int(n)) {
			return &fieldError{"returnedCount", "not a count"}
		}
		head.Returned = int(n)
	case hasSamples:
		return d.samples(limit, page)
	default:
		return d.skip(1)
	}
	return nil
}

var fieldNames = map[answerField]string{
	hasStatus: "status", hasMessage: "message", hasHasMore: "hasMore",
	hasReturned: "returnedCount", hasSamples: "samples",
}

func (d *pageDecoder) samples(limit int, page *health.Page) error {
	if err := d.take('['); err != nil {
		return err
	}
	for first := true; ; first = false {
		done, err := d.next(']', first)
		if done || err != nil {
			return err
		}
		n := len(page.Samples)
		if n >= limit {
			return errTooMany
		}
		if n == cap(page.Samples) {
			page.Samples = slices.Grow(page.Samples, min(max(n, 256), limit-n))
		}
		page.Samples = page.Samples[:n+1]
		s := &page.Samples[n]
		*s = health.Sample{}
		if d.quick(s) {
			continue
		}
		*s = health.Sample{}
		if err := d.sample(s); err != nil {
			return &sampleError{n, err}
		}
	}
}

type sampleField uint8

const (
	fieldID sampleField = 1 << iota
	fieldType
	fieldValue
	fieldUnit
	fieldStart
	fieldEnd
	fieldSource
	fieldMetadata

	// required are the fields without which a sample means nothing. The app
	// always sends unit and sourceName too.
	required = fieldID | fieldType | fieldValue | fieldStart | fieldEnd
)

var sampleFields = [8]struct {
	field sampleField
	name  string
	token string // as the key stands on the wire
}{
	{fieldID, "id", `"id":`},
	{fieldType, "type", `"type":`},
	{fieldValue, "value", `"value":`},
	{fieldUnit, "unit", `"unit":`},
	{fieldStart, "startDate", `"startDate":`},
	{fieldEnd, "endDate", `"endDate":`},
	{fieldSource, "sourceName", `"sourceName":`},
	{fieldMetadata, "metadata", `"metadata":`},
}

func (f sampleField) String() string {
	for _, k := range sampleFields {
		if f&k.field != 0 {
			return k.name
		}
	}
	return "unknown"
}

func (d *pageDecoder) sample(s *health.Sample) error {
	if err := d.take('{'); err != nil {
		return err
	}
	var has sampleField
	for first := true; ; first = false {
		done, err := d.next('}', first)
		if err != nil {
			return err
		}
		if done {
			break
		}
		key, err := d.text()
		if err != nil {
			return err
		}
		field := sampleFieldOf(key)
		if err := d.take(':'); err != nil {
			return err
		}
		if field == 0 { // an app of tomorrow may say more
			if err := d.skip(3); err != nil {
				return err
			}
			continue
		}
		if has&field != 0 {
			return &fieldError{field.String(), "given twice"}
		}
		has |= field
		if err := d.sampleValue(s, field); err != nil {
			return err
		}
	}
	if missing := required &^ has; missing != 0 {
		return &fieldError{missing.String(), "missing"}
	}
	return nil
}

func sampleFieldOf(key []byte) sampleField {
	switch string(key) {
	case "id":
		return fieldID
	case "type":
		return fieldType
	case "value":
		return fieldValue
	case "unit":
		return fieldUnit
	case "startDate":
		return fieldStart
	case "endDate":
		return fieldEnd
	case "sourceName":
		return fieldSource
	case "metadata":
		return fieldMetadata
	}
	return 0
}

func (d *pageDecoder) sampleValue(s *health.Sample, field sampleField) (err error) {
	c, err := d.peek()
	if err != nil {
		return err
	}
	switch field {
	case fieldMetadata:
		s.Metadata, err = d.metadataValue(c)
		return err
	case fieldValue:
		if c != '-' && (c < '0' || c > '9') {
			return &fieldError{"value", "not a number"}
		}
		lit, err := d.literal()
		if err != nil {
			return err
		}
		s.Value, err = number(lit)
		return err
	}
	if c != '"' {
		return &fieldError{field.String(), "not a string"}
	}
	raw, escaped, err := d.str()
	if err != nil {
		return err
	}
	var ok bool
	switch field {
	case fieldType:
		var t string
		if t, err = d.types.text(raw, escaped); t == "" && err == nil {
			err = &fieldError{"type", "empty"}
		}
		s.Type = health.Type(t)
		return err
	case fieldUnit:
		s.Unit, err = d.units.text(raw, escaped)
		return err
	case fieldSource:
		s.Source, err = d.sources.text(raw, escaped)
		return err
	}
	if escaped { // no need in these, but allowed
		if d.tmp, err = unescape(d.tmp[:0], raw); err != nil {
			return err
		}
		raw = d.tmp
	}
	switch field {
	case fieldID:
		if s.ID, ok = uuid(raw); !ok {
			return &fieldError{"id", "not a UUID"}
		}
	case fieldStart:
		if s.Start, ok = parseDate(raw); !ok {
			return &fieldError{"startDate", "not an ISO 8601 date"}
		}
	case fieldEnd:
		if s.End, ok = parseDate(raw); !ok {
			return &fieldError{"endDate", "not an ISO 8601 date"}
		}
	}
	return nil
}
