package store

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"strings"

	"healthsync/sync/health"
)

// Apply stores c whole, or nothing of it and an error. Once it has returned,
// no crash of the process undoes it. A ctx that is done before the end means
// that nothing is stored: to keep a page that has come already, hand in
// context.WithoutCancel(ctx).
//
// Errors: *FullError, *IOError, *CorruptError, *ReadOnlyError, *BusyError.
//
// That a sample's identity is stored once rests on what HealthKit promises: a
// sample never changes, its start neither. Should a phone serve one under
// another start all the same, the old row gives way where it lies in the time of
// the change's samples or in a reconciled span, or is a tombstone.
func (s *Store) Apply(ctx context.Context, c *Change) (Outcome, error) {
	var out Outcome
	err := s.change(ctx, func(tx *sql.Tx) (err error) {
		out, err = s.apply(ctx, tx, c)
		return err
	})
	if err != nil {
		return Outcome{}, err
	}
	return out, nil
}

func (s *Store) apply(ctx context.Context, tx *sql.Tx, c *Change) (Outcome, error) {
	rule, stale, err := s.rule(ctx, tx)
	if err != nil {
		return Outcome{}, err
	}
	w := newWriter(ctx, tx)
	defer w.close()
	w.zone, w.now = rule.zone, s.o.Now().Unix()
	pages, err := w.sort(c)
	if err != nil {
		return Outcome{}, err
	}
	out := Outcome{ByType: make(map[health.Type]Counts, len(pages))}
	for _, p := range pages {
		if err := w.store(p); err != nil {
			return Outcome{}, err
		}
		out.Counts = out.Counts.Plus(p.counts)
		out.ByType[p.name] = p.counts
		for _, day := range slices.Sorted(maps.Keys(p.byDay)) {
			out.Days = append(out.Days, DayCounts{p.name, day, p.byDay[day]})
		}
	}
	if stale {
		err = rule.remakeAll(w)
	} else {
		err = rule.remake(w, pages)
	}
	if err != nil {
		return Outcome{}, err
	}
	if err := w.cover(c.Covered); err != nil {
		return Outcome{}, err
	}
	if c.Note != nil {
		more, err := c.Note(out)
		if err == nil {
			err = setState(ctx, tx, more)
		}
		if err != nil {
			return Outcome{}, err
		}
	}
	return out, setState(ctx, tx, c.State)
}

// store brings the table sample to what a page says of its type: the page is
// compared with what is stored of its time, then what differs is written.
func (w *writer) store(p *page) error {
	for _, span := range p.time() {
		if err := w.compare(p, span); err != nil {
			return err
		}
	}
	var columns []any // of rows to be inserted
	for i := range p.rows {
		r := &p.rows[i]
		insert, err := w.write(p, r)
		if err != nil {
			return err
		}
		if insert {
			columns = append(columns, p.id, r.start, r.id[:], r.duration, r.value, r.origin, orNull(r.metadata))
		}
		if n := len(columns) / sampleColumns; n == insertAtOnce || n > 0 && i == len(p.rows)-1 {
			if err := w.exec(insertSamples+strings.Repeat(insertOneMore, n-1), columns...); err != nil {
				return err
			}
			p.live += n
			columns = columns[:0]
		}
	}
	if len(p.days) == 0 {
		return nil
	}
	return w.exec(`UPDATE type SET live = live + ?, deleted = deleted + ?, late = late + ?,
		longest = max(longest, ?), zoned = max(zoned, ?) WHERE id = ?`,
		p.live, p.dead, p.counts.Late, p.longest, p.zoned, p.id)
}

// insertAtOnce is how many rows are inserted by a statement: one at a time takes
// 1.1 us a row longer, a tenth of the time that a synchronisation takes.
const (
	insertAtOnce  = 50
	sampleColumns = 7
	insertSamples = `INSERT INTO sample (type, start, id, duration, value, origin, metadata)
		VALUES (?, ?, ?, ?, ?, ?, ?)`
	insertOneMore = `, (?, ?, ?, ?, ?, ?, ?)`
)

// orNull gives NULL for no number.
func orNull(id int64) any {
	if id == 0 {
		return nil
	}
	return id
}

// compareAtOnce is how many stored rows are in memory at a time.
const compareAtOnce = 4096

const storedRows = `SELECT start, id, duration, value, origin, coalesce(metadata, 0), EXISTS (
		SELECT 1 FROM foreign_sample f WHERE f.type = s.type AND f.start = s.start AND f.id = s.id)
	FROM sample s WHERE type = ? AND (start, id) > (?, ?) AND start < ? ORDER BY start, id LIMIT ?`

// compare gives the rows of a page that are stored in a span their states, and
// takes away what is stored there and the phone no longer has.
func (w *writer) compare(p *page, span Span) error {
	after, id := span.From, []byte{}
	for {
		var stored []row
		err := each(w.ctx, w, func(rows *sql.Rows) error {
			var r row
			var id sql.RawBytes
			if err := rows.Scan(&r.start, &id, &r.duration, &r.value, &r.origin, &r.metadata, &r.foreign); err != nil {
				return err
			}
			copy(r.id[:], id)
			stored = append(stored, r)
			return nil
		}, storedRows, p.id, after, id, span.To, compareAtOnce)
		if err != nil {
			return err
		}
		// Not while they are read: SQLite leaves open what a query sees of rows
		// that are taken away meanwhile.
		for i := range stored {
			if err := w.meet(p, &stored[i]); err != nil {
				return err
			}
		}
		if len(stored) < compareAtOnce {
			return nil
		}
		last := stored[len(stored)-1]
		after, id = last.start, last.id[:]
	}
}

// meet compares a stored row with the page.
func (w *writer) meet(p *page, old *row) error {
	i, served := p.byID[old.id]
	switch {
	case served && p.rows[i].start == old.start:
		r := &p.rows[i]
		r.state, r.foreign = known, old.foreign
		if r.duration != old.duration || r.value != old.value || r.origin != old.origin || r.metadata != old.metadata {
			r.state = changed
			w.touch(p, old.start, old.duration)
		}
		return nil
	case served: // under another start
		if p.rows[i].state == fresh {
			p.rows[i].state = moved
		}
	case !p.reconcile.Contains(old.start) || old.foreign || p.keep[old.id]:
		return nil
	default:
		p.add(old.start, Counts{Deleted: 1})
		p.dead++
		err := w.exec(`INSERT OR REPLACE INTO deleted_sample
				(type, id, start, duration, value, origin, metadata, deleted_at)
			SELECT type, id, start, duration, value, origin, metadata, ?
			FROM sample WHERE type = ? AND start = ? AND id = ?`,
			w.now, p.id, old.start, old.id[:])
		if err != nil {
			return err
		}
	}
	w.touch(p, old.start, old.duration)
	if old.foreign {
		if err := w.own(p, old); err != nil {
			return err
		}
	}
	p.live--
	return w.exec(`DELETE FROM sample WHERE type = ? AND start = ? AND id = ?`, p.id, old.start, old.id[:])
}

// own says that the phone has a sample itself that came from another.
func (w *writer) own(p *page, r *row) error {
	return w.exec(`DELETE FROM foreign_sample WHERE type = ? AND start = ? AND id = ?`, p.id, r.start, r.id[:])
}

// write stores a row of a page by its state, and reports whether it is to be
// inserted.
func (w *writer) write(p *page, r *row) (insert bool, err error) {
	if r.foreign {
		if err := w.own(p, r); err != nil {
			return false, err
		}
	}
	revived := false
	if r.state == fresh && p.tombstones {
		res, err := w.run(`DELETE FROM deleted_sample WHERE type = ? AND id = ?`, p.id, r.id[:])
		if err != nil {
			return false, err
		}
		n, err := res.RowsAffected()
		if err != nil {
			return false, err
		}
		revived = n > 0
		p.dead -= int(n)
	}
	switch {
	case r.state == known:
		p.counts.Known++
		return false, nil
	case r.state == changed || r.state == moved:
		p.add(r.start, Counts{Changed: 1})
	case revived:
		p.add(r.start, Counts{Revived: 1})
	case p.covered.Contains(r.start):
		p.add(r.start, Counts{Added: 1, Late: 1})
	default:
		p.add(r.start, Counts{Added: 1})
	}
	w.touch(p, r.start, r.duration)
	if r.state != changed {
		return true, nil
	}
	return false, w.exec(`UPDATE sample SET duration = ?, value = ?, origin = ?, metadata = ?
		WHERE type = ? AND start = ? AND id = ?`,
		r.duration, r.value, r.origin, orNull(r.metadata), p.id, r.start, r.id[:])
}
