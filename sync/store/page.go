package store

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"healthsync/sync/daily"
	"healthsync/sync/health"
)

// row is a sample in the form of the table sample, but for its type.
type row struct {
	id       health.UUID
	start    int64
	duration int64
	value    float64
	origin   int64
	metadata int64 // 0 is NULL
	foreign  bool  // it is stored, and came from another iPhone
	state    state
}

// state says how a row of a page stands to what is stored.
type state uint8

const (
	fresh   state = iota // not stored, or a tombstone
	known                // stored just so
	changed              // stored otherwise
	moved                // was stored under another start, and is no longer
)

// page is what a change has of one type.
type page struct {
	typeFacts
	name      health.Type
	rows      []row               // ascending by start and ID, each ID once
	byID      map[health.UUID]int // into rows
	reconcile Spans
	keep      map[health.UUID]bool // of Change.Also
	covered   Spans                // before the change

	live   int // rows that were put into the table sample, less those taken out
	dead   int // the same of deleted_sample
	counts Counts
	byDay  map[int64]Counts // what was written by UTC day; nil where nobody asks
	days   []Span           // the days whose totals the change touches, as [first, last+1)
}

// typeFacts is what the table type says of the samples of a type.
type typeFacts struct {
	id         int64
	how        health.Aggregation
	tombstones bool
	longest    int64 // seconds
	zoned      bool  // one is dated by a zone of its own
}

// time is what of the table has to be compared with a page.
func (p *page) time() Spans {
	if len(p.rows) == 0 {
		return p.reconcile
	}
	return p.reconcile.Plus(Span{p.rows[0].start, p.rows[len(p.rows)-1].start + 1})
}

// add counts what was written of a sample.
func (p *page) add(start int64, n Counts) {
	p.counts = p.counts.Plus(n)
	if p.byDay != nil {
		day := utcDay(start)
		p.byDay[day] = p.byDay[day].Plus(n)
	}
}

const daySeconds = 86400

// utcDay is the day of a moment, in days since 1970-01-01.
func utcDay(at int64) int64 {
	day := at / daySeconds
	if at%daySeconds < 0 {
		day--
	}
	return day
}

// touch notes the days in whose totals a sample has a share.
func (w *writer) touch(p *page, start, duration int64) {
	shift := daily.Shift(p.how)
	stop := max(start+1, start+reach(duration))
	days := Span{int64(w.zone.Day(start + shift - hourOff(shift))), int64(w.zone.Day(stop-1+shift+hourOff(shift))) + 1}
	if p.zoned { // it may be the day before there, or the day after
		days = Span{utcDay(start) - 1, utcDay(stop+shift) + 2}
	}
	if n := len(p.days); n > 0 && p.days[n-1].From <= days.From && days.From <= p.days[n-1].To {
		p.days[n-1].To = max(p.days[n-1].To, days.To)
		return
	}
	p.days = append(p.days, days)
}

// sort makes a page of each type that a change has something of.
func (w *writer) sort(c *Change) ([]*page, error) {
	var pages []*page
	byType := map[health.Type]*page{}
	pageOf := func(t health.Type) (*page, error) {
		if p := byType[t]; p != nil {
			return p, nil
		}
		p, err := w.begin(t)
		if err != nil {
			return nil, err
		}
		if c.Detail {
			p.byDay = map[int64]Counts{}
		}
		byType[t] = p
		pages = append(pages, p)
		return p, nil
	}
	for i := range c.Samples {
		p, err := pageOf(c.Samples[i].Type)
		if err == nil {
			err = w.take(p, &c.Samples[i])
		}
		if err != nil {
			return nil, fmt.Errorf("sample %d: %w", i, err)
		}
	}
	for _, r := range c.Reconcile {
		if r.Span.Empty() {
			continue
		}
		p, err := pageOf(r.Type)
		if err != nil {
			return nil, err
		}
		p.reconcile = p.reconcile.Plus(r.Span)
	}
	for _, k := range c.Also {
		if p := byType[k.Type]; p != nil {
			if p.keep == nil {
				p.keep = map[health.UUID]bool{}
			}
			p.keep[k.ID] = true
		}
	}
	for _, p := range pages {
		p.order()
	}
	return pages, nil
}

// begin makes the page of a type.
func (w *writer) begin(t health.Type) (*page, error) {
	if t == "" {
		return nil, errors.New("it has no type")
	}
	p := &page{name: t, byID: map[health.UUID]int{}, typeFacts: typeFacts{how: aggregation(t)}}
	var err error
	if p.id, err = w.typeID(t); err != nil {
		return nil, err
	}
	err = w.tx.QueryRowContext(w.ctx, `SELECT deleted > 0, longest, zoned FROM type WHERE id = ?`, p.id).
		Scan(&p.tombstones, &p.longest, &p.zoned)
	if err != nil {
		return nil, err
	}
	p.covered, err = coverage(w.ctx, w.tx, p.id)
	return p, err
}

// take takes a sample into the page. Of two with one identity the later counts.
func (w *writer) take(p *page, s *health.Sample) error {
	// Inf and -Inf of one day would add up to NaN, which SQLite takes for NULL.
	if math.IsNaN(s.Value) || math.IsInf(s.Value, 0) {
		return fmt.Errorf("of type %s has a value that is not a finite number", s.Type)
	}
	r := row{id: s.ID, start: s.Start, duration: s.End - s.Start, value: s.Value}
	var err error
	if r.origin, err = w.originID(s.Source, s.Unit); err != nil {
		return err
	}
	if r.metadata, err = w.metadataID(s.Metadata); err != nil {
		return err
	}
	p.zoned = p.zoned || w.zoned[r.metadata]
	p.longest = max(p.longest, reach(r.duration))
	if i, twice := p.byID[s.ID]; twice {
		p.rows[i] = r
		return nil
	}
	p.byID[s.ID] = len(p.rows)
	p.rows = append(p.rows, r)
	return nil
}

// order brings the rows into the order of the table's key. They come newest
// first, so that turning them around is nearly all there is to do.
func (p *page) order() {
	slices.Reverse(p.rows)
	slices.SortFunc(p.rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.start, b.start), bytes.Compare(a.id[:], b.id[:]))
	})
	for i := range p.rows {
		p.byID[p.rows[i].id] = i
	}
}
