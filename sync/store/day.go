package store

import (
	"cmp"
	"context"
	"slices"

	"healthsync/sync/civil"
	"healthsync/sync/daily"
	"healthsync/sync/health"
)

// DayTotal is a row of daily_totals. Of Total and Uncorrected, or of the other
// three, only those mean something that the type's kind has: see package daily.
type DayTotal struct {
	Type                      health.Type
	Day                       string
	Unit                      string
	Samples                   int64
	Total, Uncorrected        float64
	Average, Minimum, Maximum float64
}

const listTotals = `SELECT type, day, unit, samples, total, uncorrected, average, minimum, maximum FROM daily_totals
	WHERE (?1 = '' OR type = ?1) AND day >= ?2 AND day <= ?3 ORDER BY type, day, unit`

// DayTotals gives the figures of days from first to last (ISO 8601, both
// included) of a type, or of all for "".
// *OlderError says that the database has none yet.
func (s *Store) DayTotals(ctx context.Context, t health.Type, first, last string) ([]DayTotal, error) {
	var out []DayTotal
	err := s.read(ctx, "read", func(c *conn) error {
		if err := s.needs(c, ledgerSchema); err != nil {
			return err
		}
		out = nil
		q, err := c.stmt(listTotals)
		if err != nil {
			return err
		}
		q.BindText(1, string(t))
		q.BindText(2, first)
		q.BindText(3, last)
		for {
			row, err := q.Step()
			if err != nil || !row {
				return err
			}
			out = append(out, DayTotal{
				Type: health.Type(q.Text(0)), Day: q.Text(1), Unit: q.Text(2), Samples: q.Int(3),
				Total: q.Float(4), Uncorrected: q.Float(5), Average: q.Float(6), Minimum: q.Float(7), Maximum: q.Float(8),
			})
		}
	})
	return out, err
}

// Breakdown is one day of a type, taken apart.
type Breakdown struct {
	Type health.Type
	Day  civil.Day
	Unit string
	How  health.Aggregation
	// From and To bound the day in Unix seconds, where the zone is that of the
	// store.
	From, To int64
	daily.Figure
	// Sources are those that have samples there, the first in the order first.
	Sources []SourceShare
	// Stretches are the times in which one source counted, in their order. None
	// for an average, of which everything counts.
	Stretches []Stretch
}

// SourceShare is what one source has in a day.
type SourceShare struct {
	Source string
	// Hand says that these samples were entered by hand.
	Hand    bool
	Samples int
	// Recorded is all that it measured, Counted what of it is in the total. For
	// an average the three others say what it measured.
	Recorded, Counted         float64
	Average, Minimum, Maximum float64
}

// Stretch is a time in which one source counted. There may be gaps in it of up
// to stretchGap in which nobody measured anything.
type Stretch struct {
	From, To int64
	// Source is "" where one counts whose day is another, in its own zone.
	Source  string
	Counted float64
	// Instead is what others measured there, which does not count.
	Instead []SourceValue
}

// SourceValue is a value of a source.
type SourceValue struct {
	Source string
	Value  float64
}

const stretchGap = 30 * 60

// Day takes a day of a type apart, by the zone and the order of sources of
// [Options] (or as they were set last): one Breakdown for each unit, that with
// the most samples first; none where nothing is stored of it.
// *OlderError says that the database must be brought up to date first.
func (s *Store) Day(ctx context.Context, t health.Type, day civil.Day) ([]Breakdown, error) {
	var out []Breakdown
	err := s.read(ctx, "read", func(c *conn) error {
		out = nil
		if err := s.needs(c, ledgerSchema); err != nil {
			return err
		}
		id, ok, err := s.dict.typeID(c, t, false)
		if err != nil || !ok {
			return err
		}
		// Totals of its own: the writer may be at work with the store's.
		own := &Store{path: s.path, dict: s.dict, totals: totals{loc: s.totals.loc, priority: s.totals.priority}}
		if _, err := own.totals.prepare(c); err != nil {
			return err
		}
		r := reckoning{s: own, c: c, typeID: id, how: aggregation(t)}
		known, err := readFacts(c)
		if err != nil {
			return err
		}
		r.longest, r.zoned = known[id].longest, known[id].zoned
		if err := own.totals.rank(c); err != nil {
			return err
		}
		notes := map[string]*breaking{}
		r.begin = func(unit string, sum *daily.Sum) {
			b := &breaking{t: &own.totals, how: r.how, shares: map[int]*SourceShare{}}
			sum.Explain(day, b.part)
			notes[unit] = b
		}
		if err := r.read(day, day); err != nil {
			return err
		}
		from, to := own.totals.zone.Span(day)
		shift := daily.Shift(r.how)
		for unit, sum := range r.sums {
			f := sum.Figures()[day]
			if f == nil || f.Samples == 0 {
				continue
			}
			out = append(out, Breakdown{
				Type: t, Day: day, Unit: unit, How: r.how, From: from - shift, To: to - shift, Figure: *f,
				Sources: notes[unit].sources(), Stretches: notes[unit].stretches,
			})
		}
		slices.SortFunc(out, func(a, b Breakdown) int {
			return cmp.Or(cmp.Compare(b.Samples, a.Samples), cmp.Compare(a.Unit, b.Unit))
		})
		return nil
	})
	return out, err
}

// breaking gathers the parts of a day.
type breaking struct {
	t         *totals
	how       health.Aggregation
	shares    map[int]*SourceShare
	stretches []Stretch
}

func (b *breaking) who(rank int) who {
	if rank >= 0 && rank < len(b.t.sources) {
		return b.t.sources[rank]
	}
	return who{withoutMeaning, false}
}

// name is the source's; with a word where it was entered by hand in an app that
// measures too.
func (w who) name() string {
	if w.hand {
		return w.source + " (by hand)"
	}
	return w.source
}

func (b *breaking) part(p daily.Part) {
	w := b.who(p.Rank)
	s := b.shares[p.Rank]
	if s == nil {
		s = &SourceShare{Source: w.source, Hand: w.hand, Minimum: p.Value, Maximum: p.Value}
		b.shares[p.Rank] = s
	}
	if p.First {
		s.Samples++
	}
	s.Recorded += p.Value
	s.Minimum, s.Maximum = min(s.Minimum, p.Value), max(s.Maximum, p.Value)
	if p.Counted {
		s.Counted += p.Value
	}
	if b.how != health.Average {
		b.stretch(p, w.name())
	}
}

// stretch adds a part to the stretch at hand, or begins another.
func (b *breaking) stretch(p daily.Part, name string) {
	n := len(b.stretches)
	if p.Counted {
		if n == 0 || b.stretches[n-1].Source != name || p.From > b.stretches[n-1].To+stretchGap {
			b.stretches = append(b.stretches, Stretch{From: p.From, Source: name})
			n++
		}
		last := &b.stretches[n-1]
		last.To = max(last.To, p.To)
		last.Counted += p.Value
		return
	}
	if n == 0 || p.From >= b.stretches[n-1].To {
		// Who counts here was in a zone where it was another day.
		b.stretches = append(b.stretches, Stretch{From: p.From, To: p.To})
		n++
	}
	last := &b.stretches[n-1]
	for i := range last.Instead {
		if last.Instead[i].Source == name {
			last.Instead[i].Value += p.Value
			return
		}
	}
	last.Instead = append(last.Instead, SourceValue{name, p.Value})
}

// sources gives the shares in the order of the sources.
func (b *breaking) sources() []SourceShare {
	var ranks []int
	for k := range b.shares {
		ranks = append(ranks, k)
	}
	slices.Sort(ranks)
	var out []SourceShare
	for _, k := range ranks {
		s := b.shares[k]
		s.Average = s.Recorded / float64(s.Samples)
		out = append(out, *s)
	}
	return out
}

// Current reports whether the database has today's schema.
func (s *Store) Current(ctx context.Context) (bool, error) {
	steps, err := migrations()
	if err != nil {
		return false, err
	}
	current := false
	err = s.read(ctx, "read", func(c *conn) error {
		at, err := c.Int("PRAGMA user_version")
		current = at >= int64(len(steps))
		return err
	})
	return current, err
}
