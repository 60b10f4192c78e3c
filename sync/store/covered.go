package store

import (
	"context"
	"database/sql"

	"healthsync/sync/health"
)

// coverage gives the spans of a type that were read whole.
func coverage(ctx context.Context, q querier, typeID int64) (Spans, error) {
	var out Spans
	err := each(ctx, q, func(rows *sql.Rows) error {
		var s Span
		if err := rows.Scan(&s.From, &s.To); err != nil {
			return err
		}
		out = append(out, s)
		return nil
	}, `SELECT start, stop FROM covered WHERE type = ? ORDER BY start`, typeID)
	return out, err
}

// cover adds what a change covers. Spans that it joins count as read when the
// latest of them was.
func (w *writer) cover(list []Covered) error {
	for _, c := range list {
		if c.Span.Empty() {
			continue
		}
		id, err := w.typeID(c.Type)
		if err != nil {
			return err
		}
		joined, at := c.Span, c.At
		const touching = `SELECT
				min(?2, coalesce(min(start), ?2)), max(?3, coalesce(max(stop), ?3)), max(?4, coalesce(max(at), ?4))
			FROM covered WHERE type = ?1 AND start <= ?3 AND stop >= ?2`
		stmt, err := w.stmt(touching)
		if err != nil {
			return err
		}
		err = stmt.QueryRowContext(w.ctx, id, c.Span.From, c.Span.To, c.At).Scan(&joined.From, &joined.To, &at)
		if err != nil {
			return err
		}
		err = w.exec(`DELETE FROM covered WHERE type = ? AND start >= ? AND start <= ?`, id, joined.From, joined.To)
		if err != nil {
			return err
		}
		err = w.exec(`INSERT INTO covered (type, start, stop, at) VALUES (?, ?, ?, ?)`, id, joined.From, joined.To, at)
		if err != nil {
			return err
		}
	}
	return nil
}

// Coverage gives the spans known to be read whole, per type. A type that was
// never read is not in the map.
func (s *Store) Coverage(ctx context.Context) (map[health.Type][]Span, error) {
	out := map[health.Type][]Span{}
	err := each(ctx, s.reader, func(rows *sql.Rows) error {
		var t health.Type
		var span Span
		if err := rows.Scan(&t, &span.From, &span.To); err != nil {
			return err
		}
		out[t] = append(out[t], span)
		return nil
	}, `SELECT t.name, c.start, c.stop FROM covered c JOIN type t ON t.id = c.type ORDER BY c.type, c.start`)
	return out, s.fail(ctx, err)
}
