package store

import (
	"cmp"
	"slices"

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

// entry is a row of the ledger, and what a change did to it.
type entry struct {
	touched
	typeID int64
	m      *merger // that touched it, as its touched[at]
	at     int
}

func (e *entry) compare(day, typeID int64) int {
	return cmp.Or(cmp.Compare(e.day, day), cmp.Compare(e.typeID, typeID))
}

// ledgerRows is the table that the ledger's INSERT … SELECT reads.
type ledgerRows struct{ rows []entry }

var ledgerColumns = []string{"day", "type", "count", "hash"}

// Len is the number of rows.
func (l *ledgerRows) Len() int { return len(l.rows) }

// Column gives a value in the order of ledgerColumns.
func (l *ledgerRows) Column(i, column int, v *sqlite.Value) {
	switch r := &l.rows[i]; column {
	case 0:
		v.Int(r.day)
	case 1:
		v.Int(r.typeID)
	case 2:
		v.Int(r.count)
	case 3:
		v.Int(ledgerHash(r.hash))
	}
}

const (
	readLedger  = `SELECT day, type, count, hash FROM ledger WHERE day >= ?1 AND day <= ?2 ORDER BY day, type`
	writeLedger = `INSERT OR REPLACE INTO ledger (day, type, count, hash) SELECT * FROM ledger_page`
	pruneLedger = `DELETE FROM ledger WHERE day = ?1 AND type = ?2`
)

// nearDays is how many days of the ledger are rather passed over than left out
// by looking for the next one: some hundred rows.
const nearDays = 4

// keepLedger brings the ledger up to date with what a change did to its types.
func (a *applier) keepLedger(c *conn, all []*merger) error {
	l := &a.entries
	defer l.clear()
	for _, m := range all {
		m.touched = byDay(m.touched)
		for i, t := range m.touched {
			l.rows = append(l.rows, entry{t, m.id, m, i})
		}
	}
	if len(all) > 1 {
		slices.SortFunc(l.rows, func(a, b entry) int { return a.compare(b.day, b.typeID) })
	}
	if err := addEntries(c, l.rows); err != nil {
		return err
	}
	for i := range l.rows {
		r := &l.rows[i]
		t := &r.m.touched[r.at]
		t.empty = r.count == t.count
		if r.doubt {
			if err := r.settle(t); err != nil {
				return err
			}
		}
	}
	return l.write(c)
}

// settle looks at the rows of a day that are not what they should have been.
// Where they are now what the ledger said before, the change undid what someone
// else had done to them: what was served stays. And where the phone was asked
// for the whole day, they are what it served, whatever the ledger says: someone
// else's doing may have been undone in part before.
func (r *entry) settle(t *touched) error {
	now, err := r.m.reckonDay(r.day)
	if err != nil {
		return err
	}
	if undone := now.count == r.count-t.count && ledgerHash(now.hash) == ledgerHash(r.hash-t.hash); !undone && !r.m.readWhole(r.day) {
		return nil
	}
	more := now.count - r.count
	r.count, r.hash = now.count, now.hash
	return r.m.countMore(more)
}

// readWhole reports whether the change has all that the phone has of a day.
func (m *merger) readWhole(day int64) bool {
	from, to := day*daySeconds, (day+1)*daySeconds
	return !m.mixed && slices.ContainsFunc(m.reconcile, func(s Span) bool { return s.From <= from && to <= s.To })
}

// countMore adds to the count of the type, without a row that came: whoever took
// rows out, or put them in, did not count.
func (m *merger) countMore(rows int64) error {
	if rows == 0 {
		return nil
	}
	s, err := m.c.stmt(countType)
	if err != nil {
		return err
	}
	s.BindInt(1, m.id)
	s.BindInt(2, rows)
	for i := 3; i <= 6; i++ {
		s.BindInt(i, 0)
	}
	return s.Run()
}

// addEntries adds to rows, ascending by day and type, what the ledger has of
// them.
func addEntries(c *conn, rows []entry) error {
	for i := 0; i < len(rows); {
		j := i + 1
		for j < len(rows) && rows[j].day <= rows[j-1].day+nearDays {
			j++
		}
		if err := addNear(c, rows[i:j]); err != nil {
			return err
		}
		i = j
	}
	return nil
}

func addNear(c *conn, rows []entry) error {
	s, err := c.stmt(readLedger)
	if err != nil {
		return err
	}
	s.BindInt(1, rows[0].day)
	s.BindInt(2, rows[len(rows)-1].day)
	for i := 0; ; {
		more, err := s.Step()
		if err != nil || !more {
			return err
		}
		day, typeID := s.Int(0), s.Int(1)
		for i < len(rows) && rows[i].compare(day, typeID) < 0 {
			i++
		}
		if i < len(rows) && rows[i].compare(day, typeID) == 0 {
			rows[i].count += s.Int(2)
			rows[i].hash += uint64(s.Int(3))
		}
	}
}

// write writes the rows, and takes away those of days that have no sample any
// more.
func (l *ledgerRows) write(c *conn) error {
	for i := range l.rows {
		if r := &l.rows[i]; r.count == 0 {
			s, err := c.stmt(pruneLedger)
			if err != nil {
				return err
			}
			s.BindInt(1, r.day)
			s.BindInt(2, r.typeID)
			if err := s.Run(); err != nil {
				return err
			}
		}
	}
	l.rows = slices.DeleteFunc(l.rows, func(r entry) bool { return r.count == 0 })
	if len(l.rows) == 0 {
		return nil
	}
	s, err := c.stmt(writeLedger)
	if err != nil {
		return err
	}
	return s.Run()
}

// clear empties the table; its memory is used again.
func (l *ledgerRows) clear() {
	clear(l.rows)
	l.rows = l.rows[:0]
}
