package store

import (
	"context"
	"errors"
	"strings"

	"healthsync/sync/health"
	"healthsync/sync/store/internal/sqlite"
)

// TypeStat describes what is stored of a type.
type TypeStat struct {
	Type health.Type `json:"type"`
	// Count is the number of live samples, Deleted that of tombstones.
	Count   int64 `json:"count"`
	Deleted int64 `json:"deleted"`
	// First and Last are the starts of the oldest and newest live sample in
	// Unix seconds; 0 both where Count is 0.
	First int64 `json:"first"`
	Last  int64 `json:"last"`
	// Unit is that of the newest sample, "" where Count is 0.
	Unit string `json:"unit"`
	// CoveredFrom and CoveredTo bound the newest span read whole, 0 both for
	// none.
	CoveredFrom int64 `json:"coveredFrom"`
	CoveredTo   int64 `json:"coveredTo"`
	// Late is how many samples came after their time had been read whole, in
	// all the years; 0 where the database has no ledger yet.
	Late int64 `json:"late"`
}

const (
	listTypes = `SELECT t.name, t.live, t.deleted, t.id,
		(SELECT min(start) FROM sample WHERE type = t.id),
		(SELECT max(start) FROM covered WHERE type = t.id),
		(SELECT max(stop) FROM covered WHERE type = t.id),
		t.late
		FROM type t ORDER BY t.name`
	newestSample = `SELECT start, origin FROM sample WHERE type = ?1 ORDER BY start DESC, id DESC LIMIT 1`
)

// Types lists what is stored, by type name. It costs no scan: the counts are
// kept with each change.
func (s *Store) Types(ctx context.Context) ([]TypeStat, error) {
	var out []TypeStat
	err := s.read(ctx, "read", func(c *conn) error {
		out = nil
		sql := listTypes
		var older *OlderError
		if err := s.needs(c, ledgerSchema); errors.As(err, &older) {
			sql = strings.Replace(sql, "t.late", "0", 1)
		} else if err != nil {
			return err
		}
		q, err := c.stmt(sql)
		if err != nil {
			return err
		}
		for {
			row, err := q.Step()
			if err != nil || !row {
				return err
			}
			t := TypeStat{Type: health.Type(q.Text(0)), Count: q.Int(1), Deleted: q.Int(2), First: q.Int(4), CoveredFrom: q.Int(5), CoveredTo: q.Int(6), Late: q.Int(7)}
			if err := s.newest(c, q.Int(3), &t); err != nil {
				q.Reset()
				return err
			}
			out = append(out, t)
		}
	})
	return out, err
}

const countSamples = `SELECT (SELECT count(*) FROM sample WHERE type = t.id AND start >= ?2)
	- (SELECT count(*) FROM foreign_sample WHERE type = t.id AND start >= ?2) FROM type t WHERE t.name = ?1`

// CountOwn counts the live samples of a type that start at a moment or later, in
// Unix seconds, without those of another iPhone (see [Store.ChangePhone]). It
// reads them, unlike Types.
func (s *Store) CountOwn(ctx context.Context, t health.Type, from int64) (n int64, err error) {
	err = s.read(ctx, "read", func(c *conn) error {
		n, _, err = number(c, countSamples, func(q *sqlite.Stmt) {
			q.BindText(1, string(t))
			q.BindInt(2, from)
		})
		return err
	})
	return n, err
}

func (s *Store) newest(c *conn, typeID int64, t *TypeStat) error {
	q, err := c.stmt(newestSample)
	if err != nil {
		return err
	}
	q.BindInt(1, typeID)
	row, err := q.Step()
	if err != nil || !row {
		return err
	}
	t.Last = q.Int(0)
	id := q.Int(1)
	q.Reset()
	o, err := s.dict.origin(c, id)
	t.Unit = o.unit
	return err
}
