package store

import (
	"cmp"
	"context"
	"slices"
	"time"

	"healthsync/sync/health"
	"healthsync/sync/store/internal/sqlite"
)

// The ledger holds, for each type and day, how many samples the phone served
// and the sum of their hashes. Its days are UTC's, whatever zone the reader is
// in: they must mean the same on every machine and next year too.
//
// It says what was served, not what the rows are: the two are compared by
// [Store.Audit].

// utcDay is the day of a moment.
func utcDay(at int64) int64 {
	d := at / daySeconds
	if at%daySeconds < 0 {
		d--
	}
	return d
}

const daySeconds = 86400

// touched is what a change did to one day of one type.
type touched struct {
	day   int64
	count int64
	hash  uint64
	// from and to bound the time that its samples lie in.
	from, to int64
	// empty says that nothing of the day was stored before.
	empty bool
	// doubt says that rows were there that should have been known: they came
	// late, were changed or are gone.
	doubt bool
}

// touch notes a sample that was put in or taken out.
func (m *merger) touch(start, stop, count int64, hash uint64, doubt bool) {
	day := utcDay(start)
	stop = max(stop, start+1)
	if n := len(m.touched); n > 0 && m.touched[n-1].day == day {
		m.touched[n-1].add(touched{day: day, count: count, hash: hash, from: start, to: stop, doubt: doubt})
		return
	}
	m.touched = append(m.touched, touched{day: day, count: count, hash: hash, from: start, to: stop, doubt: doubt})
}

func (t *touched) add(u touched) {
	t.count += u.count
	t.hash += u.hash
	t.from, t.to = min(t.from, u.from), max(t.to, u.to)
	t.doubt = t.doubt || u.doubt
}

// byDay brings what was touched into order, each day once.
func byDay(all []touched) []touched {
	if slices.IsSortedFunc(all, func(a, b touched) int { return cmp.Compare(a.day, b.day+1) }) {
		return all // nearly always: strictly ascending
	}
	slices.SortFunc(all, func(a, b touched) int { return cmp.Compare(a.day, b.day) })
	out := all[:1]
	for _, t := range all[1:] {
		if last := &out[len(out)-1]; last.day == t.day {
			last.add(t)
		} else {
			out = append(out, t)
		}
	}
	return out
}

// ledgerRows is the table that the ledger's INSERT … SELECT reads.
type ledgerRows struct {
	typeID int64
	rows   []touched
}

var ledgerColumns = []string{"type", "day", "count", "hash"}

// Len is the number of rows.
func (l *ledgerRows) Len() int { return len(l.rows) }

// Column gives a value in the order of ledgerColumns.
func (l *ledgerRows) Column(i, column int, v *sqlite.Value) {
	switch r := &l.rows[i]; column {
	case 0:
		v.Int(l.typeID)
	case 1:
		v.Int(r.day)
	case 2:
		v.Int(r.count)
	case 3:
		v.Int(int64(r.hash))
	}
}

const (
	readLedger  = `SELECT day, count, hash FROM ledger WHERE type = ?1 AND day >= ?2 AND day <= ?3 ORDER BY day`
	writeLedger = `INSERT OR REPLACE INTO ledger (type, day, count, hash) SELECT * FROM ledger_page`
	pruneLedger = `DELETE FROM ledger WHERE type = ?1 AND day >= ?2 AND day <= ?3 AND count = 0`
)

// fewDays is how many days are looked up one by one rather than read in a row.
const fewDays = 4

// keepLedger brings the ledger of a batch's days up to date.
func (a *applier) keepLedger(m *merger) error {
	if len(m.touched) == 0 {
		return nil
	}
	m.touched = byDay(m.touched)
	l := &a.entries
	l.typeID, l.rows = m.id, append(l.rows[:0], m.touched...)
	if err := m.addEntries(l.rows); err != nil {
		return err
	}
	empty, undone := false, int64(0)
	for i := range l.rows {
		r := &l.rows[i]
		m.touched[i].empty = r.count == m.touched[i].count
		if r.doubt {
			// Where the rows now are what the ledger says already, the change
			// undid what someone else had done to them: what was served stays.
			before := touched{count: r.count - m.touched[i].count, hash: r.hash - m.touched[i].hash}
			now, err := m.reckonDay(r.day)
			if err != nil {
				return err
			}
			if now.count == before.count && now.hash == before.hash {
				r.count, r.hash = before.count, before.hash
				undone += m.touched[i].count
			}
		}
		empty = empty || r.count == 0
	}
	if err := m.uncount(undone); err != nil {
		return err
	}
	s, err := m.c.stmt(writeLedger)
	if err != nil {
		return err
	}
	if err := s.Run(); err != nil || !empty {
		return err
	}
	return m.prune(l.rows[0].day, l.rows[len(l.rows)-1].day)
}

// uncount takes back what was added to the count of the type for rows that were
// counted all along: whoever took them out, or put them in, did not count.
func (m *merger) uncount(rows int64) error {
	if rows == 0 {
		return nil
	}
	s, err := m.c.stmt(countType)
	if err != nil {
		return err
	}
	s.BindInt(1, m.id)
	s.BindInt(2, -rows)
	for i := 3; i <= 6; i++ {
		s.BindInt(i, 0)
	}
	return s.Run()
}

// prune takes away the entries of days that have no sample any more.
func (m *merger) prune(first, last int64) error {
	s, err := m.c.stmt(pruneLedger)
	if err != nil {
		return err
	}
	s.BindInt(1, m.id)
	s.BindInt(2, first)
	s.BindInt(3, last)
	return s.Run()
}

// addEntries adds to rows, ascending by day, what the ledger has of their
// days.
func (m *merger) addEntries(rows []touched) error {
	s, err := m.c.stmt(readLedger)
	if err != nil {
		return err
	}
	read := func(part []touched) error {
		s.BindInt(1, m.id)
		s.BindInt(2, part[0].day)
		s.BindInt(3, part[len(part)-1].day)
		for i := 0; ; {
			more, err := s.Step()
			if err != nil || !more {
				return err
			}
			for i < len(part) && part[i].day < s.Int(0) {
				i++
			}
			if i < len(part) && part[i].day == s.Int(0) {
				part[i].count += s.Int(1)
				part[i].hash += uint64(s.Int(2))
			}
		}
	}
	if len(rows) > fewDays {
		return read(rows)
	}
	for i := range rows {
		if err := read(rows[i : i+1]); err != nil {
			return err
		}
	}
	return nil
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
	allLedger = `SELECT day, count, hash FROM ledger WHERE type = ?1 ORDER BY day`
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
	for i, id := range ids {
		if len(types) > 0 && !slices.Contains(types, names[i]) {
			continue
		}
		served, err := ledgerOf(c, id)
		if err != nil {
			return nil, err
		}
		err = s.reckon(c, id, func(t touched) error {
			if l := served[t.day]; l.count != t.count || l.hash != t.hash {
				out = append(out, Divergence{names[i], t.day, l.count, t.count})
			}
			delete(served, t.day)
			return nil
		})
		if err != nil {
			return nil, err
		}
		for day, l := range served { // of which there is no row
			out = append(out, Divergence{names[i], day, l.count, 0})
		}
	}
	slices.SortStableFunc(out, func(a, b Divergence) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Day, b.Day))
	})
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

func ledgerOf(c *conn, typeID int64) (map[int64]touched, error) {
	q, err := c.stmt(allLedger)
	if err != nil {
		return nil, err
	}
	q.BindInt(1, typeID)
	out := map[int64]touched{}
	for {
		row, err := q.Step()
		if err != nil || !row {
			return out, err
		}
		out[q.Int(0)] = touched{day: q.Int(0), count: q.Int(1), hash: uint64(q.Int(2))}
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
	for _, id := range ids {
		l := &s.apply.entries
		l.typeID, l.rows = id, l.rows[:0]
		if err := s.reckon(c, id, func(t touched) error { l.rows = append(l.rows, t); return nil }); err != nil {
			return err
		}
		if err := writeEntries(c); err != nil {
			return err
		}
	}
	return nil
}

func writeEntries(c *conn) error {
	q, err := c.stmt(writeLedger)
	if err != nil {
		return err
	}
	return q.Run()
}

// Reledger takes the rows of days as what the phone served, after they were
// read again and compared, and gives how many entries that changed. It counts
// the rows of each type anew, too, whichever days it is given: whoever changed
// rows did not keep the counts.
func (s *Store) Reledger(ctx context.Context, days []Divergence) (int, error) {
	changed := 0
	err := s.change(ctx, "write to", func(w *conn) error {
		changed = 0
		for _, d := range days {
			id, ok, err := s.dict.typeID(w, d.Type, false)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			m := &merger{batch: &batch{name: d.Type, id: id}, c: w, dict: s.dict}
			now, err := m.reckonDay(d.Day)
			if err != nil {
				return err
			}
			l := &s.apply.entries
			l.typeID, l.rows = id, append(l.rows[:0], now)
			if err := writeEntries(w); err != nil {
				return err
			}
			if now.count == 0 {
				if err := m.prune(d.Day, d.Day); err != nil {
					return err
				}
			}
			changed++
		}
		return recount(w)
	})
	return changed, err
}
