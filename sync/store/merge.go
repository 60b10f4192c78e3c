package store

import (
	"cmp"
	"math"
	"slices"

	"healthsync/sync/health"
	"healthsync/sync/store/internal/sqlite"
)

// A change is merged with what is stored: both are in the order of the key,
// so that one walk over the stored rows of a page's range tells the new from
// the known, and what is missing from them. Where nothing is stored yet, as
// in the first synchronisation, the walk is one look.

const walkSample = `SELECT start, id, duration, value, origin, metadata FROM sample
	WHERE type = ?1 AND (start, id) > (?2, ?3) AND start <= ?4 ORDER BY start, id`

// leap is how many stored rows the walk passes over before it rather seeks
// the next one that it wants: a seek costs about as much as that.
const leap = 64

// flushMissing bounds the memory for rows that are gone.
const flushMissing = 1024

// missing is a stored row that the phone no longer has.
type missing struct {
	start int64
	id    health.UUID
	stop  int64
	hash  uint64
}

// merger merges one batch.
type merger struct {
	*batch
	c     *conn
	dict  *dictionary
	at    int64 // now, for tombstones
	also  map[Key]struct{}
	gone  []missing
	ids   map[health.UUID]struct{} // of the batch's rows, made when needed
	moved map[health.UUID]struct{} // rows that are stored at another time
	moves int                      // rows taken out because they are in the change at another time
	took  bool                     // rows were changed or taken out
	cover []stretch                // what was covered before the change
	mixed bool                     // there are samples of another iPhone

	detail bool              // count by day
	byDay  map[int64]*Counts // with detail: what was written, by UTC day
	spare  Counts
}

// merge gives the rows their states, and takes away what is missing.
func (m *merger) merge() error {
	i := 0
	// The stretches between the reconciled spans, and these.
	for _, span := range append(m.reconcile[:len(m.reconcile):len(m.reconcile)], Span{math.MaxInt64, math.MaxInt64}) {
		j := i
		for j < len(m.rows) && m.rows[j].start < span.From {
			j++
		}
		if i < j {
			if err := m.walk(m.rows[i:j], m.rows[i].start, m.rows[j-1].start, false); err != nil {
				return err
			}
		}
		i = j
		for j < len(m.rows) && m.rows[j].start < span.To {
			j++
		}
		if !span.Empty() {
			if err := m.walk(m.rows[i:j], span.From, span.To-1, true); err != nil {
				return err
			}
		}
		i = j
	}
	return m.takeAway()
}

// walk merges rows with what is stored from first to last, both included.
// What is stored and not in rows is missing if whole says that rows is all
// there is.
func (m *merger) walk(rows []row, first, last int64, whole bool) error {
	s, err := m.c.stmt(walkSample)
	if err != nil {
		return err
	}
	seek := func(start int64, after *health.UUID) {
		s.BindInt(1, m.id)
		s.BindInt(2, start)
		if after == nil {
			s.BindNoBytes(3)
		} else {
			s.BindUUID(3, (*[16]byte)(after))
		}
		s.BindInt(4, last)
	}
	seek(first, nil)
	passed := 0
	for i := 0; whole || i < len(rows); {
		more, err := s.Step()
		if err != nil || !more {
			return err
		}
		start := s.Int(0)
		var id health.UUID
		s.UUID(1, (*[16]byte)(&id))
		for i < len(rows) && rows[i].before(start, &id) {
			i++
			passed = 0
		}
		switch {
		case i < len(rows) && rows[i].at(start, &id):
			r := &rows[i]
			r.state = stateKnown
			if r.duration != s.Int(2) || r.value != s.Float(3) || r.origin != s.Int(4) || r.metadata != s.Int(5) {
				r.state, m.took = stateChanged, true
				stored, err := m.stored(s, start, &id)
				if err != nil {
					return err
				}
				m.touch(start, start+max(reach(s.Int(2)), reach(r.duration)), 0, r.hash-stored, true)
				m.written(start).Changed++
			}
			i++
			passed = 0
		case whole:
			if err := m.miss(s, start, id); err != nil {
				return err
			}
			if len(m.gone) == flushMissing {
				// Not under a walk: SQLite leaves open what a walk sees of
				// rows that are taken away below it.
				s.Reset()
				if err := m.takeAway(); err != nil {
					return err
				}
				seek(start, &id)
			}
		default:
			// Within the second of the row that is wanted there is no leap: it
			// would go back to the second's begin, for ever.
			if passed++; passed >= leap && i < len(rows) && rows[i].start > start {
				s.Reset()
				seek(rows[i].start, nil)
				passed = 0
			}
		}
	}
	s.Reset()
	return nil
}

// miss notes a stored row that the reconciled span should have had.
func (m *merger) miss(s *sqlite.Stmt, start int64, id health.UUID) error {
	if _, ok := m.also[Key{m.name, id}]; ok {
		return nil
	}
	hash, err := m.stored(s, start, &id)
	m.gone = append(m.gone, missing{start, id, start + reach(s.Int(2)), hash})
	return err
}

// stored is the hash of the row at which a walk stands.
func (m *merger) stored(s *sqlite.Stmt, start int64, id *health.UUID) (uint64, error) {
	return m.dict.hash(m.c, start, id, s.Int(2), s.Float(3), s.Int(4), s.Int(5))
}

const (
	bury = `INSERT OR REPLACE INTO deleted_sample (type, id, start, duration, value, origin, metadata, deleted_at)
		SELECT type, id, start, duration, value, origin, metadata, ?4 FROM sample WHERE type = ?1 AND start = ?2 AND id = ?3`
	remove = `DELETE FROM sample WHERE type = ?1 AND start = ?2 AND id = ?3`
)

// takeAway makes tombstones of the missing rows, but for those that the
// change has at another time: they only moved.
func (m *merger) takeAway() error {
	if len(m.gone) == 0 {
		return nil
	}
	if m.ids == nil {
		m.ids = make(map[health.UUID]struct{}, len(m.rows))
		for i := range m.rows {
			m.ids[m.rows[i].id] = struct{}{}
		}
	}
	for i := range m.gone {
		g := &m.gone[i]
		_, moved := m.ids[g.id]
		foreign, err := m.foreign(g)
		if err != nil {
			return err
		}
		if foreign && !moved {
			continue
		}
		if foreign { // and now this one's
			if err := m.onRow(dropForeign, g); err != nil {
				return err
			}
		}
		m.touch(g.start, g.stop, -1, -g.hash, true)
		m.took = true
		if moved {
			if m.moved == nil {
				m.moved = make(map[health.UUID]struct{})
			}
			m.moved[g.id] = struct{}{}
			m.moves++
		} else {
			if err := m.onRow(bury, g); err != nil {
				return err
			}
			m.counts.Deleted++
			m.written(g.start).Deleted++
		}
		if err := m.onRow(remove, g); err != nil {
			return err
		}
	}
	m.gone = m.gone[:0]
	return nil
}

func (m *merger) onRow(sql string, g *missing) error {
	s, err := m.c.stmt(sql)
	if err != nil {
		return err
	}
	s.BindInt(1, m.id)
	s.BindInt(2, g.start)
	s.BindUUID(3, (*[16]byte)(&g.id))
	if sql == bury {
		s.BindInt(4, m.at)
	}
	return s.Run()
}

// written gives the counts of one day for [Outcome.Days] to be added to.
func (m *merger) written(start int64) *Counts {
	if !m.detail {
		return &m.spare
	}
	day := utcDay(start)
	if m.byDay == nil {
		m.byDay = map[int64]*Counts{}
	}
	n := m.byDay[day]
	if n == nil {
		n = &Counts{}
		m.byDay[day] = n
	}
	return n
}

func (m *merger) days() []DayCounts {
	var out []DayCounts
	for day, n := range m.byDay {
		out = append(out, DayCounts{m.name, day, *n})
	}
	slices.SortFunc(out, func(a, b DayCounts) int { return cmp.Compare(a.Day, b.Day) })
	return out
}
