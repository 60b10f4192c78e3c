package store

import (
	"context"
	"database/sql"
)

// Run is one synchronisation in the log.
type Run struct {
	// ID is 0 for a run that is not in the log yet.
	ID int64 `json:"id"`
	// Started and Ended are Unix seconds; Ended is 0 while a run is under way
	// (or where its process died).
	Started int64 `json:"started"`
	Ended   int64 `json:"ended"`
	// Outcome is "ok" ([RunOK]) or the code of the condition that ended it.
	Outcome string `json:"outcome"`
	// Phone is the name of the iPhone.
	Phone string `json:"phone"`
	// Requests made of the phone.
	Requests int `json:"requests"`
	Counts
}

// RunOK is the outcome of a run that did all it set out to do.
const RunOK = "ok"

// keepRuns is how many runs the log keeps: ten days of one every 15 minutes.
const keepRuns = 1000

const runColumns = "started, ended, outcome, phone, requests, added, known, changed, revived, deleted, late"

// RecordRun writes r into the log of runs and sets its ID; with an ID it
// replaces that entry. The log keeps the latest 1000.
func (s *Store) RecordRun(ctx context.Context, r *Run) error {
	return s.change(ctx, func(tx *sql.Tx) error {
		var id any
		if r.ID != 0 {
			id = r.ID
		}
		err := tx.QueryRowContext(ctx, `INSERT OR REPLACE INTO run (id, `+runColumns+`)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`, id, r.Started, r.Ended, r.Outcome, r.Phone,
			r.Requests, r.Added, r.Known, r.Changed, r.Revived, r.Deleted, r.Late).Scan(&r.ID)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM run WHERE id <= (SELECT max(id) FROM run) - ?`, keepRuns)
		return err
	})
}

// Runs gives the latest runs, newest first.
func (s *Store) Runs(ctx context.Context, limit int) ([]Run, error) {
	return s.runs(ctx, "ORDER BY id DESC LIMIT ?", limit)
}

// LastRun gives the newest run that has ended; with outcome not "" the newest
// that ended so. False where there is none.
func (s *Store) LastRun(ctx context.Context, outcome string) (Run, bool, error) {
	runs, err := s.runs(ctx, "WHERE ended > 0 AND (?1 = '' OR outcome = ?1) ORDER BY id DESC LIMIT 1", outcome)
	if err != nil || len(runs) == 0 {
		return Run{}, false, err
	}
	return runs[0], true, nil
}

func (s *Store) runs(ctx context.Context, which string, args ...any) ([]Run, error) {
	var out []Run
	err := each(ctx, s.reader, func(rows *sql.Rows) error {
		var r Run
		err := rows.Scan(&r.ID, &r.Started, &r.Ended, &r.Outcome, &r.Phone, &r.Requests,
			&r.Added, &r.Known, &r.Changed, &r.Revived, &r.Deleted, &r.Late)
		out = append(out, r)
		return err
	}, "SELECT id, "+runColumns+" FROM run "+which, args...)
	return out, s.fail(ctx, err)
}
