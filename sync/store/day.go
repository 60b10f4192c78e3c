package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"

	"healthsync/sync/civil"
	"healthsync/sync/daily"
	"healthsync/sync/health"
)

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
func (s *Store) Day(ctx context.Context, t health.Type, day civil.Day) ([]Breakdown, error) {
	tx, err := s.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}) // all is of one moment
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	defer func() { _ = tx.Rollback() }()
	out, err := s.day(ctx, tx, t, day)
	return out, s.fail(ctx, err)
}

func (s *Store) day(ctx context.Context, tx *sql.Tx, t health.Type, day civil.Day) ([]Breakdown, error) {
	facts := typeFacts{how: aggregation(t)}
	err := tx.QueryRowContext(ctx, `SELECT id, longest, zoned FROM type WHERE name = ?`, t).
		Scan(&facts.id, &facts.longest, &facts.zoned)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r, _, err := s.rule(ctx, tx)
	if err != nil {
		return nil, err
	}
	if err := r.rankSources(ctx, tx); err != nil {
		return nil, err
	}
	notes := map[string]*parts{}
	sums, err := r.sums(ctx, tx, &facts, r.reaching(&facts, day, day), func(unit string, sum *daily.Sum) {
		p := &parts{order: r.sources, how: facts.how, shares: map[int]*SourceShare{}}
		sum.Explain(day, p.add)
		notes[unit] = p
	})
	if err != nil {
		return nil, err
	}
	from, to := r.zone.Span(day)
	shift := daily.Shift(facts.how)
	var out []Breakdown
	for unit, sum := range sums {
		f := sum.Figures()[day]
		if f == nil || f.Samples == 0 {
			continue
		}
		out = append(out, Breakdown{
			Type: t, Day: day, Unit: unit, How: facts.how, From: from - shift, To: to - shift, Figure: *f,
			Sources: notes[unit].sources(), Stretches: notes[unit].stretches,
		})
	}
	slices.SortFunc(out, func(a, b Breakdown) int {
		return cmp.Or(cmp.Compare(b.Samples, a.Samples), cmp.Compare(a.Unit, b.Unit))
	})
	return out, nil
}

// parts gathers the parts of a day.
type parts struct {
	order     []source
	how       health.Aggregation
	shares    map[int]*SourceShare // by rank
	stretches []Stretch
}

func (b *parts) add(p daily.Part) {
	var who source
	if p.Rank < len(b.order) {
		who = b.order[p.Rank]
	}
	s := b.shares[p.Rank]
	if s == nil {
		s = &SourceShare{Source: who.name, Hand: who.hand, Minimum: p.Value, Maximum: p.Value}
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
	if b.how == health.Average {
		return
	}
	name := who.name
	if who.hand {
		name += " (by hand)"
	}
	b.stretch(p, name)
}

// stretch adds a part to the stretch at hand, or begins another.
func (b *parts) stretch(p daily.Part, name string) {
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
func (b *parts) sources() []SourceShare {
	var out []SourceShare
	for _, rank := range slices.Sorted(maps.Keys(b.shares)) {
		s := b.shares[rank]
		s.Average = s.Recorded / float64(s.Samples)
		out = append(out, *s)
	}
	return out
}
