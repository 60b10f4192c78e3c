package simulator

import "testing"

// The expectations follow Date.ISO8601FormatStyle() of iOS 17 and 18.
func TestParseDate(t *testing.T) {
	const noon = 1767787200 // 2026-01-07T12:00:00Z
	for in, want := range map[string]int64{
		"2026-01-07T12:00:00Z":       noon,
		"2026-01-07T12:00:00z":       noon,
		"2026-01-07T14:00:00+02:00":  noon,
		"2026-01-07T14:00:00+0200":   noon,
		"2026-01-07T14:00:00+02":     noon,
		"2026-01-07T06:30:00-05:30":  noon,
		"2026-01-07T12:00:00GMT":     noon,
		"2026-01-07T13:00:00UTC+1":   noon,
		"2026-1-7T12:0:0Z":           noon,
		"2026-01-07T12:00:00Z later": noon, // nobody looks at what follows
		"2026-01-06T24:00:00Z":       noon - 12*3600,
		"2026-01-07T11:59:60Z":       noon - 1,
		"0001-01-01T00:00:00Z":       -62135596800,
		"1969-12-31T23:59:59Z":       -1,
	} {
		if got, err := parseDate(in); err != nil || got != want {
			t.Errorf("%q is read as %d, %v; want %d", in, got, err, want)
		}
	}
	for _, in := range []string{
		"", "2026", "2026-01-07", "2026-01-07T12:00:00", "2026-01-07T12:00:00.000Z", "2026-01-07T12:00:00.5+00:00", "2026-01-07 12:00:00Z",
		"2026-01-07t12:00:00Z", "2026-13-07T12:00:00Z", "2026-00-07T12:00:00Z", "2026-01-32T12:00:00Z", "2026-01-07T25:00:00Z", "2026-01-07T24:00:01Z",
		"2026-01-07T12:60:00Z", "2026-01-07T12:00:61Z", "2026-01-07T12:00Z", "-2026-01-07T12:00:00Z", "2026-01-07T12:00:00X", "2026-01-07T12:00:00+",
		"yesterday", "1767787200",
	} {
		if got, err := parseDate(in); err == nil {
			t.Errorf("%q is read as %d", in, got)
		}
	}
}

func TestInteger(t *testing.T) {
	for in, want := range map[string]int64{
		"10": 10, "10.0": 10, "1e3": 1000, "-5": -5, "0": 0, "9223372036854775807": 9223372036854775807, "1.5e1": 15,
	} {
		if got, ok, err := (members{"n": []byte(in)}).integer("n"); got != want || !ok || err != nil {
			t.Errorf("%s is read as %d, %v, %v", in, got, ok, err)
		}
	}
	for _, in := range []string{`"10"`, "10.5", "9223372036854775808", "1e400", "true", "[1]", "{}", "1e-1"} {
		if got, _, err := (members{"n": []byte(in)}).integer("n"); err == nil {
			t.Errorf("%s is read as %d", in, got)
		}
	}
	for _, m := range []members{{}, {"n": []byte("null")}} {
		if _, ok, err := m.integer("n"); ok || err != nil {
			t.Errorf("absent is %v, %v", ok, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"startDate":"2026-01-07T12:00:00Z","endDate":"2026-01-08T12:00:00Z","types":["steps"],"limit":10,"offset":null}`))
	f.Add([]byte(`{"limit":1e999999999}`))
	p, err := New(Options{Protocol: 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if q, err := p.decodeQuery(body); err == nil && (q.limit > maxLimit || q.offset < 0) {
			t.Errorf("%s gives %+v", body, q)
		}
		if req, err := parseRequest(body); err == nil && req != nil && len(req.body) > len(body) {
			t.Errorf("a body longer than its request")
		}
	})
}
