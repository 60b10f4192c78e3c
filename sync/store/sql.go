package store

import (
	"context"
	"errors"

	"healthsync/sync/store/internal/sqlite"
)

// QueryError says that SQLite did not accept a person's query.
type QueryError struct {
	Reason string // SQLite's words
	// Writes says that the statement would or might change something.
	Writes bool
	Err    error
}

func (e *QueryError) Error() string { return "query: " + e.Reason }

// Unwrap gives the cause.
func (e *QueryError) Unwrap() error { return e.Err }

// SQL runs one statement of a person's that reads. columns is called once
// before the first row, row for each; a value is nil, int64, float64, string
// or []byte. A statement that writes is refused, and so is a PRAGMA that sets
// something. What is not accepted is a *QueryError; an error of columns or row
// ends the query and is returned as it is.
func (s *Store) SQL(ctx context.Context, query string, columns func([]string) error, row func([]any) error) error {
	var refused error
	err := s.read(ctx, "query", func(c *conn) error {
		refused = s.sql(c, query, columns, row)
		if sqlite.Is(refused, sqlite.Denied) && c.pragmas.refused != nil {
			c.pragmas.refused.Err = refused
			refused = c.pragmas.refused
			return nil
		}
		var e *sqlite.Error
		if errors.As(refused, &e) && (e.Code() == sqlite.Generic || e.Code() == sqlite.ReadOnlyDB) {
			refused = &QueryError{Reason: e.Message, Writes: e.Code() == sqlite.ReadOnlyDB, Err: refused}
			return nil
		}
		if errors.As(refused, &e) {
			err := refused
			refused = nil
			return err
		}
		return nil
	})
	return errors.Join(err, refused)
}

func (s *Store) sql(c *conn, query string, columns func([]string) error, row func([]any) error) error {
	c.pragmas.forget()
	stmt, err := c.PrepareOnly(query)
	if errors.Is(err, sqlite.ErrTail) {
		return &QueryError{Reason: "one statement at a time", Err: err}
	}
	if err != nil {
		return err
	}
	defer stmt.Finalize()
	if !stmt.ReadOnly() && !c.pragmas.tells {
		return &QueryError{Reason: "the statement may change the database", Writes: true}
	}
	names := stmt.Columns()
	if len(names) == 0 {
		return &QueryError{Reason: "the statement has no result"}
	}
	if err := columns(names); err != nil {
		return err
	}
	values := make([]any, len(names))
	for {
		more, err := stmt.Step()
		if err != nil || !more {
			return err
		}
		for i := range values {
			values[i] = stmt.Value(i)
		}
		if err := row(values); err != nil {
			return err
		}
	}
}
