package store

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// This file tells PRAGMA statements that read from those that set something.
// SQLite does not: some take effect while they are compiled, so that they cannot
// be asked about first, and sqlite3_stmt_readonly counts "PRAGMA journal_mode"
// as writing, which without a value only tells (sqlite.org/pragma.html and
// sqlite.org/c3ref/stmt_readonly.html).

// asking are the pragmas whose argument says what is asked for; that of every
// other sets something.
var asking = []string{
	"foreign_key_check", "foreign_key_list", "index_info", "index_list", "index_xinfo",
	"integrity_check", "quick_check", "table_info", "table_list", "table_xinfo",
}

var (
	pragmaStart = regexp.MustCompile(`(?is)^(?:[\s;]|--[^\n]*(?:\n|$)|/\*.*?\*/)*(?:explain\s+(?:query\s+plan\s+)?)?pragma\b`)
	pragmaForm  = regexp.MustCompile(`(?is)^\s*(?:\w+\s*\.\s*)?(\w+)\s*([=(].*)?$`)
)

// pragmaOf tells what a PRAGMA statement does: tells says that SQLite would
// refuse wrongly what only reads. A statement that is no PRAGMA is neither; one
// that is not understood counts as writing.
func pragmaOf(query string) (tells bool, refused *QueryError) {
	start := pragmaStart.FindString(query)
	if start == "" {
		return false, nil
	}
	rest := strings.TrimRight(query[len(start):], "; \t\r\n")
	m := pragmaForm.FindStringSubmatch(rest)
	if m == nil {
		return false, &QueryError{Reason: "this form of PRAGMA may change something; without quotes, comments and a value it reads", Writes: true}
	}
	name := strings.ToLower(m[1])
	if m[2] != "" && !slices.Contains(asking, name) {
		return false, &QueryError{Reason: fmt.Sprintf("a value after PRAGMA %s would set it; without one it is read", name), Writes: true}
	}
	return name == "journal_mode", nil
}
