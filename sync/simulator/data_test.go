package simulator

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"healthsync/sync/health"
)

func id(n int) (u health.UUID) {
	u[0], u[14], u[15] = byte(n>>16), byte(n>>8), byte(n)
	return u
}

func sample(n int, t health.Type, start int64, value float64) health.Sample {
	return health.Sample{ID: id(n), Type: t, Start: start, End: start + 60, Value: value, Unit: "u", Source: "s"}
}

func iso(unix int64) string { return time.Unix(unix, 0).UTC().Format(time.RFC3339) }

func ask(start, end int64, limit, offset int, types ...health.Type) string {
	list := strings.ReplaceAll(fmt.Sprintf("%q", types), `" "`, `","`)
	return fmt.Sprintf(`{"startDate":%q,"endDate":%q,"types":%s,"limit":%d,"offset":%d}`, iso(start), iso(end), list,
		limit, offset)
}

// model answers as HealthKitService.swift reads: each type's newest
// limit+offset+1, filtered, joined in the order asked for, sorted stably, cut.
func model(h *History, start, end int64, limit, offset int, types []health.Type) (ids []string, more bool, read int) {
	type row struct {
		at int64
		id string
	}
	var all []row
	for _, t := range types {
		n := 0
		for _, s := range slices.Backward(h.samples[storedAs(t)]) {
			if s.Start < start || s.Start >= end || n == limit+offset+1 {
				continue
			}
			n++
			if stage, isStage := t.Stage(); !isStage || s.Value == float64(stage) {
				all = append(all, row{s.Start, s.ID.String() + string(t)})
			}
		}
		read += n
	}
	slices.SortStableFunc(all, func(a, b row) int { return cmp.Compare(b.at, a.at) })
	all = all[min(offset, len(all)):]
	more = len(all) > limit
	for _, r := range all[:min(limit, len(all))] {
		ids = append(ids, r.id)
	}
	return ids, more, read
}

// Pages of random histories, with many equal starts, against the model.
func TestPagesAgainstModel(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	types := []health.Type{health.Steps, health.HeartRate, health.SleepAnalysis, health.SleepCore, health.SleepREM,
		health.Weight}
	for round := range 120 {
		h := NewHistory()
		const from = 1_700_000_000
		for n := range r.IntN(200) {
			h.Insert(sample(n, types[r.IntN(len(types))], from+r.Int64N(50), float64(r.IntN(6))))
		}
		p := must(New(Options{Protocol: 1, History: h, EndInclusive: round%2 == 0}))(t)
		for range 10 {
			asked := make([]health.Type, 1+r.IntN(4)) // the same twice too
			for i := range asked {
				asked[i] = types[r.IntN(len(types))]
			}
			start := from + r.Int64N(60) - 5
			end := start + r.Int64N(60)
			limit, offset := 1+r.IntN(40), r.IntN(30)*r.IntN(2)
			before := end
			if p.opts.EndInclusive {
				before++
			}
			want, more, read := model(h, start, before, limit, offset, asked)
			m := p.Meters()
			var got wirePage
			body := p.handleData(&request{body: []byte(ask(start, end, limit, offset, asked...))}, nil).body
			if err := json.Unmarshal(body, &got); err != nil {
				t.Fatalf("%v: %s", err, body)
			}
			var ids []string
			for _, s := range got.Samples {
				ids = append(ids, s.ID+s.Type)
			}
			if !slices.Equal(ids, want) || got.HasMore != more || got.ReturnedCount != len(want) || got.Status != "ok" ||
				got.Message != nil {
				t.Fatalf("%v from %d to %d limit %d offset %d:\n got %v %v\nwant %v %v", asked, start-from, end-from, limit,
					offset, ids, got.HasMore, want, more)
			}
			if n := p.Meters().SamplesRead - m.SamplesRead; n != int64(read) {
				t.Fatalf("%d samples read, want %d", n, read)
			}
			if n := p.Meters().SamplesServed - m.SamplesServed; n != int64(len(want)) {
				t.Fatalf("%d samples served, want %d", n, len(want))
			}
		}
	}
}

func TestLimits(t *testing.T) {
	h := NewHistory()
	var many []health.Sample
	for n := range 12_000 {
		many = append(many, sample(n, health.HeartRate, 1_700_000_000+int64(n), 60))
	}
	h.Insert(many...)
	c := start(t, Options{Protocol: 1, History: h}).paired()
	const span = `"startDate":"2000-01-01T00:00:00Z","endDate":"2030-01-01T00:00:00Z","types":["heartRate"]`
	for _, x := range []struct {
		more    string
		count   int
		hasMore bool
		read    int64
	}{
		{"", 1000, true, 1001},
		{`,"limit":null,"offset":null`, 1000, true, 1001},
		{`,"limit":7`, 7, true, 8},
		{`,"limit":99999`, 10_000, true, 10_001},
		{`,"limit":10000,"offset":2000`, 10_000, false, 12_000},
		{`,"limit":10000,"offset":11999`, 1, false, 12_000},
		{`,"limit":10000,"offset":50000`, 0, false, 12_000},
		{`,"limit":5,"offset":-5`, 5, true, 6},
	} {
		before := c.phone.Meters().SamplesRead
		p := c.page("{" + span + x.more + "}")
		if len(p.Samples) != x.count || p.ReturnedCount != x.count || p.HasMore != x.hasMore {
			t.Errorf("%s: %d samples, says %d, more %v", x.more, len(p.Samples), p.ReturnedCount, p.HasMore)
		}
		if read := c.phone.Meters().SamplesRead - before; read != x.read {
			t.Errorf("%s: %d samples read, want %d", x.more, read, x.read)
		}
	}
}

// The stage types are views of the same samples, filtered after the limit: so
// hasMore says no although there is more.
func TestSleepStagesLie(t *testing.T) {
	h := NewHistory()
	for n := range 30 {
		stage := health.StageCore
		if n == 0 {
			stage = health.StageDeep
		}
		s := sample(n, health.SleepAnalysis, 1000+int64(n)*100, float64(stage))
		s.Metadata = `{"sleepStage":"` + stage.String() + `"}`
		h.Insert(s)
	}
	c := start(t, Options{Protocol: 1, History: h}).paired()
	p := c.page(ask(0, 10000, 10, 0, health.SleepDeep))
	if len(p.Samples) != 0 || p.HasMore {
		t.Errorf("deep sleep is found beyond the limit: %+v", p)
	}
	p = c.page(ask(0, 10000, 30, 0, health.SleepDeep))
	if len(p.Samples) != 1 || p.Samples[0].Type != "sleepDeep" || p.Samples[0].Metadata["sleepStage"] != "deep" ||
		p.Samples[0].ID != id(0).String() {
		t.Errorf("%+v", p)
	}
	p = c.page(ask(0, 10000, 50, 0, health.SleepAnalysis, health.SleepDeep))
	if len(p.Samples) != 31 || p.Samples[29].ID != p.Samples[30].ID || p.Samples[29].Type != "sleepAnalysis" {
		t.Errorf("the same sample under two types: %d", len(p.Samples))
	}
}

// JSONEncoder throws for a value that is not finite, and the app then sends {}
// with status 200 (HTTPTypes.swift).
func TestNotFinite(t *testing.T) {
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		h := NewHistory(sample(1, health.Steps, 100, 1), sample(2, health.Steps, 200, v), sample(3, health.Steps, 300, 3))
		c := start(t, Options{Protocol: 1, History: h}).paired()
		if a := c.do("POST", pathData, ask(0, 1000, 10, 0, health.Steps)); a.status != 200 || string(a.body) != "{}" {
			t.Errorf("%v: %s %s", v, a.line, a.body)
		}
		if p := c.page(ask(0, 1000, 1, 0, health.Steps)); len(p.Samples) != 1 {
			t.Errorf("a page without it: %+v", p)
		}
	}
}

// What a sample looks like: whole seconds, escaped slashes, no member that it
// does not have, and keys in an order that changes.
func TestSampleOnTheWire(t *testing.T) {
	s := sample(1, health.BloodOxygen, 1_700_000_000, 0.97)
	s.Unit, s.Source = "%", "A/B \u2028<\xff>"
	stage := sample(2, health.SleepAnalysis, 1_700_000_100, 3)
	stage.Metadata = `{"sleepStage":"core"}`
	c := start(t, Options{Protocol: 1, History: NewHistory(s, stage), NoRateLimit: true}).paired()
	orders := map[string]bool{}
	for range 50 {
		a := c.do("POST", pathData, ask(0, 2e9, 10, 0, health.BloodOxygen, health.SleepAnalysis))
		orders[regexp.MustCompile(`"samples":.{10}`).FindString(string(a.body))] = true
		list := a.json()["samples"].([]any)
		got, other := list[1].(map[string]any), list[0].(map[string]any)
		if len(got) != 7 || got["id"] != "00000000-0000-0000-0000-000000000001" ||
			got["startDate"] != "2023-11-14T22:13:20Z" ||
			got["endDate"] != "2023-11-14T22:14:20Z" || got["value"] != 0.97 || got["sourceName"] != "A/B \u2028<\ufffd>" {
			t.Fatalf("%s", a.body)
		}
		if !strings.Contains(string(a.body), `A\/B`) || fmt.Sprint(other["metadata"]) != "map[sleepStage:core]" {
			t.Fatalf("%s", a.body)
		}
	}
	if len(orders) < 4 {
		t.Errorf("only %d orders of keys were seen: a client could rely on one", len(orders))
	}
}

// Dates as iOS 17 and 18 read them: without a fraction of a second.
func TestParseDate(t *testing.T) {
	const noon = 1767787200 // 2026-01-07T12:00:00Z
	for in, want := range map[string]int64{
		"2026-01-07T12:00:00Z": noon, "2026-01-07T14:00:00+02:00": noon, "2026-01-07T06:30:00-05:30": noon,
		"0001-01-01T00:00:00Z": -62135596800, "1969-12-31T23:59:59Z": -1,
	} {
		if got, err := parseDate(in); err != nil || got != want {
			t.Errorf("%q is read as %d, %v; want %d", in, got, err, want)
		}
	}
	for _, in := range []string{
		"", "2026-01-07", "2026-01-07T12:00:00", "2026-01-07T12:00:00.000Z", "2026-01-07T12:00:00.5+00:00",
		"2026-01-07T12:00:00,5Z",
		"2026-01-07 12:00:00Z", "2026-13-07T12:00:00Z", "2026-01-07T25:00:00Z", "2026-01-07T12:00Z", "yesterday",
		"1767787200",
	} {
		if got, err := parseDate(in); err == nil {
			t.Errorf("%q is read as %d", in, got)
		}
	}
}

func TestLockedAndUnavailable(t *testing.T) {
	for _, protocol := range []int{1, 2} {
		c := start(t, Options{Protocol: protocol, History: NewHistory(sample(1, health.Steps, 100, 1))}).paired()
		c.phone.SetLocked(true)
		a := c.do("POST", pathData, ask(0, 1000, 10, 0, health.Steps))
		m := a.json()
		if a.line != "HTTP/1.1 423 Locked" || m["status"] != "locked" || m["message"] != "Device is locked" ||
			m["hasMore"] != false ||
			m["returnedCount"] != 0.0 || fmt.Sprint(m["samples"]) != "[]" {
			t.Errorf("%s %s", a.line, a.body)
		}
		if _, has := m["code"]; has != (protocol == 2) {
			t.Errorf("version %d: %s", protocol, a.body)
		}
		if a := c.do("GET", pathStatus, ""); a.status != 200 {
			t.Errorf("status of a locked phone: %s", a.line)
		}
		c.phone.SetLocked(false)
		if p := c.page(ask(0, 1000, 10, 0, health.Steps)); len(p.Samples) != 1 {
			t.Errorf("unlocked: %+v", p)
		}
	}
}

// A later app may have a type that is not known yet.
func TestUnknownType(t *testing.T) {
	c := start(t, Options{Protocol: 1, History: NewHistory(sample(1, "bloodGlucose", 100, 5.4))}).paired()
	if p := c.page(ask(0, 1000, 10, 0, "bloodGlucose")); len(p.Samples) != 1 || p.Samples[0].Type != "bloodGlucose" {
		t.Errorf("%+v", p)
	}
	if a := c.do("GET", pathTypes, ""); !strings.Contains(string(a.body), `"bloodGlucose"`) {
		t.Errorf("%s", a.body)
	}
	c.phone.SetTypes([]health.Type{health.Steps})
	if a := c.do("POST", pathData, ask(0, 1000, 10, 0, "bloodGlucose")); a.status != 403 {
		t.Errorf("%s", a.line)
	}
}
