package simulator

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"healthsync/sync/health"
)

// From NetworkServer.swift.
const (
	defaultLimit = 1000
	maxLimit     = health.MaxLimit
)

// handleData serves samples (NetworkServer.handleHealthData).
func (p *Phone) handleData(req *request, f faults) *response {
	p.meters.data.Add(1)
	bad := func(message string) *response { return p.failure(400, "INVALID_REQUEST", message) }
	q, err := p.decodeQuery(req.body)
	if err != nil {
		return bad("Invalid request body")
	}
	switch {
	case len(q.types) == 0:
		return bad("No data types requested")
	case q.end < q.start:
		return bad("Invalid date range")
	case q.limit <= 0:
		return bad("Limit must be positive")
	}
	enabled := p.enabled(f)
	for _, t := range q.types {
		if !slices.Contains(enabled, t) {
			return p.failure(403, "TYPE_NOT_ENABLED", "Requested data types are not enabled")
		}
	}
	empty := object{"samples": []object{}, "hasMore": false, "returnedCount": 0}
	switch {
	case f.has("locked") || p.locked.Load():
		empty["status"], empty["message"] = "locked", "Device is locked"
		if p.opts.Protocol == 2 {
			empty["code"] = "PHONE_LOCKED"
		}
		return answer(423, empty)
	case f.has("health-unavailable"):
		empty["status"], empty["message"] = "error", "Health data is unavailable on this device."
		return answer(200, empty)
	}
	return p.page(q, f)
}

// query is a request for samples; times are Unix seconds.
type query struct {
	start, end    int64
	types         []health.Type
	limit, offset int64
}

func (p *Phone) decodeQuery(body []byte) (q query, err error) {
	var in struct {
		Start  string        `json:"startDate"`
		End    string        `json:"endDate"`
		Types  []health.Type `json:"types"`
		Limit  *int64        `json:"limit"`
		Offset int64         `json:"offset"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return q, err
	}
	known := p.known()
	for _, t := range in.Types {
		if !slices.Contains(known, t) {
			return q, errors.New("unknown type")
		}
	}
	q = query{types: in.Types, limit: defaultLimit, offset: min(max(in.Offset, 0), math.MaxInt32)}
	if in.Limit != nil {
		q.limit = min(*in.Limit, maxLimit)
	}
	if q.start, err = parseDate(in.Start); err != nil {
		return q, err
	}
	q.end, err = parseDate(in.End)
	return q, err
}

// parseDate reads an ISO 8601 date. A fraction of a second, which time.Parse
// would take, is refused as iOS 17 and 18 refuse it.
func parseDate(s string) (unix int64, err error) {
	if strings.ContainsAny(s, ".,") {
		return 0, errors.New("a date with a fraction")
	}
	t, err := time.Parse(time.RFC3339, s)
	return t.Unix(), err
}

func formatDate(unix int64) string { return time.Unix(unix, 0).UTC().Format(time.RFC3339) }

// row is a sample of a page, and the type that was asked for.
type row struct {
	*health.Sample
	as health.Type
}

// page reads, merges, cuts and renders (HealthKitService.fetchSamples): of
// each type limit + offset + 1 samples are read, whatever becomes of them; a
// sleep stage is filtered after that; samples of equal start keep the order of
// the types in the request.
func (p *Phone) page(q query, f faults) *response {
	p.history.mu.RLock()
	defer p.history.mu.RUnlock()
	var rows []row
	read := 0
	for _, t := range q.types {
		list := p.read(t, q, f)
		read += len(list)
		if len(list) > 0 && crashes(f, t) {
			p.meters.read.Add(int64(read))
			return &response{crash: true}
		}
		for i := range slices.Backward(list) {
			if shows(t, &list[i]) {
				rows = append(rows, row{&list[i], t})
			}
		}
	}
	if len(q.types) > 1 {
		slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(b.Start, a.Start) })
	}
	rows = rows[min(int(q.offset), len(rows)):]
	more := len(rows) > int(q.limit)
	rows = rows[:min(int(q.limit), len(rows))]
	p.meters.read.Add(int64(read))
	p.meters.served.Add(int64(len(rows)))
	samples := make([]object, len(rows))
	for i, r := range rows {
		samples[i] = r.object()
	}
	r := answer(200, object{
		"status": "ok", "samples": samples, "hasMore": more != f.has("wrong-hasmore"), "returnedCount": len(rows),
	})
	r.read = read
	return r
}

// object is the sample as the app sends it: without what it does not have.
func (r row) object() object {
	o := object{
		"id": r.ID.String(), "type": string(r.as), "value": r.Value, "unit": r.Unit,
		"startDate": formatDate(r.Start), "endDate": formatDate(r.End), "sourceName": r.Source,
	}
	if r.Metadata != "" {
		o["metadata"] = jsontext.Value(r.Metadata)
	}
	return o
}

// read gives what the phone reads of one type: the newest limit + offset + 1.
func (p *Phone) read(t health.Type, q query, f faults) []health.Sample {
	stored := storedAs(t)
	if f.names("permission-lost", stored) || f.names("permission-lost", t) {
		return nil
	}
	end := q.end
	if p.opts.EndInclusive {
		end++
	}
	list := p.history.span(stored, q.start, end)
	return list[max(0, len(list)-int(q.limit+q.offset+1)):]
}

// crashes reports whether reading a type brings the app down. The shipping app
// reads standHours (HealthKit's appleStandTime, a time) as a count, and
// HKQuantity raises an exception for a unit of another dimension
// (HealthSampleMapper.unitForQuantityType).
func crashes(f faults, t health.Type) bool {
	if arg, ok := f["crash"]; ok && arg == "" {
		return t == health.StandHours
	}
	return f.names("crash", t)
}
