package trust

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"healthsync/sync/testenv"
)

// page holds the table of what is reported of each failure with each peer.
const page = "../../docs/tls-errors.md"

// envWrite, if set, has the table written into the page instead of compared.
const envWrite = "HEALTHSYNC_PEERS_WRITE"

// ReportedCode is the code under which the user learns of a failure.
var ReportedCode func(*Failure) string

// cellOf gives the code and the signs that the notes below the table explain.
func cellOf(f *Failure) string {
	if f == nil {
		return "connected"
	}
	s := "`" + ReportedCode(f) + "`"
	if f.Kind == BadClientCert {
		s += " ¹"
	}
	if f.Inferred {
		s += " ²"
	}
	return s
}

// checkPage compares the table with the one on the page, or writes it there.
func checkPage(t *testing.T, rows []row, cells [][]string) {
	t.Helper()
	var b strings.Builder
	b.WriteString("| failure |")
	for i, p := range peers {
		if cells[0][i] == "" {
			testenv.Missing(t, p.name+" is missing: no table")
		}
		b.WriteString(" " + p.name + " |")
	}
	b.WriteString("\n|" + strings.Repeat(" --- |", len(peers)+1) + "\n")
	for i, r := range rows {
		fmt.Fprintf(&b, "| %s | %s |\n", r.name, strings.Join(cells[i], " | "))
	}
	t.Logf("\n%s", b.String())
	text := string(must(os.ReadFile(page))(t))
	from, to := strings.Index(text, "| failure |"), strings.LastIndex(text, "|\n")+2
	fresh := text[:from] + b.String() + text[to:]
	if os.Getenv(envWrite) != "" {
		if err := os.WriteFile(page, []byte(fresh), 0o644); err != nil { //nolint:gosec // a page for everyone
			t.Fatal(err)
		}
	} else if text != fresh {
		t.Errorf("%s is out of date; make test-peers writes it anew", page)
	}
}
