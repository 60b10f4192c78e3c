package phone

import (
	"encoding/json"
	"io"
	"time"

	"healthsync/sync/health"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// refAnswer is a data answer for a general decoder: what the hand-written one
// is measured by, in result and in time.
type refAnswer struct {
	Status        string      `json:"status"`
	Message       *string     `json:"message"`
	HasMore       bool        `json:"hasMore"`
	ReturnedCount float64     `json:"returnedCount"`
	Samples       []refSample `json:"samples"`
}

type refSample struct {
	ID         string                    `json:"id"`
	Type       string                    `json:"type"`
	Value      float64                   `json:"value"`
	Unit       string                    `json:"unit"`
	StartDate  string                    `json:"startDate"`
	EndDate    string                    `json:"endDate"`
	SourceName string                    `json:"sourceName"`
	Metadata   map[string]jsontext.Value `json:"metadata"`
}

// refDecode reads an answer by reflection. It is as forgiving as jsontext can
// be: invalid UTF-8 and names given twice pass (the last one counts).
func refDecode(r io.Reader) (refAnswer, error) {
	var a refAnswer
	err := jsonv2.UnmarshalRead(r, &a, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	return a, err
}

// sample turns what the reference read into what the decoder should give.
func (s refSample) sample() (out health.Sample, ok bool) {
	id, err := health.ParseUUID(s.ID)
	if err != nil {
		return out, false
	}
	from, err1 := time.Parse(time.RFC3339, s.StartDate)
	to, err2 := time.Parse(time.RFC3339, s.EndDate)
	if err1 != nil || err2 != nil {
		return out, false
	}
	out = health.Sample{
		ID: id, Type: health.Type(s.Type), Start: from.Unix(), End: to.Unix(),
		Value: s.Value, Unit: s.Unit, Source: s.SourceName,
	}
	text := map[string]string{}
	for k, v := range s.Metadata {
		switch v.Kind() {
		case 'n':
		case '"':
			var t string
			if jsonv2.Unmarshal(v, &t, jsontext.AllowInvalidUTF8(true)) != nil {
				return out, false
			}
			text[k] = t
		default:
			text[k] = string(v)
		}
	}
	if len(text) > 0 {
		out.Metadata = canonicalReference(text)
	}
	return out, true
}

// canonicalReference is encoding/json's idea of a sorted object, without its
// escapes for HTML and line separators.
func canonicalReference(m map[string]string) string {
	b, err := jsonv2.Marshal(m, jsonv2.Deterministic(true))
	if err != nil {
		return "!" + err.Error()
	}
	return string(b)
}

// sameMetadata compares two metadata objects by their meaning.
func sameMetadata(a, b string) bool {
	if a == b {
		return true
	}
	var x, y map[string]string
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && equalMaps(x, y)
}

func equalMaps(x, y map[string]string) bool {
	if len(x) != len(y) {
		return false
	}
	for k, v := range x {
		if w, ok := y[k]; !ok || v != w {
			return false
		}
	}
	return true
}
