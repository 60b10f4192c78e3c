package store

import (
	"maps"
	"math"
	"slices"
	"sort"

	"healthsync/sync/civil"
	"healthsync/sync/daily"
	"healthsync/sync/health"
	"healthsync/sync/store/internal/sqlite"
)

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
	// into takes the figures.
	into *figureRows

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
	addDays  = `INSERT OR REPLACE INTO day_total (type, day, unit, samples, sum, naive, minimum, maximum) SELECT * FROM figure_page`
)

// read adds up the samples that may have a share in the days.
func (r *reckoning) read(first, last civil.Day) error {
	from, _ := r.s.totals.zone.Span(first)
	_, to := r.s.totals.zone.Span(last)
	slack := hourOff(daily.Shift(r.how))
	if r.zoned {
		slack += daySeconds
	}
	from, to = from-daily.Shift(r.how)-slack, to-daily.Shift(r.how)+slack
	r.sums, r.last.sum = map[string]*daily.Sum{}, nil
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
func (r *reckoning) days(first, last civil.Day) error {
	if err := r.read(first, last); err != nil {
		return err
	}
	if r.fresh.took { // else each day and unit that there was is there again
		q, err := r.c.stmt(dropDays)
		if err != nil {
			return err
		}
		q.BindInt(1, r.typeID)
		q.BindInt(2, int64(first))
		q.BindInt(3, int64(last))
		if err := q.Run(); err != nil {
			return err
		}
	}
	return r.gather(first, last)
}

// gather gives the figures of days, both included, to be written.
func (r *reckoning) gather(first, last civil.Day) error {
	for _, unit := range slices.Sorted(maps.Keys(r.sums)) {
		id, err := r.s.dict.unitID(r.c, unit)
		if err != nil {
			return err
		}
		figures := r.sums[unit].Figures()
		for _, d := range slices.Sorted(maps.Keys(figures)) {
			if f := figures[d]; d >= first && d <= last && f.Samples > 0 {
				r.into.rows = append(r.into.rows, figure{r.typeID, d, id, *f, r.how == health.Average})
			}
		}
	}
	return nil
}

// figure is a row of day_total.
type figure struct {
	typeID int64
	day    civil.Day
	unit   int64
	daily.Figure
	moment bool // it is of what is measured at a moment
}

// figureRows is the table that the daily totals' INSERT … SELECT reads.
type figureRows struct{ rows []figure }

var figureColumns = []string{"type", "day", "unit", "samples", "sum", "naive", "minimum", "maximum"}

// Len is the number of rows.
func (f *figureRows) Len() int { return len(f.rows) }

// Column gives a value in the order of figureColumns.
func (f *figureRows) Column(i, column int, v *sqlite.Value) {
	r := &f.rows[i]
	switch column {
	case 0:
		v.Int(r.typeID)
	case 1:
		v.Int(int64(r.day))
	case 2:
		v.Int(r.unit)
	case 3:
		v.Int(int64(r.Samples))
	case 4:
		if r.moment {
			v.Float(r.Sum)
		} else {
			v.Float(r.Total)
		}
	case 5:
		if !r.moment && r.Naive != r.Total {
			v.Float(r.Naive)
		}
	case 6:
		if r.moment {
			v.Float(r.Minimum)
		}
	case 7:
		if r.moment && r.Maximum != r.Minimum {
			v.Float(r.Maximum)
		}
	}
}

// write writes the figures.
func (f *figureRows) write(c *conn) error {
	if len(f.rows) == 0 {
		return nil
	}
	q, err := c.stmt(addDays)
	if err != nil {
		return err
	}
	return q.Run()
}

// clear empties the table; its memory is used again.
func (f *figureRows) clear() { f.rows = f.rows[:0] }
