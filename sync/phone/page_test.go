package phone

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"healthsync/sync/health"
)

func decodeText(text string) (health.Page, error) {
	var page health.Page
	_, err := decodePage(strings.NewReader(text), health.MaxLimit, &page)
	return page, err
}

const (
	anID    = "5B8A6F3E-0C5D-4E0B-9C67-2F0A6C1D9E11"
	aSample = `{"id":"` + anID + `","type":"heartRate","value":72.5,"unit":"count\/min",` +
		`"startDate":"2026-01-07T08:15:30Z","endDate":"2026-01-07T08:15:31Z","sourceName":"Ana’s Apple Watch"}`
	okPrefix = `{"status":"ok","hasMore":false,"returnedCount":1,"samples":[`
)

func theSample() health.Sample {
	id, _ := health.ParseUUID(anID)
	return health.Sample{
		ID: id, Type: health.HeartRate, Start: 1767773730, End: 1767773731,
		Value: 72.5, Unit: "count/min", Source: "Ana’s Apple Watch",
	}
}

// One sample in many spellings that mean the same.
func TestPageSpellings(t *testing.T) {
	for name, text := range map[string]string{
		"as the app writes it": aSample,
		"other order": `{"sourceName":"Ana’s Apple Watch","endDate":"2026-01-07T08:15:31Z","value":72.5,` +
			`"type":"heartRate","id":"` + anID + `","startDate":"2026-01-07T08:15:30Z","unit":"count\/min"}`,
		"white space": strings.NewReplacer(`:"`, " :\n\t \"", `,`, " ,\r\n ", `{`, "{ ", `}`, " }").Replace(aSample),
		"plain slash": strings.Replace(aSample, `\/`, `/`, 1),
		"escapes": strings.NewReplacer(`’`, `\u2019`, `heartRate`, `\u0068eartRate`, `"unit"`, `"un\u0069t"`,
			`5B8A`, `5\u00428A`).Replace(aSample),
		"lower case id": strings.Replace(aSample, anID, strings.ToLower(anID), 1),
		"exponent":      strings.Replace(aSample, `72.5`, `7.25e+1`, 1),
		"more digits":   strings.Replace(aSample, `72.5`, `72.500000000000000000000`, 1),
		"fraction":      strings.Replace(aSample, `15:30Z`, `15:30.999Z`, 1),
		"offset":        strings.Replace(aSample, `08:15:30Z`, `10:45:30+02:30`, 1),
		"null metadata": strings.Replace(aSample, `"unit"`, `"metadata":null,"unit"`, 1),
		"no metadata":   strings.Replace(aSample, `"unit"`, `"metadata":{},"unit"`, 1),
		"of a later app": strings.Replace(aSample, `"unit"`,
			`"device":{"name":"}]\"","v":[1,2.5e3,{"a":[]},true,null]},"unit"`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			page, err := decodeText(okPrefix + text + `]}`)
			if err != nil {
				t.Fatal(err)
			}
			if want := []health.Sample{theSample()}; !slices.Equal(page.Samples, want) {
				t.Errorf("got  %+v\nwant %+v", page.Samples, want)
			}
			if page.HasMore || page.Bytes != int64(len(okPrefix+text+`]}`)) {
				t.Errorf("page %+v", page)
			}
		})
	}
}

func TestPageMetadata(t *testing.T) {
	for in, want := range map[string]string{
		`{"sleepStage":"core"}`: `{"sleepStage":"core"}`,
		`{"totalDistanceMeters":"5000.00","activityType":"running",` +
			`"durationSeconds":"1800"}`: `{"activityType":"running","durationSeconds":"1800","totalDistanceMeters":"5000.00"}`,
		`{ "b" : "2" , "a" : "\u0031" }`:           `{"a":"1","b":"2"}`,
		`{"a":"x\/y\"\\\n\u0001é\ud83d\ude00"}`:    `{"a":"x/y\"\\\n\u0001é😀"}`,
		`{"n":1.50,"t":true,"l":["x",1],"z":null}`: `{"l":"[\"x\",1]","n":"1.50","t":"true"}`,
		`{}`:   ``,
		`null`: ``,
		`{"x":"` + strings.Repeat("y", 300) + `"}`: `{"x":"` + strings.Repeat("y", 300) + `"}`,
	} {
		text := strings.Replace(aSample, `"unit"`, `"metadata":`+in+`,"unit"`, 1)
		// The second sample meets the same object again.
		page, err := decodeText(strings.Replace(okPrefix, ":1", ":2", 1) + text + "," + text + `]}`)
		if err != nil || len(page.Samples) != 2 {
			t.Errorf("%s: %v", in, err)
		}
		for _, s := range page.Samples {
			if s.Metadata != want {
				t.Errorf("%s:\ngot  %s\nwant %s", in, s.Metadata, want)
			}
		}
	}
}

func TestPageErrors(t *testing.T) {
	in := func(old, new string) string {
		if !strings.Contains(aSample, old) {
			panic(old)
		}
		return okPrefix + strings.Replace(aSample, old, new, 1) + `]}`
	}
	field := func(name, reason string) error { return &AnswerError{Field: name, Reason: reason} }
	notJSON, cut := error(&NotJSONError{}), error(&TruncatedError{})
	for _, c := range []struct {
		name, text string
		want       error
	}{
		{"empty object", `{}`, &EmptyAnswerError{}},
		{"spaced empty object", " {\n} ", &EmptyAnswerError{}},
		{"nothing", ``, notJSON},
		{"html", `<html></html>`, notJSON},
		{"a list", `[]`, field("", "not an object")},
		{"cut", okPrefix + aSample[:100], cut},
		{"cut after a number", okPrefix + `{"value":7`, cut},
		{"cut in an escape", okPrefix + `{"unit":"x\`, cut},
		{"no end", okPrefix + aSample + `]`, cut},
		{"more after the end", okPrefix + aSample + `]}{}`, field("", "more follows its end")},
		{"missing comma", okPrefix + aSample + aSample + `]}`, notJSON},
		{"comma at the end", okPrefix + aSample + `,]}`, notJSON},
		{"comma in a sample", in(`"unit"`, `,"unit"`), notJSON},
		{"comma at a sample's end", in(`Watch"}`, `Watch",}`), notJSON},
		{"a sample that is none", okPrefix + `1]}`, field("", "not an object")},
		{"control character", in(`Ana`, "A\x01a"), notJSON},
		{"form feed between tokens", okPrefix + "\f" + aSample + `]}`, notJSON},
		{"bad escape", in(`Ana`, `A\xna`), notJSON},
		{"bad unicode escape", in(`Ana`, `A\u12g4`), notJSON},
		{"bad escape in what is ignored", in(`"unit"`, `"x":"\q","unit"`), notJSON},
		{"invalid UTF-8", in(`Ana`, "A\xff"), notJSON},
		{"leading zero", in(`72.5`, `072.5`), notJSON},
		{"no digit", in(`72.5`, `72.`), notJSON},
		{"plus", in(`72.5`, `+72.5`), notJSON},
		{"hex", in(`72.5`, `0x10`), notJSON},
		{"infinite", in(`72.5`, `1e400`), field("value", "not a finite number")},
		{"NaN", in(`72.5`, `NaN`), notJSON},
		{"value as text", in(`72.5`, `"72.5"`), field("value", "not a number")},
		{"value null", in(`72.5`, `null`), field("value", "not a number")},
		{"no id", in(`"id"`, `"ID"`), field("id", "missing")},
		{"no type", in(`"type"`, `"kind"`), field("type", "missing")},
		{"empty type", in(`heartRate`, ``), field("type", "empty")},
		{"no value", in(`"value"`, `"Value"`), field("value", "missing")},
		{"no start", in(`"startDate"`, `"start"`), field("startDate", "missing")},
		{"no end", in(`"endDate"`, `"end"`), field("endDate", "missing")},
		{"short id", in(`9E11`, `9E1`), field("id", "not a UUID")},
		{"id with another letter", in(`9E11`, `9E1G`), field("id", "not a UUID")},
		{"id null", in(`"`+anID+`"`, `null`), field("id", "not a string")},
		{"date of numbers", in(`"2026-01-07T08:15:30Z"`, `789000000`), field("startDate", "not a string")},
		{"date without a time", in(`2026-01-07T08:15:30Z`, `2026-01-07`), field("startDate", "not an ISO 8601 date")},
		{"30 February", in(`01-07T08:15:31`, `02-30T08:15:31`), field("endDate", "not an ISO 8601 date")},
		{"metadata a list", in(`"unit"`, `"metadata":[],"unit"`), field("metadata", "not an object")},
		{"twice", in(`"unit"`, `"value":1,"unit"`), notJSON},
		{"samples twice", okPrefix + `],"samples":[]}`, notJSON},
		{"metadata twice", in(`"unit"`, `"metadata":{"a":"1","a":"2"},"unit"`), notJSON},
		{"half a surrogate pair", in(`Ana`, `\ud800`), notJSON},
		{"no status", `{"samples":[],"hasMore":false}`, field("status", "missing")},
		{"unknown status", `{"samples":[],"hasMore":false,"status":"great"}`, field("status", "unknown")},
		{"status null", `{"samples":[],"hasMore":false,"status":null}`, field("status", "not a string")},
		{"no samples", `{"status":"ok","hasMore":false}`, field("samples", "missing")},
		{"samples null", `{"status":"ok","hasMore":false,"samples":null}`, field("samples", "not a list")},
		{"no hasMore", `{"status":"ok","samples":[]}`, field("hasMore", "missing")},
		{"hasMore 1", `{"status":"ok","samples":[],"hasMore":1}`, field("hasMore", "not true or false")},
		{"wrong count", `{"status":"ok","samples":[],"hasMore":false,"returnedCount":1}`,
			field("returnedCount", "not the number of samples")},
		{"count in halves", `{"status":"ok","samples":[],"hasMore":false,"returnedCount":0.5}`,
			field("returnedCount", "not the number of samples")},
		{"locked", `{"status":"locked","samples":[],"message":"Device is locked","hasMore":false,"returnedCount":0}`,
			&LockedError{}},
		{"no permission", `{"status":"noPermission","samples":[],"hasMore":false,"returnedCount":0}`, &NoPermissionError{}},
		{"error", `{"status":"error","samples":[],"message":"Health data is unavailable on this device.","hasMore":false}`,
			&PhoneError{"Health data is unavailable on this device."}},
	} {
		t.Run(c.name, func(t *testing.T) {
			page, err := decodeText(c.text)
			if err == nil {
				t.Fatalf("no error, %d samples", len(page.Samples))
			}
			err = explain(err, CallSamples, page.Bytes, int64(len(c.text)))
			if got, ok := err.(*AnswerError); ok { //nolint:errorlint // the error itself
				got.Call, got.Sample = "", 0
			}
			same := fmt.Sprintf("%T", err) == fmt.Sprintf("%T", c.want)
			//nolint:errorlint // the error itself
			if _, plain := c.want.(*AnswerError); !same || plain && err.Error() != c.want.Error() {
				t.Errorf("got %T %v, want %v", err, err, c.want)
			}
			if strings.Contains(err.Error(), "72.5") || strings.Contains(err.Error(), "Ana") {
				t.Errorf("it shows health data: %v", err)
			}
		})
	}
}

// A page has as many samples as were asked for at most. Where an answer goes
// wrong after good samples, nothing of it stays.
func TestPageAllOrNothing(t *testing.T) {
	two := `{"status":"ok","hasMore":true,"samples":[` + aSample + `,` + aSample
	for _, c := range []struct {
		text  string
		limit int
		want  string
	}{
		{two + `]}`, 2, ""}, {two + `]}`, 1, "more samples than were asked for"}, {two + `,`, 10, "unexpected EOF"},
	} {
		page := health.Page{Samples: []health.Sample{theSample()}, HasMore: true}
		_, err := decodePage(strings.NewReader(c.text), c.limit, &page)
		if c.want == "" && (err != nil || len(page.Samples) != 2 || !page.HasMore) {
			t.Errorf("%v, %+v", err, page)
		}
		if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || len(page.Samples) != 0 || page.HasMore) {
			t.Errorf("%v, %+v", err, page)
		}
	}
}

// A page read through any cuts of the stream is the same page.
func TestPageInPieces(t *testing.T) {
	body := fullPage(700)
	want, err := refDecode(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	readers := map[string]func() io.Reader{
		"whole":   func() io.Reader { return bytes.NewReader(body) },
		"bytes":   func() io.Reader { return iotest.OneByteReader(bytes.NewReader(body)) },
		"halves":  func() io.Reader { return iotest.HalfReader(bytes.NewReader(body)) },
		"dataEOF": func() io.Reader { return iotest.DataErrReader(bytes.NewReader(body)) },
	}
	var page health.Page // the same one: its memory is used again
	for name, reader := range readers {
		if _, err := decodePage(reader(), health.MaxLimit, &page); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if page.Bytes != int64(len(body)) || !page.HasMore {
			t.Errorf("%s: %d bytes of %d, more %v", name, page.Bytes, len(body), page.HasMore)
		}
		comparePage(t, page.Samples, want)
	}
}

func FuzzPage(f *testing.F) {
	f.Add([]byte(okPrefix + aSample + `]}`))
	f.Add([]byte(`{}`))
	f.Add(fullPage(3))
	f.Add([]byte(okPrefix + strings.Replace(aSample, `"unit"`, `"metadata":{"a":"\u0041","b":1},"unit"`, 1) + `]}`))
	f.Add([]byte(okPrefix + strings.Replace(aSample, `72.5`, `-0.00e-5`, 1) + `]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var page, again health.Page
		head, err := decodePage(bytes.NewReader(body), health.MaxLimit, &page)
		_, err2 := decodePage(iotest.OneByteReader(bytes.NewReader(body)), health.MaxLimit, &again)
		if (err == nil) != (err2 == nil) || err == nil && !slices.Equal(page.Samples, again.Samples) {
			t.Fatalf("whole: %+v %v\nin pieces: %+v %v", page, err, again, err2)
		}
		if err != nil {
			return
		}
		want, err := refDecode(bytes.NewReader(body))
		if err != nil {
			t.Fatalf("taken, but the reference says %v", err)
		}
		if head.status != want.Status || page.HasMore != want.HasMore {
			t.Fatalf("head %+v, reference %+v", head, want)
		}
		comparePage(t, page.Samples, want)
	})
}
