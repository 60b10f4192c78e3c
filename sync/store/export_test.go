package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
)

var errTakeBack = errors.New("only looking")

// Faults tells what is not as it should be in a database: damage, rows that
// break the rules of the tables, and daily totals that are not those of all rows.
func (s *Store) Faults(ctx context.Context) (faults []string, err error) {
	if err := s.Check(ctx); err != nil {
		return nil, err
	}
	for finding, query := range map[string]string{
		"samples that point nowhere": `SELECT count(*) FROM sample WHERE length(id) <> 16 OR type NOT IN (SELECT id FROM type)
			OR origin NOT IN (SELECT id FROM origin) OR metadata IS NOT NULL AND metadata NOT IN (SELECT id FROM metadata)`,
		"samples both live and deleted": `SELECT count(*) FROM deleted_sample d
			JOIN sample s ON s.type = d.type AND s.id = d.id`,
		"samples stored twice": `SELECT count(*) FROM (SELECT 1 FROM sample GROUP BY type, id HAVING count(*) > 1)`,
		"types with a wrong count": `SELECT count(*) FROM type t WHERE live <> (SELECT count(*) FROM sample WHERE type = t.id)
			OR deleted <> (SELECT count(*) FROM deleted_sample WHERE type = t.id)`,
		"foreign samples that are not stored": `SELECT count(*) FROM foreign_sample f
			WHERE NOT EXISTS (SELECT 1 FROM sample s WHERE s.type = f.type AND s.start = f.start AND s.id = f.id)`,
	} {
		n := 0
		if err := s.reader.QueryRowContext(ctx, query).Scan(&n); err != nil {
			return nil, err
		}
		if n > 0 {
			faults = append(faults, fmt.Sprint(n, " ", finding))
		}
	}
	err = s.change(ctx, func(tx *sql.Tx) error {
		totals := func() (list []string, err error) {
			return list, each(ctx, tx, func(rows *sql.Rows) error {
				var line string
				err := rows.Scan(&line)
				list = append(list, line)
				return err
			}, `SELECT concat_ws(' ', type, day, unit, samples, total, uncorrected, average, minimum, maximum)
				FROM daily_totals ORDER BY 1`)
		}
		r, stale, err := s.rule(ctx, tx)
		if err != nil {
			return err
		}
		if stale {
			faults = append(faults, "daily totals of another rule")
		}
		before, err := totals()
		if err != nil {
			return err
		}
		w := newWriter(ctx, tx)
		defer w.close()
		if err := r.remakeAll(w); err != nil {
			return err
		}
		after, err := totals()
		if err == nil && !slices.Equal(before, after) {
			faults = append(faults, fmt.Sprintf("daily totals\n%q\nwant\n%q", before, after))
		}
		return errors.Join(err, errTakeBack)
	})
	if !errors.Is(err, errTakeBack) {
		return faults, err
	}
	return faults, nil
}
