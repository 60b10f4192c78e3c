package report

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"healthsync/sync/civil"
	"healthsync/sync/health"
	"healthsync/sync/store"
)

// Database is what a report is read from: *store.Store.
type Database interface {
	SQL(ctx context.Context, query string, columns func([]string) error, row func([]any) error) error
	Types(ctx context.Context) ([]store.TypeStat, error)
	Coverage(ctx context.Context) (map[health.Type][]store.Span, error)
	LastRun(ctx context.Context, outcome string) (store.Run, bool, error)
}

// latestWorkouts is how many are listed.
const latestWorkouts = 8

// Collect reads the figures as of now, whose zone says when a day begins. Its
// errors are the database's. The database decides by the zone of the process
// (TZ) what a day is, so now should be in that zone.
func Collect(ctx context.Context, db Database, now time.Time) (*Report, error) {
	c := &collector{ctx: ctx, db: db, now: now, today: midnight(now, 0)}
	c.month = civil.StartOfMonth(now, 0)
	c.since = civil.StartOfMonth(now, 1-Months)
	if d := midnight(now, 1-Days); d.Before(c.since) {
		c.since = d
	}
	r := &Report{Made: now}
	for _, step := range []func(*Report) error{c.stored, c.sources, c.synced, c.series, c.nights, c.workouts} {
		if err := step(r); err != nil {
			return nil, err
		}
	}
	return r, nil
}

type collector struct {
	ctx   context.Context
	db    Database
	now   time.Time
	today time.Time // its midnight
	month time.Time // its first
	since time.Time // the charts' first day
	read  map[health.Type][]store.Span
}

// midnight begins the day that lies so many days after that of t.
func midnight(t time.Time, days int) time.Time { return civil.StartOf(t, days) }

// query runs a query of ours and gives its rows.
func (c *collector) query(sql string, row func([]any)) error {
	return c.db.SQL(c.ctx, sql, func([]string) error { return nil }, func(v []any) error { row(v); return nil })
}

// quote writes a text for SQL.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func (c *collector) local(unix int64) time.Time { return time.Unix(unix, 0).In(c.now.Location()) }

func (c *collector) stored(r *Report) error {
	types, err := c.db.Types(c.ctx)
	if err != nil {
		return err
	}
	if c.read, err = c.db.Coverage(c.ctx); err != nil {
		return err
	}
	newest := map[string]string{}
	err = c.query("SELECT type, value, unit FROM latest", func(v []any) {
		newest[text(v[0])] = latest(health.Type(text(v[0])), number(v[1]), text(v[2]))
	})
	if err != nil {
		return err
	}
	for _, t := range types {
		s := Stored{Type: t.Type, Name: typeName(t.Type), Count: t.Count, Deleted: t.Deleted,
			Latest: newest[string(t.Type)]}
		if t.Count > 0 {
			s.First, s.Last = c.local(t.First), c.local(t.Last)
		}
		if spans := c.read[t.Type]; len(spans) > 0 {
			s.ReadFrom = time.Unix(spans[0].From, 0).UTC()
			for i := 1; i < len(spans); i++ {
				s.Missing += time.Duration(spans[i].From-spans[i-1].To) * time.Second
			}
		}
		r.Samples += t.Count
		r.Stored = append(r.Stored, s)
	}
	slices.SortFunc(r.Stored, func(a, b Stored) int {
		return cmp.Compare(strings.ToLower(a.Name),
			strings.ToLower(b.Name))
	})
	return nil
}

func typeName(t health.Type) string {
	if i, ok := health.Lookup(t); ok {
		return i.Name
	}
	return string(t)
}

func (c *collector) sources(r *Report) error {
	err := c.query(`SELECT o.source, sum(g.n), count(DISTINCT g.type), min(g.first), max(g.last)
		FROM (SELECT type, origin, count(*) AS n, min(start) AS first, max(start) AS last FROM sample GROUP BY type, origin) AS g
		JOIN origin o ON o.id = g.origin GROUP BY o.source ORDER BY sum(g.n) DESC, o.source`, func(v []any) {
		r.Sources = append(r.Sources, Source{Name: text(v[0]), Samples: int64(number(v[1])), Types: int(number(v[2])),
			First: c.local(int64(number(v[3]))), Last: c.local(int64(number(v[4])))})
	})
	return err
}

func (c *collector) synced(r *Report) error {
	run, ok, err := c.db.LastRun(c.ctx, store.RunOK)
	if ok {
		r.Device, r.LastSync = run.Phone, c.local(run.Ended)
	}
	return err
}

func (c *collector) series(r *Report) error {
	for _, m := range Metrics() {
		if !slices.ContainsFunc(r.Stored, func(s Stored) bool { return s.Type == m.Type && s.Count > 0 }) {
			continue
		}
		days, err := c.daily(m)
		if err != nil {
			return err
		}
		r.Series = append(r.Series, Series{m, c.days(m, days), c.months(m, days)})
	}
	return nil
}

// daily gives the figures of each day that has one, by its date.
func (c *collector) daily(m Metric) (map[string]Point, error) {
	sql := fmt.Sprintf(`SELECT date(start, 'unixepoch', 'localtime') AS day, avg(value), min(value), max(value)
		FROM samples_unix WHERE type = %s AND start >= %d GROUP BY day`, quote(string(m.Type)), c.since.Unix())
	if m.Kind == Total {
		sql = fmt.Sprintf(`SELECT day, total, NULL, NULL FROM daily_totals WHERE type = %s AND day >= %s`,
			quote(string(m.Type)), quote(c.since.Format(time.DateOnly)))
	}
	days := map[string]Point{}
	err := c.query(sql, func(v []any) {
		p := Point{Has: true, Value: m.Scale * number(v[1]), Min: m.Scale * number(v[2]), Max: m.Scale * number(v[3])}
		if was, twice := days[text(v[0])]; twice { // a second unit: never seen
			p.Value += was.Value
		}
		days[text(v[0])] = p
	})
	return days, err
}

func (c *collector) days(m Metric, figures map[string]Point) []Point {
	var out []Point
	for i := 1 - Days; i <= 0; i++ {
		p := figures[midnight(c.now, i).Format(time.DateOnly)]
		p.From, p.Partial = midnight(c.now, i), i == 0
		p.Unread = i < 0 && !c.covered(m.Type, p.From, midnight(c.now, i+1))
		out = append(out, p)
	}
	return out
}

// months sums up the days that are over: a day that is not would draw the mean
// of a total down.
func (c *collector) months(m Metric, figures map[string]Point) []Point {
	var out []Point
	for i := 1 - Months; i <= 0; i++ {
		from := civil.StartOfMonth(c.month, i)
		p := Point{From: from, Partial: i == 0, Min: math.Inf(1), Max: math.Inf(-1)}
		n := 0.0
		for d := from; d.Month() == from.Month() && !d.After(c.today); d = midnight(d, 1) {
			f := figures[d.Format(time.DateOnly)]
			if !f.Has || m.Kind == Total && d.Equal(c.today) {
				continue
			}
			n++
			p.Value += f.Value
			p.Min, p.Max = min(p.Min, f.Min), max(p.Max, f.Max)
		}
		if p.Has = n > 0; p.Has {
			p.Value /= n
		} else {
			p.Min, p.Max = 0, 0
		}
		end := civil.StartOfMonth(from, 1)
		if p.Partial {
			end = c.today
		}
		p.Unread = !c.covered(m.Type, from, end)
		out = append(out, p)
	}
	return out
}

// covered reports that a span was read whole. What was never read at all (an
// import) has no coverage and is not doubted.
func (c *collector) covered(t health.Type, from, to time.Time) bool {
	spans := c.read[t]
	return len(spans) == 0 || !from.Before(to) ||
		slices.ContainsFunc(spans, func(s store.Span) bool { return s.From <= from.Unix() && to.Unix() <= s.To })
}

// text and number read a value of a result; NULL is nothing.
func text(v any) string {
	s, _ := v.(string)
	return s
}

func number(v any) float64 {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case float64:
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			return v
		}
	}
	return 0
}
