package store

import (
	"context"
	"strings"
)

// A database may hold the samples of more than one iPhone, where a person has
// said so. Only one of them is synced at a time, and it knows nothing of what
// the others have: their samples are in the table foreign_sample until it
// serves them itself. A sample there is live as any other; it only never
// becomes a tombstone for not being in an answer.

const (
	anyForeign    = `SELECT 1 FROM foreign_sample LIMIT 1`
	isForeign     = `SELECT 1 FROM foreign_sample WHERE type = ?1 AND start = ?2 AND id = ?3`
	dropForeign   = `DELETE FROM foreign_sample WHERE type = ?1 AND start = ?2 AND id = ?3`
	allForeign    = `INSERT OR IGNORE INTO foreign_sample (type, start, id) SELECT type, start, id FROM sample`
	forgetCovered = `DELETE FROM covered`
	ownSamples    = ` AND NOT EXISTS (SELECT 1 FROM foreign_sample f
		WHERE f.type = sample.type AND f.start = sample.start AND f.id = sample.id)`
)

// ChangePhone prepares the database for another iPhone than before, in one
// transaction: nothing counts as read any more, and state takes the place of
// what is under its keys, as in Change.State. With keep, what is stored counts
// as the other iPhone's from now on: it stays live until this one serves it and
// then leaves it out. Once that was so it is so at every change: keep need not
// be given again.
//
// Errors: those of [Store.Apply].
func (s *Store) ChangePhone(ctx context.Context, state map[string]string, keep bool) error {
	return s.change(ctx, "write to", func(w *conn) error {
		mixed, err := w.hasForeign()
		if err != nil {
			return err
		}
		statements := []string{forgetCovered}
		if keep || mixed {
			statements = append(statements, allForeign)
		}
		for _, sql := range statements {
			q, err := w.stmt(sql)
			if err == nil {
				err = q.Run()
			}
			if err != nil {
				return err
			}
		}
		return setState(w, state)
	})
}

// hasForeign reports whether there are samples of another iPhone.
func (c *conn) hasForeign() (bool, error) {
	q, err := c.stmt(anyForeign)
	if err != nil {
		return false, err
	}
	row, err := q.Step()
	q.Reset()
	return row, err
}

// ownOf is a query of samples without those of another iPhone.
func (c *conn) ownOf(sql string) (string, error) {
	if mixed, err := c.hasForeign(); err != nil || !mixed {
		return sql, err
	}
	return strings.Replace(sql, " ORDER BY", ownSamples+" ORDER BY", 1), nil
}

// foreign reports whether a row that the iPhone does not have is another's.
func (m *merger) foreign(g *missing) (bool, error) {
	if !m.mixed {
		return false, nil
	}
	q, err := m.c.stmt(isForeign)
	if err != nil {
		return false, err
	}
	q.BindInt(1, m.id)
	q.BindInt(2, g.start)
	q.BindUUID(3, (*[16]byte)(&g.id))
	row, err := q.Step()
	q.Reset()
	return row, err
}

// own takes what the iPhone serves itself from the other's samples.
func (m *merger) own() error {
	if !m.mixed {
		return nil
	}
	q, err := m.c.stmt(dropForeign)
	if err != nil {
		return err
	}
	for i := range m.rows {
		r := &m.rows[i]
		if r.state == stateNew {
			continue
		}
		q.BindInt(1, m.id)
		q.BindInt(2, r.start)
		q.BindUUID(3, (*[16]byte)(&r.id))
		if err := q.Run(); err != nil {
			return err
		}
	}
	return nil
}
