package cli

import (
	"context"
	"errors"

	"healthsync/app/pairing"
	"healthsync/sync/daily"
	"healthsync/sync/store"
)

// readDatabase opens the database for reading.
func (e *Env) readDatabase(ctx context.Context) (*store.Store, error) {
	p, err := e.paths()
	if err != nil {
		return nil, err
	}
	return store.Open(ctx, p.Database(), store.Options{ReadOnly: true})
}

// openCurrent opens the database for reading, brought up to date before where
// an older version made it and its folder can be written.
func (e *Env) openCurrent(ctx context.Context, s *pairing.Computer) (*store.Store, error) {
	path := s.Paths.Database()
	o := store.Options{ReadOnly: true, Now: s.Now, Priority: &daily.Priority{Names: s.Config.Sources.Priority}}
	db, err := store.Open(ctx, path, o)
	var older *store.OlderError
	if !errors.As(err, &older) {
		return db, err
	}
	e.note("bringing the database up to date")
	o.ReadOnly = false
	return store.Open(ctx, path, o)
}

// remakeTotals makes the daily totals anew after the order of the sources was
// changed. Where that is not possible now, the next sync does it.
func (e *Env) remakeTotals(ctx context.Context, s *pairing.Computer, names []string) {
	db, err := store.Open(ctx, s.Paths.Database(), store.Options{ReadOnly: true})
	if err != nil {
		return // nothing is stored yet, or who needs it reports the error
	}
	e.noteUnmatched(ctx, db, names)
	db.Close()
	if db, err = store.Open(ctx, s.Paths.Database(),
		store.Options{Now: s.Now, Priority: &daily.Priority{Names: names}}); err != nil {
		e.note("the daily totals follow the new order with the next sync")
		return
	}
	db.Close()
}

// noteUnmatched says which names of an order no stored sample's source has.
func (e *Env) noteUnmatched(ctx context.Context, db *store.Store, names []string) {
	if len(names) == 0 {
		return
	}
	const list = "SELECT DISTINCT source FROM origin"
	var sources []string
	err := db.SQL(ctx, list, func([]string) error { return nil }, func(row []any) error {
		if s, ok := row[0].(string); ok {
			sources = append(sources, s)
		}
		return nil
	})
	if err != nil || len(sources) == 0 {
		return // nothing is stored to compare with
	}
	for _, n := range (daily.Priority{Names: names}).Unmatched(sources) {
		e.note("note: no stored sample is of a source %q; see their names:  healthsync sql %q", n, list)
	}
}
