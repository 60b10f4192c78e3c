package store

import (
	"context"
	"database/sql"
	_ "embed"
	"fmt"
)

// applicationID marks the file as ours in SQLite's header ("HSyn"), so that
// `file health.db` and we can tell it from another program's database.
const applicationID = 0x4853796e

//go:embed schema1.sql
var schema1 string

// schemas bring a database from schema i to i+1: the first makes it. The number
// of a database's schema is its user_version.
var schemas = []string{schema1}

// identity is what the header of a database file says of it.
type identity struct {
	application int64
	schema      int
	empty       bool // no table, no view: made just now or never finished
}

// readIdentity reads all of it as of one moment: another process may be making
// the file just now.
func readIdentity(ctx context.Context, q querier) (id identity, err error) {
	err = q.QueryRowContext(ctx, `SELECT (SELECT application_id FROM pragma_application_id),
		(SELECT user_version FROM pragma_user_version), NOT EXISTS (SELECT 1 FROM sqlite_schema)`).
		Scan(&id.application, &id.schema, &id.empty)
	return id, err
}

// recognise refuses what is not ours, or of a schema that cannot be used.
func (s *Store) recognise(id identity, known int) error {
	blank := id.empty && id.application == 0 && id.schema == 0
	switch {
	case blank && !s.o.ReadOnly:
		return nil
	case blank || id.application != applicationID:
		return &ForeignError{Path: s.path, ApplicationID: id.application}
	case id.schema > known:
		return &NewerError{Path: s.path, Schema: id.schema, Known: known}
	case id.schema < known && s.o.ReadOnly:
		return &OlderError{Path: s.path, Schema: id.schema, Needed: known}
	}
	return nil
}

// migrate brings a database to the newest of schemas. It is part of one
// transaction: a process that is killed leaves the older schema.
func migrate(ctx context.Context, tx *sql.Tx, from int, schemas []string) error {
	for i := from; i < len(schemas); i++ {
		if _, err := tx.ExecContext(ctx, schemas[i]); err != nil {
			return fmt.Errorf("to schema %d: %w", i+1, err)
		}
	}
	const mark = "PRAGMA application_id=%d; PRAGMA user_version=%d"
	_, err := tx.ExecContext(ctx, fmt.Sprintf(mark, applicationID, len(schemas)))
	return err
}

// Check runs SQLite's integrity check over the whole file: some seconds for a
// million samples. What it finds is a *CorruptError.
func (s *Store) Check(ctx context.Context) error {
	return s.fail(ctx, s.integrity(ctx, s.reader, "integrity_check"))
}

// integrity runs one of SQLite's two checks.
func (s *Store) integrity(ctx context.Context, q querier, check string) error {
	var finding string
	err := q.QueryRowContext(ctx, "PRAGMA "+check+"(1)").Scan(&finding)
	if err == nil && finding != "ok" {
		err = &CorruptError{Path: s.path, Detail: finding}
	}
	return err
}
