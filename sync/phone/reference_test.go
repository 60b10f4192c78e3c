package phone

import (
	"io"
	"maps"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"healthsync/sync/health"
)

// refAnswer is a data answer for a general decoder: what the page decoder is
// measured by, in result and in time.
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
	err := json.UnmarshalRead(r, &a, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
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
			if json.Unmarshal(v, &t, jsontext.AllowInvalidUTF8(true)) != nil {
				return out, false
			}
			text[k] = t
		default:
			text[k] = string(v)
		}
	}
	if len(text) > 0 {
		b, err := json.Marshal(text, json.Deterministic(true))
		if err != nil {
			return out, false
		}
		out.Metadata = string(b)
	}
	return out, true
}

// sameSample compares two samples, their metadata by what they mean.
func sameSample(a, b health.Sample) bool {
	var x, y map[string]string
	same := a.Metadata == b.Metadata || json.Unmarshal([]byte(a.Metadata), &x) == nil &&
		json.Unmarshal([]byte(b.Metadata), &y) == nil && maps.Equal(x, y)
	a.Metadata, b.Metadata = "", ""
	return same && a == b
}

// comparePage holds samples against those of the reference.
func comparePage(t *testing.T, got []health.Sample, want refAnswer) {
	t.Helper()
	if len(got) != len(want.Samples) {
		t.Fatalf("%d samples, want %d", len(got), len(want.Samples))
	}
	for i, r := range want.Samples {
		w, ok := r.sample()
		if ok && !sameSample(got[i], w) { // else the reference's dates are stricter (second 60)
			t.Fatalf("sample %d: %+v, want %+v", i, got[i], w)
		}
	}
}
