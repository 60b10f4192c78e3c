package store

import (
	"cmp"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"sort"
	"strings"
	"time"

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

	zone   *daily.Zone
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
	zone *daily.Zone
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

// recipeVersion changes with the rule, so that all figures are made anew.
const recipeVersion = 2

// prepare finds out what the figures are to depend on, and reports whether
// those that are stored are of another recipe.
func (t *totals) prepare(c *conn) (stale bool, err error) {
	if t.zone == nil {
		t.zone = daily.NewZone(t.loc)
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

// rank gives each origin its place in the order.
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
func (d *dictionary) zone(name string) *daily.Zone {
	if z, ok := known(d, d.zones, name); ok {
		return z
	}
	z, _ := daily.ParseZone(name)
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

const typeWidth = `SELECT longest, zoned FROM type WHERE id = ?1`

// width tells how far around a day to look: how long samples of the type are,
// and whether they are dated by zones of their own.
func width(c *conn, typeID int64) (longest int64, zoned bool, err error) {
	s, err := c.stmt(typeWidth)
	if err != nil {
		return 0, false, err
	}
	s.BindInt(1, typeID)
	row, err := s.Step()
	if err != nil || !row {
		return 0, false, err
	}
	longest, zoned = s.Int(0), s.Int(1) != 0
	s.Reset()
	return longest, zoned, nil
}

// keepTotals reckons the days anew that a batch touched.
func (s *Store) keepTotals(m *merger) error {
	if len(m.touched) == 0 {
		return nil
	}
	how := aggregation(m.name)
	longest, zoned, err := width(m.c, m.id)
	if err != nil {
		return err
	}
	shift := daily.Shift(how)
	days := func(t *touched) (first, last daily.Day) {
		if zoned {
			return daily.Day(utcDay(t.from)) - 1, daily.Day(utcDay(t.to+shift)) + 1
		}
		return s.totals.zone.Day(t.from + shift - hourOff(shift)), s.totals.zone.Day(t.to - 1 + shift + hourOff(shift))
	}
	first, last := days(&m.touched[0])
	r := reckoning{s: s, c: m.c, typeID: m.id, how: how, longest: longest, zoned: zoned, fresh: m}
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

// reckoning makes figures of what is stored of a type.
type reckoning struct {
	s       *Store
	c       *conn
	typeID  int64
	how     health.Aggregation
	longest int64
	zoned   bool

	// fresh, where it is set, has the rows of the days of which nothing was
	// stored before: they need not be read back.
	fresh *merger

	sums map[string]*daily.Sum // by unit
	// begin, where it is set, is told of each new sum.
	begin func(unit string, sum *daily.Sum)
	last  struct {
		origin, metadata int64
		rank             rank
		place            place
		sum              *daily.Sum
	}
}

const (
	rowsUp   = `SELECT start, duration, value, origin, metadata FROM sample WHERE type = ?1 AND start >= ?2 AND start < ?3 ORDER BY start, id`
	dropDays = `DELETE FROM day_total WHERE type = ?1 AND day >= ?2 AND day <= ?3`
	dropAll  = `DELETE FROM day_total WHERE type = ?1`
	addDay   = `INSERT INTO day_total (type, day, unit, samples, total, naive, average, minimum, maximum)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)`
)

// read adds up the samples that may have a share in the days.
func (r *reckoning) read(first, last daily.Day) error {
	from, _ := r.s.totals.zone.Span(first)
	_, to := r.s.totals.zone.Span(last)
	slack := hourOff(daily.Shift(r.how))
	if r.zoned {
		slack += daySeconds
	}
	from, to = from-daily.Shift(r.how)-slack, to-daily.Shift(r.how)+slack
	r.sums, r.last.sum = map[string]*daily.Sum{}, nil
	if err := r.s.totals.rank(r.c); err != nil {
		return err
	}
	if r.how != health.Average {
		from -= r.longest
	}
	if r.fresh == nil {
		return r.rows(from, to)
	}
	return r.mixed(from, to)
}

// mixed adds up the samples that start between two moments: of days of which
// nothing was stored before from the change at hand, the others from the table.
func (r *reckoning) mixed(from, to int64) error {
	days, rows := r.fresh.touched, r.fresh.rows
	i := sort.Search(len(days), func(i int) bool { return days[i].day >= utcDay(from) })
	for ; i < len(days) && from < to; i++ {
		begin := days[i].day * daySeconds
		if begin >= to {
			break
		}
		if !days[i].empty {
			continue
		}
		if from < begin {
			if err := r.rows(from, begin); err != nil {
				return err
			}
			from = begin
		}
		end := min(begin+daySeconds, to)
		j := sort.Search(len(rows), func(j int) bool { return rows[j].start >= from })
		for ; j < len(rows) && rows[j].start < end; j++ {
			x := &rows[j]
			if err := r.add(x.start, x.duration, x.value, x.origin, x.metadata); err != nil {
				return err
			}
		}
		from = end
	}
	if from < to {
		return r.rows(from, to)
	}
	return nil
}

// rows adds up the samples that start between two moments.
func (r *reckoning) rows(from, to int64) error {
	q, err := r.c.stmt(rowsUp)
	if err != nil {
		return err
	}
	defer q.Reset()
	q.BindInt(1, r.typeID)
	q.BindInt(2, from)
	q.BindInt(3, to)
	for {
		more, err := q.Step()
		if err != nil || !more {
			return err
		}
		if err := r.add(q.Int(0), q.Int(1), q.Float(2), q.Int(3), q.Int(4)); err != nil {
			return err
		}
	}
}

// add adds a row to the sum of its unit.
func (r *reckoning) add(start, duration int64, value float64, origin, metadata int64) error {
	t, last := &r.s.totals, &r.last
	if last.sum == nil || last.origin != origin {
		k, ok := t.ranks[origin]
		if !ok {
			k = rank{withoutMeaning, math.MaxInt, math.MaxInt}
		}
		last.origin, last.rank, last.sum = origin, k, r.sum(k.unit)
	}
	if last.metadata != metadata {
		p, err := t.place(r.c, r.s.dict, metadata)
		if err != nil {
			return err
		}
		last.metadata, last.place = metadata, p
	}
	x := daily.Sample{Start: start, End: start + reach(duration), Value: value, Rank: last.rank.measured, Zone: last.place.zone}
	if last.place.hand {
		x.Rank = last.rank.hand
	}
	last.sum.Add(x)
	return nil
}

func (r *reckoning) sum(unit string) *daily.Sum {
	if r.how == health.Duration {
		unit = "s" // of sleep, whose stages have none
	}
	s := r.sums[unit]
	if s == nil {
		s = daily.NewSum(r.how, r.s.totals.zone)
		if r.begin != nil {
			r.begin(unit, s)
		}
		r.sums[unit] = s
	}
	return s
}

// days makes the figures of days anew, both included.
func (r *reckoning) days(first, last daily.Day) error {
	if err := r.read(first, last); err != nil {
		return err
	}
	q, err := r.c.stmt(dropDays)
	if err != nil {
		return err
	}
	q.BindInt(1, r.typeID)
	q.BindText(2, first.String())
	q.BindText(3, last.String())
	if err := q.Run(); err != nil {
		return err
	}
	return r.write(first, last)
}

func (r *reckoning) write(first, last daily.Day) error {
	q, err := r.c.stmt(addDay)
	if err != nil {
		return err
	}
	for _, unit := range slices.Sorted(maps.Keys(r.sums)) {
		figures := r.sums[unit].Figures()
		for _, d := range slices.Sorted(maps.Keys(figures)) {
			f := figures[d]
			if d < first || d > last || f.Samples == 0 {
				continue
			}
			q.BindInt(1, r.typeID)
			q.BindText(2, d.String())
			q.BindText(3, unit)
			q.BindInt(4, int64(f.Samples))
			for i := 5; i <= 9; i++ {
				q.BindNull(i)
			}
			if r.how == health.Average {
				q.BindFloat(7, f.Average)
				q.BindFloat(8, f.Minimum)
				q.BindFloat(9, f.Maximum)
			} else {
				q.BindFloat(5, f.Total)
				if f.Naive != f.Total {
					q.BindFloat(6, f.Naive)
				}
			}
			if err := q.Run(); err != nil {
				return err
			}
		}
	}
	return nil
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
	for i, id := range ids { // each in one walk over its rows
		r := reckoning{s: s, c: c, typeID: id, how: aggregation(names[i]), sums: map[string]*daily.Sum{}}
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
		if err := r.write(math.MinInt, math.MaxInt); err != nil {
			return err
		}
	}
	return setState(c, map[string]string{recipeKey: s.totals.recipe})
}
