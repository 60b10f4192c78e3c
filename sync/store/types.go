package store

import (
	"context"
	"database/sql"

	"healthsync/sync/health"
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
	// all the years.
	Late int64 `json:"late"`
}

const listTypes = `SELECT t.name, t.live, t.deleted, t.late,
	coalesce((SELECT min(start) FROM sample WHERE type = t.id), 0),
	coalesce((SELECT max(start) FROM sample WHERE type = t.id), 0),
	coalesce((SELECT o.unit FROM sample s JOIN origin o ON o.id = s.origin WHERE s.type = t.id
		ORDER BY s.start DESC, s.id DESC LIMIT 1), ''),
	coalesce((SELECT max(start) FROM covered WHERE type = t.id), 0),
	coalesce((SELECT max(stop) FROM covered WHERE type = t.id), 0)
	FROM type t ORDER BY t.name`

// Types lists what is stored, by type name. It costs no scan: the counts are
// kept with each change.
func (s *Store) Types(ctx context.Context) ([]TypeStat, error) {
	var out []TypeStat
	err := each(ctx, s.reader, func(rows *sql.Rows) error {
		var t TypeStat
		err := rows.Scan(&t.Type, &t.Count, &t.Deleted, &t.Late, &t.First, &t.Last, &t.Unit, &t.CoveredFrom,
			&t.CoveredTo)
		out = append(out, t)
		return err
	}, listTypes)
	return out, s.fail(ctx, err)
}

// Recount counts the rows of all types anew: another program may have taken some
// out, or put some in.
func (s *Store) Recount(ctx context.Context) error {
	return s.change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE type AS t SET live = n.live, deleted = n.deleted
			FROM (SELECT id, (SELECT count(*) FROM sample WHERE type = type.id) AS live,
				(SELECT count(*) FROM deleted_sample WHERE type = type.id) AS deleted FROM type) AS n
			WHERE n.id = t.id AND (n.live <> t.live OR n.deleted <> t.deleted)`)
		return err
	})
}
