package store

import (
	"context"
	"database/sql"

	"healthsync/sync/health"
)

// ChangePhone prepares the database for another iPhone than before, in one
// transaction: nothing counts as read any more, and state takes the place of
// what is under its keys, as in Change.State. With keep, what is stored counts
// as the other iPhone's from now on: it stays live until this one serves it and
// then leaves it out. Once that was so it is so at every change: keep need not
// be given again.
//
// Errors: those of [Store.Apply].
//
// A database may so hold the samples of more than one iPhone. Only one of them
// is synced at a time, and it knows nothing of what the others have: their
// samples are in the table foreign_sample until it serves them itself.
func (s *Store) ChangePhone(ctx context.Context, state map[string]string, keep bool) error {
	return s.change(ctx, func(tx *sql.Tx) error {
		if !keep {
			err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM foreign_sample)`).Scan(&keep)
			if err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM covered`); err != nil {
			return err
		}
		if keep {
			const all = `INSERT OR IGNORE INTO foreign_sample (type, start, id) SELECT type, start, id FROM sample`
			if _, err := tx.ExecContext(ctx, all); err != nil {
				return err
			}
		}
		return setState(ctx, tx, state)
	})
}

// CountOwn counts the live samples of a type that start at a moment or later, in
// Unix seconds, without those of another iPhone (see [Store.ChangePhone]). It
// reads them, unlike Types.
func (s *Store) CountOwn(ctx context.Context, t health.Type, from int64) (n int64, err error) {
	err = s.reader.QueryRowContext(ctx, `SELECT coalesce(sum(
			(SELECT count(*) FROM sample WHERE type = t.id AND start >= ?2) -
			(SELECT count(*) FROM foreign_sample WHERE type = t.id AND start >= ?2)), 0)
		FROM type t WHERE t.name = ?1`, t, from).Scan(&n)
	return n, s.fail(ctx, err)
}
