package store

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"healthsync/sync/daily"
)

// WrongTotals reckons every day anew from all rows and tells where the table
// differs: by no shortcut of what a change touches.
func (s *Store) WrongTotals(ctx context.Context) (wrong []string, err error) {
	err = s.read(ctx, "check", func(c *conn) error {
		t := &Store{dict: s.dict, totals: totals{loc: s.totals.loc, priority: s.totals.priority}}
		stale, err := t.totals.prepare(c)
		if err != nil {
			return err
		}
		if stale {
			wrong = append(wrong, "of another recipe")
		}
		if err := t.totals.rank(c); err != nil {
			return err
		}
		ids, names, err := listTypeIDs(c)
		if err != nil {
			return err
		}
		stored := map[string]string{}
		q, err := c.stmt(`SELECT t.id, day, unit, samples, total, uncorrected, average, minimum, maximum FROM daily_totals d JOIN type t ON t.name = d.type`)
		if err != nil {
			return err
		}
		for {
			row, err := q.Step()
			if err != nil {
				return err
			}
			if !row {
				break
			}
			stored[fmt.Sprint(q.Int(0), q.Text(1), q.Text(2))] = fmt.Sprint(q.Int(3), q.Float(4), q.Float(5), q.Float(6), q.Float(7), q.Float(8))
		}
		for i, id := range ids {
			r := reckoning{s: t, c: c, typeID: id, how: aggregation(names[i]), sums: map[string]*daily.Sum{}}
			if err := r.rows(math.MinInt64, math.MaxInt64); err != nil {
				return err
			}
			for unit, sum := range r.sums {
				for d, f := range sum.Figures() {
					key := fmt.Sprint(id, d.String(), unit)
					total, naive := f.Total, f.Naive
					if r.how == 0 {
						total, naive = 0, 0
					}
					want := fmt.Sprint(int64(f.Samples), total, naive, f.Average, f.Minimum, f.Maximum)
					if got := stored[key]; got != want {
						wrong = append(wrong, fmt.Sprintf("%s %s %s: %q, want %q", names[i], d, unit, got, want))
					}
					delete(stored, key)
				}
			}
		}
		wrong = append(wrong, slices.Collect(maps.Keys(stored))...)
		return nil
	})
	return wrong, err
}

// ToSchema1 takes away what later schemas brought.
func (s *Store) ToSchema1(ctx context.Context) error {
	return s.change(ctx, "write to", func(w *conn) error {
		return w.Exec(`DROP TABLE foreign_sample; DROP VIEW trust_log; DROP TABLE trusted; DROP VIEW daily_totals; DROP TABLE ledger; DROP TABLE day_total; DROP TABLE unit; DELETE FROM state WHERE key = 'totals';
			ALTER TABLE type DROP COLUMN late; ALTER TABLE type DROP COLUMN longest; ALTER TABLE type DROP COLUMN zoned;
			PRAGMA user_version = 1`)
	})
}
