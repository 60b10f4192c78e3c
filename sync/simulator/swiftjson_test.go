package simulator

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"healthsync/sync/health"
)

// The expectations are those of swift-foundation's JSONWriter.
func TestSwiftString(t *testing.T) {
	for in, want := range map[string]string{
		"":                  `""`,
		"count/min":         `"count\/min"`,
		`say "a\b"`:         `"say \"a\\b\""`,
		"Ana\u2019s\u00a0X": "\"Ana\u2019s\u00a0X\"", // not escaped
		"\b\f\n\r\t":        `"\b\f\n\r\t"`,
		"\x00\x0f\x1f":      `"\u0000\u000f\u001f"`,
		"\u2028<&>":         "\"\u2028<&>\"",
		"a\xffb\xc3":        "\"a\uFFFDb\uFFFD\"",
		"😀/":                `"😀\/"`,
	} {
		got := string(appendSwiftString(nil, in))
		if got != want {
			t.Errorf("%q is written as %s, want %s", in, got, want)
		}
		var back string
		if err := json.Unmarshal([]byte(got), &back); err != nil {
			t.Errorf("%s is no JSON: %v", got, err)
		}
	}
}

// What Swift's Double.description gives, less a trailing ".0".
func TestSwiftDouble(t *testing.T) {
	for _, c := range []struct {
		v    float64
		want string
	}{
		{0, "0"}, {math.Copysign(0, -1), "-0"}, {1, "1"}, {-3, "-3"}, {0.97, "0.97"}, {0.30000000000000004, "0.30000000000000004"},
		{0.0001, "0.0001"}, {0.00001, "1e-05"}, {1.5e-7, "1.5e-07"}, {123456789012345, "123456789012345"},
		{1 << 53, "9007199254740992"}, {1 << 54, "18014398509481984"}, {1e17, "1e+17"}, {1.5e300, "1.5e+300"}, {72.5, "72.5"},
		{5e-324, "5e-324"},
	} {
		if got := string(appendSwiftDouble(nil, c.v)); got != c.want {
			t.Errorf("%v is written as %s, want %s", c.v, got, c.want)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		v := math.Float64frombits(r.Uint64())
		if !isFinite(v) {
			continue
		}
		if back, err := strconv.ParseFloat(string(appendSwiftDouble(nil, v)), 64); err != nil || back != v {
			t.Fatalf("%v comes back as %v, %v", v, back, err)
		}
	}
}

func TestDates(t *testing.T) {
	var w dateWriter
	r := rand.New(rand.NewPCG(3, 4))
	for i := range 50_000 {
		at := r.Int64N(253402300799+62135596800) - 62135596800 // years 1 to 9999
		if i%2 == 0 {
			at = 1_700_000_000 + r.Int64N(200_000)
		}
		want := `"` + time.Unix(at, 0).UTC().Format(time.RFC3339) + `"`
		if got := string(w.append(nil, at)); got != want {
			t.Fatalf("%d is written as %s, want %s", at, got, want)
		}
	}
	if got := string(jsonDate(253402300800)); got != `"10000-01-01T00:00:00Z"` {
		t.Error(got)
	}
	for ms, want := range map[int64]int64{0: 0, 999: 0, 1000: 1, -1: -1, -1000: -1, -1001: -2} {
		if got := floorSecond(ms); got != want {
			t.Errorf("%d ms are cut to %d s, want %d", ms, got, want)
		}
	}
}

// Every order of keys is the same object, optional members included.
func TestSampleIsTheSameInEveryOrder(t *testing.T) {
	w := sampleWriter{orders: newOrders()}
	id, _ := health.ParseUUID("0c0ffee0-1234-4abc-8def-0123456789ab")
	r := record{start: 1_700_000_000_900, end: 1_700_000_060_999, value: 0.97, id: id}
	plain := attrJSON{unit: jsonString("%"), source: jsonString("A/B")}
	withMeta := attrJSON{unit: plain.unit, source: plain.source, metadata: swiftMetadata(`{"sleepStage":"core","a/b":"c"}`)}
	seen := map[string]bool{}
	for i := range 200 {
		a := &plain
		if i%2 == 1 {
			a = &withMeta
		}
		b := w.append(nil, &r, jsonString("bloodOxygen"), a)
		if i > 0 {
			if b[0] != ',' {
				t.Fatalf("no comma before sample %d", i)
			}
			b = b[1:]
		}
		seen[string(b)] = true
		var m map[string]any
		if err := json.Unmarshal(b, &m); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		want := 7 + i%2
		if len(m) != want || m["id"] != "0C0FFEE0-1234-4ABC-8DEF-0123456789AB" || m["startDate"] != "2023-11-14T22:13:20Z" ||
			m["endDate"] != "2023-11-14T22:14:20Z" || m["value"] != 0.97 || m["sourceName"] != "A/B" || m["type"] != "bloodOxygen" {
			t.Fatalf("%s", b)
		}
	}
	if len(seen) < 40 {
		t.Errorf("only %d orders of keys were seen: a client could rely on one", len(seen))
	}
}
