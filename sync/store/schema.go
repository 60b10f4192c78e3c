package store

import (
	"embed"
	"errors"
	"fmt"

	"healthsync/sync/store/internal/sqlite"
)

// applicationID marks the file as ours in SQLite's header ("HSyn"), so that
// `file health.db` and we can tell it from another program's database.
const applicationID = 0x4853796e

// pageSize in bytes. Measured (docs/performance.md): SQLite's 4 KiB cost some
// 7 % more time, larger ones gain no time and lose room.
const pageSize = 8192

//go:embed schema/*.sql
var schemaFiles embed.FS

// step brings a database from one schema to the next.
type step struct {
	sql string
	// fill is what SQL cannot do, nil for nothing.
	fill func(*Store, *conn) error
}

// fills are the steps' fill by the name of their file.
var fills = map[string]func(*Store, *conn) error{"0003.sql": (*Store).fillLedger}

// ledgerSchema is the schema that brought the ledger and the daily totals.
const ledgerSchema = 3

// migrations bring a database from schema i to i+1: the first makes it.
// What has shipped is never edited; a change of the schema is another file.
func migrations() ([]step, error) {
	entries, err := schemaFiles.ReadDir("schema")
	if err != nil {
		return nil, err
	}
	steps := make([]step, 0, len(entries))
	for _, e := range entries { // ReadDir sorts by name: 0001.sql, 0002.sql, …
		text, err := schemaFiles.ReadFile("schema/" + e.Name())
		if err != nil {
			return nil, err
		}
		steps = append(steps, step{string(text), fills[e.Name()]})
	}
	return steps, nil
}

// identity is what the header of a database file says of it.
type identity struct {
	application, schema int64
	empty               bool // no table, no view: made just now or never finished
}

// readIdentity reads all of it as of one moment: another process may be making
// the file just now.
func readIdentity(c *sqlite.Conn) (id identity, err error) {
	if !c.InTransaction() {
		if err := c.Exec("BEGIN"); err != nil {
			return id, err
		}
		defer func() { err = errors.Join(err, c.Exec("COMMIT")) }()
	}
	if id.application, err = c.Int("PRAGMA application_id"); err != nil {
		return id, err
	}
	if id.schema, err = c.Int("PRAGMA user_version"); err != nil {
		return id, err
	}
	n, err := c.Int("SELECT count(*) FROM sqlite_schema")
	id.empty = n == 0
	return id, err
}

// migrate runs the steps that the database lacks, all in the transaction at
// hand: a process killed in the middle leaves the older schema.
func (s *Store) migrate(c *conn, from int, steps []step) error {
	for i := from; i < len(steps); i++ {
		if err := c.Exec(steps[i].sql); err != nil {
			return fmt.Errorf("to schema %d: %w", i+1, err)
		}
		if fill := steps[i].fill; fill != nil {
			if err := fill(s, c); err != nil {
				return fmt.Errorf("to schema %d: %w", i+1, err)
			}
		}
	}
	return c.Exec(fmt.Sprintf("PRAGMA application_id=%d; PRAGMA user_version=%d", applicationID, len(steps)))
}

// needs says that a reader wants what a schema brought.
func (s *Store) needs(c *conn, schema int) error {
	at, err := c.Int("PRAGMA user_version")
	if err == nil && at < int64(schema) {
		err = &OlderError{Path: s.path, Schema: int(at), Needed: schema}
	}
	return err
}
