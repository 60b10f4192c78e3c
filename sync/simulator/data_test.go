package simulator

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
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
	return fmt.Sprintf(`{"startDate":%q,"endDate":%q,"types":%s,"limit":%d,"offset":%d}`, iso(start), iso(end), jsonStrings(types), limit, offset)
}

// model answers as HealthKitService.swift reads: each type's newest
// limit+offset+1, filtered, joined in the order asked for, sorted stably, cut.
func model(h *History, inclusive bool, start, end int64, limit, offset int, types []health.Type) (ids []string, hasMore bool, read int) {
	type row struct {
		at int64
		id string
	}
	var all []row
	for _, t := range types {
		stored := t
		stage, isStage := t.Stage()
		if isStage {
			stored = health.SleepAnalysis
		}
		n := 0
		s := h.series[stored]
		for i := 0; s != nil && i < len(s.recs) && n < limit+offset+1; i++ {
			r := s.recs[len(s.recs)-1-i]
			if r.start < start*1000 || r.start > end*1000 || r.start == end*1000 && !inclusive {
				continue
			}
			n++
			if !isStage || r.value == float64(stage) {
				all = append(all, row{r.start, r.id.String() + string(t)})
			}
		}
		read += n
	}
	slices.SortStableFunc(all, func(a, b row) int { return cmp.Compare(b.at, a.at) })
	all = all[min(offset, len(all)):]
	hasMore = len(all) > limit
	for _, r := range all[:min(limit, len(all))] {
		ids = append(ids, r.id)
	}
	return ids, hasMore, read
}

// Pages of random histories, with many equal starts, against the model.
func TestPagesAgainstModel(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	types := []health.Type{health.Steps, health.HeartRate, health.SleepAnalysis, health.SleepCore, health.SleepREM, health.Weight}
	for round := range 120 {
		h := NewHistory()
		const from = 1_700_000_000
		for n := range r.IntN(200) {
			ty := types[r.IntN(len(types))]
			h.Insert(sample(n, ty, from+r.Int64N(50), float64(r.IntN(6))))
		}
		for _, s := range h.series { // fractions of a second, still in order
			for i := range s.recs {
				s.recs[i].start += r.Int64N(2) * 500
			}
			slices.SortStableFunc(s.recs, func(a, b record) int { return cmp.Compare(a.start, b.start) })
		}
		p, err := New(Options{Protocol: 1, History: h, EndInclusive: round%2 == 0})
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			asked := make([]health.Type, 1+r.IntN(4)) // the same twice too
			for i := range asked {
				asked[i] = types[r.IntN(len(types))]
			}
			start := from + r.Int64N(60) - 5
			end := start + r.Int64N(60)
			limit, offset := 1+r.IntN(40), r.IntN(30)*r.IntN(2)
			want, wantMore, wantRead := model(h, p.opts.EndInclusive, start, end, limit, offset, asked)
			before := p.Meters()
			answer := p.handleData(&request{body: []byte(ask(start, end, limit, offset, asked...))}, nil)
			after := p.Meters()
			var got wirePage
			if err := json.Unmarshal(answer.body, &got); err != nil {
				t.Fatalf("%v: %s", err, answer.body)
			}
			var ids []string
			for _, s := range got.Samples {
				ids = append(ids, s.ID+s.Type)
			}
			if !slices.Equal(ids, want) || got.HasMore != wantMore || got.ReturnedCount != len(want) || got.Status != "ok" || got.Message != nil {
				t.Fatalf("%v from %d to %d limit %d offset %d:\n got %v %v\nwant %v %v", asked, start-from, end-from, limit, offset, ids, got.HasMore, want, wantMore)
			}
			if read, served := after.SamplesRead-before.SamplesRead, after.SamplesServed-before.SamplesServed; read != int64(wantRead) || served != int64(len(want)) {
				t.Fatalf("read %d, want %d; served %d, want %d", read, wantRead, served, len(want))
			}
			p.buffers.put(answer.buffer)
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

// Ranges are [start, end) by full precision, though what is served is cut to
// whole seconds.
func TestRangeEdges(t *testing.T) {
	h := NewHistory(sample(1, health.Steps, 100, 1), sample(2, health.Steps, 110, 2), sample(3, health.Steps, 120, 3))
	h.series[health.Steps].recs[1].start += 700
	for _, inclusive := range []bool{false, true} {
		c := start(t, Options{Protocol: 1, History: h, EndInclusive: inclusive}).paired()
		for _, x := range []struct {
			start, end int64
			want       string
		}{
			{100, 120, "[2 1]"}, {100, 121, "[3 2 1]"}, {101, 121, "[3 2]"}, {110, 111, "[2]"}, {111, 120, "[]"}, {110, 110, "[]"}, {100, 100, "[]"},
		} {
			want := x.want
			if inclusive {
				want = map[int64]string{120: strings.Replace(x.want, "[", "[3 ", 1), 100: "[1]"}[x.end]
				if want = strings.Replace(want, " ]", "]", 1); want == "" {
					want = x.want
				}
			}
			var got []float64
			for _, s := range c.page(ask(x.start, x.end, 10, 0, health.Steps)).Samples {
				got = append(got, s.Value)
				if s.Value == 2 && s.StartDate != iso(110) {
					t.Errorf("the fraction is served: %s", s.StartDate)
				}
			}
			if fmt.Sprint(got) != want {
				t.Errorf("[%d, %d) inclusive %v: %v, want %s", x.start, x.end, inclusive, got, want)
			}
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
	if len(p.Samples) != 1 || p.Samples[0].Type != "sleepDeep" || p.Samples[0].Metadata["sleepStage"] != "deep" || p.Samples[0].ID != id(0).String() {
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

func TestLockedAndUnavailable(t *testing.T) {
	for _, protocol := range []int{1, 2} {
		c := start(t, Options{Protocol: protocol, History: NewHistory(sample(1, health.Steps, 100, 1))}).paired()
		c.phone.SetLocked(true)
		a := c.do("POST", pathData, ask(0, 1000, 10, 0, health.Steps))
		m := a.json()
		if a.line != "HTTP/1.1 423 Locked" || m["status"] != "locked" || m["message"] != "Device is locked" || m["hasMore"] != false ||
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

// What an app of tomorrow may have: a type that nobody knows yet.
func TestTypeOfTomorrow(t *testing.T) {
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
