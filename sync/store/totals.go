package store

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"

	"healthsync/sync/civil"
	"healthsync/sync/daily"
	"healthsync/sync/health"
	"healthsync/sync/store/internal/sqlite"
)

// The table day_total is kept in step with sample: each change reckons the
// days anew that it touches, in its own transaction, so that a reader never
// sees an old figure. What the figures depend on beside the samples (the zone
// of those that name none, and the order of the sources) is written beside
// them; where it changes, all are reckoned anew.

// totals is what the figures depend on.
type totals struct {
	loc      *time.Location
	priority *daily.Priority // nil: as the database says

	zone   *civil.Zone
	recipe string
	order  daily.Priority

	origins int64 // the newest of them that has a rank
	ranks   map[int64]rank
	sources []who // by rank
	places  map[int64]place
}

// who is a source; the Health app's word for by hand is "user entered".
type who struct {
	source string
	hand   bool
}

// rank is where the source of an origin stands, by hand and else.
type rank struct {
	unit           string
	measured, hand int
}

// place is what metadata say of a sample.
type place struct {
	zone *civil.Zone
	hand bool
}

// recipeKey is the place of the recipe in the table state.
const recipeKey = "totals"

// recipe is what was last used to make the figures.
type recipe struct {
	Version int      `json:"v"`
	Zone    string   `json:"zone"`
	Order   []string `json:"order,omitempty"`
}

// recipeVersion changes with the rule and with the form of the table, so that
// all figures are made anew.
const recipeVersion = 3

// prepare finds out what the figures are to depend on, and reports whether
// those that are stored are of another recipe.
func (t *totals) prepare(c *conn) (stale bool, err error) {
	if t.zone == nil {
		t.zone = civil.NewZone(t.loc)
	}
	stored, _, err := text(c, getState, recipeKey)
	if err != nil || stored != "" && stored == t.recipe {
		return false, err
	}
	var old recipe
	if json.Unmarshal([]byte(stored), &old) != nil {
		old = recipe{}
	}
	t.order = daily.Priority{Names: old.Order}
	if t.priority != nil {
		t.order = *t.priority
	}
	raw, err := json.Marshal(recipe{recipeVersion, t.zone.Fingerprint(), t.order.Names})
	if err != nil {
		return false, err
	}
	t.recipe, t.ranks = string(raw), nil
	return t.recipe != stored, nil
}

// forget empties what is remembered of the database: after a transaction that
// was taken back it may mean rows that are not there.
func (t *totals) forget() {
	t.recipe, t.origins, t.ranks, t.sources, t.places = "", 0, nil, nil, nil
}

// text runs a statement of one text by one key.
func text(c *conn, sql, key string) (string, bool, error) {
	s, err := c.stmt(sql)
	if err != nil {
		return "", false, err
	}
	s.BindText(1, key)
	row, err := s.Step()
	if err != nil || !row {
		return "", false, err
	}
	v := s.Text(0)
	s.Reset()
	return v, true, nil
}

const (
	newestOrigin = `SELECT max(id) FROM origin`
	listOrigins  = `SELECT id, source, unit FROM origin`
)

// rank gives each origin its place in the order. It is asked for before samples
// are added up, once for all origins that these may have.
func (t *totals) rank(c *conn) error {
	newest, _, err := number(c, newestOrigin, func(*sqlite.Stmt) {})
	if err != nil || t.ranks != nil && newest == t.origins {
		return err
	}
	q, err := c.stmt(listOrigins)
	if err != nil {
		return err
	}
	var all []who
	ids := map[int64]origin{}
	for {
		row, err := q.Step()
		if err != nil {
			return err
		}
		if !row {
			break
		}
		o := origin{q.Text(1), q.Text(2)}
		ids[q.Int(0)] = o
		all = append(all, who{o.source, false}, who{o.source, true})
	}
	slices.SortFunc(all, func(a, b who) int { return t.order.Compare(a.source, a.hand, b.source, b.hand) })
	all = slices.Compact(all)
	places := map[who]int{}
	for i, w := range all {
		places[w] = i
	}
	t.origins, t.ranks, t.sources = newest, map[int64]rank{}, all
	for id, o := range ids {
		t.ranks[id] = rank{o.unit, places[who{o.source, false}], places[who{o.source, true}]}
	}
	return nil
}

// metadataOf reads what metadata say of where and how a sample was taken.
func metadataOf(text string) (zone string, hand bool) {
	if !strings.Contains(text, "imeZone") && !strings.Contains(text, "HKWasUserEntered") {
		return "", false
	}
	var m map[string]string
	if json.Unmarshal([]byte(text), &m) != nil {
		return "", false
	}
	return cmp.Or(m["HKTimeZone"], m["timeZone"]), m["HKWasUserEntered"] == "1" || m["HKWasUserEntered"] == "true"
}

// zoneName is the zone that metadata name, "" for none.
func zoneName(text string) string {
	zone, _ := metadataOf(text)
	return zone
}

func (t *totals) place(c *conn, d *dictionary, id int64) (place, error) {
	if id == 0 {
		return place{}, nil
	}
	if p, ok := t.places[id]; ok {
		return p, nil
	}
	text, err := d.metadata(c, id)
	if err != nil {
		return place{}, err
	}
	name, hand := metadataOf(text)
	p := place{hand: hand}
	if name != "" {
		p.zone = d.zone(name)
	}
	if t.places == nil || len(t.places) >= dictionaryLimit {
		t.places = map[int64]place{}
	}
	t.places[id] = p
	return p, nil
}

// zone gives a zone by name, nil for one that is not known here.
func (d *dictionary) zone(name string) *civil.Zone {
	if z, ok := known(d, d.zones, name); ok {
		return z
	}
	z, _ := civil.ParseZone(name)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.zones[name] = z
	return z
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

// keepTotals reckons the days anew that a change touched.
func (s *Store) keepTotals(c *conn, all []*merger) error {
	f := &s.apply.figures
	defer f.clear()
	for _, m := range all {
		if err := s.keepDays(m); err != nil {
			return err
		}
	}
	return f.write(c)
}

// keepDays reckons the days anew that a batch touched.
func (s *Store) keepDays(m *merger) error {
	if len(m.touched) == 0 {
		return nil
	}
	how := aggregation(m.name)
	longest, zoned := max(m.facts.longest, m.longest), m.facts.zoned || m.zoned
	shift := daily.Shift(how)
	days := func(t *touched) (first, last civil.Day) {
		if zoned {
			return civil.Day(utcDay(t.from)) - 1, civil.Day(utcDay(t.to+shift)) + 1
		}
		return s.totals.zone.Day(t.from + shift - hourOff(shift)), s.totals.zone.Day(t.to - 1 + shift + hourOff(shift))
	}
	first, last := days(&m.touched[0])
	r := reckoning{s: s, c: m.c, typeID: m.id, how: how, longest: longest, zoned: zoned, fresh: m, into: &s.apply.figures}
	for i := range m.touched[1:] {
		f, l := days(&m.touched[i+1])
		if f <= last+1 {
			first, last = min(first, f), max(last, l)
			continue
		}
		if err := r.days(first, last); err != nil {
			return err
		}
		first, last = f, l
	}
	return r.days(first, last)
}

// hourOff is what a change of the clock between midnight and noon can move the
// beginning of a day by that begins at noon.
func hourOff(shift int64) int64 {
	if shift == 0 {
		return 0
	}
	return 2 * 3600
}

// retotal makes the figures of days anew whose rows someone else changed:
// those that batches say they touched.
func (s *Store) retotal(c *conn, all []*merger) error {
	stale, err := s.totals.prepare(c)
	if err != nil || stale { // then the next change makes all of them
		return err
	}
	if err := s.totals.rank(c); err != nil {
		return err
	}
	known, err := readFacts(c)
	if err != nil {
		return err
	}
	for _, m := range all {
		m.facts = known[m.id]
		for i := range m.touched { // what lasted how long is not known any more
			m.touched[i].to += m.facts.longest
		}
	}
	return s.keepTotals(c, all)
}

// freshTotals makes all figures anew where they are of another recipe. It runs
// within a transaction.
func (s *Store) freshTotals(c *conn) error {
	stale, err := s.totals.prepare(c)
	if err != nil || !stale {
		return err
	}
	if err := s.totals.rank(c); err != nil {
		return err
	}
	ids, names, err := listTypeIDs(c)
	if err != nil {
		return err
	}
	f := &s.apply.figures
	defer f.clear()
	for i, id := range ids { // each in one walk over its rows
		r := reckoning{s: s, c: c, typeID: id, how: aggregation(names[i]), sums: map[string]*daily.Sum{}, into: f}
		if err := r.rows(math.MinInt64, math.MaxInt64); err != nil {
			return err
		}
		q, err := c.stmt(dropAll)
		if err != nil {
			return err
		}
		q.BindInt(1, id)
		if err := q.Run(); err != nil {
			return err
		}
		if err := r.gather(math.MinInt, math.MaxInt); err != nil {
			return err
		}
		if err := f.write(c); err != nil {
			return err
		}
		f.clear()
	}
	return setState(c, map[string]string{recipeKey: s.totals.recipe})
}
