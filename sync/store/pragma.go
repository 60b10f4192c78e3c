package store

import (
	"fmt"
	"slices"
	"strings"

	"healthsync/sync/store/internal/sqlite"
)

// This file tells PRAGMA statements that read from those that set something or
// do something. SQLite does not: some take effect while they are compiled, behind
// EXPLAIN too, so that the statement cannot be asked first, and
// sqlite3_stmt_readonly counts "PRAGMA journal_mode" as writing, which without a
// value only tells (sqlite.org/pragma.html and sqlite.org/c3ref/stmt_readonly.html).
// So SQLite asks us, once its own parser has read the statement.

var (
	// asking are the pragmas whose argument says what is asked for; that of
	// every other sets something.
	asking = []string{
		"foreign_key_check", "foreign_key_list", "index_info", "index_list", "index_xinfo",
		"integrity_check", "quick_check", "table_info", "table_list", "table_xinfo",
	}
	// doing are those that do something without an argument, too. query_only
	// does not stop wal_checkpoint.
	doing = []string{"incremental_vacuum", "optimize", "shrink_memory", "wal_checkpoint"}
)

// pragmas knows what the statement at hand asks of a connection that reads.
type pragmas struct {
	tells   bool        // SQLite takes it for writing, wrongly
	refused *QueryError // why it was not allowed
}

func (p *pragmas) forget() { *p = pragmas{} }

// allow is what SQLite asks before a PRAGMA takes effect.
func (p *pragmas) allow(q sqlite.Pragma) bool {
	name := strings.ToLower(q.Name)
	switch {
	case slices.Contains(doing, name):
		p.refused = &QueryError{Reason: fmt.Sprintf("PRAGMA %s does not only read", name), Writes: true}
	case q.Given && !slices.Contains(asking, name):
		p.refused = &QueryError{Reason: fmt.Sprintf("a value after PRAGMA %s would set it; without one it is read", name), Writes: true}
	default:
		p.tells = name == "journal_mode"
		return true
	}
	return false
}
