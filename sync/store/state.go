package store

import (
	"context"
	"database/sql"
	"errors"
)

// setState writes notes; an empty one removes its key.
func setState(ctx context.Context, tx *sql.Tx, state map[string]string) error {
	for key, value := range state {
		query, args := `INSERT OR REPLACE INTO state (key, value) VALUES (?, ?)`, []any{key, value}
		if value == "" {
			query, args = `DELETE FROM state WHERE key = ?`, args[:1]
		}
		if _, err := tx.ExecContext(ctx, query, args...); err != nil {
			return err
		}
	}
	return nil
}

func getState(ctx context.Context, q querier, key string) (value string, ok bool, err error) {
	err = q.QueryRowContext(ctx, `SELECT value FROM state WHERE key = ?`, key).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	return value, err == nil, err
}

// State gives what a Change left under key; false where there is nothing.
func (s *Store) State(ctx context.Context, key string) (string, bool, error) {
	value, ok, err := getState(ctx, s.reader, key)
	return value, ok, s.fail(ctx, err)
}
