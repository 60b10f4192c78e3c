package store

import (
	"context"
	"database/sql"
	"errors"

	"healthsync/sync/civil"
	"healthsync/sync/health"
)

// writer is what one change writes with. It is also the dictionary of the texts
// that samples point to.
type writer struct {
	ctx   context.Context
	tx    *sql.Tx
	zone  *civil.Zone // of the days of samples that do not name one
	now   int64       // for tombstones
	stmts map[string]*sql.Stmt

	origins  map[origin]int64
	metadata map[string]int64
	zoned    map[int64]bool // metadata that name a time zone
}

// origin is a row of the table of that name.
type origin struct{ source, unit string }

func newWriter(ctx context.Context, tx *sql.Tx) *writer {
	return &writer{
		// A statement whose context may end costs a goroutine. The transaction
		// knows the context too, and refuses the next statement after its end.
		ctx: context.WithoutCancel(ctx), tx: tx, stmts: map[string]*sql.Stmt{},
		origins: map[origin]int64{}, metadata: map[string]int64{}, zoned: map[int64]bool{},
	}
}

// stmt prepares a statement once for the change.
func (w *writer) stmt(query string) (*sql.Stmt, error) {
	if stmt := w.stmts[query]; stmt != nil {
		return stmt, nil
	}
	stmt, err := w.tx.PrepareContext(w.ctx, query)
	if err == nil {
		w.stmts[query] = stmt
	}
	return stmt, err
}

// QueryContext and QueryRowContext make the writer a querier.
func (w *writer) QueryContext(_ context.Context, query string, args ...any) (*sql.Rows, error) {
	stmt, err := w.stmt(query)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(w.ctx, args...)
}

// QueryRowContext is not prepared.
func (w *writer) QueryRowContext(_ context.Context, query string, args ...any) *sql.Row {
	return w.tx.QueryRowContext(w.ctx, query, args...)
}

func (w *writer) run(query string, args ...any) (sql.Result, error) {
	stmt, err := w.stmt(query)
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(w.ctx, args...)
}

func (w *writer) exec(query string, args ...any) error {
	_, err := w.run(query, args...)
	return err
}

func (w *writer) close() {
	for _, stmt := range w.stmts {
		stmt.Close()
	}
}

// number gives the number of what find looks for, which add adds if need be.
func (w *writer) number(find, add string, args ...any) (id int64, err error) {
	for _, query := range []string{find, add} {
		stmt, err := w.stmt(query)
		if err != nil {
			return 0, err
		}
		err = stmt.QueryRowContext(w.ctx, args...).Scan(&id)
		if !errors.Is(err, sql.ErrNoRows) {
			return id, err
		}
	}
	return 0, sql.ErrNoRows
}

func (w *writer) typeID(t health.Type) (int64, error) {
	return w.number(`SELECT id FROM type WHERE name = ?`, `INSERT INTO type (name) VALUES (?) RETURNING id`, t)
}

func (w *writer) originID(source, unit string) (int64, error) {
	o := origin{source, unit}
	if id, ok := w.origins[o]; ok {
		return id, nil
	}
	id, err := w.number(`SELECT id FROM origin WHERE source = ? AND unit = ?`,
		`INSERT INTO origin (source, unit) VALUES (?, ?) RETURNING id`, source, unit)
	w.origins[o] = id
	return id, err
}

// metadataID gives 0 for no metadata.
func (w *writer) metadataID(json string) (int64, error) {
	if json == "" {
		return 0, nil
	}
	if id, ok := w.metadata[json]; ok {
		return id, nil
	}
	id, err := w.number(`SELECT id FROM metadata WHERE json = ?`,
		`INSERT INTO metadata (json) VALUES (?) RETURNING id`, json)
	w.metadata[json] = id
	if zone, _ := placeOf(json); zone != "" {
		w.zoned[id] = true
	}
	return id, err
}
