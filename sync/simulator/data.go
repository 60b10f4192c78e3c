package simulator

import (
	"context"
	"math"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"healthsync/sync/health"
)

// From NetworkServer.swift.
const (
	defaultLimit = 1000
	maxLimit     = health.MaxLimit
)

// buffers are those of pages: one page of 10,000 samples has some 2.4 MB. The
// app too renders a page whole before it sends its length.
type buffers struct{ pool sync.Pool }

func (b *buffers) get() *[]byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return p
	}
	return new([]byte)
}

func (b *buffers) put(p *[]byte) { b.pool.Put(p) }

// handleData serves samples (NetworkServer.handleHealthData).
func (p *Phone) handleData(req *request, f faults) *response {
	p.meters.data.Add(1)
	bad := func(message string) *response {
		return p.failure(400, "Bad Request", "INVALID_REQUEST", message)
	}
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
	enabled := map[health.Type]bool{}
	for _, t := range p.enabled(f) {
		enabled[t] = true
	}
	for _, t := range q.types {
		if !enabled[t] {
			return p.failure(403, "Forbidden", "TYPE_NOT_ENABLED", "Requested data types are not enabled")
		}
	}
	if f.has(faultLocked) || p.locked.Load() {
		return p.status(423, "Locked", "locked", "Device is locked", "PHONE_LOCKED")
	}
	if f.has(faultUnavailable) {
		return p.status(200, "OK", "error", "Health data is unavailable on this device.", "")
	}
	if q.offset > math.MaxInt64-maxLimit-1 {
		return &response{crash: true} // limit + offset + 1 overflows, which Swift traps
	}
	return p.page(q, f)
}

// status is a page without samples that says why.
func (p *Phone) status(code int, reason, status, message, v2code string) *response {
	fields := []field{
		{"status", jsonString(status)}, {"samples", []byte("[]")}, {"message", jsonString(message)},
		{"hasMore", []byte("false")}, {"returnedCount", []byte("0")},
	}
	if p.opts.Protocol == 2 && v2code != "" {
		fields = append(fields, field{"code", jsonString(v2code)})
	}
	return &response{status: code, reason: reason, typ: typeJSON, body: object(fields...)}
}

// query is a request for samples; times are Unix seconds.
type query struct {
	start, end    int64
	types         []health.Type
	limit, offset int64
}

func (p *Phone) decodeQuery(body []byte) (q query, err error) {
	m, err := decodeObject(body)
	if err != nil {
		return q, err
	}
	if q.start, err = m.date("startDate"); err != nil {
		return q, err
	}
	if q.end, err = m.date("endDate"); err != nil {
		return q, err
	}
	names, err := m.strings("types")
	if err != nil {
		return q, err
	}
	known := map[string]bool{}
	for _, t := range p.known() {
		known[string(t)] = true
	}
	for _, name := range names {
		if !known[name] {
			return q, errDecode
		}
		q.types = append(q.types, health.Type(name))
	}
	limit, given, err := m.integer("limit")
	if err != nil {
		return q, err
	}
	if !given {
		limit = defaultLimit
	}
	q.limit = min(limit, maxLimit)
	offset, _, err := m.integer("offset")
	q.offset = max(offset, 0)
	return q, err
}

// cursor walks one requested type's samples, newest first.
type cursor struct {
	recs  []record // oldest first; the last is the next
	json  []byte   // the type's name
	stage float64
	only  bool // only those of the stage
}

// count is the number of samples that the filter lets through.
func (c *cursor) count() int64 {
	if !c.only {
		return int64(len(c.recs))
	}
	var n int64
	for i := range c.recs {
		if c.recs[i].value == c.stage {
			n++
		}
	}
	return n
}

// skip drops what the filter of a sleep stage refuses, and reports whether
// there is a next sample.
func (c *cursor) skip() bool {
	if c.only {
		for len(c.recs) > 0 && c.recs[len(c.recs)-1].value != c.stage {
			c.recs = c.recs[:len(c.recs)-1]
		}
	}
	return len(c.recs) > 0
}

// page answers with samples, and takes the time that reading them takes.
func (p *Phone) page(q query, f faults) *response {
	buf := p.buffers.get()
	body, read, served, ok := p.readPage((*buf)[:0], q, f)
	*buf = body
	p.meters.read.Add(read)
	if !ok {
		p.buffers.put(buf)
		return &response{crash: true}
	}
	p.meters.served.Add(served)
	if d := p.opts.SampleCost * time.Duration(read); d > 0 {
		p.reading.Lock()
		p.wait(d)
		p.reading.Unlock()
	}
	return &response{status: 200, reason: "OK", typ: typeJSON, body: body, buffer: buf}
}

// readPage reads, merges, cuts and renders (HealthKitService.fetchSamples): of
// each type limit + offset + 1 samples are read, whatever becomes of them; a
// sleep stage is filtered after that; and samples of equal start keep the order
// of the types in the request. The page is appended to b; ok is false where
// reading crashes the app.
func (p *Phone) readPage(b []byte, q query, f faults) (body []byte, read, served int64, ok bool) {
	h := p.history
	h.mu.RLock()
	defer h.mu.RUnlock()
	each := int(min(q.limit+q.offset+1, math.MaxInt32))
	var total int64
	cursors := make([]cursor, 0, len(q.types))
	for _, t := range q.types {
		c := p.cursor(t, q, each, f)
		read += int64(len(c.recs))
		if len(c.recs) > 0 && f.has(faultCrash) && crashes(f, t) {
			return b, read, 0, false
		}
		total += c.count()
		if c.skip() {
			cursors = append(cursors, c)
		}
	}
	served = max(0, min(total-q.offset, q.limit))
	hasMore := total-q.offset > q.limit
	if f.has(faultHasMore) {
		hasMore = !hasMore
	}
	if b, ok = p.render(b, cursors, q.offset, served, hasMore); !ok {
		return append(b[:0], emptyObject...), read, 0, true
	}
	return b, read, served, true
}

// cursor opens one type: what the phone reads of it.
func (p *Phone) cursor(t health.Type, q query, each int, f faults) cursor {
	stored := t
	stage, isStage := t.Stage()
	if isStage {
		stored = health.SleepAnalysis
	}
	if f.names(faultPermission, stored) || f.names(faultPermission, t) {
		return cursor{}
	}
	recs := p.history.span(stored, q.start*1000, q.end*1000, p.opts.EndInclusive)
	return cursor{
		recs: recs[max(0, len(recs)-each):], json: jsonString(string(t)), stage: float64(stage), only: isStage,
	}
}

// crashes reports whether reading a type brings the app down. The shipping app
// reads standHours (HealthKit's appleStandTime, a time) as a count, and
// HKQuantity raises an exception for a unit of another dimension
// (HealthSampleMapper.unitForQuantityType).
func crashes(f faults, t health.Type) bool {
	if f[faultCrash] == "" {
		return t == health.StandHours
	}
	return f.names(faultCrash, t)
}

// render appends the page's object; false where a value is none that JSON has.
func (p *Phone) render(b []byte, cursors []cursor, offset, n int64, hasMore bool) ([]byte, bool) {
	members := [...]string{"status", "samples", "hasMore", "returnedCount"}
	rand.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	for i, key := range members {
		b = append(b, "{,,,"[i])
		b = appendSwiftString(b, key)
		b = append(b, ':')
		switch key {
		case "status":
			b = append(b, `"ok"`...)
		case "hasMore":
			b = strconv.AppendBool(b, hasMore)
		case "returnedCount":
			b = strconv.AppendInt(b, n, 10)
		case "samples":
			var ok bool
			if b, ok = p.renderSamples(b, cursors, offset, n); !ok {
				return b, false
			}
		}
	}
	return append(b, '}'), true
}

// renderSamples merges the cursors newest first; false where a value is not
// finite.
func (p *Phone) renderSamples(b []byte, cursors []cursor, offset, n int64) ([]byte, bool) {
	b = append(b, '[')
	w := sampleWriter{orders: p.orders}
	attrs := p.history.json
	for i := int64(0); n > 0 && i < offset+n; i++ {
		best := 0
		if len(cursors) > 1 {
			newest := int64(math.MinInt64)
			for j := range cursors {
				if at := cursors[j].recs[len(cursors[j].recs)-1].start; at > newest {
					best, newest = j, at
				}
			}
		}
		c := &cursors[best]
		r := &c.recs[len(c.recs)-1]
		if i >= offset {
			if !isFinite(r.value) {
				return b, false
			}
			b = w.append(b, r, c.json, &attrs[r.attr])
		}
		c.recs = c.recs[:len(c.recs)-1]
		if !c.skip() {
			cursors = append(cursors[:best], cursors[best+1:]...)
		}
	}
	return append(b, ']'), true
}

// wait waits, unless the phone stops sharing meanwhile.
func (p *Phone) wait(d time.Duration) {
	ctx := p.context()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// context ends when the phone stops sharing.
func (p *Phone) context() context.Context {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopping == nil {
		return context.Background()
	}
	return p.stopping
}
