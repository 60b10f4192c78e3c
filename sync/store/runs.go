package store

import (
	"context"

	"healthsync/sync/store/internal/sqlite"
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

const (
	putRun = `INSERT OR REPLACE INTO run
		(id, started, ended, outcome, phone, requests, added, known, changed, revived, deleted, late)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) RETURNING id`
	pruneRuns = `DELETE FROM run WHERE id <= (SELECT max(id) FROM run) - ?1`
	listRuns  = `SELECT id, started, ended, outcome, phone, requests, added, known, changed, revived, deleted, late
		FROM run WHERE (?1 = 0 OR ended > 0) AND (?2 = '' OR outcome = ?2) ORDER BY id DESC LIMIT ?3`
)

// RecordRun writes r into the log of runs and sets its ID; with an ID it
// replaces that entry. The log keeps the latest 1000.
func (s *Store) RecordRun(ctx context.Context, r *Run) error {
	var id int64
	err := s.change(ctx, "write to", func(w *conn) error {
		n, _, err := number(w, putRun, func(q *sqlite.Stmt) {
			q.BindNull(1)
			if r.ID != 0 {
				q.BindInt(1, r.ID)
			}
			q.BindInt(2, r.Started)
			q.BindInt(3, r.Ended)
			q.BindText(4, r.Outcome)
			q.BindText(5, r.Phone)
			for i, v := range []int{r.Requests, r.Added, r.Known, r.Changed, r.Revived, r.Deleted, r.Late} {
				q.BindInt(6+i, int64(v))
			}
		})
		if err != nil {
			return err
		}
		id = n
		q, err := w.stmt(pruneRuns)
		if err != nil {
			return err
		}
		q.BindInt(1, keepRuns)
		return q.Run()
	})
	if err == nil {
		r.ID = id
	}
	return err
}

// Runs gives the latest runs, newest first.
func (s *Store) Runs(ctx context.Context, limit int) ([]Run, error) {
	return s.runs(ctx, false, "", limit)
}

// LastRun gives the newest run that has ended; with outcome not "" the newest
// that ended so. False where there is none.
func (s *Store) LastRun(ctx context.Context, outcome string) (Run, bool, error) {
	runs, err := s.runs(ctx, true, outcome, 1)
	if err != nil || len(runs) == 0 {
		return Run{}, false, err
	}
	return runs[0], true, nil
}

func (s *Store) runs(ctx context.Context, ended bool, outcome string, limit int) ([]Run, error) {
	var out []Run
	err := s.read(ctx, "read", func(c *conn) error {
		out = nil
		q, err := c.stmt(listRuns)
		if err != nil {
			return err
		}
		q.BindInt(1, 0)
		if ended {
			q.BindInt(1, 1)
		}
		q.BindText(2, outcome)
		q.BindInt(3, int64(limit))
		for {
			row, err := q.Step()
			if err != nil || !row {
				return err
			}
			out = append(out, Run{
				ID: q.Int(0), Started: q.Int(1), Ended: q.Int(2), Outcome: q.Text(3), Phone: q.Text(4), Requests: int(q.Int(5)),
				Counts: Counts{
					Added: int(q.Int(6)), Known: int(q.Int(7)), Changed: int(q.Int(8)),
					Revived: int(q.Int(9)), Deleted: int(q.Int(10)), Late: int(q.Int(11)),
				},
			})
		}
	})
	return out, err
}
