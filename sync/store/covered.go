package store

import (
	"cmp"
	"context"
	"slices"

	"healthsync/sync/health"
)

// stretch is a row of the table covered.
type stretch struct {
	Span
	at int64
}

const (
	listCovered   = `SELECT start, stop, at FROM covered WHERE type = ?1 ORDER BY start`
	addCovered    = `INSERT OR REPLACE INTO covered (type, start, stop, at) VALUES (?1, ?2, ?3, ?4)`
	removeCovered = `DELETE FROM covered WHERE type = ?1 AND start = ?2`
	allCovered    = `SELECT t.name, c.start, c.stop FROM covered c JOIN type t ON t.id = c.type ORDER BY c.type, c.start`
)

func stretches(c *conn, typeID int64) ([]stretch, error) {
	s, err := c.stmt(listCovered)
	if err != nil {
		return nil, err
	}
	s.BindInt(1, typeID)
	var out []stretch
	for {
		row, err := s.Step()
		if err != nil || !row {
			return out, err
		}
		out = append(out, stretch{Span{s.Int(0), s.Int(1)}, s.Int(2)})
	}
}

// holds reports whether one of all, ascending and disjoint, has the second.
func holds(all []stretch, at int64) bool {
	i, _ := slices.BinarySearchFunc(all, at, func(s stretch, at int64) int { return cmp.Compare(s.To, at+1) })
	return i < len(all) && all[i].Contains(at)
}

// cover adds what a change covers. known is what some of the types had before.
func (s *Store) cover(w *conn, covered []Covered, known map[int64][]stretch) error {
	fresh := make(map[health.Type][]stretch)
	var types []health.Type // in their order, so that they are numbered in it
	for _, c := range covered {
		if !c.Span.Empty() {
			if fresh[c.Type] == nil {
				types = append(types, c.Type)
			}
			fresh[c.Type] = append(fresh[c.Type], stretch{c.Span, c.At})
		}
	}
	for _, t := range types {
		add := fresh[t]
		id, _, err := s.dict.typeID(w, t, true)
		if err != nil {
			return err
		}
		old, ok := known[id]
		if !ok {
			if old, err = stretches(w, id); err != nil {
				return err
			}
		}
		if err := replaceStretches(w, id, old, join(old, add)); err != nil {
			return err
		}
	}
	return nil
}

// join gives the union, ascending; where stretches touch they become one, of
// the later reading.
func join(a, b []stretch) []stretch {
	all := slices.Concat(a, b)
	slices.SortStableFunc(all, func(x, y stretch) int { return cmp.Compare(x.From, y.From) })
	var out []stretch
	for _, s := range all {
		if n := len(out); n > 0 && s.From <= out[n-1].To {
			last := &out[n-1]
			last.To, last.at = max(last.To, s.To), max(last.at, s.at)
			continue
		}
		out = append(out, s)
	}
	return out
}

// replaceStretches writes only what differs.
func replaceStretches(w *conn, typeID int64, old, new []stretch) error {
	for _, o := range old {
		if slices.ContainsFunc(new, func(n stretch) bool { return n.From == o.From }) {
			continue // it stays, or is written over
		}
		s, err := w.stmt(removeCovered)
		if err != nil {
			return err
		}
		s.BindInt(1, typeID)
		s.BindInt(2, o.From)
		if err := s.Run(); err != nil {
			return err
		}
	}
	for _, n := range new {
		if slices.Contains(old, n) {
			continue
		}
		s, err := w.stmt(addCovered)
		if err != nil {
			return err
		}
		s.BindInt(1, typeID)
		s.BindInt(2, n.From)
		s.BindInt(3, n.To)
		s.BindInt(4, n.at)
		if err := s.Run(); err != nil {
			return err
		}
	}
	return nil
}

// Coverage gives the spans known to be read whole, ascending and disjoint per
// type. A type that was never read is not in the map.
func (s *Store) Coverage(ctx context.Context) (map[health.Type][]Span, error) {
	out := make(map[health.Type][]Span)
	err := s.read(ctx, "read", func(c *conn) error {
		clear(out)
		q, err := c.stmt(allCovered)
		if err != nil {
			return err
		}
		for {
			row, err := q.Step()
			if err != nil || !row {
				return err
			}
			t := health.Type(q.Text(0))
			out[t] = append(out[t], Span{q.Int(1), q.Int(2)})
		}
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
