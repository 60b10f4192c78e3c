package store

import (
	"context"
	"math"
	"slices"
	"time"

	"healthsync/sync/health"
	"healthsync/sync/store/internal/sqlite"
)

// reckonDay adds up the rows of one day.
func (m *merger) reckonDay(day int64) (touched, error) {
	t := touched{day: day}
	err := eachRow(m.c, m.id, day*daySeconds, (day+1)*daySeconds, func(s *sqlite.Stmt, start int64, id *health.UUID) error {
		h, err := m.stored(s, start, id)
		t.count++
		t.hash += h
		return err
	})
	return t, err
}

// eachRow walks over the rows of a type that start in [from, to). The statement
// has start, id, duration, value, origin, metadata.
func eachRow(c *conn, typeID, from, to int64, f func(*sqlite.Stmt, int64, *health.UUID) error) error {
	s, err := c.stmt(samplesUp)
	if err != nil {
		return err
	}
	defer s.Reset()
	s.BindInt(1, typeID)
	s.BindInt(2, from)
	s.BindInt(3, to)
	for {
		more, err := s.Step()
		if err != nil || !more {
			return err
		}
		var id health.UUID
		s.UUID(1, (*[16]byte)(&id))
		if err := f(s, s.Int(0), &id); err != nil {
			return err
		}
	}
}

// Divergence is a day of a type whose rows are not what the phone served.
type Divergence struct {
	Type health.Type `json:"type"`
	// Day is in days since 1970-01-01, in UTC.
	Day int64 `json:"day"`
	// Served is how many samples the phone served of it, Stored how many there
	// are. Where they are equal, one at least was changed.
	Served int64 `json:"served"`
	Stored int64 `json:"stored"`
}

// Date gives the day as ISO 8601.
func (d Divergence) Date() string {
	return time.Unix(d.Day*daySeconds, 0).UTC().Format(time.DateOnly)
}

const (
	typeIDs   = `SELECT id, name FROM type ORDER BY name`
	allLedger = `SELECT type, day, count, hash FROM ledger ORDER BY day`
	allRows   = `SELECT start, id, duration, value, origin, metadata FROM sample WHERE type = ?1 ORDER BY start, id`
)

// Audit compares the rows with the ledger: it gives the days whose rows were
// changed, lost or put in by anyone else, by type and day; of no types it
// takes all. It reads every row, half a second a million.
// *OlderError says that the database has no ledger yet.
func (s *Store) Audit(ctx context.Context, types ...health.Type) ([]Divergence, error) {
	var out []Divergence
	err := s.read(ctx, "check", func(c *conn) (err error) {
		if err := s.needs(c, ledgerSchema); err != nil {
			return err
		}
		if err := c.Exec("BEGIN"); err != nil {
			return err
		}
		defer func() { _ = c.Exec("COMMIT") }() // it only read
		out, err = s.audit(c, types)
		return err
	})
	return out, err
}

func (s *Store) audit(c *conn, types []health.Type) ([]Divergence, error) {
	out := []Divergence{}
	ids, names, err := listTypeIDs(c)
	if err != nil {
		return nil, err
	}
	ledger, err := readLedgers(c)
	if err != nil {
		return nil, err
	}
	for i, id := range ids {
		if len(types) > 0 && !slices.Contains(types, names[i]) {
			continue
		}
		served := ledger[id]
		// lost are the days before one of which there are rows.
		lost := func(day int64) {
			for ; len(served) > 0 && served[0].day < day; served = served[1:] {
				out = append(out, Divergence{names[i], served[0].day, served[0].count, 0})
			}
		}
		err = s.reckon(c, id, func(t touched) error {
			lost(t.day)
			var l ledgerDay
			if len(served) > 0 && served[0].day == t.day {
				l, served = served[0], served[1:]
			}
			if l.count != t.count || ledgerHash(l.hash) != ledgerHash(t.hash) {
				out = append(out, Divergence{names[i], t.day, l.count, t.count})
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		lost(math.MaxInt64)
	}
	return out, nil
}

func listTypeIDs(c *conn) (ids []int64, names []health.Type, err error) {
	q, err := c.stmt(typeIDs)
	if err != nil {
		return nil, nil, err
	}
	for {
		row, err := q.Step()
		if err != nil || !row {
			return ids, names, err
		}
		ids, names = append(ids, q.Int(0)), append(names, health.Type(q.Text(1)))
	}
}

// ledgerDay is what the ledger has of a day of one type.
type ledgerDay struct {
	day, count int64
	hash       uint64
}

// readLedgers reads the ledger: what it has of each type, ascending by day.
func readLedgers(c *conn) (map[int64][]ledgerDay, error) {
	q, err := c.stmt(allLedger)
	if err != nil {
		return nil, err
	}
	out := map[int64][]ledgerDay{}
	for {
		row, err := q.Step()
		if err != nil || !row {
			return out, err
		}
		out[q.Int(0)] = append(out[q.Int(0)], ledgerDay{q.Int(1), q.Int(2), uint64(q.Int(3))})
	}
}

// reckon adds up the rows of a type, day by day.
func (s *Store) reckon(c *conn, typeID int64, each func(touched) error) error {
	q, err := c.stmt(allRows)
	if err != nil {
		return err
	}
	defer q.Reset()
	q.BindInt(1, typeID)
	origins, metas := map[int64]uint64{}, map[int64]uint64{0: 0}
	var t touched
	var id health.UUID
	for {
		more, err := q.Step()
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if d := utcDay(q.Int(0)); d != t.day || t.count == 0 {
			if t.count > 0 {
				if err := each(t); err != nil {
					return err
				}
			}
			t = touched{day: d}
		}
		o, ok := origins[q.Int(4)]
		if !ok {
			x, err := s.dict.origin(c, q.Int(4))
			if err != nil {
				return err
			}
			o = hashOrigin(x)
			origins[q.Int(4)] = o
		}
		m, ok := metas[q.Int(5)]
		if !ok {
			x, err := s.dict.metadata(c, q.Int(5))
			if err != nil {
				return err
			}
			m = hashMetadata(x)
			if len(metas) < dictionaryLimit {
				metas[q.Int(5)] = m
			}
		}
		q.UUID(1, (*[16]byte)(&id))
		t.count++
		t.hash += hashSample(&id, q.Int(0), q.Int(2), q.Float(3), o, m)
	}
	if t.count > 0 {
		return each(t)
	}
	return nil
}

// fillLedger writes the ledger of a database that had none: what is stored is
// what was served.
func (s *Store) fillLedger(c *conn) error {
	ids, _, err := listTypeIDs(c)
	if err != nil {
		return err
	}
	l := &s.apply.entries
	defer l.clear()
	for _, id := range ids {
		l.clear()
		if err := s.reckon(c, id, func(t touched) error { l.rows = append(l.rows, entry{touched: t, typeID: id}); return nil }); err != nil {
			return err
		}
		if err := l.write(c); err != nil {
			return err
		}
	}
	return nil
}

// Reledger takes the rows of days as what the phone served, after they were
// read again and compared, and gives how many entries that changed. It makes
// the totals of these days anew and counts the rows of each type, too, whichever
// days it is given: whoever changed rows kept neither.
func (s *Store) Reledger(ctx context.Context, days []Divergence) (int, error) {
	changed := 0
	err := s.change(ctx, "write to", func(w *conn) error {
		l := &s.apply.entries
		defer l.clear()
		var all []*merger
		for _, d := range days {
			id, ok, err := s.dict.typeID(w, d.Type, false)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			if n := len(all); n == 0 || all[n-1].id != id {
				all = append(all, &merger{batch: &batch{name: d.Type, id: id}, c: w, dict: s.dict, took: true})
			}
			m := all[len(all)-1]
			now, err := m.reckonDay(d.Day)
			if err != nil {
				return err
			}
			l.rows = append(l.rows, entry{touched: now, typeID: id})
			m.touch(d.Day*daySeconds, (d.Day+1)*daySeconds, 0, 0, true)
		}
		changed = len(l.rows)
		if err := l.write(w); err != nil {
			return err
		}
		if err := s.retotal(w, all); err != nil {
			return err
		}
		return recount(w)
	})
	return changed, err
}
