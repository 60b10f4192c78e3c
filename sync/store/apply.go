package store

import (
	"context"

	"healthsync/sync/health"
)

// Apply stores c whole, or nothing of it and an error. Once it has returned,
// no crash of the process undoes it. A ctx that is done before the end means
// that nothing is stored: to keep a page that has come already, hand in
// context.WithoutCancel(ctx).
//
// Errors: *FullError, *CorruptError, *ReadOnlyError, *BusyError.
//
// That a sample's identity is stored once rests on what HealthKit promises: a
// sample never changes, its start neither. Should a phone serve one under
// another start all the same, the old row gives way where it lies in a
// reconciled span, is a tombstone, or is in the same change; elsewhere
// [Store.Check] finds it.
func (s *Store) Apply(ctx context.Context, c *Change) (Outcome, error) {
	var out Outcome
	err := s.change(ctx, "write to", func(w *conn) error {
		var err error
		out, err = s.applyTo(ctx, w, c)
		return err
	})
	if err != nil {
		return Outcome{}, err
	}
	return out, nil
}

func (s *Store) applyTo(ctx context.Context, w *conn, c *Change) (Outcome, error) {
	a := &s.apply
	stale, err := s.totals.prepare(w)
	if err != nil {
		return Outcome{}, err
	}
	if err := a.begin(w, s.dict, c); err != nil {
		return Outcome{}, err
	}
	also := make(map[Key]struct{}, len(c.Also))
	for _, k := range c.Also {
		also[k] = struct{}{}
	}
	mixed, err := w.hasForeign()
	if err != nil {
		return Outcome{}, err
	}
	if !stale { // or all figures are made anew below
		if err := s.totals.rank(w); err != nil {
			return Outcome{}, err
		}
	}
	out := Outcome{ByType: make(map[health.Type]Counts, len(a.batches))}
	a.mergers = a.mergers[:0]
	defer func() { clear(a.mergers) }()
	before := make(map[int64][]stretch, len(a.batches))
	for _, b := range a.batches {
		if err := ctx.Err(); err != nil {
			return Outcome{}, err
		}
		if before[b.id], err = stretches(w, b.id); err != nil {
			return Outcome{}, err
		}
		m := &merger{batch: b, c: w, dict: s.dict, at: s.now().Unix(), also: also, gone: a.missing[:0], cover: before[b.id], detail: c.Detail, mixed: mixed}
		if err := m.merge(); err != nil {
			return Outcome{}, err
		}
		a.missing = m.gone[:0]
		if err := m.own(); err != nil {
			return Outcome{}, err
		}
		if err := m.update(); err != nil {
			return Outcome{}, err
		}
		if err := m.insert(&a.feed); err != nil {
			return Outcome{}, err
		}
		a.mergers = append(a.mergers, m)
		if c.Detail {
			out.Days = append(out.Days, m.days()...)
		}
		out.Counts = out.Counts.Plus(b.counts)
		out.ByType[b.name] = b.counts
	}
	if err := a.keepLedger(w, a.mergers); err != nil {
		return Outcome{}, err
	}
	if stale {
		err = s.freshTotals(w)
	} else {
		err = s.keepTotals(w, a.mergers)
	}
	if err != nil {
		return Outcome{}, err
	}
	if err := s.cover(w, c.Covered, before); err != nil {
		return Outcome{}, err
	}
	if c.Note != nil {
		more, err := c.Note(out)
		if err == nil {
			err = setState(w, more)
		}
		if err != nil {
			return Outcome{}, err
		}
	}
	return out, setState(w, c.State)
}

const updateSample = `UPDATE sample SET duration = ?4, value = ?5, origin = ?6, metadata = ?7
	WHERE type = ?1 AND start = ?2 AND id = ?3`

// update writes the changed rows and leaves the new ones together in m.rows.
func (m *merger) update() error {
	fresh := m.rows[:0]
	for i := range m.rows {
		switch r := &m.rows[i]; r.state {
		case stateNew:
			fresh = append(fresh, *r)
		case stateKnown:
			m.counts.Known++
		case stateChanged:
			m.counts.Changed++
			s, err := m.c.stmt(updateSample)
			if err != nil {
				return err
			}
			s.BindInt(1, m.id)
			s.BindInt(2, r.start)
			s.BindUUID(3, (*[16]byte)(&r.id))
			s.BindInt(4, r.duration)
			s.BindFloat(5, r.value)
			s.BindInt(6, r.origin)
			s.BindNull(7)
			if r.metadata != 0 {
				s.BindInt(7, r.metadata)
			}
			if err := s.Run(); err != nil {
				return err
			}
		}
	}
	m.rows = fresh
	return nil
}

const (
	insertPage = `INSERT INTO sample (type, start, id, duration, value, origin, metadata) SELECT * FROM page`
	unbury     = `DELETE FROM deleted_sample WHERE type = ?1 AND id = ?2`
	countType  = `UPDATE type SET live = live + ?2, deleted = deleted + ?3, late = late + ?4,
		longest = max(longest, ?5), zoned = max(zoned, ?6) WHERE id = ?1`
)

// insert stores the new rows, revives the tombstones among them, and keeps
// the count of the type.
func (m *merger) insert(feed *feedRows) error {
	if len(m.rows) > 0 {
		if err := m.revive(); err != nil {
			return err
		}
		s, err := m.c.stmt(insertPage)
		if err != nil {
			return err
		}
		feed.typeID, feed.rows = m.id, m.rows
		err = s.Run()
		feed.rows = nil
		if err != nil {
			return err
		}
	}
	n := &m.counts
	n.Changed += m.moves
	for i := range m.rows {
		r := &m.rows[i]
		late := len(m.cover) > 0 && holds(m.cover, r.start)
		m.touch(r.start, r.start+reach(r.duration), 1, r.hash, late)
		n := m.written(r.start)
		if r.state == stateRevived {
			n.Revived++
			continue
		}
		// A row that moved was taken out at its old time and is not new at
		// its new one.
		if _, moved := m.moved[r.id]; moved {
			n.Changed++
			continue
		}
		n.Added++
		m.counts.Added++
		if late {
			n.Late++
			m.counts.Late++
		}
	}
	if len(m.touched) == 0 {
		return nil
	}
	live, buried := int64(len(m.rows)-n.Deleted-m.moves), int64(n.Deleted-n.Revived)
	s, err := m.c.stmt(countType)
	if err != nil {
		return err
	}
	s.BindInt(1, m.id)
	s.BindInt(2, live)
	s.BindInt(3, buried)
	s.BindInt(4, int64(n.Late))
	s.BindInt(5, m.longest)
	s.BindInt(6, 0)
	if m.zoned {
		s.BindInt(6, 1)
	}
	return s.Run()
}

// revive takes the tombstones of new rows away.
func (m *merger) revive() error {
	if m.facts.buried == 0 {
		return nil
	}
	s, err := m.c.stmt(unbury)
	if err != nil {
		return err
	}
	for i := range m.rows {
		s.BindInt(1, m.id)
		s.BindUUID(2, (*[16]byte)(&m.rows[i].id))
		if err := s.Run(); err != nil {
			return err
		}
		if m.c.Changes() > 0 {
			m.counts.Revived++
			m.rows[i].state = stateRevived
		}
	}
	return nil
}
