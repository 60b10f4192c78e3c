package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"

	"healthsync/sync/civil"
	"healthsync/sync/daily"
	"healthsync/sync/health"
)

// The table day_total is kept in step with sample: each change makes the figures
// of the days anew that it touches, in its own transaction, so that a reader
// never sees an old figure. What the figures depend on beside the samples (the
// zone of those that name none, and the order of the sources) is written beside
// them; where it changes, all are made anew.

// rule is what the figures depend on beside the samples.
type rule struct {
	zone  *civil.Zone
	order daily.Priority
	text  string // as it is written down

	// For the sources that are stored:
	origins map[int64]origin
	sources []source // in their order
	ranks   map[source]int
	places  map[string]place // by metadata
}

// source is who measured; what was entered by hand counts before the rest.
type source struct {
	name string
	hand bool
}

// place is what metadata say of a sample.
type place struct {
	zone *civil.Zone
	hand bool
}

// ruleKey is the place of the rule in the table state.
const ruleKey = "totals"

// ruleVersion changes with the way of making figures, so that all are made anew.
const ruleVersion = 4

// rule finds out what the figures are to depend on, and whether those that are
// stored are of another rule.
func (s *Store) rule(ctx context.Context, q querier) (r *rule, stale bool, err error) {
	stored, _, err := getState(ctx, q, ruleKey)
	if err != nil {
		return nil, false, err
	}
	var form struct {
		Version int      `json:"v"`
		Zone    string   `json:"zone"`
		Order   []string `json:"order,omitempty"`
	}
	_ = json.Unmarshal([]byte(stored), &form) // none, or of another program: as if there were none
	if s.o.Priority != nil {
		form.Order = s.o.Priority.Names
	}
	r = &rule{zone: civil.NewZone(s.o.Zone()), order: daily.Priority{Names: form.Order}}
	form.Version, form.Zone = ruleVersion, r.zone.Fingerprint()
	text, err := json.Marshal(form)
	r.text = string(text)
	return r, r.text != stored, err
}

// rankSources gives each stored source its place in the order.
func (r *rule) rankSources(ctx context.Context, q querier) (err error) {
	if r.origins, err = readOrigins(ctx, q); err != nil {
		return err
	}
	for _, o := range r.origins {
		r.sources = append(r.sources, source{o.source, false}, source{o.source, true})
	}
	slices.SortFunc(r.sources, func(a, b source) int { return r.order.Compare(a.name, a.hand, b.name, b.hand) })
	r.sources = slices.Compact(r.sources)
	r.ranks = make(map[source]int, len(r.sources))
	for i, s := range r.sources {
		r.ranks[s] = i
	}
	r.places = map[string]place{}
	return nil
}

// placeOf reads what metadata say of where and how a sample was taken.
func placeOf(metadata string) (zone string, hand bool) {
	if !strings.Contains(metadata, "imeZone") && !strings.Contains(metadata, "HKWasUserEntered") {
		return "", false
	}
	var m map[string]string
	if json.Unmarshal([]byte(metadata), &m) != nil {
		return "", false
	}
	return cmp.Or(m["HKTimeZone"], m["timeZone"]), m["HKWasUserEntered"] == "1" || m["HKWasUserEntered"] == "true"
}

func (r *rule) place(metadata string) place {
	p, ok := r.places[metadata]
	if !ok {
		name, hand := placeOf(metadata)
		p.hand = hand
		if name != "" {
			p.zone, _ = civil.ParseZone(name)
		}
		r.places[metadata] = p
	}
	return p
}

// aggregation says how a type becomes one figure; a type of an app of tomorrow
// is taken as measured at a moment.
func aggregation(t health.Type) health.Aggregation {
	i, _ := health.Lookup(t)
	return i.Agg
}

// maxReach is the longest time in seconds, ten years, that a sample is spread
// over. HealthKit itself bounds what a device records to some days
// (HKSampleType.maximumAllowedDuration); what is longer was entered by hand with
// a wrong year. A figure is kept for each day that a sample lasts, and each
// later change of the type looks back as far as its longest sample reaches:
// from the year 1 to 9999 would be 3.6 million days.
const maxReach = 10 * 366 * daySeconds

// reach is how long a sample of some duration lasts for the daily totals; one
// that is longer than maxReach counts on the day of its start alone.
func reach(duration int64) int64 {
	if duration > maxReach {
		return 0
	}
	return duration
}

// hourOff is what a change of the clock between midnight and noon can move the
// beginning of a day by that begins at noon.
func hourOff(shift int64) int64 {
	if shift == 0 {
		return 0
	}
	return 2 * 3600
}

// sums adds up the samples of a type that start in a span of time, by unit.
// begin, where it is set, is told of each new sum.
func (r *rule) sums(
	ctx context.Context, q querier, t *typeFacts, span Span, begin func(unit string, sum *daily.Sum),
) (map[string]*daily.Sum, error) {
	sums := map[string]*daily.Sum{}
	var x daily.Sample
	var originID int64
	var metadata sql.RawBytes
	err := each(ctx, q, func(rows *sql.Rows) error {
		if err := rows.Scan(&x.Start, &x.End, &x.Value, &originID, &metadata); err != nil {
			return err
		}
		x.End = x.Start + reach(x.End) // it was the duration
		o := r.origins[originID]
		p := r.place(string(metadata))
		x.Rank, x.Zone = r.ranks[source{o.source, p.hand}], p.zone
		unit := o.unit
		if t.how == health.Duration {
			unit = "s" // of sleep, whose stages have none
		}
		sum := sums[unit]
		if sum == nil {
			sum = daily.NewSum(t.how, r.zone)
			if begin != nil {
				begin(unit, sum)
			}
			sums[unit] = sum
		}
		sum.Add(x)
		return nil
	}, `SELECT start, duration, value, origin, coalesce((SELECT json FROM metadata m WHERE m.id = s.metadata), '')
		FROM sample s WHERE type = ? AND start >= ? AND start < ? ORDER BY start, id`, t.id, span.From, span.To)
	return sums, err
}

// reaching is the time in which the samples start that may have a share in days.
func (r *rule) reaching(t *typeFacts, first, last civil.Day) Span {
	from, _ := r.zone.Span(first)
	_, to := r.zone.Span(last)
	shift := daily.Shift(t.how)
	slack := hourOff(shift)
	if t.zoned {
		slack += daySeconds
	}
	span := Span{from - shift - slack, to - shift + slack}
	if t.how != health.Average {
		span.From -= t.longest
	}
	return span
}

// remake makes the figures of the days anew that pages touched.
func (r *rule) remake(w *writer, pages []*page) error {
	for _, p := range pages {
		days := SpansOf(p.days...)
		if len(days) > 0 && r.origins == nil {
			if err := r.rankSources(w.ctx, w); err != nil {
				return err
			}
		}
		for _, d := range days {
			first, last := civil.Day(d.From), civil.Day(d.To-1)
			if err := r.figures(w, &p.typeFacts, r.reaching(&p.typeFacts, first, last), first, last); err != nil {
				return err
			}
		}
	}
	return nil
}

// remakeAll makes all figures anew, each type's in one walk over its rows.
func (r *rule) remakeAll(w *writer) error {
	if err := r.rankSources(w.ctx, w); err != nil {
		return err
	}
	var types []typeFacts
	err := each(w.ctx, w, func(rows *sql.Rows) error {
		var t typeFacts
		var name health.Type
		err := rows.Scan(&t.id, &name)
		t.how = aggregation(name)
		types = append(types, t)
		return err
	}, `SELECT id, name FROM type`)
	if err != nil {
		return err
	}
	for i := range types {
		if err := r.figures(w, &types[i], Span{math.MinInt64, math.MaxInt64}, math.MinInt, math.MaxInt); err != nil {
			return err
		}
	}
	return setState(w.ctx, w.tx, map[string]string{ruleKey: r.text})
}

// figures replaces the figures of days, both included, by those that the samples
// of a span of time give.
func (r *rule) figures(w *writer, t *typeFacts, span Span, first, last civil.Day) error {
	sums, err := r.sums(w.ctx, w, t, span, nil)
	if err != nil {
		return err
	}
	err = w.exec(`DELETE FROM day_total WHERE type = ? AND day >= ? AND day <= ?`, t.id, int64(first), int64(last))
	if err != nil {
		return err
	}
	for _, unit := range slices.Sorted(maps.Keys(sums)) {
		id, err := w.number(`SELECT id FROM unit WHERE name = ?`, `INSERT INTO unit (name) VALUES (?) RETURNING id`,
			unit)
		if err != nil {
			return err
		}
		figures := sums[unit].Figures()
		for _, day := range slices.Sorted(maps.Keys(figures)) {
			if f := figures[day]; day >= first && day <= last && f.Samples > 0 {
				if err := w.figure(t, day, id, f); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// figure writes a row of day_total.
func (w *writer) figure(t *typeFacts, day civil.Day, unit int64, f *daily.Figure) error {
	var naive, minimum, maximum any
	sum := f.Total
	if t.how == health.Average {
		sum, minimum = f.Sum, f.Minimum
		if f.Maximum != f.Minimum {
			maximum = f.Maximum
		}
	} else if f.Naive != f.Total {
		naive = f.Naive
	}
	return w.exec(`INSERT INTO day_total (type, day, unit, samples, sum, naive, minimum, maximum)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		t.id, int64(day), unit, f.Samples, sum, naive, minimum, maximum)
}
