package phone

import (
	"errors"
	"io"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"healthsync/sync/health"
)

// answerHead is a data answer without its samples.
type answerHead struct {
	members int // of whatever name
	status  string
	message string
	samples bool
	// hasMore and returned are nil where the answer does not say.
	hasMore  *bool
	returned *float64
}

// errNothing is the answer `{}`.
var errNothing = errors.New("an empty object")

// pageDecoder turns the body of a data answer into samples while it arrives.
// Invalid UTF-8 and a member that is given twice are refused, by jsontext.
type pageDecoder struct {
	*jsontext.Decoder
	// texts gives one string for equal bytes on the wire: a page of 10,000
	// samples from three sources holds three source names.
	texts   map[string]string
	scratch []byte
}

// decodePage reads one answer from r up to its end. Samples are appended to
// page.Samples[:0]; after an error the page is empty.
func decodePage(r io.Reader, limit int, page *health.Page) (answerHead, error) {
	d := pageDecoder{Decoder: jsontext.NewDecoder(r), texts: map[string]string{}}
	page.Samples = page.Samples[:0]
	head, err := d.answer(limit, page)
	if err == nil {
		err = head.check(len(page.Samples))
	}
	page.Bytes = d.InputOffset()
	page.HasMore = err == nil && *head.hasMore
	if err != nil {
		page.Samples = page.Samples[:0]
	}
	return head, err
}

func (d *pageDecoder) answer(limit int, page *health.Page) (head answerHead, err error) {
	err = d.object("", func(name string) (err error) {
		head.members++
		switch name {
		case "status":
			head.status, err = d.text(name)
		case "message":
			if d.PeekKind() == 'n' { // absent optionals are omitted, but null means the same
				return d.SkipValue()
			}
			head.message, err = d.text(name)
		case "hasMore":
			head.hasMore, err = d.boolean(name)
		case "returnedCount":
			var n float64
			n, err = d.number(name)
			head.returned = &n
		case "samples":
			head.samples, err = true, d.list(limit, page)
		default:
			err = d.SkipValue()
		}
		return err
	})
	if err != nil {
		return head, err
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return head, wrong("", "more follows its end")
	}
	return head, nil
}

// object reads an object; member is called with each name and takes its value.
func (d *pageDecoder) object(field string, member func(name string) error) error {
	if err := d.begin('{', field, "an object"); err != nil {
		return err
	}
	for d.PeekKind() == '"' {
		raw, err := d.ReadValue()
		if err != nil {
			return err
		}
		name, err := d.shared(raw)
		if err != nil {
			return err
		}
		if err := member(name); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// begin reads the first token of an object or a list.
func (d *pageDecoder) begin(kind jsontext.Kind, field, what string) error {
	if err := d.expect(kind, field, what); err != nil {
		return err
	}
	_, err := d.ReadToken()
	return err
}

// expect says what is wrong where something else comes next than a field promises.
func (d *pageDecoder) expect(kind jsontext.Kind, field, what string) error {
	switch d.PeekKind() {
	case kind:
		return nil
	case 0: // no JSON at all
		_, err := d.ReadToken()
		return err
	}
	return wrong(field, "not "+what)
}

func (d *pageDecoder) list(limit int, page *health.Page) error {
	if err := d.begin('[', "samples", "a list"); err != nil {
		return err
	}
	for d.PeekKind() != ']' {
		n := len(page.Samples)
		if n >= limit {
			return wrong("", "more samples than were asked for")
		}
		if n == cap(page.Samples) {
			page.Samples = slices.Grow(page.Samples, min(max(n, 256), limit-n))
		}
		page.Samples = append(page.Samples, health.Sample{})
		if err := d.sample(&page.Samples[n]); err != nil {
			if bad := new(AnswerError); errors.As(err, &bad) {
				bad.Sample = n
			}
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// required are the members without which a sample means nothing. The app
// always sends unit and sourceName too.
var required = [...]string{"id", "type", "value", "startDate", "endDate"}

func (d *pageDecoder) sample(s *health.Sample) error {
	var has [len(required)]bool
	err := d.object("", func(name string) error {
		if i := slices.Index(required[:], name); i >= 0 {
			has[i] = true
		}
		return d.member(s, name)
	})
	if err != nil {
		return err
	}
	if i := slices.Index(has[:], false); i >= 0 {
		return wrong(required[i], "missing")
	}
	return nil
}

func (d *pageDecoder) member(s *health.Sample, name string) (err error) {
	var text string
	switch name {
	case "id", "startDate", "endDate", "type", "unit", "sourceName":
		if text, err = d.text(name); err != nil {
			return err
		}
	}
	switch name {
	case "id":
		if s.ID, err = health.ParseUUID(text); err != nil {
			return wrong(name, "not a UUID")
		}
	case "type":
		if s.Type = health.Type(text); text == "" {
			return wrong(name, "empty")
		}
	case "unit":
		s.Unit = text
	case "sourceName":
		s.Source = text
	case "startDate":
		s.Start, err = date(name, text)
	case "endDate":
		s.End, err = date(name, text)
	case "value":
		s.Value, err = d.number(name)
	case "metadata":
		s.Metadata, err = d.metadata()
	default: // a later app may say more
		err = d.SkipValue()
	}
	return err
}

// text reads the string that a member promises. Identities and dates are used
// at once and are not worth keeping.
func (d *pageDecoder) text(field string) (string, error) {
	if err := d.expect('"', field, "a string"); err != nil {
		return "", err
	}
	raw, err := d.ReadValue()
	if err != nil {
		return "", err
	}
	switch field {
	case "id", "startDate", "endDate":
		d.scratch, err = jsontext.AppendUnquote(d.scratch[:0], raw)
		return string(d.scratch), err
	}
	return d.shared(raw)
}

// shared gives the text of a JSON string, the same memory for the same bytes.
func (d *pageDecoder) shared(raw jsontext.Value) (string, error) {
	if text, ok := d.texts[string(raw)]; ok {
		return text, nil
	}
	text, err := jsontext.AppendUnquote(nil, raw)
	if err != nil {
		return "", err
	}
	d.texts[string(raw)] = string(text)
	return d.texts[string(raw)], nil
}

// number reads the number that a member promises.
func (d *pageDecoder) number(field string) (float64, error) {
	if err := d.expect('0', field, "a number"); err != nil {
		return 0, err
	}
	raw, err := d.ReadValue()
	if err != nil {
		return 0, err
	}
	v, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || math.IsInf(v, 0) {
		return 0, wrong(field, "not a finite number")
	}
	return v, nil
}

// boolean reads the true or false that a member promises.
func (d *pageDecoder) boolean(field string) (*bool, error) {
	kind := d.PeekKind()
	if kind != 'f' {
		if err := d.expect('t', field, "true or false"); err != nil {
			return nil, err
		}
	}
	value := kind == 't'
	return &value, d.SkipValue()
}

// date reads a date of RFC 3339 as Unix seconds, rounded down. The app writes
// 2026-01-07T08:15:30Z; offsets and fractions are understood for a later
// app.
func date(field, text string) (int64, error) {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || t.Year() < 1 {
		return 0, wrong(field, "not an ISO 8601 date")
	}
	return t.Unix(), nil
}

// metadata reads the metadata of a sample and gives it in the form of
// [health.Sample]: sorted names, as few escapes as can be. A null is left out,
// and whatever else is not a string becomes a string of its JSON text: the wire
// promises strings only. An object that then holds nothing becomes "".
func (d *pageDecoder) metadata() (string, error) {
	if d.PeekKind() == 'n' {
		return "", d.SkipValue()
	}
	if err := d.expect('{', "metadata", "an object"); err != nil {
		return "", err
	}
	raw, err := d.ReadValue()
	if err != nil {
		return "", err
	}
	if text, ok := d.texts[string(raw)]; ok {
		return text, nil
	}
	values, texts := map[string]jsontext.Value{}, map[string]string{}
	if err := json.Unmarshal(raw, &values); err != nil {
		return "", err
	}
	for name, v := range values {
		switch v.Kind() {
		case 'n':
		case '"':
			text, err := jsontext.AppendUnquote(nil, v)
			if err != nil {
				return "", err
			}
			texts[name] = string(text)
		default:
			texts[name] = string(v)
		}
	}
	var out []byte
	if len(texts) > 0 {
		if out, err = json.Marshal(texts, json.Deterministic(true)); err != nil {
			return "", err
		}
	}
	d.texts[string(raw)] = string(out)
	return string(out), nil
}

// check says what an answer with n samples means.
func (h *answerHead) check(n int) error {
	if h.members == 0 {
		return errNothing
	}
	switch h.status {
	case "ok":
	case "locked":
		return &LockedError{}
	case "noPermission":
		return &NoPermissionError{Message: oneLine([]byte(h.message))}
	case "error":
		return &PhoneError{Message: oneLine([]byte(h.message))}
	case "":
		return wrong("status", "missing")
	default:
		return wrong("status", "unknown")
	}
	switch {
	case !h.samples:
		return wrong("samples", "missing")
	case h.hasMore == nil: // to guess "no" would end a history too early
		return wrong("hasMore", "missing")
	case h.returned != nil && *h.returned != float64(n):
		return wrong("returnedCount", "not the number of samples")
	}
	return nil
}
