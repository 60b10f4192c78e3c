package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"modernc.org/sqlite"
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
//
// The connection is one that only reads; beside that SQLite's own parser has a
// [guard] decide on all that a statement would do.
func (s *Store) SQL(ctx context.Context, query string, columns func([]string) error, row func([]any) error) error {
	if strings.ContainsRune(query, 0) {
		return &QueryError{Reason: "the text has a zero byte"}
	}
	if !isOneStatement(query) {
		return &QueryError{Reason: "one statement at a time"}
	}
	c, err := s.reader.Conn(ctx)
	if err != nil {
		return s.fail(ctx, err)
	}
	defer c.Close()
	g := &guard{query: query}
	if err := setGuard(c, g.allow); err != nil {
		return s.fail(ctx, err)
	}
	defer func() { _ = setGuard(c, nil) }()
	refused, err := run(ctx, c, query, columns, row)
	switch n := code(err); {
	case refused != nil:
		return refused
	case err != nil && g.refused != nil:
		g.refused.Err = err
		return g.refused
	case n == sqliteGeneric || n == sqliteReadOnly:
		return &QueryError{Reason: words(err), Writes: n == sqliteReadOnly, Err: err}
	}
	return s.fail(ctx, err)
}

// run gives the error of columns or row apart from that of the query.
func run(
	ctx context.Context, q querier, query string, columns func([]string) error, row func([]any) error,
) (refused, err error) {
	rows, err := q.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return &QueryError{Reason: "the statement has no result"}, nil
	}
	if err := columns(names); err != nil {
		return err, nil
	}
	values, into := make([]any, len(names)), make([]any, len(names))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		if err := row(values); err != nil {
			return err, nil
		}
	}
	return nil, rows.Err()
}

func setGuard(c *sql.Conn, allow sqlite.AuthorizerFn) error {
	return c.Raw(func(driver any) error {
		r, ok := driver.(sqlite.AuthorizerRegisterer)
		if !ok {
			return errors.New("the driver has no authorizer")
		}
		return r.RegisterAuthorizer(allow)
	})
}

// guard is what SQLite asks before it compiles anything
// (https://sqlite.org/c3ref/set_authorizer.html). What only reads may be asked,
// and nothing else. A PRAGMA needs a closer look: some take effect while they
// are compiled, behind EXPLAIN too, so that the statement cannot be asked first.
type guard struct {
	query   string
	refused *QueryError // why it was not allowed
}

var (
	// askingPragmas are those whose argument says what is asked for; that of
	// every other sets something.
	askingPragmas = []string{
		"foreign_key_check", "foreign_key_list", "index_info", "index_list", "index_xinfo",
		"integrity_check", "quick_check", "table_info", "table_list", "table_xinfo",
	}
	// doingPragmas do something without an argument, too.
	doingPragmas = []string{"incremental_vacuum", "optimize", "shrink_memory", "wal_checkpoint"}
)

func (g *guard) allow(action sqlite.AuthorizerActionCode, name, value, _, _ string) sqlite.AuthorizerReturnCode {
	reason := ""
	switch action {
	case sqlite.AuthSelect, sqlite.AuthRead, sqlite.AuthRecursive, sqlite.AuthFunction:
		return sqlite.AuthorizerOK
	case sqlite.AuthPragma:
		// An empty value is told as none; where the text may have one, it may be.
		set := value != "" || strings.ContainsAny(g.query, "=(")
		switch name = strings.ToLower(name); {
		case slices.Contains(doingPragmas, name):
			reason = fmt.Sprintf("PRAGMA %s does not only read", name)
		case set && !slices.Contains(askingPragmas, name):
			reason = fmt.Sprintf("a value after PRAGMA %s would set it; without one it is read", name)
		default:
			return sqlite.AuthorizerOK
		}
	default:
		reason = "the statement may change the database"
	}
	g.refused = &QueryError{Reason: reason, Writes: true}
	return sqlite.AuthorizerDeny
}

// isOneStatement reports whether nothing but blanks, comments and semicolons
// follows the first statement of a text.
func isOneStatement(query string) bool {
	began, ended := false, false
	for rest := query; rest != ""; {
		skip := 1
		switch c := rest[0]; {
		case strings.HasPrefix(rest, "--"):
			skip = through(rest, 2, "\n")
		case strings.HasPrefix(rest, "/*"):
			skip = through(rest, 2, "*/")
		case c == ';':
			ended = began
		case c == ' ' || c >= '\t' && c <= '\r':
		case ended:
			return false
		default:
			began = true
			if i := strings.IndexByte("'\"`[", c); i >= 0 {
				skip = through(rest, 1, "'\"`]"[i:i+1])
			}
		}
		rest = rest[skip:]
	}
	return true
}

// through is the length of text up to the end of the first mark after so many
// bytes, or to its own end.
func through(text string, after int, mark string) int {
	if i := strings.Index(text[after:], mark); i >= 0 {
		return after + i + len(mark)
	}
	return len(text)
}
