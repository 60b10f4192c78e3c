package format_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"healthsync/sync/aggregate"
	"healthsync/sync/format"
	"healthsync/sync/health"
)

func sample(source string, value float64, metadata string) *health.Sample {
	id, _ := health.ParseUUID("0A1B2C3D-4E5F-6789-ABCD-EF0123456789")
	return &health.Sample{ID: id, Type: health.Steps, Start: 1767765600, End: 1767765660, Value: value, Unit: "count",
		Source: source, Metadata: metadata}
}

func write(t *testing.T, o format.Options, samples ...*health.Sample) string {
	t.Helper()
	var b bytes.Buffer
	w, err := format.New(&b, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range samples {
		if err := w.Write(s); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestCSV(t *testing.T) {
	got := write(t, format.Options{Kind: format.CSV}, sample(`Ana's "Watch"; old`, 12.5, ""))
	want := "id;type;value;unit;startDate;endDate;sourceName\n" +
		"0A1B2C3D-4E5F-6789-ABCD-EF0123456789;steps;12.5;count;2026-01-07T06:00:00Z;2026-01-07T06:01:00Z;\"Ana's " +
		"\"\"Watch\"\"; old\"\n"
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// Whatever is in a name, a reader of CSV gets it back.
func TestNamesSurviveEveryDelimiter(t *testing.T) {
	for _, name := range []string{"", " ", "a\nb", "\r\n", `"`, ";,\t|", "=1+1", "Ana’s Watch", "\u2028"} {
		for _, o := range []format.Options{{Kind: format.CSV}, {Kind: format.TSV}, {Kind: format.CSV, Delimiter: '|'},
			{Kind: format.CSV, Delimiter: ',', Metadata: true}} {
			r := csv.NewReader(strings.NewReader(write(t, o, sample(name, 1, `{"a":"b;c"}`))))
			r.Comma = map[format.Options]rune{{Kind: format.CSV}: ';', {Kind: format.TSV}: '\t'}[o]
			if o.Delimiter != 0 {
				r.Comma = o.Delimiter
			}
			rows, err := r.ReadAll()
			// encoding/csv reads \r\n inside quotes as \n (RFC 4180 leaves it open).
			if want := strings.ReplaceAll(name, "\r\n", "\n"); err != nil || len(rows) != 2 || rows[1][6] != want {
				t.Errorf("%q with %+v: %q, %v", name, o, rows, err)
			} else if o.Metadata && rows[1][7] != `{"a":"b;c"}` {
				t.Errorf("metadata %q", rows[1][7])
			}
		}
	}
}

// BenchmarkWriter writes samples as they come out of a database.
func BenchmarkWriter(b *testing.B) {
	for _, kind := range format.Kinds() {
		b.Run(string(kind), func(b *testing.B) {
			w, err := format.New(io.Discard, format.Options{Kind: kind})
			if err != nil {
				b.Fatal(err)
			}
			s := sample("Ana’s Apple Watch", 61.5, "")
			b.ReportAllocs()
			for b.Loop() {
				s.Start++
				if err := w.Write(s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestJSON(t *testing.T) {
	for n := range 3 {
		var samples []*health.Sample
		for range n {
			samples = append(samples, sample("a\"\xff\n", 0.1, `{"sleepStage":"rem"}`))
		}
		var got struct {
			Schema  int
			Status  string
			Count   int
			Samples []struct {
				ID, Type, Unit, StartDate, EndDate, SourceName string
				Value                                          float64
				Metadata                                       map[string]string
			}
		}
		out := write(t, format.Options{Kind: format.JSON, Schema: 1}, samples...)
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatalf("%v in %s", err, out)
		}
		if got.Schema != 1 || got.Status != "ok" || got.Count != n || len(got.Samples) != n {
			t.Errorf("%d samples: %+v", n, got)
		}
		if n > 0 && (got.Samples[0].Value != 0.1 || got.Samples[0].SourceName != "a\"\ufffd\n" ||
			got.Samples[0].Metadata["sleepStage"] != "rem") {
			t.Errorf("%+v", got.Samples[0])
		}
		lines := write(t, format.Options{Kind: format.NDJSON}, samples...)
		if strings.Count(lines, "\n") != n || n > 0 && !json.Valid([]byte(strings.SplitN(lines, "\n", 2)[0])) {
			t.Errorf("ndjson of %d: %q", n, lines)
		}
	}
}

// Half an answer must not pass for a whole one.
func TestUnclosedJSONIsNotValid(t *testing.T) {
	var b bytes.Buffer
	w, _ := format.New(&b, format.Options{Kind: format.JSON})
	for range 10_000 {
		if err := w.Write(sample("x", 1, "")); err != nil {
			t.Fatal(err)
		}
	}
	if b.Len() == 0 || json.Valid(b.Bytes()) {
		t.Errorf("%d bytes written before Close, valid: %v", b.Len(), json.Valid(b.Bytes()))
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 72: "72", 0.1: "0.1", -1.5: "-1.5", 1e20: "100000000000000000000",
		1e22: "1e+22", 1e-7: "1e-07", 0.97: "0.97", math.Pi: "3.141592653589793"} {
		if got := format.Number(v); got != want {
			t.Errorf("Number(%v) = %s, want %s", v, got, want)
		}
	}
}

func TestParseDelimiter(t *testing.T) {
	for in, want := range map[string]rune{";": ';', ",": ',', "|": '|', `\t`: '\t', "tab": '\t', "\t": '\t', "§": '§'} {
		if got, err := format.ParseDelimiter(in); err != nil || got != want {
			t.Errorf("ParseDelimiter(%q) = %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"", ";;", "\n", `"`, "\xff"} {
		var bad *format.DelimiterError
		if _, err := format.ParseDelimiter(in); !errors.As(err, &bad) {
			t.Errorf("ParseDelimiter(%q): %v", in, err)
		}
	}
}

func TestRows(t *testing.T) {
	day := time.Date(2026, 1, 7, 0, 0, 0, 0, time.UTC)
	rows := []aggregate.Row{{Date: day, Type: health.Steps, Total: 0.1 + 0.2, Average: 0.15, Min: 0.1, Max: 0.2, Count: 2}}
	var b bytes.Buffer
	if err := format.Rows(&b, format.Options{Kind: format.CSV}, aggregate.Daily, rows); err != nil {
		t.Fatal(err)
	}
	if want := "date,type,total,average,min,max,count\n2026-01-07,steps,0.3,0.15,0.1,0.2,2\n"; b.String() != want {
		t.Errorf("got %q", b.String())
	}
	b.Reset()
	if err := format.Rows(&b, format.Options{Kind: format.JSON, Schema: 1}, aggregate.Hourly, rows); err != nil {
		t.Fatal(err)
	}
	if want := `{"schema":1,"status":"ok","aggregations":[{"date":"2026-01-07T00:00:00Z","type":"steps","total":0.3,` +
		`"average":0.15,"min":0.1,"max":0.2,"count":2}],"count":1}` + "\n"; b.String() != want {
		t.Errorf("got %s", b.String())
	}
}

func TestUnknownKind(t *testing.T) {
	var bad *format.KindError
	if _, err := format.New(io.Discard, format.Options{Kind: "xml"}); !errors.As(err, &bad) {
		t.Errorf("%v", err)
	}
}
